from tfgan_kit.divergences import gaussian
from tfgan_kit.divergences.gaussian import Gaussian
from tfgan_kit.metrics import gaussian_statistics

import numpy as np
import ot
import pytest
import scipy.integrate
import scipy.stats
import tensorflow as tf

LOG2 = np.log(2)
LINES = {
    "wider": (Gaussian([0.0], [[1.0]]), Gaussian([0.5], [[1.6]])),
    "narrower": (Gaussian([1.0], [[1.2]]), Gaussian([-0.5], [[0.8]])),
    "shifted": (Gaussian([0.0], [[2.0]]), Gaussian([3.0], [[2.0]])),
    "nearly equal": (Gaussian([0.0], [[1.0]]), Gaussian([0.1], [[1.0 + 1e-9]])),
}
# float64 densities of p and q at x -> the integrand.
INTEGRANDS = {
    "kl": lambda p, q: p * np.log(p / q),
    "reverse_kl": lambda p, q: q * np.log(q / p),
    "js": lambda p, q: (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))) / 2,
    "total_variation": lambda p, q: abs(p - q) / 2,
    "squared_hellinger": lambda p, q: (np.sqrt(p) - np.sqrt(q)) ** 2 / 2,
    "pearson_chi2": lambda p, q: (p - q) ** 2 / q,
    "neyman_chi2": lambda p, q: (p - q) ** 2 / p,
}


def spread(dimension, seed=0):
    """A full covariance."""
    factor = np.random.default_rng(seed).normal(size=(dimension, dimension))
    return factor @ factor.T + 0.5 * np.eye(dimension)


@pytest.fixture
def pair():
    means = np.random.default_rng(1).normal(size=(2, 4))
    return Gaussian(means[0], spread(4, 2)), Gaussian(means[1], spread(4, 3))


def integral(name, p, q):
    densities = [scipy.stats.norm(law.mean[0], np.sqrt(law.covariance[0][0])).pdf for law in (p, q)]

    def integrand(x):
        return INTEGRANDS[name](densities[0](x), densities[1](x))

    pieces = zip(np.arange(-20, 20, 2), np.arange(-18, 22, 2), strict=True)  # kinks cost little
    return sum(scipy.integrate.quad(integrand, *piece, limit=200)[0] for piece in pieces)


@pytest.mark.parametrize("name", INTEGRANDS)
@pytest.mark.parametrize("line", [*LINES][:3])
def test_on_a_line_each_is_its_integral(name, line):
    p, q = LINES[line]
    assert getattr(gaussian, name)(p, q) == pytest.approx(integral(name, p, q), rel=1e-7)


@pytest.mark.parametrize("name", ["js", "total_variation", "squared_hellinger"])
def test_nearly_equal_variances_give_their_integral(name):
    p, q = LINES["nearly equal"]
    assert getattr(gaussian, name)(p, q) == pytest.approx(integral(name, p, q), rel=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "kl",
        "reverse_kl",
        "js",
        "total_variation",
        "squared_hellinger",
        "pearson_chi2",
        "neyman_chi2",
        "squared_w2",
        "w2",
        "w1",
    ],
)
def test_a_law_is_zero_from_itself(name, pair):
    assert getattr(gaussian, name)(pair[0], pair[0]) == pytest.approx(0, abs=1e-9)


def test_entropy_agrees_with_scipy(pair):
    expected = scipy.stats.multivariate_normal(*pair[0]).entropy()
    assert gaussian.entropy(pair[0]) == pytest.approx(expected, rel=1e-12)


def test_kl_is_cross_entropy_less_entropy(pair):
    p, q = pair
    expected = gaussian.cross_entropy(p, q) - gaussian.entropy(p)
    assert gaussian.kl(p, q) == pytest.approx(expected, rel=1e-12)


def test_cross_entropy_is_the_mean_log_density(pair):
    p, q = pair
    draws = np.random.default_rng(0).multivariate_normal(*p, size=200_000)
    logs = -scipy.stats.multivariate_normal(*q).logpdf(draws)
    error = logs.std() / np.sqrt(len(logs))
    assert abs(gaussian.cross_entropy(p, q) - logs.mean()) < 5 * error


@pytest.mark.parametrize(
    "name, weight",
    [
        ("squared_hellinger", lambda log_ratio: 1 - np.exp(-log_ratio / 2)),
        ("neyman_chi2", lambda log_ratio: np.exp(-2 * log_ratio) - 1),
    ],
)
def test_in_four_dimensions_each_is_its_mean_over_p(name, weight):
    p, q = Gaussian(np.zeros(4), spread(4, 2)), Gaussian(np.full(4, 0.1), 0.7 * spread(4, 2))
    draws = np.random.default_rng(0).multivariate_normal(*p, size=200_000)
    logs = [scipy.stats.multivariate_normal(*law).logpdf(draws) for law in (p, q)]
    terms = weight(logs[0] - logs[1])
    value = getattr(gaussian, name)(p, q)
    assert abs(value - terms.mean()) < 5 * terms.std() / np.sqrt(len(terms))


def test_divergences_do_not_see_the_coordinates(pair):
    turn, shift = spread(4, 7), np.arange(4.0)
    turned = [Gaussian(turn @ law.mean + shift, turn @ law.covariance @ turn.T) for law in pair]
    assert gaussian.kl(*turned) == pytest.approx(gaussian.kl(*pair), rel=1e-8)
    assert gaussian.squared_hellinger(*turned) == pytest.approx(gaussian.squared_hellinger(*pair), rel=1e-8)


@pytest.mark.parametrize("variance, finite", [(1.99, True), (2.0, False), (2.01, False)])
def test_chi2_is_finite_only_below_twice_the_variance(variance, finite):
    p = Gaussian(np.zeros(2), np.diag([variance, 1.0]))
    assert np.isfinite(gaussian.pearson_chi2(p, Gaussian(np.zeros(2), np.eye(2)))) == finite


def test_chi2_of_a_shift_has_its_closed_form():
    p, q = Gaussian(np.zeros(3), np.eye(3)), Gaussian(np.array([1.0, 2, 0]), np.eye(3))
    assert gaussian.pearson_chi2(p, q) == pytest.approx(np.exp(5) - 1, rel=1e-12)


def test_total_variation_of_equal_covariances_is_that_of_the_mahalanobis_distance(pair):
    p = pair[0]
    q = Gaussian(pair[1].mean, p.covariance)
    distance = np.sqrt((p.mean - q.mean) @ np.linalg.solve(p.covariance, p.mean - q.mean))
    expected = 2 * scipy.stats.norm.cdf(distance / 2) - 1
    assert gaussian.total_variation(p, q) == pytest.approx(expected, rel=1e-9)


def test_js_of_equal_covariances_is_that_on_the_axis_of_the_means(pair):
    p = pair[0]
    q = Gaussian(pair[1].mean, p.covariance)
    distance = np.sqrt((p.mean - q.mean) @ np.linalg.solve(p.covariance, p.mean - q.mean))
    on_axis = Gaussian([0.0], [[1.0]]), Gaussian([distance], [[1.0]])
    assert gaussian.js(p, q) == pytest.approx(integral("js", *on_axis), rel=1e-7)


@pytest.mark.parametrize("variance", [1e-12, 1e12])
@pytest.mark.parametrize("name, bound", [("js", LOG2), ("total_variation", 1.0)])
def test_a_spike_within_a_wide_law_almost_reaches_the_bound(variance, name, bound):
    value = getattr(gaussian, name)(Gaussian([0.3], [[variance]]), Gaussian([0.0], [[1.0]]))
    assert bound - 1e-4 < value < bound


@pytest.mark.parametrize(
    "law, expected",
    [
        (
            Gaussian([1e200], [[1.0]]),
            {"total_variation": 1, "js": LOG2, "squared_hellinger": 1, "w1": 1e200, "w2": 1e200},
        ),
        (Gaussian([-1.7e308], [[1.0]]), {"total_variation": 1, "kl": np.inf, "w1": 1.7e308, "w2": 1.7e308}),
        (Gaussian([1.0], [[1e-300]]), {"total_variation": 1, "js": LOG2, "kl": 1e300, "w2": 2**0.5}),
        (Gaussian([0.0], [[1e-320]]), {"total_variation": 1, "js": LOG2, "squared_hellinger": 1, "w2": 1}),
        (Gaussian([1.0], [[1e300]]), {"total_variation": 1, "js": LOG2, "reverse_kl": 0.5e300, "w2": 1e150}),
    ],
    ids=["far", "as far as can be", "spike", "subnormal spike", "wide"],
)
def test_laws_of_sizes_whose_squares_do_not_fit_have_their_limits(law, expected):
    standard = Gaussian([0.0], [[1.0]])
    for name in expected:
        reverse = {"kl": "reverse_kl", "reverse_kl": "kl"}.get(name, name)
        found = getattr(gaussian, name)(standard, law), getattr(gaussian, reverse)(law, standard)
        assert found == pytest.approx((expected[name],) * 2, rel=1e-9), name


@pytest.mark.parametrize("unit", [2.0**-500, 2.0**-200, 2.0**200, 2.0**500])
def test_another_unit_scales_wasserstein_distances_and_changes_no_divergence(unit, pair):
    scaled = [Gaussian(law.mean * unit, law.covariance * unit * unit) for law in pair]
    assert gaussian.w2(*scaled) == pytest.approx(gaussian.w2(*pair) * unit, rel=1e-9)
    for name in ("kl", "squared_hellinger"):
        assert getattr(gaussian, name)(*scaled) == pytest.approx(getattr(gaussian, name)(*pair), rel=1e-9)
    expected = gaussian.cross_entropy(*pair) + 4 * np.log(unit)
    assert gaussian.cross_entropy(*scaled) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("line", LINES)
def test_w1_on_a_line_is_the_area_between_quantile_functions(line):
    p, q = LINES[line]
    quantiles = [scipy.stats.norm(law.mean[0], np.sqrt(law.covariance[0][0])).ppf for law in (p, q)]
    area = scipy.integrate.quad(lambda u: abs(quantiles[0](u) - quantiles[1](u)), 0, 1, limit=500)[0]
    assert gaussian.w1(p, q) == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize("name", ["w1", "w2"])
def test_equal_covariances_are_as_far_apart_as_their_means(name):
    covariance = spread(2)
    p, q = Gaussian([0.0, 0.0], covariance), Gaussian([3.0, 4.0], covariance)
    assert getattr(gaussian, name)(p, q) == pytest.approx(5, rel=1e-9)


def test_w2_on_a_line_is_that_of_means_and_deviations():
    value = gaussian.w2(Gaussian([1.0], [[4.0]]), Gaussian([4.0], [[0.25]]))
    assert value == pytest.approx(np.hypot(3, 1.5), rel=1e-12)


def test_w2_agrees_with_pot(pair):
    (mean_p, covariance_p), (mean_q, covariance_q) = pair
    expected = ot.gaussian.bures_wasserstein_distance(mean_p, mean_q, covariance_p, covariance_q)
    assert gaussian.w2(*pair) == pytest.approx(expected, rel=1e-6)


def test_w2_of_a_singular_law_from_itself_is_exactly_zero():
    law = Gaussian([1.0, 2.0, 3.0], np.outer([1.0, 2, 3], [1.0, 2, 3]))
    assert gaussian.w2(law, law) == 0


@pytest.mark.parametrize(
    "name, value",
    [
        ("kl", np.inf),
        ("reverse_kl", np.inf),
        ("pearson_chi2", np.inf),
        ("neyman_chi2", np.inf),
        ("squared_hellinger", 1),
        ("total_variation", 1),
        ("js", LOG2),
        ("w2", np.sqrt(2)),
    ],
)
@pytest.mark.parametrize(
    "other",
    [
        Gaussian([0.0, 1.0], np.diag([4.0, 0.0])),  # a parallel line
        Gaussian([0.0, 0.0], np.diag([0.0, 1.0])),  # a line across
    ],
)
def test_laws_on_different_lines_are_as_far_apart_as_can_be(name, value, other):
    assert getattr(gaussian, name)(Gaussian([0.0, 0.0], np.diag([1.0, 0.0])), other) == pytest.approx(value)


@pytest.mark.parametrize("name", ["kl", "js", "total_variation", "squared_hellinger", "pearson_chi2"])
def test_laws_on_one_line_in_space_are_compared_along_it(name):
    # In other units along the line, which none of these sees.
    line, (p, q) = np.array([1.0, 2.0, -2.0]), LINES["wider"]
    lifted = [Gaussian(line * law.mean[0], np.outer(line, line) * law.covariance[0][0]) for law in (p, q)]
    assert getattr(gaussian, name)(*lifted) == pytest.approx(getattr(gaussian, name)(p, q), rel=1e-7)


@pytest.mark.parametrize("name, value", [("kl", 0), ("js", 0), ("w1", 0), ("total_variation", 0)])
def test_two_equal_points_are_zero_apart(name, value):
    point = Gaussian([1.0, 2.0], np.zeros((2, 2)))
    assert getattr(gaussian, name)(point, point) == value


def test_entropies_of_a_singular_law_are_infinite():
    flat, full = Gaussian([0.0, 0.0], np.diag([1.0, 0.0])), Gaussian([0.0, 0.0], np.eye(2))
    assert gaussian.entropy(flat) == -np.inf
    assert gaussian.cross_entropy(flat, flat) == -np.inf
    assert gaussian.cross_entropy(full, flat) == np.inf
    assert gaussian.cross_entropy(flat, full) == pytest.approx(np.log(2 * np.pi) + 0.5)


def test_kl_of_tensors_is_that_of_arrays(pair):
    tensors = [Gaussian(*(tf.constant(part, tf.float64) for part in law)) for law in pair]
    value = gaussian.kl(*tensors)
    assert tf.is_tensor(value) and float(value) == pytest.approx(gaussian.kl(*pair), rel=1e-12)


def test_statistics_of_features_are_gaussians():
    features = np.random.default_rng(0).normal(size=(500, 3))
    statistics = gaussian_statistics(features)
    expected = Gaussian(features.mean(axis=0), np.cov(features, rowvar=False))
    assert gaussian.kl(statistics, expected) == pytest.approx(0, abs=1e-12)


UNEQUAL = Gaussian([0.0, 0.0], np.eye(2)), Gaussian([0.0, 0.0], 2 * np.eye(2))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: gaussian.w1(*UNEQUAL), "assignment, Sinkhorn or sliced.*dimension=2"),
        (lambda: gaussian.total_variation(*UNEQUAL), "variational or nearest-neighbour"),
        (lambda: gaussian.js(*UNEQUAL), "variational or nearest-neighbour"),
        (lambda: gaussian.kl(UNEQUAL[0], LINES["wider"][0]), "same dimension"),
        (lambda: gaussian.kl(Gaussian([0.0], [1.0]), LINES["wider"][0]), r"\(D, D\)"),
        (lambda: gaussian.kl(Gaussian([np.nan], [[1.0]]), LINES["wider"][0]), "finite"),
        (lambda: gaussian.kl(Gaussian([0.0], [[-1.0]]), LINES["wider"][0]), "negative eigenvalues"),
        (lambda: gaussian.w1(Gaussian([0.0], [[-1.0]]), LINES["wider"][0]), "negative eigenvalues"),
        (lambda: gaussian.w2(Gaussian([0.0], [[-1.0]]), Gaussian([0.0], [[-1.0]])), "negative eigenvalues"),
        (lambda: gaussian.squared_w2(Gaussian([1e200], [[1.0]]), LINES["wider"][0]), "larger than float64"),
        (lambda: gaussian.w2(Gaussian([1.7e308], [[1.0]]), Gaussian([-1.7e308], [[1.0]])), "larger than float64"),
        (lambda: gaussian.w2(np.zeros((3, 2)), np.zeros((3, 2))), "gaussian_statistics"),
        (lambda: gaussian.kl(Gaussian([0.0, 0.0], np.diag([1.0, -1.0])), UNEQUAL[0]), "smallest eigenvalue -1"),
        (lambda: gaussian.kl(Gaussian([0.0, 0.0], [[1.0, 1.0], [0.0, 1.0]]), UNEQUAL[0]), "symmetric"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()
