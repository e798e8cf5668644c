"""Sliced Wasserstein distance: the mean over random lines of the distance on a line."""

from typing import NamedTuple

from tfgan_kit.divergences.one_dimensional import power_mean, quantile_gaps
from tfgan_kit.divergences.samples import check_fits, checked_order, scaled_points

import numpy as np
from tqdm import tqdm

REPEATS = 4
DIRECTIONS_PER_REPEAT = 128
_BLOCK = 2**20  # projections held at once, if one line has no more


class SlicedWasserstein(NamedTuple):
    """A sliced Wasserstein distance.

    value: the distance over all directions.
    std: its standard deviation over the repeats, each with its own random directions.

    Example:
        >>> value, std = sliced_wasserstein(real_points, real_points)
        >>> value, std
        (0.0, 0.0)
    """

    value: float
    std: float


def sliced_wasserstein(x, y, seed=0, repeats=REPEATS, directions=DIRECTIONS_PER_REPEAT, order=1):
    """The p-Wasserstein distance of two point sets projected on random lines, averaged over the lines.

        SW_p(x, y) = (E_{theta on the sphere} W_p(x . theta, y . theta)^p)^(1/p)

    Each W_p is exact, also for unequal counts; the lines are a sample, with an error of about
    std / sqrt(repeats). SW_p <= W_p, and SW_p^p <= W_p^p E|theta_1|^p.

    Args:
        x, y: float (N, D) and (M, D); computed in float32 if both are float32, otherwise in float64.
        seed: int; draws the directions.
        repeats, directions: int >= 1; `repeats` draws of `directions` directions each.
        order: float, 1 <= p < infinity.

    Returns:
        A `SlicedWasserstein` in the units of the points. A set and its translation by a vector t have
        the distance |t| E|theta_1| at order 1: |t| on a line, 2 |t| / pi in the plane.

    Raises:
        ValueError: another rank, unequal dimensions, NaN, counts below 1, an order below 1 or
            infinite; a distance that is larger than float64 can hold.

    Time O(L (N + M) (D + log(N + M))) with L = repeats * directions lines. Lines are processed in blocks
    of at most 2^20 projections (or one line, if it has more), so memory does not grow with L.

    Example:
        >>> shifted = real_points + np.float32([3.0, 4.0])
        >>> 3.0 < sliced_wasserstein(real_points, shifted).value < 3.4  # 2 |t| / pi = 3.18
        True

    Reference: Rabin et al. (2011); Bonneel et al. (2015); directions as in Karras et al.,
    arXiv:1710.10196, section 5.
    """
    (x, y), unit = scaled_points(x, y)
    order = _checked_options(repeats, directions, order)
    with bar("sliced Wasserstein", len(x) + len(y), "point") as progress:
        distances = repeated_distances(x, y, np.random.default_rng(seed), (repeats, directions), order, progress)
    value = float(power_mean(distances, order, 1 / repeats))
    return SlicedWasserstein(check_fits(value * unit), float(np.std(distances)) * unit)


def repeated_distances(x, y, random, draws, order, progress):
    """Each repeat's sliced distance, over its own directions: float64 (repeats,).

    Args:
        draws: (repeats, directions per repeat).
        progress: a `bar`, which this fills completely.
    """
    lines = max(1, min(16, _BLOCK // (len(x) + len(y))))
    repeats, directions = draws
    values = np.empty(repeats)
    for index in range(repeats):
        theta = random.standard_normal((directions, x.shape[1]))
        theta = (theta / np.linalg.norm(theta, axis=1, keepdims=True)).astype(x.dtype)
        distances = []
        for start in range(0, directions, lines):
            block = theta[start : start + lines]
            gaps, lengths = quantile_gaps(block @ x.T, block @ y.T)
            distances.append(power_mean(gaps, order, lengths))  # (lines,)
            progress.update(progress.total * len(block) / (repeats * directions))
        values[index] = power_mean(np.concatenate(distances), order, 1 / directions)
    return values


def bar(name, total, unit):
    """A progress bar for `repeated_distances`; units are scaled, since it advances by fractions."""
    return tqdm(desc=name, total=total, unit=unit, unit_scale=True, delay=2, leave=False)


def _checked_options(repeats, directions, order):
    order = checked_order(order)
    if repeats < 1 or directions < 1 or np.isinf(order):
        raise ValueError(
            "`repeats` and `directions` must be at least 1, `order` finite. "
            f"Received: repeats={repeats}, directions={directions}, order={order}"
        )
    return order
