"""The check of an estimator's samples: finite real numbers of one dimension, in a unit in which squares fit."""

import numpy as np

NO_REAL_NUMBERS = "OSUcmM"  # kinds of NumPy dtypes: objects, strings, complex numbers, times
# Sizes of numbers whose squares, and sums of squares, neither overflow nor vanish.
_FLOAT32_SIZES = (1e-15, 1e15)
_FLOAT64_POWERS = 1e200  # a size's power may be as large, or as small as its inverse


def real_numbers(values):
    """`number_array` in a type for arithmetic: float32 as it is, any other type as float64."""
    array = number_array(values)
    with np.errstate(over="ignore"):  # of a longer float
        return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def number_array(values):
    """What NumPy makes of real numbers of any type.

    Raises:
        ValueError: texts, objects, complex numbers, times, rows of unequal lengths, masked values.
    """
    if np.ma.is_masked(values):
        raise ValueError(
            "Masked values have no place in a sum of all: drop their rows, or fill them. "
            f"Received: {np.ma.count_masked(values)} masked values in an array of shape {values.shape}"
        )
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"Points and features are rows of one length. Received: {error}") from error
    if array.dtype.kind in NO_REAL_NUMBERS:
        raise ValueError(
            "Points, features and probabilities must be real numbers, of an integer or float dtype: convert them. "
            f"Received: dtype={array.dtype}"
        )
    return array


def check_finite(values):
    """Raises ValueError for an array of numbers that are not all finite."""
    if not np.isfinite(values).all():
        raise ValueError(
            "Points and features must be finite: look for NaN or infinity in the data, the extractor, or the "
            f"generator that made them. Received: {np.count_nonzero(~np.isfinite(values))} such values in an array "
            f"of shape {values.shape}"
        )


def checked_points(*sets):
    """The sets as a list of arrays (N, D): float32 where all are and their squares fit it, otherwise float64.

    Raises:
        ValueError: another rank, an empty set, unequal dimensions, values that are not finite real numbers.
    """
    sets = [_checked_set(points) for points in sets]
    if len({points.shape[1] for points in sets}) > 1:
        shapes = ", ".join(str(points.shape) for points in sets)
        raise ValueError(
            f"All sets need points of the same dimension, features those of one extractor. Received: shapes {shapes}"
        )
    single = all(points.dtype == np.float32 for points in sets) and _lies_within(largest(*sets), _FLOAT32_SIZES)
    return [points.astype(np.float32 if single else np.float64, copy=False) for points in sets]


def scaled_points(*sets, power=2):
    """`checked_points` as `scaled` gives them: (sets, unit)."""
    return scaled(*checked_points(*sets), power=power)


def scaled(*arrays, power=2):
    """The arrays in a unit in which their powers neither overflow nor vanish: (list of arrays, unit).

    The unit is a power of two, so that nothing is rounded; it is 1.0, and the arrays are the given ones, where the
    power of their largest number lies between 1e-200 and 1e200.
    """
    size, most = largest(*arrays), _FLOAT64_POWERS ** (1 / power)
    if _lies_within(size, (1 / most, most)):
        return list(arrays), 1.0
    unit = power_of_two(size)
    return [array / unit for array in arrays], unit


def power_of_two(size):
    """The largest power of two up to a positive float."""
    return float(np.ldexp(1.0, np.frexp(size)[1] - 1))


def largest(*arrays):
    """The largest absolute value in the arrays, none of which is empty: float."""
    return float(max(max(array.max(), -array.min()) for array in arrays))


def check_fits(value):
    """A value that may be too large for float64, as a float.

    Raises:
        ValueError: it is infinite or NaN.
    """
    if not np.isfinite(value):
        raise ValueError(
            "The value is larger than float64 can hold, 1.8e308: divide the points or features by a number. "
            f"Received: {value}"
        )
    return float(value)


def checked_order(order):
    """The order p >= 1 of a Wasserstein distance as a float; may be infinite."""
    if not isinstance(order, (int, float, np.number)) or not order >= 1:
        raise ValueError(
            "The order p of a Wasserstein distance must be at least 1 (below 1 it is another metric). "
            f"Received: order={order!r}"
        )
    return float(order)


def _lies_within(size, sizes):
    return size == 0 or sizes[0] < size < sizes[1]


def _checked_set(points):
    points = real_numbers(points)
    if points.ndim != 2 or not points.size:
        raise ValueError(
            "Points need the shape (N, D) with N >= 1 and D >= 1; flatten images, and give points on a line "
            f"as (N, 1). Received: shape={points.shape}"
        )
    check_finite(points)
    return points
