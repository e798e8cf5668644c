"""Images that several workers make and look at are those of one process, and their statistics are merged exactly."""

import functools
import pickle

from tfgan_kit.metrics.features.extractor import FeatureExtractor
from tfgan_kit.metrics.image_set import Asked, ImageSet, generated_set, images_of
from tfgan_kit.metrics.workers import MeasureWorker, merged, with_statistics

import cloudpickle
import keras
import numpy as np
import pytest

NUM_IMAGES, KEPT = 130 * 4, 200


@pytest.fixture
def gan(make_gan):
    return make_gan()


@pytest.fixture
def extractor():
    network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(5)])
    return FeatureExtractor(lambda images: network(images), "tiny", weights_hash="a")


def test_four_workers_answer_as_one_process(gan, extractor):
    asked = Asked(NUM_IMAGES, gan.image_shape, seed=3)
    whole = generated_set(images_of(gan).generate, asked, extractor, KEPT)
    workers = [MeasureWorker({}, lambda: gan, extractor) for _ in range(4)]
    ranges = [range(start, min(start + 128, NUM_IMAGES)) for start in range(0, NUM_IMAGES, 128)]
    parts = [workers[k % 4].generated(asked, images, KEPT) for k, images in enumerate(ranges)]
    found = merged(parts)
    assert found.count == whole.count == NUM_IMAGES and len(found.samples) == KEPT
    np.testing.assert_array_equal(found.samples, whole.samples)
    np.testing.assert_array_equal(found.features, whole.features)
    np.testing.assert_allclose(found.gaussian.mean, whole.features.astype(np.float64).mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.gaussian.covariance, whole.gaussian.covariance, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 997), (250, 250, 250, 250), (999, 1)], ids=str)
def test_merged_statistics_are_numpys_of_all_features(sizes):
    features = np.random.default_rng(0).normal(1e4, 1, (1000, 6))  # a mean far from 0, where sums of squares cancel
    parts = [ImageSet(len(x), np.zeros((len(x), 2)), x) for x in np.split(features, np.cumsum(sizes)[:-1])]
    found = merged([with_statistics(part) for part in parts]).gaussian
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(features, rowvar=False), rtol=0, atol=1e-10)


def test_an_extractor_answers_alike_where_it_was_sent(extractor):
    images = np.arange(2 * 16, dtype=np.uint8).reshape(2, 4, 4, 1)
    sent = pickle.loads(cloudpickle.dumps(extractor))
    np.testing.assert_array_equal(sent(images).features, extractor(images).features)
    assert sent.protocol() == extractor.protocol()


def test_resized_images_are_prepared_alike_where_an_extractor_was_sent():
    extractor = FeatureExtractor(keras.layers.Flatten(), "flat", functools.partial(np.divide, 2.0))
    assert pickle.loads(cloudpickle.dumps(extractor)).protocol() == extractor.protocol()
