"""The kernel distance (KID when the features are InceptionV3's): an unbiased squared MMD."""

from concurrent import futures
from typing import NamedTuple

from tfgan_kit.divergences.samples import check_fits, checked_points
from tfgan_kit.metrics.measurement import Measurement
from tfgan_kit.ranges import check_int

import numpy as np
import tensorflow as tf
from tqdm import tqdm

NUM_SUBSETS = 100
SUBSET_SIZE = 1000
# Columns of the kernel matrix at a time: the fastest for a subset of 1,000, and for the pairs of whole sets.
_STRIP, _WIDE_STRIP = 128, 1000
_INFLUENCE_ROWS = 1000  # images that tell the variance of one, to 5 %
_FLOAT32_SQUARE = 100.0  # the largest mean square of a row whose kernel float32 holds well enough
_ALL_PAIRS = 0.86  # what a pair of the whole sets costs, in pairs of subsets


class KernelDistance(NamedTuple):
    """What `kernel_distance` found.

    value: the mean over the subsets; may be slightly negative, as an unbiased estimate of zero is.
    std: the standard deviation of the subsets' values, which papers report.
    standard_error: how far other images of the same laws would move the value.
    subset_size, num_subsets: what was used.
    """

    value: float
    std: float
    standard_error: float
    subset_size: int
    num_subsets: int


def maximum_mean_discrepancy(x, y):
    """The unbiased squared maximum mean discrepancy with the kernel k(x, y) = (x . y / D + 1)^3.

        MMD^2 = mean_{i != j} k(x_i, x_j) + mean_{i != j} k(y_i, y_j) - 2 mean_{i, j} k(x_i, y_j)

    Args:
        x, y: float (N, D) and (M, D), N, M >= 2. Of float64 the products x . y are float64, of
            float32 they and the kernel are float32, twice as fast, where no row's mean square is above 100; sums
            over rows are float64.

    Returns:
        A float; its mean over draws from equal laws is zero.

    Raises:
        ValueError: fewer rows, another rank, unequal dimensions, features that are not finite, or so large that
            their kernel overflows.

    Reference: Binkowski et al., arXiv:1801.01401, eq. 4 and section 4;
    the estimator is Gretton et al. (2012), eq. 3.
    """
    x, y = _for_the_kernel(x, y)
    if min(len(x), len(y)) < 2:
        raise ValueError(f"A discrepancy needs 2 rows in each set. Received: {len(x)} and {len(y)}")
    with tf.device("CPU:0"):  # a GPU would round products to TF32
        return check_fits(_discrepancy(tf.convert_to_tensor(x), tf.convert_to_tensor(y)))


def kernel_distance(features_a, features_b, seed=0, num_subsets=NUM_SUBSETS, subset_size=SUBSET_SIZE):
    """The mean unbiased squared MMD of `num_subsets` random subsets of both sets.

    Unbiased at any count, where the Frechet distance is not: prefer it below about 10,000 images.

    Args:
        features_a, features_b: float (N, D) and (M, D), N, M >= 4. float32 features, as extractors
            give them, are multiplied in float32, which moved values by less than 1e-4 of the
            subsets' `std`; in float64 those of other types, or with a row whose mean square is above 100.
        seed: int; draws the subsets, without replacement within one.
        num_subsets: int >= 1, 100 in the paper's code.
        subset_size: int >= 2, 1000 in the paper's code. Where a set is smaller it becomes half
            the smaller set (whole sets would be the same 100 times over, their spread zero).

    Returns:
        A `KernelDistance`. Its standard error is the delta method's, whose influence of an image x is
        2 (mean_y k(x, x') - mean_y k(x, y)), and of second order the subsets' spread, as it would be in the
        whole sets: all there is where the laws are equal, and where it is too large by up to two thirds.

    Raises:
        ValueError: too few rows, another rank, unequal dimensions, features that are not finite, or so large that
            their kernel overflows.

    Example:
        >>> kernel_distance(real_features, generated_features).value > 0
        True

    Reference: Binkowski et al., arXiv:1801.01401, section 4.
    """
    a, b = _checked(features_a, features_b, num_subsets, subset_size)
    smaller = min(len(a), len(b))
    size = subset_size if subset_size <= smaller else smaller // 2
    random = np.random.default_rng(seed)
    subsets = [
        (random.choice(len(a), size, replace=False), random.choice(len(b), size, replace=False))
        for _ in range(num_subsets)
    ]
    with tf.device("CPU:0"):
        if _ALL_PAIRS * (len(a) + len(b)) ** 2 <= num_subsets * (2 * size) ** 2:
            values = _values_from_all_pairs(tf.convert_to_tensor(a), tf.convert_to_tensor(b), subsets)
        else:
            values = _values_one_by_one(a, b, subsets)
        first = (tf.convert_to_tensor(part[:_INFLUENCE_ROWS]) for part in (a, b))
        influence = _influence_variance(*first, len(a), len(b))
    with np.errstate(over="ignore", invalid="ignore"):
        variance = np.var(values)
        error = check_fits(np.sqrt(influence + variance * ((size / smaller) ** 2 + 1 / num_subsets)))
    return KernelDistance(float(np.mean(values)), float(np.sqrt(variance)), error, size, num_subsets)


def kid(comparison, seed):
    """The metric `kid`: the unbiased kernel distance over an extractor's features."""
    found = kernel_distance(comparison.real.reference.features, comparison.other.features, seed)
    settings = {"kernel": "(x.y/d + 1)^3, unbiased", "subsets": found.num_subsets, "subset_size": found.subset_size}
    warning = f"kernel subsets of {found.subset_size} images, not {SUBSET_SIZE}: the set is small"
    warnings = (warning,) if found.subset_size < SUBSET_SIZE else ()
    return Measurement(found.value, {"std": found.std}, settings, warnings, found.standard_error)


def _influence_variance(x, y, count_x, count_y):
    """The variance of the discrepancy of `count_x` and `count_y` images to first order: 0 for equal laws."""
    kernel = tf.cast(_kernel(x, y), tf.float64)  # (N, M)
    moved = [
        2 * (_sums_of_rows(_hollow(_kernel(part, part))) / (len(part) - 1) - tf.reduce_mean(kernel, axis=axis))
        for part, axis in ((x, 1), (y, 0))
    ]
    with np.errstate(over="ignore", invalid="ignore"):
        return np.var(moved[0]) / count_x + np.var(moved[1]) / count_y


def _discrepancy(x, y):
    """`maximum_mean_discrepancy` of tensors."""
    n, m = x.shape[0], y.shape[0]
    within = _total(x, x, True) / (n * (n - 1)) + _total(y, y, True) / (m * (m - 1))
    return within - 2 * _total(x, y) / (n * m)


_traced_discrepancy = tf.function(_discrepancy, autograph=False)


def _values_one_by_one(a, b, subsets):
    """Each subset's value. Its rows go through the same memory: at 50,000 images the first touch of a copy
    of all features takes as long as half of the products."""
    memory = [np.empty((len(subsets[0][0]), a.shape[1]), a.dtype) for _ in range(2)]
    values, images = [], 2 * len(subsets[0][0])
    with futures.ThreadPoolExecutor(2) as pool, _bar(images * len(subsets)) as bar:
        for subset in subsets:
            x, y = pool.map(_gathered, (a, b), subset, memory)
            values.append(_traced_discrepancy(x, y).numpy())
            bar.update(images)
    return values


def _bar(images):
    return tqdm(desc="kernel distance", total=images, unit="image", unit_scale=True, delay=2, leave=False)


def _gathered(features, rows, memory):
    np.take(features, rows, axis=0, out=memory, mode="clip")  # "raise", the default, copies once more
    with tf.device("CPU:0"):  # of this thread
        return tf.constant(memory)


def _values_from_all_pairs(a, b, subsets):
    """Each subset's value: s^T k t sums the kernel over the subset that the 0/1 vectors mark."""
    size = len(subsets[0][0])
    marks_a = _marks(len(a), [rows for rows, _ in subsets])
    marks_b = _marks(len(b), [columns for _, columns in subsets])
    within = _totals(a, a, marks_a, marks_a, True) + _totals(b, b, marks_b, marks_b, True)
    return within / (size * (size - 1)) - 2 * _totals(a, b, marks_a, marks_b) / size**2  # (K,)


def _marks(count, subsets):
    marks = np.zeros((count, len(subsets)), bool)
    for column, rows in enumerate(subsets):
        marks[rows, column] = True
    return tf.constant(marks)


def _totals(x, y, marks_x, marks_y, within=False):
    """The kernel's sum over the pairs that each column of the marks names: float64 (K,)."""
    total = 0.0
    with _bar(y.shape[0]) as bar:
        for first, kernel in _strips(x, y, within, _WIDE_STRIP):
            total += _marked_sums(kernel, marks_x, marks_y[first : first + _WIDE_STRIP]).numpy()
            bar.update(kernel.shape[1])
    return total


def _marked_sums(kernel, marks_x, marks_y):
    of_columns = tf.matmul(tf.cast(kernel, tf.float64), tf.cast(marks_y, tf.float64))  # (<= N, K)
    return tf.reduce_sum(tf.where(marks_x[: kernel.shape[0]], of_columns, 0.0), axis=0)


def _total(x, y, within=False):
    return tf.add_n([tf.reduce_sum(_sums_of_rows(kernel)) for _, kernel in _strips(x, y, within, _STRIP)])


def _sums_of_rows(kernel):
    return tf.cast(tf.reduce_sum(kernel, axis=1), tf.float64)


def _strips(x, y, within, width):
    """(first column, kernel matrix of these `width` columns) strip by strip, (<= N, <= width).

    Within one set each ends at its diagonal: what lies below mirrors what lies above, which is doubled for it.
    """
    for first in range(0, y.shape[0], width):
        kernel = _kernel(x[: first + width] if within else x, y[first : first + width])
        if within:
            kernel = tf.concat([2 * kernel[:first], _hollow(kernel[first:])], axis=0)
        yield first, kernel


def _kernel(x, y):
    base = tf.matmul(x, y, transpose_b=True) / x.shape[1] + 1  # (N, M)
    return base * base * base  # `** 3` would call pow, ten times slower


def _hollow(kernel):
    """Without the pairs of an image with itself."""
    return tf.linalg.set_diag(kernel, tf.zeros(kernel.shape[0], kernel.dtype))


def _checked(features_a, features_b, num_subsets, subset_size):
    a, b = _for_the_kernel(features_a, features_b)
    if min(len(a), len(b)) < 4:
        raise ValueError(
            f"A kernel distance needs at least 4 images in each set: generate more. Received: {len(a)} and {len(b)}"
        )
    check_int("num_subsets", num_subsets, 1)
    check_int("subset_size", subset_size, 2)
    return a, b


def _for_the_kernel(x, y):
    """Both sets checked, in a type that holds the kernel: its rounding error grows as the cube of |x|^2 / D."""
    x, y = checked_points(x, y)
    squares = [np.einsum("nd,nd->n", points, points).max() / points.shape[1] for points in (x, y)]
    return (x, y) if max(squares) <= _FLOAT32_SQUARE else (x.astype(np.float64), y.astype(np.float64))
