from tfgan_kit.divergences import assignment_wasserstein, transport_cost, wasserstein_1d

import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist


def _points(count, dimension, seed):
    return np.random.default_rng(seed).normal(seed, size=(count, dimension))


def _masses(count, seed):
    return np.random.default_rng(seed).dirichlet(np.ones(count))


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("count, dimension", [(1, 3), (60, 1), (60, 5)])
def test_assignment_agrees_with_pot(order, count, dimension):
    x, y = _points(count, dimension, 0), _points(count, dimension, 1)
    expected = ot.emd2([], [], cdist(x, y) ** order) ** (1 / order)
    assert assignment_wasserstein(x, y, order) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("order", [1, 2])
def test_assignment_of_shifted_points_is_the_length_of_the_shift(order):
    x = _points(40, 2, 0)
    assert assignment_wasserstein(x, x[::-1] + [3.0, 4.0], order) == pytest.approx(5, rel=1e-12)


def test_assignment_of_a_permuted_set_is_zero():
    x = _points(40, 2, 0)
    assert assignment_wasserstein(x, x[::-1]) == 0


@pytest.mark.parametrize("size", [(5, 5), (30, 47), (1, 9)])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_transport_agrees_with_pot(size, scale):
    cost = scale * cdist(_points(size[0], 3, 0), _points(size[1], 3, 1))
    p, q = _masses(size[0], 2), _masses(size[1], 3)
    assert transport_cost(p, q, cost) == pytest.approx(ot.emd2(p, q, cost), rel=1e-6)


def test_transport_between_near_laws_agrees_with_pot():
    # The cost is a thousandth of the largest distance: tolerances of the solver would show.
    x = _points(40, 2, 0)
    p = _masses(40, 2)
    q = 0.999 * p + 0.001 * _masses(40, 3)
    assert transport_cost(p, q, cdist(x, x)) == pytest.approx(ot.emd2(p, q, cdist(x, x)), rel=1e-6)


def test_transport_on_the_discrete_metric_is_total_variation():
    p, q = _masses(20, 0), _masses(20, 1)
    expected = np.abs(p - q).sum() / 2
    assert transport_cost(p, q, 1 - np.eye(20)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_transport_on_a_line_is_the_distance_of_quantile_functions(order):
    x, y = _points(30, 1, 0), _points(20, 1, 1)
    p, q = _masses(30, 2), _masses(20, 3)
    expected = wasserstein_1d(x[:, 0], y[:, 0], order, p, q) ** order
    assert transport_cost(p, q, cdist(x, y) ** order) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("cost", [1e-320, 1e308])
def test_transport_costs_of_any_size_are_right(cost):
    assert transport_cost([1.0, 0.0], [0.0, 1.0], [[0.0, cost], [cost, 0.0]]) == pytest.approx(cost)


def test_transport_on_a_metric_of_zeros_is_zero():
    assert transport_cost([1.0], [0.5, 0.5], [[0.0, 0.0]]) == 0


@pytest.mark.parametrize(
    "x, y, options, message",
    [
        (np.zeros((5, 2)), np.zeros((6, 2)), {}, "5 and 6 points"),
        (np.zeros((5, 2)), np.zeros((5, 3)), {}, "same dimension"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"largest": 4}, "give `largest=5`"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"order": 0.5}, "order=0.5"),
        (np.array([[0.0], [9.0]]), np.array([[0.1], [9.1]]), {"order": 500}, "smaller order.*order=500"),
        (np.zeros((5, 2)), np.zeros((5, 2)), {"order": np.inf}, "wasserstein_1d"),
        (np.zeros(5), np.zeros(5), {}, r"\(N, D\)"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), {}, "finite"),
    ],
)
def test_assignment_refuses_wrong_input_with_the_reason(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        assignment_wasserstein(x, y, **options)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(p=[0.5, 0.6]), r"p\.sum\(\)=1.1"),
        (dict(p=[1.5, -0.5]), r"at least 0.*p=\[-0.5\]"),
        (dict(q=[np.nan, 1.0]), "finite"),
        (dict(q=[[0.5, 0.5]]), r"\(K,\)"),
        (dict(cost=[[0.0, 1.0]]), r"\(2, 2\)"),
        (dict(cost=[[0.0, -1.0], [1.0, 0.0]]), ">= 0"),
        (dict(cost=[[0.0, np.inf], [1.0, 0.0]]), "finite"),
    ],
)
def test_transport_refuses_wrong_input_with_the_reason(arguments, message):
    valid = dict(p=[0.5, 0.5], q=[0.5, 0.5], cost=[[0.0, 1.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match=message):
        transport_cost(**{**valid, **arguments})
