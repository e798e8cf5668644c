"""Which modes of a known mixture a generator makes, how often, and how wide."""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from tfgan_kit.divergences import discrete

NEAR = 3.0  # deviations within which a point counts for its mode


class ModeCoverage(NamedTuple):
    """What `mode_coverage` found.

    modes: int, those with at least one point within 3 deviations.
    high_quality: float, the share of points within 3 deviations of a mode; in the plane 0.989 of
        the mixture's own points.
    reverse_kl: float, KL of the near points' histogram of modes from the mixture's weights, in
        nats; inf where no point is near. Real samples of N points have about (K - 1) / (2 N).
    spread: float, the deviation of the near points around their own mean in each mode, over the
        mixture's, averaged over the modes with 2 points or more; in the plane 0.974 of the mixture's
        own, since the far ones are left out; NaN where no mode has 2.
    """

    modes: int
    high_quality: float
    reverse_kl: float
    spread: float


def mode_coverage(points, mixture):
    """How a generator's points lie on the modes of a mixture that is known.

    Args:
        points: float [N, D].
        mixture: has `means` [K, D], `deviation` and `weights` [K], as `data.points.Mixture`.

    Returns:
        A `ModeCoverage`.

    Raises:
        ValueError: points of another rank or dimension, none, or NaN.

    O(N K) time and memory.

    Example:
        >>> mode_coverage(gan.generate(2500), data.points.MIXTURES["grid25"]).modes

    Reference: Lin et al., PacGAN (arXiv:1712.04086), section 4.1 and its authors' code, which counts
    near points only in the histogram; the spread is ours.
    """
    points = np.asarray(points, np.float64)
    dimension = mixture.means.shape[1]
    if points.ndim != 2 or points.shape[1] != dimension or not len(points):
        raise ValueError(
            f"Points on this mixture have the shape [N, {dimension}], N >= 1. "
            f"Received: points.shape={points.shape}"
        )
    if np.isnan(points).any():
        raise ValueError(f"Points must not be NaN. Received: {np.isnan(points).any(axis=1).sum()} that are")
    distances = cdist(points, mixture.means)  # (N, K)
    nearest = distances.argmin(axis=1)
    near = distances.min(axis=1) < NEAR * mixture.deviation
    counts = np.bincount(nearest[near], minlength=len(mixture.means))
    return ModeCoverage(
        modes=int(np.count_nonzero(counts)),
        high_quality=float(near.mean()),
        reverse_kl=discrete.kl(counts / counts.sum(), mixture.weights) if near.any() else np.inf,
        spread=_spread(points[near], nearest[near], counts) / mixture.deviation,
    )


def _spread(points, modes, counts):
    """The mean over modes of the root mean variance of a coordinate."""
    deviations = [
        np.sqrt(points[modes == k].var(axis=0, ddof=1).mean()) for k in np.flatnonzero(counts > 1)
    ]
    return float(np.mean(deviations)) if deviations else np.nan
