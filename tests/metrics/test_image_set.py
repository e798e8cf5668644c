from typing import NamedTuple

from tfgan_kit.commands.divergence import open_sources
from tfgan_kit.metrics.image_set import open_source_of_shape

import numpy as np
import pytest


@pytest.fixture
def spelling(tmp_path):
    """An .npz of 20 colour images of 16 x 24 pixels."""
    np.savez(tmp_path / "oblong.npz", images=np.random.default_rng(0).integers(0, 256, (20, 16, 24, 3), np.uint8))
    return f"npz:{tmp_path / 'oblong.npz'}"


@pytest.mark.parametrize("shape", [(16, 24, 3), (16, 16, 3), (8, 8, 1), (16, 24, 1)])
def test_real_images_are_opened_at_the_generator_s_shape(spelling, shape):
    source = open_source_of_shape(spelling, shape)
    assert source.image_shape == shape
    assert next(iter(source.ordered(4))).shape == (4, *shape)


@pytest.mark.parametrize("shape", [(24, 16, 3), (8, 12, 3), (2,)])
def test_images_that_only_a_distortion_would_fit_are_refused(spelling, shape):
    with pytest.raises(ValueError, match=r"resized to squares only.*oblong.npz.*image_shape=\(16, 24, 3\)"):
        open_source_of_shape(spelling, shape)


def test_points_are_opened_as_points():
    assert open_source_of_shape("ring8", (2,)).image_shape == (2,)


def test_divergence_opens_data_at_the_checkpoints_shape(spelling):
    class Checkpoint(NamedTuple):
        image_shape: tuple

    assert open_sources({spelling: "data"}, {"gan": Checkpoint((16, 24, 3))})["data"].image_shape == (16, 24, 3)
    assert open_sources({spelling: "data"}, {"gan": Checkpoint((8, 8, 1))})["data"].image_shape == (8, 8, 1)
    with pytest.raises(ValueError, match="one shape.*'a': .8, 8, 1.*'b': .2,."):
        open_sources({spelling: "data"}, {"a": Checkpoint((8, 8, 1)), "b": Checkpoint((2,))})
