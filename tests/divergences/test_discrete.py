from tfgan_kit.divergences import discrete
from tfgan_kit.divergences.discrete import (
    alpha_divergence,
    cross_entropy,
    entropy,
    f_divergence,
    js,
    kl,
    law_from_counts,
    neyman_chi2,
    pearson_chi2,
    reverse_kl,
    squared_hellinger,
    total_variation,
)

import numpy as np
import pytest
import scipy.stats

NAMES = ("kl", "reverse_kl", "js", "total_variation", "squared_hellinger", "pearson_chi2", "neyman_chi2")
LOG2 = np.log(2)

# The docstring's table: f, f(0), the slope at infinity.
GENERATORS = {
    "kl": (lambda t: t * np.log(t), 0, np.inf),
    "reverse_kl": (lambda t: -np.log(t), np.inf, 0),
    "js": (lambda t: (t * np.log(t) - (1 + t) * np.log((1 + t) / 2)) / 2, LOG2 / 2, LOG2 / 2),
    "total_variation": (lambda t: abs(t - 1) / 2, 0.5, 0.5),
    "squared_hellinger": (lambda t: (np.sqrt(t) - 1) ** 2 / 2, 0.5, 0.5),
    "pearson_chi2": (lambda t: (t - 1) ** 2, 1, np.inf),
    "neyman_chi2": (lambda t: (t - 1) ** 2 / t, np.inf, 1),
}
# Full supports; an atom only p has; only q has; each has one; one that neither has.
PAIRS = {
    "full": ([0.2, 0.3, 0.5], [0.5, 0.1, 0.4]),
    "only_p": ([0.2, 0.3, 0.5], [0.6, 0.4, 0.0]),
    "only_q": ([0.2, 0.8, 0.0], [0.5, 0.1, 0.4]),
    "disjoint": ([1.0, 0.0], [0.0, 1.0]),
    "neither": ([0.2, 0.8, 0.0], [0.5, 0.5, 0.0]),
}


@pytest.fixture
def laws():
    return np.random.default_rng(0).dirichlet(np.ones(50), size=2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pair", PAIRS)
def test_each_name_is_the_f_divergence_of_the_table(name, pair):
    p, q = PAIRS[pair]
    expected = f_divergence(p, q, *GENERATORS[name])
    assert getattr(discrete, name)(p, q) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_law_is_exactly_zero_from_itself(name, laws):
    assert getattr(discrete, name)(laws[0], laws[0]) == 0


def test_kl_and_entropy_agree_with_scipy(laws):
    assert kl(*laws) == pytest.approx(scipy.stats.entropy(*laws), rel=1e-12)
    assert entropy(laws[0]) == pytest.approx(scipy.stats.entropy(laws[0]), rel=1e-12)


def test_kl_is_cross_entropy_less_entropy(laws):
    assert kl(*laws) == pytest.approx(cross_entropy(*laws) - entropy(laws[0]), rel=1e-12)


def test_js_is_entropy_of_the_mixture_less_the_mean_entropy(laws):
    p, q = laws
    assert js(p, q) == pytest.approx(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2, rel=1e-12)


def test_pearson_chi2_times_n_is_scipys_statistic():
    counts, expected = np.array([30, 50, 20]), np.array([40.0, 40, 20])
    value = pearson_chi2(law_from_counts(counts), law_from_counts(expected))
    assert 100 * value == pytest.approx(scipy.stats.chisquare(counts, expected).statistic)


def test_total_variation_is_the_largest_difference_of_an_event(laws):
    p, q = laws
    assert total_variation(p, q) == pytest.approx(p[p > q].sum() - q[p > q].sum(), rel=1e-12)


@pytest.mark.parametrize(
    "name, value",
    [
        ("kl", np.inf),
        ("reverse_kl", np.inf),
        ("js", LOG2),
        ("total_variation", 1.0),
        ("squared_hellinger", 1.0),
        ("pearson_chi2", np.inf),
        ("neyman_chi2", np.inf),
    ],
)
def test_disjoint_laws_reach_the_bound(name, value):
    assert getattr(discrete, name)(*PAIRS["disjoint"]) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    "alpha, of, factor",
    [
        (1.0, kl, 1),
        (0.0, reverse_kl, 1),
        (0.5, squared_hellinger, 4),
        (2.0, pearson_chi2, 0.5),
        (-1.0, neyman_chi2, 0.5),
    ],
)
@pytest.mark.parametrize("pair", PAIRS)
def test_alpha_divergence_joins_the_named_ones(alpha, of, factor, pair):
    p, q = PAIRS[pair]
    assert alpha_divergence(p, q, alpha) == pytest.approx(factor * of(p, q), rel=1e-12)


@pytest.mark.parametrize("alpha, limit", [(1, kl), (0, reverse_kl)])
def test_alpha_divergence_is_continuous_at_its_limits(laws, alpha, limit):
    assert alpha_divergence(*laws, alpha + 1e-6) == pytest.approx(limit(*laws), rel=1e-4)


@pytest.mark.parametrize("n", [2, 3])
def test_kl_of_an_n_fold_product_is_n_times_kl(n):
    p, q = (np.array(law) for law in PAIRS["full"])
    product_p, product_q = p, q
    for _ in range(n - 1):
        product_p, product_q = np.kron(product_p, p), np.kron(product_q, q)
    assert kl(product_p, product_q) == pytest.approx(n * kl(p, q), rel=1e-12)


def test_pinskers_inequality_bounds_total_variation(laws):
    assert total_variation(*laws) <= np.sqrt(kl(*laws) / 2)


def test_kl_of_a_subnormal_probability_is_finite():
    # log(1 / 1e-310) = 310 log 10, where the ratio itself overflows.
    assert kl([1.0, 0.0], [1e-310, 1.0]) == pytest.approx(310 * np.log(10), rel=1e-9)


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda: js([1.0, 5e-324], [1.0, 0.0]), 0.0),  # half of the smallest number is 0
        (lambda: pearson_chi2([1.0, 1e-200], [1.0, 0.0]), np.inf),  # though 1e-400 / 0 is 0 / 0
        (lambda: pearson_chi2([1.0, 1e-10], [1.0, 1e-320]), 1e300),
        (lambda: pearson_chi2([1.0, 1e-190], [1.0, 1e-300]), 1e-80),
        # q exp(a t) / (a (a - 1)) of the one atom that counts, where p^a = 0 and q^(1 - a) = inf.
        (lambda: alpha_divergence([0.2, 0.8], [0.3, 0.7], 2000.0), 0.7 * np.exp(2000 * np.log(8 / 7)) / 2000 / 1999),
        (lambda: alpha_divergence([0.3, 0.7], [0.2, 0.8], -1999.0), 0.7 * np.exp(2000 * np.log(8 / 7)) / 2000 / 1999),
        (lambda: alpha_divergence([1e-310, 1.0], [0.5, 0.5], 0.25), alpha_divergence([0.0, 1.0], [0.5, 0.5], 0.25)),
        (lambda: alpha_divergence([0.2, 0.8], [0.3, 0.7], 1e300), np.inf),
        (lambda: alpha_divergence([0.2, 0.8], [0.2, 0.8], 1e300), 0.0),
        (lambda: alpha_divergence([0.2, 0.8], [0.3, 0.7], 1 + 1e-13), kl([0.2, 0.8], [0.3, 0.7])),
        (lambda: alpha_divergence([0.2, 0.8], [0.3, 0.7], 1e-300), reverse_kl([0.2, 0.8], [0.3, 0.7])),
        (lambda: law_from_counts([1e308, 1e308, 0])[0], 0.5),
        (lambda: law_from_counts([5e-324, 5e-324])[0], 0.5),
        (lambda: law_from_counts(np.array([200, 200], np.uint8))[0], 0.5),
    ],
)
def test_powers_that_float64_cannot_hold_leave_the_value_right(call, expected):
    assert call() == pytest.approx(expected, rel=1e-2 if expected == 1e300 else 1e-9)


def test_what_a_sum_lacks_of_one_by_rounding_is_no_divergence():
    assert abs(kl([0.5, 0.5], [0.5 + 2e-7, 0.5 + 2e-7])) < 1e-12


def test_counts_are_divided_by_their_sum():
    np.testing.assert_array_equal(law_from_counts([3, 1, 0]), [0.75, 0.25, 0])


def test_laplace_smoothing_adds_one_to_each():
    np.testing.assert_allclose(law_from_counts([3, 1, 0], smoothing=1), [4 / 7, 2 / 7, 1 / 7])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: kl([0.5, 0.6], [0.5, 0.5]), r"sum to 1.*p\.sum\(\)=1\.1"),
        (lambda: kl([0.5, 0.5], [1.5, -0.5]), r"at least 0.*q=\[-0\.5\]"),
        (lambda: js([np.nan, 1.0], [0.5, 0.5]), "finite"),
        (lambda: js([1.0], [0.5, 0.5]), "len.p.=1, len.q.=2"),
        (lambda: entropy([[0.5, 0.5]]), r"\(K,\)"),
        (lambda: entropy([]), r"K >= 1"),
        (lambda: law_from_counts([0, 0]), "All counts are 0"),
        (lambda: law_from_counts([-1, 2]), "at least 0"),
        (lambda: law_from_counts([1, 2], smoothing=-1), "smoothing=-1"),
        (lambda: alpha_divergence([1.0], [1.0], np.inf), "alpha=inf"),
        (lambda: f_divergence([1.0], [1.0], np.exp), r"f\(1\)=2\.7"),
        (lambda: f_divergence([1.0, 0.0], [1e-310, 1.0], lambda t: t - 1, -1, 1), "ratio p / q is larger"),
        (lambda: f_divergence([0.5, 0.5], [0.4, 0.6], lambda t: np.where(t == 1, 0, np.nan)), "must be a number"),
        (lambda: kl(["0.5", "0.5"], [0.5, 0.5]), "real numbers"),
        (lambda: kl([0.5 + 0j, 0.5], [0.5, 0.5]), "real numbers"),
        (lambda: kl(np.ma.masked_equal([1.0, 9.0], 9.0), [1.0, 0.0]), "1 masked"),
        (lambda: f_divergence(*PAIRS["only_p"], np.log), "slope_at_infinity=None"),
        (lambda: f_divergence(*PAIRS["only_q"], np.log), "f_at_zero=None"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()
