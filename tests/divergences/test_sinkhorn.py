from tfgan_kit.divergences import assignment_wasserstein, sinkhorn, sinkhorn_divergence

import numpy as np
import ot
import pytest
from scipy.special import rel_entr
from scipy.stats import norm

pytestmark = pytest.mark.thorough


def _points(count, dimension=3, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(count, dimension))


def _gaussian(mean, deviation, count=400):
    """Quantiles of a Gaussian law: its sample without sampling error, [N, 1]."""
    return mean + deviation * norm.ppf((np.arange(count) + 0.5) / count)[:, None]


def _pot_cost(x, y, epsilon):
    """<P, C> + eps KL(P | a b) with POT's plan."""
    plan = ot.sinkhorn(ot.unif(len(x)), ot.unif(len(y)), ot.dist(x, y), epsilon, "sinkhorn_log", 10_000, 1e-9)
    kl = rel_entr(plan, np.full_like(plan, 1 / plan.size)).sum()
    return np.sum(plan * ot.dist(x, y)) + epsilon * kl


@pytest.mark.parametrize("epsilon", [2.0, 5.0, 20.0])
def test_divergence_is_that_of_pot_s_plans(epsilon):
    x, y = _points(40), _points(25, seed=1, scale=1.5)
    expected = _pot_cost(x, y, epsilon) - (_pot_cost(x, x, epsilon) + _pot_cost(y, y, epsilon)) / 2
    found = sinkhorn_divergence(x, y, epsilon, tolerance=1e-9)
    assert found.value == pytest.approx(expected, rel=1e-6)


def _closed_form(mean, s, t, epsilon):
    """S_eps of N(0, s^2) and N(mean, t^2): Janati et al., arXiv:2006.02572, theorem 1."""
    half = epsilon / 2  # their sigma^2

    def cost(a, b):
        root = np.sqrt(4 * a**2 * b**2 + half**2)
        return a**2 + b**2 - root + half * (1 - np.log(2 * half)) + half * np.log(root + half)

    return mean**2 + cost(s, t) - (cost(s, s) + cost(t, t)) / 2


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("mean, s, t", [(1.0, 1.0, 2.0), (0.0, 0.5, 1.5)])
def test_divergence_of_gaussians_is_the_closed_form(epsilon, mean, s, t):
    # 400 quantiles lack 0.7 % of the variance, which is in their tails.
    found = sinkhorn_divergence(_gaussian(0, s), _gaussian(mean, t), epsilon)
    assert found.value == pytest.approx(_closed_form(mean, s, t, epsilon), rel=0.015)


@pytest.mark.parametrize("epsilon, error", [(1.0, 0.06), (0.1, 0.01), (0.03, 0.004)])
def test_divergence_goes_to_the_squared_wasserstein_distance(epsilon, error):
    # W_2^2 of N(0, 1) and N(1, 4) is 1 + 1; S_eps of the quantiles goes to that of the quantiles.
    x, y = _gaussian(0, 1, 150), _gaussian(1, 2, 150)
    squared = assignment_wasserstein(x, y, order=2) ** 2
    assert squared == pytest.approx(2, rel=0.02)
    assert sinkhorn_divergence(x, y, epsilon).value == pytest.approx(squared, rel=error)


def test_divergence_at_a_large_epsilon_is_the_squared_distance_of_means():
    x, y = _points(50), _points(40, seed=1) + 1
    means = np.sum((x.mean(0) - y.mean(0)) ** 2)
    assert sinkhorn_divergence(x, y, 1e6).value == pytest.approx(means, rel=1e-4)


@pytest.mark.parametrize("shift", [0.5, 1e3])
def test_divergence_of_shifted_points_is_the_squared_shift(shift):
    x = _points(60, 2)
    found = sinkhorn_divergence(x, x[::-1] + [shift, 0.0], 0.5, tolerance=1e-6)
    assert found.value == pytest.approx(shift**2, rel=1e-6)


def test_divergence_of_a_permuted_set_is_zero_and_of_other_laws_is_not():
    x = _points(60)
    assert sinkhorn_divergence(x, x[::-1], 0.5, tolerance=1e-8).value == pytest.approx(0, abs=1e-9)
    assert sinkhorn_divergence(x, 1.2 * x, 0.5).value > 0.01


def test_float32_points_are_computed_in_float64_where_epsilon_needs_its_digits():
    x, y = _points(10, 1).astype(np.float32), _points(10, 1, seed=1).astype(np.float32)
    found, exact = (sinkhorn_divergence(*sets, 1e-7, 0.5, 20) for sets in ((x, y), (x.astype(float), y.astype(float))))
    assert found == exact


def test_float32_is_right_to_its_rounding():
    x, y = _points(200, 64), _points(150, 64, seed=1, scale=1.1)
    exact = sinkhorn_divergence(x, y, 20.0).value
    found = sinkhorn_divergence(x.astype(np.float32), y.astype(np.float32), 20.0).value
    assert found == pytest.approx(exact, rel=1e-5)
    assert found != exact


def test_value_does_not_depend_on_the_blocks(monkeypatch):
    x, y = _points(50), _points(40, seed=1)
    whole = sinkhorn_divergence(x, y, 0.5)
    monkeypatch.setattr(sinkhorn, "_BLOCK", 7 * 40)
    assert sinkhorn_divergence(x, y, 0.5).value == pytest.approx(whole.value, rel=1e-12)


def test_error_is_within_the_tolerance_or_a_warning_says_so():
    x, y = _points(50), _points(40, seed=1) + 2
    found = sinkhorn_divergence(x, y, 0.1, tolerance=1e-4)
    assert found.converged and found.marginal_error <= 1e-4
    with pytest.warns(RuntimeWarning, match="max_iterations=2"):
        stopped = sinkhorn_divergence(x, y, 0.1, tolerance=1e-4, max_iterations=2)
    assert not stopped.converged and stopped.marginal_error > 1e-4


@pytest.mark.slow
def test_memory_is_that_of_blocks(monkeypatch, peak_mib):
    # The whole matrix has 122 MiB, a block 8.
    monkeypatch.setattr(sinkhorn, "_BLOCK", 2**20)
    x, y = _points(4000, 8), _points(4000, 8, seed=1)
    sinkhorn_divergence(x[:100], y[:100], 50.0)
    assert peak_mib(lambda: sinkhorn_divergence(x, y, 50.0)) < 61


@pytest.mark.parametrize(
    "x, y, options, message",
    [
        (np.zeros((5, 2)), np.zeros((5, 3)), {}, "same dimension"),
        (np.zeros(5), np.zeros(5), {}, r"\(N, D\)"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), {}, "finite"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"epsilon": 0.0}, "epsilon=0.0"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"epsilon": np.nan}, "epsilon=nan"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"tolerance": 0}, "tolerance=0"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"max_iterations": 0}, "max_iterations=0"),
        (np.zeros((5, 2)), np.ones((5, 2)), {"epsilon": 1e-17}, "below the rounding error"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        sinkhorn_divergence(x, y, **{"epsilon": 1.0, **options})
