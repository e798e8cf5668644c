from tfgan_kit.divergences import wasserstein_1d

import numpy as np
import ot
import pytest
from scipy.stats import wasserstein_distance


def _points(count, seed, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=count)


def _masses(count, seed):
    return np.random.default_rng(seed).dirichlet(np.ones(count))


@pytest.mark.parametrize("n, m", [(50, 50), (50, 31), (1, 40), (64, 96)])
def test_first_order_agrees_with_scipy(n, m):
    x, y = _points(n, 0), _points(m, 1, 2.0)
    assert wasserstein_1d(x, y) == pytest.approx(wasserstein_distance(x, y), rel=1e-10)


@pytest.mark.parametrize("n, m", [(50, 50), (50, 31)])
def test_first_order_of_weighted_points_agrees_with_scipy(n, m):
    x, y, p, q = _points(n, 0), _points(m, 1, 2.0), _masses(n, 2), _masses(m, 3)
    expected = wasserstein_distance(x, y, p, q)
    assert wasserstein_1d(x, y, 1, p, q) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("order", [1, 1.5, 2, 3, 7])
@pytest.mark.parametrize("n, m", [(40, 40), (40, 27)])
def test_any_order_agrees_with_pot(order, n, m):
    x, y, p, q = _points(n, 0), _points(m, 1, 2.0), _masses(n, 2), _masses(m, 3)
    expected = float(ot.wasserstein_1d(x, y, p, q, p=order)) ** (1 / order)
    assert wasserstein_1d(x, y, order, p, q) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("order", [1, 2, 50, np.inf])
@pytest.mark.parametrize("shift", [-3.0, 1e-200, 1e200])
def test_distance_of_shifted_points_is_the_shift_at_every_order(order, shift):
    x = np.zeros(30)
    assert wasserstein_1d(x, x + shift, order) == pytest.approx(abs(shift), rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, np.inf])
def test_counts_and_weights_say_the_same(order):
    x, y = np.array([0.0, 0.0, 0.0, 5.0]), _points(7, 0)
    weighted = wasserstein_1d([5.0, 0.0], y, order, x_weights=[0.25, 0.75])
    assert weighted == pytest.approx(wasserstein_1d(x, y, order), rel=1e-12)


def test_order_infinity_is_the_farthest_that_mass_must_go():
    assert wasserstein_1d([0.0, 1.0, 2.0], [0.0, 1.5, 2.0], np.inf) == 0.5


@pytest.mark.parametrize("order", [1, 2, 20, np.inf])
def test_rounded_sums_of_weights_move_no_mass(order):
    # A hundred times 0.001 against 0.1: their partial sums differ by rounding, the laws do not.
    x, y = np.repeat(np.arange(10.0), 100), np.arange(10.0)
    assert wasserstein_1d(x, y, order, np.full(1000, 0.001), np.full(10, 0.1)) == 0


@pytest.mark.parametrize("order", [1, 2, 1000, np.inf])
def test_distances_up_to_the_largest_number_are_right_and_larger_ones_are_refused(order):
    found = wasserstein_1d([8e307, 8e307], [-8e307, 8e307], order)
    assert found == pytest.approx(1.6e308 / 2 ** (1 / order), rel=1e-12)
    with pytest.raises(ValueError, match="larger than float64"):
        wasserstein_1d([1.7e308], [-1.7e308], order)


def test_a_point_without_mass_does_not_count():
    assert wasserstein_1d([0.0, 99.0], [1.0], np.inf, x_weights=[1.0, 0.0]) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(x=[[0.0]]), r"\(N,\)"),
        (dict(x=[]), "N >= 1"),
        (dict(x=[np.nan]), "finite"),
        (dict(order=0.5), "order=0.5"),
        (dict(order=np.nan), "at least 1"),
        (dict(x_weights=[0.5, 0.5]), r"\(1,\), one for each"),
        (dict(y_weights=[1.5, -0.5]), r"at least 0.*y_weights=\[-0.5\]"),
        (dict(y_weights=[np.nan, 1.0]), "finite"),
        (dict(y_weights=[0.5, 0.6]), r"y_weights\.sum\(\)=1.1"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(arguments, message):
    with pytest.raises(ValueError, match=message):
        wasserstein_1d(**{"x": [0.0], "y": [0.0, 1.0], **arguments})
