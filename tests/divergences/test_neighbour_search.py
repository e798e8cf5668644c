from fractions import Fraction

from tfgan_kit.divergences import neighbour_search
from tfgan_kit.divergences.neighbour_search import blocks, nearest, nearest_others

import numpy as np
import pytest
from scipy.spatial.distance import cdist

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def _normal(count, dimension, seed):
    return np.random.default_rng(seed).normal(size=(count, dimension))


def _clusters(seed, dtype):
    """Twenty clusters 1000 apart, 2^-9 wide: whole multiples of 2^-13, as float32 holds them."""
    places = np.random.default_rng(0).integers(-1000, 1001, (20, 3)).repeat(20, axis=0)
    return (places + np.random.default_rng(seed).integers(-16, 17, (400, 3)) / 2**13).astype(dtype)


@DTYPES
@pytest.mark.parametrize("k, n, m, dimension", [(1, 50, 60, 1), (4, 200, 90, 20), (7, 3, 7, 300), (9, 30, 400, 2048)])
def test_nearest_are_the_first_of_all_distances_sorted(k, n, m, dimension, dtype):
    x, y = _normal(n, dimension, 0).astype(dtype), _normal(m, dimension, 1).astype(dtype)
    indices, squares = nearest(x, y, k)
    everyone = cdist(x.astype(np.float64), y.astype(np.float64), "sqeuclidean")
    np.testing.assert_array_equal(indices, np.argsort(everyone, axis=1)[:, :k])
    np.testing.assert_allclose(squares, np.sort(everyone, axis=1)[:, :k], rtol=1e-13)


@DTYPES
@pytest.mark.parametrize("block", [1, 5000, 2**25])
@pytest.mark.parametrize("k, n, dimension", [(1, 2, 3), (3, 4, 3), (3, 150, 3), (20, 150, 100)])
def test_nearest_others_are_the_nearest_but_the_point_itself(monkeypatch, k, n, dimension, block, dtype):
    monkeypatch.setattr(neighbour_search, "_BLOCK", block)
    x = _normal(n, dimension, 0).astype(dtype)
    everyone = cdist(x.astype(np.float64), x.astype(np.float64), "sqeuclidean")
    np.fill_diagonal(everyone, np.inf)
    indices, squares = nearest_others(x, k)
    np.testing.assert_array_equal(indices, np.argsort(everyone, axis=1)[:, :k])
    np.testing.assert_allclose(squares, np.sort(everyone, axis=1)[:, :k], rtol=1e-13)


@DTYPES
@pytest.mark.parametrize("block", [10_000, 2**25])
def test_nearest_are_exact_where_products_round_the_distances_away(monkeypatch, block, dtype):
    monkeypatch.setattr(neighbour_search, "_BLOCK", block)
    x, y = _clusters(1, dtype), _clusters(2, dtype)
    within, across = (cdist(x.astype(np.float64), other.astype(np.float64), "sqeuclidean") for other in (x, y))
    np.fill_diagonal(within, np.inf)
    np.testing.assert_array_equal(nearest_others(x, 3)[1], np.sort(within, axis=1)[:, :3])
    np.testing.assert_array_equal(nearest(x, y, 3)[1], np.sort(across, axis=1)[:, :3])


def test_nearest_are_exact_where_even_float64_products_round_them_away():
    # Neighbours 2^-40 apart, 1000 from zero: the squares of 2^-80 differ in whole multiples.
    steps = np.random.default_rng(0).permutation(400)
    x = np.stack([1000 * np.resize([-1, 1], 400), steps * 2.0**-40], axis=1)
    expected = cdist(x, x, "sqeuclidean")
    np.fill_diagonal(expected, np.inf)
    np.testing.assert_array_equal(nearest_others(x, 2)[1], np.sort(expected, axis=1)[:, :2])


@DTYPES
def test_copies_are_at_distance_zero(dtype):
    x = _normal(100, 50, 0).astype(dtype) + 1000
    indices, squares = nearest_others(np.concatenate([x, x]), 1)
    np.testing.assert_array_equal(squares, 0)
    np.testing.assert_array_equal(indices[:, 0], (np.arange(200) + 100) % 200)


@DTYPES
@pytest.mark.parametrize("dimension", [1, 3, 257, 2048])
@pytest.mark.parametrize("tails", [0.0, 3.0])
def test_bounds_hold_the_exact_distance(dimension, tails, dtype):
    # Lognormal norms over many orders, and y nearly parallel to x, where the product cancels most.
    random = np.random.default_rng(0)
    x = random.normal(size=(40, dimension)) * np.exp(tails * random.normal(size=(40, 1)))
    y = x[::-1] * (1 + 1e-4 * random.normal(size=x.shape))
    x, y = x.astype(dtype), y.astype(dtype)
    (block,) = blocks(x, y)
    lower = block.lower.astype(np.float64)
    upper = lower + 2 * (block.left.widths[:, None] + block.right.widths)
    for i, j in ((0, 39), (5, 5), (17, 22), (39, 0)):
        exact = sum((Fraction(float(a)) - Fraction(float(b))) ** 2 for a, b in zip(x[i], y[j], strict=True))
        assert lower[i, j] <= exact <= upper[i, j]


@DTYPES
def test_pairs_within_are_those_of_all_distances(dtype):
    random = np.random.default_rng(0)
    x, y = (random.integers(0, 5, (60, 3)).astype(dtype) for _ in range(2))  # most distances tie
    radii = random.integers(0, 8, (60, 1)).astype(np.float64)
    everyone = cdist(x.astype(np.float64), y.astype(np.float64), "sqeuclidean").round()
    (block,) = blocks(x, y)
    for closed, expected in ((True, everyone <= radii), (False, everyone < radii)):
        np.testing.assert_array_equal(block.within(radii, closed), np.nonzero(expected))


@pytest.mark.thorough
def test_memory_is_that_of_blocks(monkeypatch, peak_mib):
    # All distances have 122 MiB in float64, a block 2.
    monkeypatch.setattr(neighbour_search, "_BLOCK", 2**21)
    x, y = _normal(4000, 4, 0), _normal(4000, 4, 1)
    radii = nearest(x, y, 3)[1][:, -1]

    def everything():
        nearest_others(x, 3)
        for block in blocks(x, y):
            block.within(radii[block.rows, None], closed=True)

    assert peak_mib(everything) < 31
