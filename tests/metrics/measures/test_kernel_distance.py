from tfgan_kit.metrics import kernel_distance, maximum_mean_discrepancy

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.baselines.metric_references import torch, torch_fidelity
from tests.twins import twins


def _kernel(a, b):
    return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3


def _literal_mmd(x, y):
    n, m = len(x), len(y)
    within_x = sum(_kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j)
    within_y = sum(_kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j)
    across = sum(_kernel(a, b) for a in x for b in y)
    return within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * across / (n * m)


def _normal(count, dimension, seed, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(count, dimension))


@pytest.mark.parametrize("n, m", [(5, 5), (4, 9)])
def test_discrepancy_equals_the_double_loop(n, m):
    x, y = _normal(n, 3, seed=0), _normal(m, 3, seed=1, mean=1.0)
    assert maximum_mean_discrepancy(x, y) == pytest.approx(_literal_mmd(x, y), rel=1e-12)


def test_discrepancy_of_a_set_from_itself_counts_each_row_as_its_own_equal():
    x = tf.constant(_normal(7, 3, seed=0))
    assert maximum_mean_discrepancy(x, x) == pytest.approx(_literal_mmd(x.numpy(), x.numpy()), rel=1e-10)


@pytest.mark.thorough
def test_discrepancy_of_equal_laws_has_mean_zero():
    values = [maximum_mean_discrepancy(_normal(10, 4, seed), _normal(10, 4, seed + 10_000)) for seed in range(150)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error
    assert min(values) < 0  # unbiased at zero: some are negative


def test_discrepancy_of_two_points_is_a_third_moment_difference():
    # One dimension, x = 0 and y = t always: k(0, .) = 1, so MMD^2 = 1 + (t^2 + 1)^3 - 2.
    x, y = np.zeros((5, 1)), np.full((5, 1), 2.0)
    assert maximum_mean_discrepancy(x, y) == pytest.approx(1 + 125 - 2)


def test_distance_with_subsets_estimates_the_discrepancy_of_whole_sets():
    x, y = _normal(600, 8, seed=0), _normal(500, 8, seed=1, mean=0.3)
    found = kernel_distance(x, y, num_subsets=200, subset_size=200)
    whole = maximum_mean_discrepancy(x, y)
    assert found.value == pytest.approx(whole, abs=4 * found.std / np.sqrt(200))


@pytest.mark.parametrize("n, m, size", [(60, 50, 20), (60, 50, 3), (3000, 20, 20)])
def test_distance_is_the_mean_discrepancy_of_its_subsets(n, m, size):
    x, y = _normal(n, 4, seed=0), _normal(m, 4, seed=1, mean=0.5)
    random = np.random.default_rng(7)
    values = [
        maximum_mean_discrepancy(x[random.choice(n, size, replace=False)], y[random.choice(m, size, replace=False)])
        for _ in range(12)
    ]
    found = kernel_distance(x, y, seed=7, num_subsets=12, subset_size=size)
    assert found.value == pytest.approx(np.mean(values), rel=1e-10)
    assert found.std == pytest.approx(np.std(values), rel=1e-10)


class _LegacyRandom:
    """`choice` as torch-fidelity draws it."""

    def __init__(self, seed):
        self.choice = np.random.RandomState(seed).choice


def _features(count, seed, shift=0.0):
    """Like an Inception network's: 2048 averages of what a ReLU lets pass."""
    mixing = np.random.default_rng(99).normal(size=(64, 2048)) / 8
    hidden = np.random.default_rng(seed).normal(shift, size=(count, 64))
    return np.maximum(hidden @ mixing + 0.3, 0)


@pytest.mark.thorough
@pytest.mark.parametrize("count, size", [(600, 100), (300, 200)])  # a subset at a time, all pairs once
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_distance_equals_torch_fidelity_on_the_same_subsets(count, size, dtype, monkeypatch):
    x, y = (_features(count, seed, 0.1 * seed).astype(dtype) for seed in (0, 1))
    theirs = torch_fidelity.metric_kid.kid_features_to_metric(
        *(torch.tensor(z.astype(np.float64)) for z in (x, y)), kid_subsets=8, kid_subset_size=size, rng_seed=2020
    )
    monkeypatch.setattr(np.random, "default_rng", _LegacyRandom)
    found = kernel_distance(x, y, seed=2020, num_subsets=8, subset_size=size)
    assert found.value == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-6)
    assert found.std == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-6)


@pytest.mark.thorough
def test_float32_features_of_equal_laws_err_far_less_than_subsets_differ():
    x, y = (_features(600, seed).astype(np.float32) for seed in (0, 1))
    found = kernel_distance(x, y, num_subsets=5, subset_size=500)
    exact = kernel_distance(x.astype(np.float64), y.astype(np.float64), num_subsets=5, subset_size=500)
    assert found.value == pytest.approx(exact.value, abs=1e-4 * exact.std)


@pytest.mark.parametrize("n, m", [(336, 336), (337, 700), (1000, 5)])
def test_discrepancy_over_several_blocks_is_that_of_the_whole_matrix(n, m):
    x, y = _normal(n, 4, seed=0), _normal(m, 4, seed=1, mean=0.5)
    xx, yy, xy = ((a @ b.T / 4 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy))
    assert maximum_mean_discrepancy(x, y) == pytest.approx(within - 2 * xy.mean(), rel=1e-10)


def test_distance_grows_with_the_shift():
    x = _normal(300, 8, seed=0)
    values = [kernel_distance(x, _normal(300, 8, 1, shift)).value for shift in (0.0, 0.2, 0.4, 0.8)]
    assert values == sorted(values)


def test_distance_depends_on_the_seed_alone():
    x, y = _normal(50, 3, seed=0), _normal(50, 3, seed=1)
    assert kernel_distance(x, y, seed=3) == kernel_distance(x, y, seed=3)
    assert kernel_distance(x, y, seed=3).value != kernel_distance(x, y, seed=4).value


@pytest.mark.parametrize("n, m, expected", [(30, 50, 15), (2000, 1000, 1000)])
def test_subset_shrinks_to_half_of_a_set_that_is_too_small(n, m, expected):
    found = kernel_distance(_normal(n, 2, 0), _normal(m, 2, 1), num_subsets=3)
    assert found.subset_size == expected
    assert found.std > 0


@pytest.mark.parametrize(
    "x, y, options, message",
    [
        (np.zeros((5, 2)), np.zeros((5, 3)), {}, "one extractor"),
        (np.zeros((3, 2)), np.zeros((5, 2)), {}, "Received: 3 and 5"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"num_subsets": 0}, "num_subsets=0"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"subset_size": 1}, "subset_size=1"),
        (np.full((5, 2), np.inf), np.zeros((5, 2)), {}, "finite"),
        (np.zeros((5, 2)), np.zeros((5, 2), complex), {}, "complex128"),
        (np.zeros((5, 2), object), np.zeros((5, 2)), {}, "object"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        kernel_distance(x, y, **options)


@pytest.mark.thorough
@twins("count, size", [(150, 100), (400, 100)])
@pytest.mark.parametrize("shift, lower, upper", [(0.6, 0.8, 1.25), (0.0, 0.7, 2.0)])
def test_standard_error_is_the_deviation_over_fresh_draws(count, size, shift, lower, upper):
    found = [
        kernel_distance(_normal(count, 3, 2 * k), _normal(count, 3, 2 * k + 1, shift), k, 30, size) for k in range(60)
    ]
    deviation = np.std([one.value for one in found])
    assert lower < np.mean([one.standard_error for one in found]) / deviation < upper
