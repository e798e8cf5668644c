"""Nearest neighbours, and points within balls, by block matrix products: exact in spite of their rounding."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

_BLOCK = 2**25  # bytes of distances held at once
_GATHERED = 2**21  # coordinates of pairs whose distances are computed directly at once: 16 MiB
_SPARE = 8  # candidates beyond k, so that a product's rounding rarely affects the k-th
_AGAIN = 4096  # rows that are recomputed at once, in float64
_FLOAT32_SPREAD = (1e-15, 1e15)  # range of coordinates whose squares and sums of squares fit float32


class _Side(NamedTuple):
    """One set: its points as given, the centred points, lower bounds of their squared norms, rounding bounds.

    |x|^2 - 2 x . y + |y|^2, by a product, differs from the squared distance that `_squares` computes by at
    most x.widths + y.widths; x.floors is |x|^2 - x.widths. With u half the dtype's spacing at 1 and
    s = |x|^2 + |y|^2, the product's error is under D u s, the norms' and sums' under 5 u s, centring's
    under 4 u s, a squared radius's of that size under u s, that of `_squares` in float64 under 2 D 2^-53 s.
    """

    points: np.ndarray
    centred: tf.Tensor
    floors: np.ndarray
    widths: np.ndarray


class Block(NamedTuple):
    """Some rows of x against all y; `lower` (rows, M) are lower bounds of the squared distances."""

    rows: slice
    lower: np.ndarray
    left: _Side
    right: _Side

    def within(self, squared_radii, closed):
        """The pairs within a ball: int arrays (i, j) of rows of x and of y.

        Args:
            squared_radii: float64 (rows, 1) for balls around x, or (1, M) around y.
            closed: bool, whether a ball includes its boundary.
        """
        candidates = np.flatnonzero(self.lower <= squared_radii.astype(self.lower.dtype))
        i, j = np.divmod(candidates, self.lower.shape[1])
        limits = np.broadcast_to(squared_radii, self.lower.shape)[i, j]
        upper = self.lower[i, j].astype(np.float64)
        i += self.rows.start
        upper += 2 * self.left.widths[i]
        upper += 2 * self.right.widths[j]
        inside = upper < limits
        doubtful = np.flatnonzero(~inside)
        squares = _squares(self.left.points, self.right.points, i[doubtful], j[doubtful])
        inside[doubtful] = squares <= limits[doubtful] if closed else squares < limits[doubtful]
        return i[inside], j[inside]


def blocks(x, y, dtype=None):
    """`Block`s that cover x and y, both float32 or both float64, (N, D) and (M, D).

    Products are computed in `dtype`, by default that of x.
    """
    left, right = _sides(x, y, dtype or x.dtype)
    step = _rows(left, len(y))
    with tqdm(desc="distances", total=len(x), unit="row", delay=2, leave=False) as bar:
        for start in range(0, len(x), step):
            rows = slice(start, min(start + step, len(x)))
            yield Block(rows, _lower(left, right, rows, slice(None)), left, right)
            bar.update(rows.stop - start)


def nearest(x, y, k):
    """The k nearest y of each x: indices int64 (N, k) and squared distances float64 (N, k), ascending.

    Args:
        x, y: both float32 or both float64, (N, D) and (M, D) with M >= k; products are computed in
            their dtype.

    Exact: products choose k + 8 candidates by a lower bound of the distance, and the distances of the
    candidates are then computed directly in float64. If a point that was not chosen may be closer, the row
    is computed again, by float64 products and then, if necessary, by all its direct distances.
    """
    return _nearest(x, y, k, None, x.dtype)


def nearest_others(x, k):
    """`nearest` among the other rows of x, for k < N; each product serves both of its rows."""
    side = _sides(x, x, x.dtype)[0]
    best = _Candidates(len(x), min(k + _SPARE, len(x) - 1))
    bar = tqdm(total=len(x), desc="neighbours", unit="row", delay=2, leave=False)
    start = 0
    with bar:
        while start < len(x):
            stop = min(start + _rows(side, len(x) - start), len(x))
            lower = _lower(side, side, slice(start, stop), slice(start, None))
            np.fill_diagonal(lower, np.inf)
            best.offer(slice(start, stop), lower, start)
            best.offer(slice(stop, None), lower[:, stop - start :].T, start)
            bar.update(stop - start)
            start = stop
    return _settled(x, x, k, best, np.arange(len(x)), x.dtype)


def _nearest(x, y, k, own, dtype):
    """`nearest` by products in `dtype`; `own` (N,) is the row of y that each x leaves out, or None."""
    best = _Candidates(len(x), min(k + _SPARE, len(y) - (own is not None)))
    for block in blocks(x, y, dtype):
        if own is not None:
            block.lower[np.arange(len(block.lower)), own[block.rows]] = np.inf
        best.offer(block.rows, block.lower, 0)
    return _settled(x, y, k, best, own, dtype)


class _Candidates:
    """The columns of each row's `count` smallest lower bounds in all blocks so far."""

    def __init__(self, rows, count):
        self.columns = np.full((rows, count), -1)
        self.lower = np.full((rows, count), np.inf)

    def offer(self, rows, lower, first):
        """Adds a block of bounds (rows, columns), whose column 0 is number `first`."""
        count = min(self.columns.shape[1], lower.shape[1])
        if not lower.size:
            return
        columns = np.argpartition(lower, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(lower, columns, axis=1)
        columns = np.concatenate([self.columns[rows], columns + first], axis=1)
        values = np.concatenate([self.lower[rows], values], axis=1)
        kept = np.argpartition(values, self.columns.shape[1] - 1, axis=1)[:, : self.columns.shape[1]]
        self.columns[rows] = np.take_along_axis(columns, kept, axis=1)
        self.lower[rows] = np.take_along_axis(values, kept, axis=1)


def _settled(x, y, k, best, own, dtype):
    """The k nearest candidates; the k nearest of all y where the bounds do not settle it."""
    n, count = best.columns.shape
    squares = _squares(x, y, np.repeat(np.arange(n), count), best.columns.ravel()).reshape(n, count)
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    columns = np.take_along_axis(best.columns, order, axis=1)
    squares = np.take_along_axis(squares, order, axis=1)
    if count < len(y) - (own is not None):
        kth = squares[:, -1]
        doubtful = np.flatnonzero((kth > best.lower.max(axis=1)) & (kth > 0))
        for start in range(0, len(doubtful), _AGAIN):
            rows = doubtful[start : start + _AGAIN]
            rest = x[rows], y, k, None if own is None else own[rows]
            columns[rows], squares[rows] = _direct(*rest) if dtype == np.float64 else _nearest(*rest, np.float64)
    return columns, squares


def _direct(x, y, k, own):
    columns, squares = np.empty((len(x), k), np.int64), np.empty((len(x), k))
    everyone = np.arange(len(y))
    for row in tqdm(range(len(x)), "direct distances", unit="row", delay=2, leave=False):
        distances = _squares(x, y, np.full(len(y), row), everyone)
        if own is not None:
            distances[own[row]] = np.inf
        columns[row] = np.argsort(distances, kind="stable")[:k]
        squares[row] = distances[columns[row]]
    return columns, squares


def _squares(x, y, rows, columns):
    """Squared distances of pairs, by differences: float64 (pairs,)."""
    squares = np.empty(len(rows))
    step = max(1, _GATHERED // x.shape[1])
    for start in range(0, len(rows), step):
        pairs = slice(start, start + step)
        difference = x[rows[pairs]].astype(np.float64)
        difference -= y[columns[pairs]]
        squares[pairs] = np.einsum("pd,pd->p", difference, difference)
    return squares


def _sides(x, y, dtype):
    """Both sets centred on one point, which makes the norms, and so the rounding, small."""
    centre = (x.mean(axis=0, dtype=np.float64) + y.mean(axis=0, dtype=np.float64)) / 2
    spread = max(np.abs(end(axis=0) - centre).max() for points in (x, y) for end in (points.min, points.max))
    dtype = dtype if _FLOAT32_SPREAD[0] < spread < _FLOAT32_SPREAD[1] else np.float64
    left = _side(x, centre, dtype)
    return left, left if y is x else _side(y, centre, dtype)


def _side(points, centre, dtype):
    centred = points.astype(dtype)
    centred -= centre.astype(dtype)
    norms = np.einsum("nd,nd->n", centred, centred, dtype=np.float64)
    dimension = points.shape[1]
    widths = ((dimension + 16) * np.finfo(dtype).eps / 2 + dimension * 2.0**-52) * norms
    with tf.device("CPU"):  # a GPU would round the product to TensorFloat-32
        return _Side(points, tf.constant(centred), (norms - widths).astype(dtype), widths)


def _rows(side, columns):
    return max(1, _BLOCK // (columns * side.floors.itemsize))


def _lower(left, right, rows, columns):
    """Lower bounds of the squared distances between some rows of x and some of y."""
    with tf.device("CPU"):
        product = tf.linalg.matmul(-2 * left.centred[rows], right.centred[columns], transpose_b=True)
    lower = product.numpy()
    lower += right.floors[columns]
    lower += left.floors[rows, None]
    return lower
