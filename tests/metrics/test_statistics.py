"""What an evaluation computes of each set: every covariance once, an eigendecomposition for the interval alone."""

import collections
import gc
import weakref

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.metrics import ImageSource, evaluate_in_full, image_set
from tfgan_kit.metrics.image_set import ImageSet
from tfgan_kit.metrics.measures.fid_infinity import NUM_SIZES
from tfgan_kit.metrics.measures.frechet import GaussianStatistics

import numpy as np
import pytest
import scipy.linalg

IMAGES = np.random.default_rng(0).integers(0, 256, (404, 8, 8, 1), np.uint8)
REFERENCE, GENERATED = 202, 180  # half of the images, and fewer


def quadrants(images):
    return images.reshape(len(images), 2, 4, 2, 4).mean(axis=(2, 4)).reshape(len(images), 4)


def generate(start, count, labels):
    return 255 - IMAGES[np.arange(start, start + count) % len(IMAGES)]


@pytest.fixture
def covariances(monkeypatch):
    """The number of rows of each covariance that is computed, counted in the one place that does."""
    counts, update = collections.Counter(), GaussianStatistics.update

    def counted(self, features):
        counts[len(features)] += 1
        update(self, features)

    monkeypatch.setattr(GaussianStatistics, "update", counted)
    return counts


@pytest.fixture
def decompositions(monkeypatch):
    """How often eigenvalues are computed, with their vectors ("eigh") or without."""
    counts = collections.Counter()

    def count(module, name):
        function = getattr(module, name)

        def counted(*arguments, **keywords):
            counts[name] += 1
            return function(*arguments, **keywords)

        monkeypatch.setattr(module, name, counted)

    for module, name in ((scipy.linalg, "eigh"), (np.linalg, "eigh"), (scipy.linalg, "eigvalsh")):
        count(module, name)
    return counts


def test_fd_its_error_its_floor_and_its_extrapolation_share_the_covariances(covariances, decompositions):
    names = ["fd", "extrapolated_fd"]
    evaluate_in_full(generate, ArraySource("pictures", IMAGES), names, GENERATED, extractor=quadrants)
    subsets = np.linspace(GENERATED // 10, GENERATED, NUM_SIZES).astype(int)[:-1]  # the last is the whole set
    of_sets = {REFERENCE: 1, GENERATED: 2}  # generated and test images
    assert covariances == collections.Counter(of_sets) + collections.Counter(2 * subsets.tolist())
    assert decompositions == {"eigh": 1, "eigvalsh": 2 * (1 + len(subsets))}


def test_each_class_of_each_set_has_one_covariance(covariances):
    source = ArraySource("pictures", IMAGES, np.arange(404) % 2)
    evaluate_in_full(ImageSource(generate, True), source, ["intra_class_fd"], GENERATED, extractor=quadrants)
    assert covariances.total() == 2 * 3  # reference, generated and test images


def test_classes_that_would_take_too_much_memory_are_not_kept_and_equal(monkeypatch):
    part = ImageSet(404, IMAGES, quadrants(IMAGES), labels=np.arange(404) % 2)
    kept = part.gaussian_of(1)
    assert part.gaussian_of(1) is kept
    monkeypatch.setattr(image_set, "MOST_CLASS_BYTES", 8 * 4**2)
    assert part.gaussian_of(0) is not part.gaussian_of(0)
    monkeypatch.undo()
    other = ImageSet(404, IMAGES, part.features, labels=part.labels)
    np.testing.assert_array_equal(other.gaussian_of(0).covariance, part.gaussian_of(0).covariance)


def test_statistics_are_kept_as_long_as_their_set_and_no_longer():
    part = ImageSet(404, IMAGES, quadrants(IMAGES))
    assert part.gaussian is part.gaussian
    found = weakref.ref(part.gaussian)
    del part
    gc.collect()
    assert found() is None


def test_a_part_has_statistics_of_its_own():
    whole = ImageSet(404, IMAGES, quadrants(IMAGES), labels=np.arange(404))
    part = whole.part(100)
    assert whole.gaussian.count == 404 and part.gaussian.count == 100
    np.testing.assert_array_equal(part.features, quadrants(part.samples))
    np.testing.assert_array_equal(part.samples, IMAGES[part.labels])
