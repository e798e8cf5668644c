"""The kernel distance (KID when the features are InceptionV3's): an unbiased squared MMD."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

NUM_SUBSETS = 100
SUBSET_SIZE = 1000
# Rows of a block of the kernel matrix: the fastest for subsets of 1,000, of which a third mirrors the rest.
_BLOCK = 336


class KernelDistance(NamedTuple):
    """What `kernel_distance` found.

    value: the mean over the subsets; may be slightly negative, as an unbiased estimate of zero is.
    std: the standard deviation of the subsets' values.
    standard_error: std / sqrt(num_subsets): how far another draw of subsets would move the value.
        Subsets of one set overlap, so it does not say how far other images would.
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
        x, y: float [N, D] and [M, D], N, M >= 2. Of float64 the products x . y are float64, of
            float32 they are float32, two to five times faster; kernel and sums are float64.

    Returns:
        A float; its mean over draws from equal laws is zero.

    Reference: [Binkowski et al., 2018](https://arxiv.org/abs/1801.01401), eq. 4 and section 4;
    the estimator is Gretton et al. (2012), eq. 3.
    """
    n, m = len(x), len(y)
    return _total(x, x) / (n * (n - 1)) + _total(y, y) / (m * (m - 1)) - 2 * _total(x, y) / (n * m)


def kernel_distance(
    features_a, features_b, seed=0, num_subsets=NUM_SUBSETS, subset_size=SUBSET_SIZE
):
    """The mean unbiased squared MMD of `num_subsets` random subsets of both sets.

    Unbiased at any count, where the Frechet distance is not: prefer it below about 10,000 images.

    Args:
        features_a, features_b: float [N, D] and [M, D], N, M >= 4. float32 features, as extractors
            give them, are multiplied in float32, which moved values by less than 1e-4 of the
            subsets' `std`; float64 ones in float64.
        seed: int; draws the subsets, without replacement within one.
        num_subsets: int >= 1, 100 in the paper's code.
        subset_size: int >= 2, 1000 in the paper's code. Where a set is smaller it becomes half
            the smaller set (whole sets would be the same 100 times over, their spread zero).

    Returns:
        A `KernelDistance`.

    Example:
        >>> kernel_distance(real_features, generated_features).value

    Reference: [Binkowski et al., 2018](https://arxiv.org/abs/1801.01401), section 4.
    """
    a, b = _checked(features_a, features_b, num_subsets, subset_size)
    smaller = min(len(a), len(b))
    size = subset_size if subset_size <= smaller else smaller // 2
    random = np.random.default_rng(seed)
    subsets = [
        (random.choice(len(a), size, replace=False), random.choice(len(b), size, replace=False))
        for _ in range(num_subsets)
    ]
    if (len(a) + len(b)) ** 2 <= num_subsets * (2 * size) ** 2:  # then every pair once is the lesser work
        values = _values_from_all_pairs(a, b, subsets)
    else:
        bar = tqdm(subsets, "kernel distance", unit="subset", delay=2, leave=False)
        values = [maximum_mean_discrepancy(a[rows], b[columns]) for rows, columns in bar]
    std = float(np.std(values))
    return KernelDistance(float(np.mean(values)), std, std / num_subsets**0.5, size, num_subsets)


def _values_from_all_pairs(a, b, subsets):
    """Each subset's value: s^T k t sums the kernel over the subset that the 0/1 vectors mark."""
    size = len(subsets[0][0])
    marks_a = _marks(len(a), [rows for rows, _ in subsets])
    marks_b = _marks(len(b), [columns for _, columns in subsets])
    within = _totals(a, a, marks_a, marks_a) + _totals(b, b, marks_b, marks_b)
    return within / (size * (size - 1)) - 2 * _totals(a, b, marks_a, marks_b) / size**2  # (K,)


def _marks(count, subsets):
    marks = np.zeros((count, len(subsets)), bool)
    for column, rows in enumerate(subsets):
        marks[rows, column] = True
    return marks


def _totals(x, y, marks_x, marks_y):
    totals = np.zeros(marks_x.shape[1])
    for rows, columns, weight, block in _blocks(x, y):
        of_columns = _product(block, marks_y[columns].astype(np.float64))  # (B, K)
        totals += weight * np.einsum("nk,nk->k", marks_x[rows], of_columns)
    return totals  # (K,)


def _total(x, y):
    return float(sum(weight * block.sum() for _, _, weight, block in _blocks(x, y)))


def _blocks(x, y):
    """(rows, columns, weight, kernel) block by block; within one set k(x_i, x_i) = 0.

    There the blocks below the diagonal mirror those above, which weigh 2 for it.
    """
    starts = range(0, len(x), _BLOCK)
    for start in tqdm(starts, "kernel distance", unit="block", delay=2, leave=False):
        rows = slice(start, start + _BLOCK)
        for first in range(start if x is y else 0, len(y), _BLOCK):
            columns = slice(first, first + _BLOCK)
            block = _kernel(x[rows], y[columns])
            if x is y and first == start:
                np.fill_diagonal(block, 0.0)
            yield rows, columns, 2 if x is y and first > start else 1, block


def _kernel(x, y):
    cube = _product(x, y, transpose_b=True).astype(np.float64)  # (N, M)
    cube /= x.shape[1]
    cube += 1.0
    square = cube * cube  # `** 3` would call pow, ten times slower
    cube *= square
    return cube


def _product(x, y, transpose_b=False):
    """x y by TensorFlow: in float32 twice NumPy's speed, and on the CPU, as a GPU would round to TF32."""
    with tf.device("CPU:0"):
        return tf.matmul(x, y, transpose_b=transpose_b).numpy()


def _checked(features_a, features_b, num_subsets, subset_size):
    a, b = np.asarray(features_a), np.asarray(features_b)
    dtype = np.result_type(a, b, np.float32)  # float32 or float64
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            "Both sets need features of one extractor, shapes [N, D] and [M, D]. "
            f"Received: {a.shape} and {b.shape}"
        )
    if min(len(a), len(b)) < 4:
        raise ValueError(
            "A kernel distance needs at least 4 images in each set: generate more. "
            f"Received: {len(a)} and {len(b)}"
        )
    if num_subsets < 1 or subset_size < 2:
        raise ValueError(
            "`num_subsets` must be at least 1 and `subset_size` at least 2. "
            f"Received: num_subsets={num_subsets}, subset_size={subset_size}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError(
            "Features must be finite: look for NaN or infinity in the images or the extractor. "
            f"Received: {np.sum(~np.isfinite(a)) + np.sum(~np.isfinite(b))} such values"
        )
    return a, b
