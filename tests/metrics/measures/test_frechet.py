import warnings

from tfgan_kit.metrics import GaussianStatistics, frechet_distance, gaussian_statistics

import numpy as np
import pytest
import scipy.linalg

from benchmarks.baselines.metric_references import cleanfid, pytorch_fid, torch_fidelity


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


def _torch_fidelity(*moments):
    first, second = ({"mu": mu, "sigma": sigma} for mu, sigma in (moments[:2], moments[2:]))
    found = torch_fidelity.metric_fid.fid_statistics_to_metric(first, second, verbose=False)
    return found["frechet_inception_distance"]


REFERENCES = {
    "torch-fidelity": _torch_fidelity,
    "pytorch-fid": pytorch_fid.fid_score.calculate_frechet_distance,
    "clean-fid": cleanfid.fid.frechet_distance,
}


def _reference_distance(name, a, b):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytorch-fid and clean-fid pass a `disp` that SciPy 1.18 drops
        return REFERENCES[name](a.mean, a.covariance, b.mean, b.covariance)


@pytest.mark.parametrize("dimension", [64, 128])
@pytest.mark.parametrize("name", REFERENCES)
def test_distance_agrees_with_the_references(name, dimension):
    a = gaussian_statistics(_features(1000, dimension, seed=1))
    b = gaussian_statistics(_features(700, dimension, seed=2))
    assert frechet_distance(a, b) == pytest.approx(_reference_distance(name, a, b), rel=1e-6)


def test_distance_of_fewer_images_than_dimensions_agrees_with_torch_fidelity():
    # Its eigenvalues of rounding size, hundreds of them, are what the tolerance is for.
    a, b = (gaussian_statistics(_features(50, 128, seed)) for seed in (1, 2))
    assert frechet_distance(a, b) == pytest.approx(_reference_distance("torch-fidelity", a, b), rel=1e-5)


def test_distance_of_fewer_images_than_dimensions_is_that_of_the_images():
    # trace (C_a^1/2 C_b C_a^1/2)^1/2 is the nuclear norm of A B^T / sqrt((n - 1) (m - 1)), A and B centred.
    a, b = _features(50, 128, seed=1), _features(40, 128, seed=2)
    centred_a, centred_b = a - a.mean(axis=0), b - b.mean(axis=0)
    root = np.linalg.norm(centred_a @ centred_b.T, "nuc") / np.sqrt(49 * 39)
    traces = np.sum(centred_a**2) / 49 + np.sum(centred_b**2) / 39
    expected = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) + traces - 2 * root
    assert frechet_distance(gaussian_statistics(a), gaussian_statistics(b)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e12])
def test_distance_in_one_basis_is_that_of_its_axes_however_ill_conditioned(condition):
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(60, 60)))[0]
    p, q = np.geomspace(1, 1 / condition, 60), np.geomspace(3, 1 / condition, 60)[::-1]
    a, b = (Gaussian(np.zeros(60), rotation @ np.diag(values) @ rotation.T) for values in (p, q))
    assert frechet_distance(a, b) == pytest.approx(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2), rel=1e-7)


@pytest.mark.parametrize("change", [1e-3, 1e-4])
def test_distance_keeps_its_digits_where_eigenvalues_lose_theirs(change):
    # Half of the axes are 30,000 times shorter: their squares are of rounding size beside the others'. x -> M x
    # with M positive definite is the optimal transport, so the distance is trace((M - 1) C (M - 1)).
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(200, 200)))[0]
    features = random.normal(size=(2000, 200)) * np.repeat([1.0, 1e-9**0.5], 100) @ axes
    covariance = features.T @ features / 2000
    move = axes.T @ np.diag(change * random.normal(size=200)) @ axes
    moved = covariance + move @ covariance + covariance @ move + move @ covariance @ move
    a, b = Gaussian(np.zeros(200), covariance), Gaussian(np.zeros(200), (moved + moved.T) / 2)
    assert frechet_distance(a, b) == pytest.approx(np.trace(move @ covariance @ move), rel=1e-6)


@pytest.mark.parametrize("change", [1e-2, 1e-4, 1e-6])
def test_distance_of_nearly_equal_laws_keeps_its_digits(change):
    # C and (1 + change)^2 C are change^2 trace(C) apart: 1e-12 of what is subtracted, at the least.
    a = gaussian_statistics(_features(300, 40))
    b = Gaussian(a.mean, a.covariance * (1 + change) ** 2)
    rounding = 40 * np.finfo(float).eps * np.trace(a.covariance)
    assert frechet_distance(a, b) == pytest.approx(change**2 * np.trace(a.covariance), rel=1e-6, abs=rounding)


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
    np.testing.assert_allclose(statistics.covariance, covariance, rtol=1e-9, atol=1e-11 * np.trace(covariance))


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


def test_features_longer_than_a_block_give_the_covariance_of_numpy():
    features = _features(10_000, 3).astype(np.float32)
    statistics = gaussian_statistics(features)
    np.testing.assert_allclose(statistics.mean, features.mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance, np.cov(features.astype(float), rowvar=False), rtol=1e-10)


def test_float32_features_are_summed_in_float64():
    features = np.full((100_000, 1), 0.1, np.float32)
    assert gaussian_statistics(features).mean[0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: GaussianStatistics(0), "dimension=0"),
        (lambda: GaussianStatistics(3).update(np.zeros((2, 4))), r"\(batch, 3\)"),
        (lambda: GaussianStatistics(2).update([[0.0, np.nan]]), "finite"),
        (lambda: GaussianStatistics(2).update([[0.0, 1j]]), "complex128"),
        (lambda: GaussianStatistics(2).update([["a", "b"]]), "dtype=<U1"),
        (lambda: gaussian_statistics(np.zeros((3, 2), object)), "object"),
        (lambda: GaussianStatistics(2).merge(GaussianStatistics(3)), "dimension=3"),
        (lambda: gaussian_statistics(np.zeros(3)), r"\(N, D\)"),
        (lambda: gaussian_statistics([[1.0, 2.0]]).covariance, "count=1"),
        (lambda: frechet_distance(gaussian_statistics(np.eye(2)), gaussian_statistics(np.eye(3))), "same dimension"),
        (
            lambda: frechet_distance(Gaussian([0.0, 0.0], np.diag([1.0, -1.0])), Gaussian([0.0, 0.0], np.eye(2))),
            "negative eigenvalues",
        ),
        (
            lambda: frechet_distance(Gaussian([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), Gaussian([0.0, 0.0], np.eye(2))),
            "negative eigenvalues",
        ),
        (
            lambda: frechet_distance(Gaussian([0.0, 0.0], [[0.0, 1.0], [1.0, 0.0]]), Gaussian([0.0, 0.0], np.eye(2))),
            "negative eigenvalues",
        ),
    ],
)
def test_wrong_input_is_refused_with_the_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_singular_covariance_raises_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(gaussian_statistics(np.eye(3)), gaussian_statistics(np.ones((4, 3))))
