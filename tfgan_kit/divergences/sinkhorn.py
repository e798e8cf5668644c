"""The debiased Sinkhorn divergence, in the log domain and in blocks."""

import warnings
from typing import NamedTuple

from tfgan_kit.divergences.samples import check_fits, largest, scaled_points
from tfgan_kit.ranges import check_int

import numpy as np
import tensorflow as tf
from tqdm import tqdm

_ROUNDINGS = 4  # of a squared distance, which epsilon must be larger than
_INFINITE = 1e200  # an epsilon that gives the squared distance of the means, as every larger one does
_BLOCK = 2**22  # entries of the cost matrix held at once: 16 MiB in float32, 32 in float64


class SinkhornDivergence(NamedTuple):
    """The result of `sinkhorn_divergence`.

    value: S_epsilon, in squared units of the points.
    iterations: int, for OT(x, y); the other two terms need fewer.
    marginal_error: the largest over the three terms of sum_i |(P 1)_i - 1 / N|, at most 2.
    converged: bool, whether `marginal_error` is within the tolerance.

    Example:
        >>> sinkhorn_divergence(real_points, generated_points, epsilon=0.05).converged
        True
    """

    value: float
    iterations: int
    marginal_error: float
    converged: bool


def sinkhorn_divergence(x, y, epsilon, tolerance=1e-3, max_iterations=1000):
    """The debiased entropic transport cost between two point sets, for the squared distance.

        S_eps(x, y) = OT_eps(x, y) - OT_eps(x, x) / 2 - OT_eps(y, y) / 2
        OT_eps(a, b) = min over couplings P of <P, C> + eps KL(P | a b),   C_ij = |a_i - b_j|^2

    S_eps >= 0, and 0 only for equal sets; what rounding and early stopping leave below 0 counts as 0. It tends to
    W_2^2 as eps -> 0 and to the squared distance of the means as eps -> infinity. sqrt(eps) is the distance below
    which details are blurred: the smaller, the closer to W_2^2 and the more iterations (about 1 / eps). In many
    dimensions debiasing needs an eps no smaller than the squared distance between neighbouring points: far below it
    every point is isolated, and S_eps has the sampling error of W_2^2.

    Args:
        x, y: float (N, D) and (M, D); every point of a set has the same mass. Computed in float32 if both
            are float32 and epsilon is above its rounding error, otherwise in float64 (about four times slower).
        epsilon: float > 0, in squared units of the points.
        tolerance: float > 0, for the marginal error (see `SinkhornDivergence`).
        max_iterations: int >= 1, at the last epsilon; each is one pass over rows and one over columns.

    Returns:
        A `SinkhornDivergence`. The rounding error is about 1e-7 (float32) or 1e-16 (float64) of the
        largest |x_i - mean|^2. The error of stopping early is second order in `marginal_error`, since
        each term is a value of the dual, which is flat at its optimum.

    Raises:
        ValueError: another rank, unequal dimensions, NaN, an argument that is not positive, an epsilon below the
            rounding error of the squared distances (1e-15 of the largest |x_i - mean|^2), a value that is larger
            than float64 can hold.

    Warns:
        RuntimeWarning: the tolerance was not reached within `max_iterations`. The value is returned
            with its error; raise `max_iterations` or `epsilon`.

    Epsilon starts at the squared diameter and is divided by 4 per iteration (Feydy, 2020, section 3.3.2).
    Time O(N M D) per iteration. The cost matrix is never held as a whole: memory is about three blocks of
    2^22 entries, 100 MiB in float64, beside O((N + M) D) for copies of the points.

    POT's `ot.bregman.empirical_sinkhorn_divergence` has only <P, C> in the three terms, without eps KL:
    another value, with the same limit W_2^2.

    Example:
        >>> found = sinkhorn_divergence(real_points, generated_points, epsilon=1.0)
        >>> 0.0 < found.value < 4.0
        True

    Reference: Feydy et al., arXiv:1810.08278, eq. 1-3 and section 3.1.
    """
    (x, y), unit = scaled_points(x, y)
    if not (0 < epsilon < np.inf and tolerance > 0):
        raise ValueError(
            f"`epsilon` and `tolerance` must be positive. Received: epsilon={epsilon}, tolerance={tolerance}"
        )
    check_int("max_iterations", max_iterations, 1)
    scaled_epsilon = min(epsilon / unit / unit, _INFINITE)
    x, y = _centred(x, y, scaled_epsilon)
    schedule = _schedule(x, y, scaled_epsilon)
    across, error, iterations = _transport(x, y, schedule, tolerance, max_iterations)
    within_x, error_x = _self_transport(x, schedule, tolerance, max_iterations)
    within_y, error_y = _self_transport(y, schedule, tolerance, max_iterations)
    error = max(error, error_x, error_y)
    if error > tolerance:
        warnings.warn(
            f"Sinkhorn's iterations stopped at a marginal error of {error:.2g}, above the "
            f"tolerance {tolerance:g}: raise `max_iterations` or `epsilon`. "
            f"Received: max_iterations={max_iterations}, epsilon={epsilon:g}",
            RuntimeWarning,
            stacklevel=2,
        )
    value = 0.0 if np.array_equal(x, y) else max(across - (within_x + within_y) / 2, 0.0)
    return SinkhornDivergence(check_fits(value * unit * unit), iterations, error, error <= tolerance)


def _centred(x, y, epsilon):
    """Both sets around one point, for smaller norms and less rounding; in float64 where epsilon needs its digits."""
    centre = (x.mean(axis=0, dtype=np.float64) + y.mean(axis=0, dtype=np.float64)) / 2
    for dtype in dict.fromkeys((x.dtype.type, np.float64)):
        near = [points.astype(dtype, copy=False) - centre.astype(dtype) for points in (x, y)]
        rounding = _ROUNDINGS * np.finfo(dtype).eps * largest(*near) ** 2
        if epsilon > rounding:
            return near
    raise ValueError(
        "`epsilon` lies below the rounding error of the squared distances, in float64: take a larger one, or the exact "
        f"`assignment_wasserstein`. Received: epsilon={epsilon:g} where squares reach {largest(*near) ** 2:g}"
    )


def _schedule(x, y, epsilon):
    """From the squared diameter (of the box around all points), divided by 4 each time, to epsilon."""
    low = np.minimum(x.min(axis=0), y.min(axis=0)).astype(np.float64)
    high = np.maximum(x.max(axis=0), y.max(axis=0)).astype(np.float64)
    squared_diameter = float(np.sum((high - low) ** 2))
    steps = max(0, int(np.ceil(np.log(max(squared_diameter, epsilon) / epsilon) / np.log(4))))
    return [epsilon * 4.0**step for step in range(steps, -1, -1)]


def _transport(x, y, schedule, tolerance, max_iterations):
    """OT_eps(x, y), its marginal error, and the number of iterations at the last epsilon.

    It is the maximum of the dual, mean f + mean g - eps (sum P - 1), over f and g.
    """
    f, g = np.zeros(len(x)), np.zeros(len(y))
    for epsilon in schedule[:-1]:
        f = _soft_minimum(x, y, g, epsilon)
        g = _soft_minimum(y, x, f, epsilon)
    epsilon, error = schedule[-1], np.inf
    for iteration in _iterations(max_iterations):
        previous, f = f, _soft_minimum(x, y, g, epsilon)
        if iteration > 1:
            error = _marginal_error(previous, f, epsilon)
        g = _soft_minimum(y, x, f, epsilon)  # the columns of P are now exact: its sum is 1
        if error <= tolerance:
            break
    return float(f.mean() + g.mean()), error, iteration


def _self_transport(x, schedule, tolerance, max_iterations):
    """OT_eps(x, x) and its marginal error; f = g, and averaged steps converge fast (eq. 25)."""
    f = np.zeros(len(x))
    for epsilon in schedule[:-1]:
        f = (f + _soft_minimum(x, x, f, epsilon)) / 2
    epsilon = schedule[-1]
    for _ in _iterations(max_iterations):
        target = _soft_minimum(x, x, f, epsilon)
        error = _marginal_error(f, target, epsilon)
        if error <= tolerance:
            break
        f = (f + target) / 2
    surplus = np.mean(np.expm1((f - target) / epsilon))  # sum P - 1
    return float(2 * f.mean() - epsilon * surplus), error


def _iterations(most):
    return tqdm(range(1, most + 1), "Sinkhorn", unit="iteration", delay=2, leave=False)


def _marginal_error(f, target, epsilon):
    """sum_i |(P 1)_i - 1 / N| of P_ij = exp((f_i + g_j - C_ij) / eps) / (N M), target = T(g)."""
    return float(np.mean(np.abs(np.expm1((f - target) / epsilon))))


def _soft_minimum(x, y, g, epsilon):
    """T(g)_i = -eps log mean_j exp((g_j - |x_i - y_j|^2) / eps): float64 (N,), in blocks of rows.

    |x_i|^2 is taken out of the sum and |y_j|^2 is added to g_j, which leaves one matrix product.
    TensorFlow's product and log-sum-exp use all cores; NumPy's exponential uses one.
    """
    x_norms, y_norms = (np.einsum("nd,nd->n", z, z, dtype=np.float64) for z in (x, y))
    bias = tf.constant(((g - y_norms) / epsilon).astype(x.dtype))
    scaled = tf.constant((2 / epsilon * y).astype(x.dtype))
    rows = max(1, _BLOCK // len(y))
    parts = [
        tf.reduce_logsumexp(tf.matmul(x[i : i + rows], scaled, transpose_b=True) + bias, axis=1)
        for i in range(0, len(x), rows)
    ]
    sums = tf.concat(parts, 0).numpy().astype(np.float64) - np.log(len(y))
    return x_norms - epsilon * sums
