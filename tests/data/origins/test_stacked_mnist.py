"""Stacks of three images, the benchmark with a thousand modes."""

from tfgan_kit.data import open_source

import numpy as np
import pytest
from scipy import stats

from tests.fixtures.idx import write_idx

NUM_DIGITS = 4
DIGITS = np.stack([np.full((8, 8), 60 * k, np.uint8) for k in range(NUM_DIGITS)])
LABELS = np.arange(NUM_DIGITS, dtype=np.uint8)


@pytest.fixture
def source(tmp_path):
    write_idx(tmp_path, DIGITS, LABELS)
    return open_source(f"stacked:{tmp_path}")


def test_a_stack_is_three_whole_images_of_the_idx_source(source):
    assert (source.num_images, source.image_shape) == (128_000, (8, 8, 3))
    images = next(iter(source.ordered(1000))).numpy()
    assert (images == images[:, :1, :1]).all()
    assert set(np.unique(images)) == {0, 60, 120, 180}


def test_every_combination_is_as_frequent_as_independent_draws_make_it(source):
    chosen = np.concatenate([batch.numpy()[:, 0, 0] // 60 for batch in source.ordered(8000)])
    counts = np.bincount(np.ravel_multi_index(chosen.T, [NUM_DIGITS] * 3), minlength=NUM_DIGITS**3)
    assert stats.chisquare(counts).pvalue > 1e-4


def test_stacks_have_no_labels_and_their_digits_do(source):
    assert source.labels is None and source.num_classes is None
    assert source.digits.num_classes == NUM_DIGITS
    assert source.digits.image_shape == (8, 8, 1)


def test_stacks_and_their_digits_are_resized_alike(tmp_path, monkeypatch):
    monkeypatch.setattr("tfgan_kit.data.origins.stacked_mnist.NUM_IMAGES", 500)
    write_idx(tmp_path, DIGITS, LABELS)
    source = open_source(f"stacked:{tmp_path}", image_size=16)
    assert source.image_shape == (16, 16, 3) and source.digits.image_shape == (16, 16, 1)


def test_images_without_labels_are_refused(tmp_path):
    write_idx(tmp_path, DIGITS)
    with pytest.raises(ValueError, match="put the labels file beside.*Received: stacked:"):
        open_source(f"stacked:{tmp_path}")


def test_grey_stacks_are_refused(tmp_path):
    write_idx(tmp_path, DIGITS, LABELS)
    with pytest.raises(ValueError, match="three channels.*channels=1"):
        open_source(f"stacked:{tmp_path}", channels=1)
