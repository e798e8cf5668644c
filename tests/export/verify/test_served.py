"""How far a server's images are from a checkpoint's, and what may be said of it."""

from tfgan_kit.export.verify.served import difference

import numpy as np
import pytest


def apart(levels, share=1.0):
    """The difference of two batches of which this share of the pixels is so many levels apart."""
    images = np.zeros((4, 10, 10, 1), np.uint8)
    others = images.copy()
    others.reshape(-1)[: round(share * others.size)] = levels
    return difference(images, others)


@pytest.mark.parametrize("levels, share, alike", [(0, 1, True), (1, 1, True), (2, 0.0025, False), (255, 0.0025, False)])
def test_images_are_alike_where_no_pixel_is_more_than_a_level_apart(levels, share, alike):
    assert apart(levels, share).alike is alike


@pytest.mark.parametrize(
    "levels, share, reason",
    [
        (2, 1, "it rounds differently, e.g. as an export in bfloat16"),
        (4, 1, "it rounds differently, e.g. as an export in bfloat16"),
        (12, 0.1, "it serves an export in bfloat16, or another model or step"),
        (12, 1, "it serves another model, or another step"),
    ],
)
def test_what_is_said_of_a_difference_goes_by_its_size(levels, share, reason):
    found = apart(levels, share)
    assert found.largest == levels and found.mean == pytest.approx(levels * share)
    assert f"by up to {levels} levels of 255, {levels * share:.2g} in the mean: {reason}" in found.warning()


def test_the_darker_of_two_images_is_as_far_as_the_lighter():
    images, others = np.full((1, 2, 2, 1), 250, np.uint8), np.zeros((1, 2, 2, 1), np.uint8)
    assert difference(images, others) == difference(others, images) == (250, 250.0)


def test_images_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"different shapes.*Received: \(1, 2, 2, 1\) and \(1, 4, 4, 1\)"):
        difference(np.zeros((1, 2, 2, 1), np.uint8), np.zeros((1, 4, 4, 1), np.uint8))
