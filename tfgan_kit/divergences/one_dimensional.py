"""Wasserstein distances on the line, by quantile functions."""

from tfgan_kit.divergences.distributions import checked_law
from tfgan_kit.divergences.samples import check_finite, check_fits, checked_order, real_numbers, scaled

import numpy as np


def wasserstein_1d(x, y, order=1, x_weights=None, y_weights=None):
    """The p-Wasserstein distance of two laws on the line, exact for any counts and weights.

        W_p(x, y) = (int_0^1 |F_x^-1(u) - F_y^-1(u)|^p du)^(1/p)

    On a line the monotone coupling is optimal for every p >= 1, so W_p is the L^p distance of the
    quantile functions F^-1, which are piecewise constant. W_inf is their largest distance. For a discrete
    law give its points, and its probabilities as weights.

    Args:
        x, y: float (N,) and (M,), finite, in any order.
        order: float p >= 1, or infinity.
        x_weights, y_weights: float (N,) and (M,), >= 0, with sum 1 within 1e-6 (they are divided by it);
            None: uniform. Quantiles closer than (N + M) rounding errors (2e-16) are taken as equal, so
            that a rounded sum of weights does not decide W_inf.

    Returns:
        A float >= 0, in the units of the points.

    Raises:
        ValueError: another rank, no point, NaN or infinity; weights that are negative or have another
            length or sum; an order below 1; a distance that is larger than float64 can hold.

    Time O(N log N + M log M), memory O(N + M).

    Example:
        >>> wasserstein_1d([0.0, 1.0], [0.0, 3.0], order=2)
        1.4142135623730951

    Reference: Villani, Topics in Optimal Transportation (2003), theorem 2.18; Peyre and Cuturi,
    arXiv:1803.00567, section 2.6. `scipy.stats.wasserstein_distance` is order 1.
    """
    order = checked_order(order)
    (x, y), unit = scaled(_checked_line(x, "x"), _checked_line(y, "y"))
    if x_weights is None and y_weights is None:
        gaps, lengths = quantile_gaps(x, y)
    else:
        gaps, lengths = _weighted_gaps(
            x, y, _weights(x_weights, "x_weights", len(x)), _weights(y_weights, "y_weights", len(y))
        )
    return check_fits(float(power_mean(gaps, order, lengths)) * unit)


def power_mean(values, order, weights):
    """(sum_i weights_i values_i^order)^(1 / order) over the last axis, whose powers cannot overflow.

    Args:
        values: float (..., S), >= 0.
        order: float >= 1, may be infinite: the largest value.
        weights: float64 (S,), sum 1; or a number, the weight of each.

    Returns:
        float64 (...).
    """
    if order == 1:
        return values @ np.broadcast_to(weights, values.shape[-1:])
    values = values.astype(np.float64, copy=False)
    most = values.max(axis=-1)
    if np.isinf(order):
        return most
    relative = values / np.where(most > 0, most, 1.0)[..., None]
    return most * (relative**order @ np.broadcast_to(weights, values.shape[-1:])) ** (1 / order)


def quantile_gaps(x, y):
    """The intervals on which both quantile functions are constant: distances and lengths.

    Args:
        x, y: float (..., N) and (..., M), samples on one line each.

    Returns:
        Distances (..., S) on S intervals of [0, 1], and the lengths of these, float64 (S,); S < N + M, and
        S = N if N = M.
    """
    x, y = np.sort(x), np.sort(y)
    n, m = x.shape[-1], y.shape[-1]
    if n == m:
        return np.abs(x - y), np.full(n, 1 / n)
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)  # quantile k is k / (n m)
    starts = edges[:-1]
    return np.abs(x[..., starts // m] - y[..., starts // n]), np.diff(edges) / (n * m)


def _weighted_gaps(x, y, x_weights, y_weights):
    x, x_ends = _quantile_function(x, x_weights)
    y, y_ends = _quantile_function(y, y_weights)
    edges = np.union1d(np.append(0.0, x_ends), y_ends)
    lengths = np.diff(edges)
    real = lengths > (len(x) + len(y)) * np.finfo(np.float64).eps
    middles = (edges[:-1] + lengths / 2)[real]
    gaps = np.abs(x[np.searchsorted(x_ends, middles)] - y[np.searchsorted(y_ends, middles)])
    return gaps, lengths[real]


def _quantile_function(points, weights):
    """The values of a quantile function, ascending, and the ends of their intervals, the last one 1."""
    order = np.argsort(points)
    ends = np.cumsum(weights[order])
    return points[order], ends / ends[-1]


def _weights(weights, name, count):
    return np.full(count, 1 / count) if weights is None else checked_law(name, weights, count)


def _checked_line(points, name):
    points = real_numbers(points).astype(np.float64, copy=False)
    if points.ndim != 1 or not len(points):
        raise ValueError(f"Points on a line need the shape (N,), N >= 1. Received: {name}.shape={points.shape}")
    check_finite(points)
    return points
