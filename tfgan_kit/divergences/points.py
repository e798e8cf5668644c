"""What every estimator asks of its input: finite points of one dimension, weights that sum to 1."""

import numpy as np

MASS_TOLERANCE = 1e-6  # how far float32 probabilities may be from a sum of 1


def checked_points(x, y):
    """Both sets as arrays [N, D] and [M, D]: float32 where both are, otherwise float64.

    Raises:
        ValueError: another rank, an empty set, unequal dimensions, NaN or infinity.
    """
    x, y = _checked_set(x), _checked_set(y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            "Both sets need points of the same dimension. "
            f"Received: x.shape={x.shape}, y.shape={y.shape}"
        )
    dtype = np.float32 if x.dtype == y.dtype == np.float32 else np.float64
    return x.astype(dtype, copy=False), y.astype(dtype, copy=False)


def checked_masses(masses, name, count=None):
    """Probabilities as float64 [K], divided by their sum to make it exactly 1.

    Raises:
        ValueError: another rank or length, negative or not finite, or a sum not 1 within 1e-6.
    """
    masses = np.asarray(masses, np.float64)
    if masses.ndim != 1 or not len(masses) or (count is not None and len(masses) != count):
        length = "[K], K >= 1" if count is None else f"[{count}], one for each point"
        raise ValueError(f"`{name}` needs the shape {length}. Received: shape={masses.shape}")
    if not np.isfinite(masses).all() or masses.min() < 0:
        raise ValueError(
            f"`{name}` must be finite and >= 0: probabilities, not logits. "
            f"Received: {np.count_nonzero(~(masses >= 0) | np.isinf(masses))} values that are not"
        )
    if abs(masses.sum() - 1) > MASS_TOLERANCE:
        raise ValueError(
            f"`{name}` must sum to 1 within {MASS_TOLERANCE:g}: divide it by its sum, if mass may "
            f"be ignored. Received: sum={masses.sum():.9g}"
        )
    return masses / masses.sum()


def checked_order(order):
    """The order p >= 1 of a Wasserstein distance, as a float; may be infinite."""
    if not isinstance(order, (int, float, np.number)) or not order >= 1:
        raise ValueError(
            "A Wasserstein distance has an order p >= 1 (below 1 it is another metric). "
            f"Received: order={order!r}"
        )
    return float(order)


def check_finite(values):
    if not np.isfinite(values).all():
        raise ValueError(
            "Points must be finite: look at the generator that made them. "
            f"Received: {np.count_nonzero(~np.isfinite(values))} values that are not"
        )


def _checked_set(points):
    points = np.asarray(points)
    if points.ndim != 2 or not points.size:
        raise ValueError(
            "Points need the shape [N, D] with N >= 1 and D >= 1; flatten images, give a line's "
            f"points as [N, 1]. Received: shape={points.shape}"
        )
    check_finite(points)
    return points if points.dtype == np.float32 else points.astype(np.float64)
