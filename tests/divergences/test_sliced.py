from tfgan_kit.divergences import sliced, sliced_wasserstein, wasserstein_1d

import numpy as np
import pytest
from scipy.stats import wasserstein_distance


def _points(count, dimension=2, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(count, dimension))


@pytest.mark.parametrize("order", [1, 2, 3.5])
@pytest.mark.parametrize("n, m", [(40, 40), (40, 25)])
def test_distance_on_a_line_is_the_distance_on_that_line(order, n, m):
    x, y = _points(n, 1), _points(m, 1, seed=1, scale=2)
    expected = wasserstein_1d(x[:, 0], y[:, 0], order)
    assert sliced_wasserstein(x, y, order=order).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("dimension", [2, 3, 10])
def test_second_order_of_shifted_points_is_the_shift_over_the_root_of_the_dimension(dimension):
    # E cos^2 = 1 / D, its variance 2 (D - 1) / (D^2 (D + 2)); 4 x 1024 directions.
    x = _points(30, dimension)
    variance = 2 * (dimension - 1) / (dimension**2 * (dimension + 2))
    found = sliced_wasserstein(x, x + 2 / np.sqrt(dimension), order=2, directions=1024).value
    assert found**2 == pytest.approx(4 / dimension, abs=4 * 5 * np.sqrt(variance / 4096))


def test_distance_is_the_mean_over_the_directions_of_the_seed():
    x, y = _points(30, 3), _points(20, 3, seed=1, scale=2)
    theta = np.random.default_rng(5).standard_normal((7, 3))
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    expected = np.mean([wasserstein_distance(x @ t, y @ t) for t in theta])
    found = sliced_wasserstein(x, y, seed=5, repeats=1, directions=7)
    assert found.value == pytest.approx(expected, rel=1e-10)
    assert found.std == 0


@pytest.mark.parametrize("block", [1, 200])
def test_value_does_not_depend_on_the_blocks(block, monkeypatch):
    x, y = _points(30, 3), _points(20, 3, seed=1)
    whole = sliced_wasserstein(x, y, order=2)
    monkeypatch.setattr(sliced, "_BLOCK", block)
    assert sliced_wasserstein(x, y, order=2) == pytest.approx(whole, rel=1e-12)


@pytest.mark.thorough
def test_memory_does_not_grow_with_the_directions(peak_mib):
    # All projections of a repeat together have 156 MiB.
    x, y = _points(20_000, 4), _points(20_000, 4, seed=1)
    assert peak_mib(lambda: sliced_wasserstein(x, y, repeats=1, directions=512)) < 60


@pytest.mark.parametrize(
    "options, message",
    [
        ({"repeats": 0}, "repeats=0"),
        ({"directions": 0}, "directions=0"),
        ({"order": 0.5}, "order=0.5"),
        ({"order": np.inf}, "finite"),
    ],
)
def test_wrong_options_are_refused_with_the_reason(options, message):
    with pytest.raises(ValueError, match=message):
        sliced_wasserstein(np.zeros((5, 2)), np.zeros((5, 2)), **options)
