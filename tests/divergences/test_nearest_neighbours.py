from tfgan_kit.divergences import nearest_neighbour_kl, neighbour_search

import numpy as np
import pytest
from scipy.spatial.distance import cdist


def _normal(count, dimension, seed, mean=0.0, deviation=1.0):
    return np.random.default_rng(seed).normal(mean, deviation, (count, dimension))


def _literal(x, y, k):
    """Wang, Kulkarni and Verdu (2009), by sorting all distances."""
    within = np.sort(cdist(x, x), axis=1)[:, k]  # column 0 is the point itself
    across = np.sort(cdist(x, y), axis=1)[:, k - 1]
    n, dimension = x.shape
    return dimension / n * np.sum(np.log(across / within)) + np.log(len(y) / (n - 1))


def _gaussian_kl(dimension, mean, deviation):
    """KL(N(0, I), N(mean, deviation^2 I)) in nats."""
    return dimension * (np.log(deviation) + (1 + mean**2) / (2 * deviation**2) - 0.5)


def _estimates(seeds, n, m, dimension, k, mean=0.0, deviation=1.0):
    return [
        nearest_neighbour_kl(_normal(n, dimension, seed), _normal(m, dimension, 10_000 + seed, mean, deviation), k)
        for seed in range(seeds)
    ]


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("n, m, dimension", [(60, 60, 3), (30, 80, 1), (5, 4, 20)])
def test_estimate_is_the_formula(k, n, m, dimension):
    x, y = _normal(n, dimension, 0), _normal(m, dimension, 1, mean=1.0)
    assert nearest_neighbour_kl(x, y, k).value == pytest.approx(_literal(x, y, k), rel=1e-10)


def test_estimate_is_exact_where_a_product_rounds_the_distances_away():
    # Pairs 1e-6 apart, 100 from the rest: |x|^2 - 2 x . y + |y|^2 has an error of their square.
    places = np.repeat(100.0 * _normal(40, 2, 0), 20, axis=0)
    x, y = (places + 1e-6 * _normal(800, 2, seed) for seed in (1, 2))
    assert nearest_neighbour_kl(x, y).value == pytest.approx(_literal(x, y, 1), rel=1e-6)


def test_estimate_does_not_depend_on_the_blocks(monkeypatch):
    x, y = _normal(50, 3, 0), _normal(40, 3, 1)
    whole = nearest_neighbour_kl(x, y, 2).value
    monkeypatch.setattr(neighbour_search, "_BLOCK", 7 * 40 * 8)
    assert nearest_neighbour_kl(x, y, 2).value == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("dimension, mean, deviation", [(1, 1.0, 1.0), (1, 0.0, 2.0), (2, 0.5, 1.5)])
def test_estimate_of_gaussians_is_the_closed_form(k, dimension, mean, deviation):
    found = _estimates(12, 800, 900, dimension, k, mean, deviation)
    error = np.sqrt(np.mean([f.standard_error**2 for f in found]) / len(found))
    # To the standard error of the mean over 12 seeds joins the bias: the square of the radius of
    # k of 800 points, relative to the deviation, is under k / 100 in two dimensions.
    expected = _gaussian_kl(dimension, mean, deviation)
    assert np.mean([f.value for f in found]) == pytest.approx(expected, abs=4 * error + k / 100)


@pytest.mark.thorough
def test_standard_error_is_the_spread_over_samples():
    found = _estimates(60, 300, 300, 2, 3, mean=0.5)
    spread = np.std([f.value for f in found])
    assert np.mean([f.standard_error for f in found]) == pytest.approx(spread, rel=0.4)


@pytest.mark.thorough
@pytest.mark.parametrize("dimension", [1, 10])
def test_estimate_of_equal_laws_has_no_bias_if_y_has_one_point_less(dimension):
    values = [f.value for f in _estimates(200, 41, 40, dimension, 1)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_estimate_in_many_dimensions_is_too_small_and_less_so_with_more_points():
    few, many = (
        np.mean([f.value for f in _estimates(seeds, count, count, 10, 5, mean=1.0)])
        for seeds, count in ((40, 50), (6, 1000))
    )
    assert few < many < _gaussian_kl(10, 1.0, 1.0)


@pytest.mark.thorough
def test_memory_is_that_of_blocks(monkeypatch, peak_mib):
    # All distances have 122 MiB, a block 4.
    monkeypatch.setattr(neighbour_search, "_BLOCK", 2**22)
    x, y = _normal(4000, 4, 0), _normal(4000, 4, 1)
    assert peak_mib(lambda: nearest_neighbour_kl(x, y)) < 61


@pytest.mark.parametrize(
    "x, y, k, message",
    [
        (_normal(5, 2, 0), _normal(5, 2, 1), 5, "5 points in x"),
        (_normal(5, 2, 0), _normal(2, 2, 1), 3, "2 in y"),
        (_normal(5, 2, 0), _normal(5, 2, 1), 0, "k=0"),
        (np.repeat(_normal(3, 2, 0), 2, axis=0), _normal(5, 2, 1), 1, "6 points of x .* in x itself"),
        (_normal(5, 2, 0), _normal(5, 2, 0), 1, "5 points of x .* in y"),
        (_normal(5, 2, 0), _normal(5, 3, 0), 1, "same dimension"),
        (np.full((5, 2), np.nan), _normal(5, 2, 0), 1, "finite"),
        (np.zeros(5), np.zeros(5), 1, r"\(N, D\)"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(x, y, k, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbour_kl(x, y, k)
