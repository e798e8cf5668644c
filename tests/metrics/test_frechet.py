import warnings

import numpy as np
import pytest
import scipy.linalg

from tfgan_kit.metrics import GaussianStatistics, frechet_distance, gaussian_statistics


class Gaussian:
    def __init__(self, mean, covariance):
        self.mean, self.covariance = np.asarray(mean, float), np.asarray(covariance, float)


def _features(count, dimension, seed=0):
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(dimension, dimension)) * np.geomspace(1, 1e-3, dimension)
    return random.normal(size=(count, dimension)) @ mixing + random.normal(size=dimension)


def _scipy_distance(a, b):
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance).real
    trace = np.trace(a.covariance + b.covariance - 2 * root)
    return np.sum((a.mean - b.mean) ** 2) + trace


def test_distance_on_a_line_is_squared_difference_of_means_and_deviations():
    a, b = Gaussian([1.0], [[4.0]]), Gaussian([4.0], [[0.25]])
    assert frechet_distance(a, b) == pytest.approx(3.0**2 + (2.0 - 0.5) ** 2, rel=1e-12)


def test_distance_of_commuting_covariances_is_that_of_their_axes():
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    a = Gaussian(np.zeros(3), rotation @ np.diag([1.0, 4.0, 9.0]) @ rotation.T)
    b = Gaussian(np.zeros(3), rotation @ np.diag([16.0, 4.0, 0.0]) @ rotation.T)
    assert frechet_distance(a, b) == pytest.approx((1 - 4) ** 2 + 0 + 3**2, rel=1e-12)


def test_distance_of_equal_statistics_is_zero():
    statistics = gaussian_statistics(_features(500, 40))
    scale = np.trace(statistics.covariance)
    assert frechet_distance(statistics, statistics) <= 1e-12 * scale


def test_distance_of_copies_with_a_singular_covariance_is_that_of_the_means():
    # 10 images of 50 features: rank 9. A shifted copy has the same covariance, so only the
    # means differ, by 3 in each feature.
    features = np.random.default_rng(0).normal(size=(10, 50))
    shifted = features + 3.0
    a, b = gaussian_statistics(features), gaussian_statistics(shifted)
    assert frechet_distance(a, b) == pytest.approx(50 * 9.0, rel=1e-12)


def test_distance_of_singular_covariances_is_that_in_the_subspace_they_fill():
    # Features of 6 dimensions, turned into 40: no distance changes, and 34 directions are empty.
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 6)))[0].T
    a, b = _features(300, 6, seed=1), _features(200, 6, seed=2)
    turned = [gaussian_statistics(features @ turn) for features in (a, b)]
    expected = _scipy_distance(gaussian_statistics(a), gaussian_statistics(b))
    assert frechet_distance(*turned) == pytest.approx(expected, rel=1e-9)


def test_distance_of_rank_one_covariances_has_its_closed_form():
    # C = u u^T: trace (C_a^1/2 C_b C_a^1/2)^1/2 = |u . v|.
    u, v = np.random.default_rng(1).normal(size=(2, 64))
    a, b = Gaussian(np.zeros(64), np.outer(u, u)), Gaussian(np.zeros(64), np.outer(v, v))
    assert frechet_distance(a, b) == pytest.approx(u @ u + v @ v - 2 * abs(u @ v), rel=1e-10)


def test_distance_from_a_point_is_the_trace():
    a, b = Gaussian(np.zeros(5), np.zeros((5, 5))), Gaussian(np.ones(5), np.diag(np.arange(5.0)))
    assert frechet_distance(a, b) == pytest.approx(5 + 10)


@pytest.mark.parametrize("dimension", [1, 2, 16, 64])
def test_distance_agrees_with_scipy(dimension):
    a = gaussian_statistics(_features(1000, dimension, seed=1))
    b = gaussian_statistics(_features(700, dimension, seed=2))
    assert frechet_distance(a, b) == pytest.approx(_scipy_distance(a, b), rel=1e-6)


def test_distance_is_symmetric():
    a, b = (gaussian_statistics(_features(200, 30, seed)) for seed in (1, 2))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-10)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 1000])
def test_streaming_equals_one_pass_at_any_batch_size(batch_size):
    features = _features(1000, 8) + 1e4  # a large mean, where sums of squares would cancel
    statistics = GaussianStatistics(8)
    for start in range(0, 1000, batch_size):
        statistics.update(features[start : start + batch_size])
    covariance = np.cov(features, rowvar=False)
    assert statistics.count == 1000
    np.testing.assert_allclose(statistics.mean, features.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(
        statistics.covariance, covariance, rtol=1e-9, atol=1e-11 * np.trace(covariance))


def test_merged_statistics_equal_those_of_the_union():
    features = _features(900, 8)
    merged = gaussian_statistics(features[:100])
    merged.merge(gaussian_statistics(features[100:]))
    merged.merge(GaussianStatistics(8))
    whole = gaussian_statistics(features)
    assert merged.count == whole.count
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(merged.covariance, whole.covariance, rtol=1e-10, atol=1e-13)


def test_merging_two_empty_statistics_is_empty():
    statistics = GaussianStatistics(2)
    statistics.merge(GaussianStatistics(2))
    assert statistics.count == 0
    np.testing.assert_array_equal(statistics.mean, [0, 0])


def test_float32_features_are_summed_in_float64():
    features = np.full((100_000, 1), 0.1, np.float32)
    assert gaussian_statistics(features).mean[0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize("call, message", [
    (lambda: GaussianStatistics(0), "dimension=0"),
    (lambda: GaussianStatistics(3).update(np.zeros((2, 4))), r"\[batch, 3\]"),
    (lambda: GaussianStatistics(2).update([[0.0, np.nan]]), "finite"),
    (lambda: GaussianStatistics(2).merge(GaussianStatistics(3)), "dimension=3"),
    (lambda: gaussian_statistics(np.zeros(3)), r"\[N, D\]"),
    (lambda: gaussian_statistics([[1.0, 2.0]]).covariance, "count=1"),
    (lambda: frechet_distance(gaussian_statistics(np.eye(2)), gaussian_statistics(np.eye(3))),
     "same dimension"),
])
def test_wrong_input_is_refused_with_the_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_singular_covariance_raises_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(gaussian_statistics(np.eye(3)), gaussian_statistics(np.ones((4, 3))))
