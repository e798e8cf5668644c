import dataclasses
import logging

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.metrics import FeatureExtractor
from tfgan_kit.metrics.features.cache import real_set

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _source(seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (30, 4, 4, 1), dtype=np.uint8)
    return ArraySource(f"pictures{seed}", images, np.arange(30) % 3)


class _Counting:
    """Means of the rows, and how many batches were asked for."""

    def __init__(self):
        self.batches = 0

    def __call__(self, images):
        self.batches += 1
        return images.mean(axis=(2, 3)), images.mean(axis=(1, 3))

    def extractor(self, weights_hash="a", name="rows"):
        return FeatureExtractor(self, name, np.asarray, weights_hash, graph=False)


def _read(source):
    return np.concatenate([images.numpy() for images, _ in source.ordered(30)])


def test_cached_features_are_those_that_were_made():
    network, source, indices = _Counting(), _source(), np.arange(3, 25)
    made = real_set(source, indices, network.extractor(), keep=4)
    batches = network.batches
    cached = real_set(source, indices, network.extractor(), keep=4)
    assert network.batches == batches > 0
    np.testing.assert_array_equal(made.features, _read(source)[indices].mean(axis=(2, 3), dtype=np.float32))
    for one, other in zip(*map(dataclasses.astuple, (made, cached)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "source, indices, extractor",
    [
        (_source(1), np.arange(20), {}),
        (_source(0), np.arange(1, 21), {}),
        (_source(0), np.arange(20), {"weights_hash": "b"}),
        (_source(0), np.arange(20), {"name": "other"}),
    ],
)
def test_other_data_or_another_extractor_is_another_entry(source, indices, extractor):
    network = _Counting()
    real_set(_source(0), np.arange(20), network.extractor())
    batches = network.batches
    real_set(source, indices, network.extractor(**extractor))
    assert network.batches > batches


def test_an_extractor_of_unknown_weights_is_not_cached(cache):
    network = _Counting()
    real_set(_source(), np.arange(20), network.extractor(weights_hash=None))
    assert not cache.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-3],
        lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
        lambda content: b"",
    ],
)
def test_a_damaged_entry_is_said_so_and_made_again(damage, cache, monkeypatch, caplog):
    monkeypatch.setattr(logging.getLogger("absl"), "propagate", True)
    network, indices = _Counting(), np.arange(20)
    made = real_set(_source(), indices, network.extractor())
    (path,) = cache.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(real_set(_source(), indices, network.extractor()).features, made.features)
    assert "damaged" in caplog.text and network.batches == 2
    real_set(_source(), indices, network.extractor())
    assert network.batches == 2  # the entry is whole again


def test_kept_samples_are_spread_over_all(cache):
    found = real_set(_source(), np.arange(30), keep=4)
    np.testing.assert_array_equal(found.samples, _read(_source())[[0, 9, 19, 29]])
    assert found.count == 30 and found.features is None
    np.testing.assert_array_equal(found.labels, np.arange(30) % 3)


def test_a_part_holds_images_of_every_class_of_a_sorted_set():
    images = np.zeros((30, 4, 4, 1), np.uint8)
    whole = real_set(ArraySource("sorted", images, np.repeat([0, 1, 2], 10)), np.arange(30), keep=8)
    part = whole.part(6)
    np.testing.assert_array_equal(np.bincount(part.labels), [2, 2, 2])
    assert part.count == 6 and len(part.samples) == 6 and whole.part(99).count == 30


def test_an_interrupted_extraction_leaves_nothing_behind(cache):
    class Interrupted(_Counting):
        def __call__(self, images):
            if self.batches:
                raise KeyboardInterrupt
            return super().__call__(images)

    source = ArraySource("many", np.zeros((200, 4, 4, 1), np.uint8))
    with pytest.raises(KeyboardInterrupt):
        real_set(source, np.arange(200), Interrupted().extractor())
    assert not cache.exists() or not list(cache.iterdir())


def test_an_interrupted_write_leaves_nothing_behind(cache, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        real_set(_source(), np.arange(20), _Counting().extractor())
    assert not list(cache.iterdir())
