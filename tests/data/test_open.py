"""The one spelling of a source, and the sets that need no path."""

from tfgan_kit.data import open as open_module
from tfgan_kit.data import open_source
from tfgan_kit.data.origins import mixtures, tfds

import numpy as np
import pytest


@pytest.mark.parametrize("spelling", ["", "mnist", "folder", "folder:", "mnist5k:", "mnist5k:train", "zip:a", "/a"])
def test_an_unknown_spelling_is_refused_with_the_list_of_them(spelling):
    with pytest.raises(ValueError, match="spelled as one of tfds:NAME.*mnist5k, ring8, grid25, skewed25"):
        open_source(spelling)


@pytest.mark.parametrize(
    "spelling, name, split",
    [
        ("tfds:mnist", "mnist", "train"),
        ("tfds:mnist:test", "mnist", "test"),
        ("tfds:mnist:train[:80%]", "mnist", "train[:80%]"),
        ("tfds:imagenet_resized/64x64:validation", "imagenet_resized/64x64", "validation"),
        ("tfds:mnist:3.0.1", "mnist:3.0.1", "train"),
        ("tfds:mnist:3.*.*:test[10:20]", "mnist:3.*.*", "test[10:20]"),
    ],
)
def test_a_tfds_spelling_splits_into_name_and_split(monkeypatch, spelling, name, split):
    monkeypatch.setattr(tfds, "open_tfds", lambda *arguments: arguments)
    assert open_source(spelling) == (name, split, None, None)


@pytest.mark.parametrize("channels", [0, 2, 4, "3"])
def test_channels_are_one_or_three(tmp_path, channels):
    np.savez(tmp_path / "a.npz", images=np.zeros([2, 4, 4], np.uint8))
    with pytest.raises(ValueError, match="channels must be None, 1"):
        open_source(f"npz:{tmp_path}/a.npz", channels=channels)


def test_ring8_has_eight_even_modes_of_deviation_one_hundredth_on_the_unit_circle():
    ring = mixtures.MIXTURES["ring8"].draw()
    angles = np.arctan2(ring[:, 1], ring[:, 0])
    modes = np.round(angles / (np.pi / 4)).astype(int) % 8
    means = np.stack([np.cos(modes * np.pi / 4), np.sin(modes * np.pi / 4)], axis=1)
    # 100,000 points: each share has deviation 0.001, the deviation of 200,000 coordinates 1.6e-5.
    np.testing.assert_allclose(np.bincount(modes) / len(ring), 1 / 8, atol=0.005)
    np.testing.assert_allclose((ring - means).std(), 0.01, atol=1e-4)


def test_grid25_has_25_even_modes_of_deviation_one_twentieth():
    grid = mixtures.MIXTURES["grid25"].draw()
    cells = np.round(grid / 2).astype(int)
    assert (cells.min(), cells.max()) == (-2, 2)
    counts = np.bincount((cells[:, 0] + 2) * 5 + cells[:, 1] + 2, minlength=25)
    np.testing.assert_allclose(counts / len(grid), 1 / 25, atol=0.004)
    np.testing.assert_allclose((grid - 2 * cells).std(), 0.05, atol=5e-4)


@pytest.mark.parametrize("name", mixtures.MIXTURES)
def test_the_points_know_the_mixture_that_they_are_of(name):
    source = open_source(name)
    assert (source.name, source.num_images, source.image_shape) == (name, 100_000, (2,))
    assert source.mixture is mixtures.MIXTURES[name] and source.digits is None
    assert next(source.training(4).as_numpy_iterator()).dtype == np.float32


def test_a_row_is_all_that_a_kind_of_source_needs(monkeypatch):
    monkeypatch.setitem(open_module.ORIGINS, "mine", open_module.Origin(lambda *given: given, "PATH", "what is mine"))
    assert open_source("mine:a:b", image_size=8, channels=1) == ("a:b", 8, 1)


def test_the_table_has_a_row_a_spelling():
    rows = open_module.table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == open_module.SPELLINGS.split(", ")
