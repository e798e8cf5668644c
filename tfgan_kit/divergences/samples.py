"""The check of an estimator's samples: finite points of equal dimension."""

import numpy as np

NO_REAL_NUMBERS = "OSUcmM"  # kinds of NumPy dtypes: objects, strings, complex numbers, times


def checked_points(x, y):
    """Both sets as arrays (N, D) and (M, D): float32 where both are, otherwise float64.

    Raises:
        ValueError: another rank, an empty set, unequal dimensions, values that are not finite real numbers.
    """
    x, y = _checked_set(x), _checked_set(y)
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"Both sets need points of the same dimension. Received: x.shape={x.shape}, y.shape={y.shape}")
    dtype = np.float32 if x.dtype == y.dtype == np.float32 else np.float64
    return x.astype(dtype, copy=False), y.astype(dtype, copy=False)


def checked_order(order):
    """The order p >= 1 of a Wasserstein distance as a float; may be infinite."""
    if not isinstance(order, (int, float, np.number)) or not order >= 1:
        raise ValueError(
            "The order p of a Wasserstein distance must be at least 1 (below 1 it is another metric). "
            f"Received: order={order!r}"
        )
    return float(order)


def check_finite(values):
    """Raises ValueError for an array that does not hold finite real numbers."""
    if values.dtype.kind in NO_REAL_NUMBERS:
        raise ValueError(
            "Points and features must be real numbers, of an integer or float dtype: convert them. "
            f"Received: dtype={values.dtype}"
        )
    if not np.isfinite(values).all():
        raise ValueError(
            "Points and features must be finite: look for NaN or infinity in the data, the extractor, or the "
            f"generator that made them. Received: {np.count_nonzero(~np.isfinite(values))} such values in an array "
            f"of shape {values.shape}"
        )


def _checked_set(points):
    points = np.asarray(points)
    if points.ndim != 2 or not points.size:
        raise ValueError(
            "Points need the shape (N, D) with N >= 1 and D >= 1; flatten images, and give points on a line "
            f"as (N, 1). Received: shape={points.shape}"
        )
    check_finite(points)
    return points if points.dtype == np.float32 else points.astype(np.float64)
