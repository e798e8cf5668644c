"""Two Gaussians in one coordinate system: their common subspace, and the axes in which Q is standard."""

from tfgan_kit.divergences.samples import largest, real_numbers, scaled

import numpy as np
import scipy.linalg

# Two covariances are equal within this, relative to the larger trace.
EQUAL_TOLERANCE = 1e-12
# Two laws lie on one subspace within this, relative to their spread and distance.
SUPPORT_TOLERANCE = 1e-9


def axes(p, q):
    """(lambda, delta) of P in axes in which Q is standard, each (rank,); None if the subspaces differ."""
    common = on_common_support(p, q)
    if common is None:
        return None
    difference, covariance_p, covariance_q = common
    if not difference.size:
        return np.ones(0), np.zeros(0)
    variances, vectors = scipy.linalg.eigh(covariance_p, covariance_q)  # V^T C_q V = I
    tiny = np.finfo(np.float64).tiny
    return np.clip(variances, tiny, 1 / tiny), vectors.T @ difference


def on_common_support(p, q):
    """(difference, covariance_p, covariance_q) in the common subspace, or None if the subspaces differ."""
    difference, covariance_p, covariance_q, _ = checked_pair(p, q)
    values_p, _ = support(covariance_p)
    values_q, basis = support(covariance_q)
    if len(values_p) != len(values_q) or not covers(basis, values_q, difference, covariance_p):
        return None
    if len(values_q) == len(difference):
        return difference, covariance_p, covariance_q
    return basis.T @ difference, basis.T @ covariance_p @ basis, np.diag(values_q)


def covers(basis, values, difference, covariance):
    """True if difference and covariance lie in the span of `basis` (D, rank), within rounding."""
    scale = np.sqrt(np.trace(covariance) + values.sum()) + np.linalg.norm(difference)
    outside = difference - basis @ (basis.T @ difference)
    spread = covariance - basis @ (basis.T @ covariance)
    return (
        np.linalg.norm(outside) <= SUPPORT_TOLERANCE * scale and np.linalg.norm(spread) <= SUPPORT_TOLERANCE * scale**2
    )


def support(covariance):
    """The eigenvalues above rounding (rank,) and their eigenvectors (D, rank)."""
    values, vectors = np.linalg.eigh(covariance)  # ascending
    rounding = len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    if values[0] < -np.sqrt(np.finfo(np.float64).eps) * max(values[-1], 0.0) or values[-1] < 0:
        raise ValueError(
            "A covariance has no negative eigenvalues: check how it was computed. "
            f"Received: smallest eigenvalue {values[0]}, largest {values[-1]}"
        )
    kept = values > rounding
    return values[kept], vectors[:, kept]


def equal(covariance_p, covariance_q):
    largest = max(np.trace(covariance_p), np.trace(covariance_q))
    return bool(abs(covariance_p - covariance_q).max() <= EQUAL_TOLERANCE * largest)


def checked_pair(p, q):
    """The difference of the means (D,), both covariances (D, D), as float64, and their unit, see `samples.scaled`."""
    mean_p, covariance_p = checked("p", p)
    mean_q, covariance_q = checked("q", q)
    if mean_p.shape != mean_q.shape:
        raise ValueError(
            f"Both laws need the same dimension: features of one extractor. Received: {mean_p.shape} and {mean_q.shape}"
        )
    half = mean_p / 2 - mean_q / 2  # the whole may overflow
    deviations = [np.sqrt(covariance.diagonal().clip(0.0)) for covariance in (covariance_p, covariance_q)]
    (half, *_), unit = scaled(half, *deviations, power=4)  # the Frechet distance squares products of covariances
    return 2 * half, covariance_p / unit / unit, covariance_q / unit / unit, unit


def checked(name, law):
    """A law's mean (D,) and covariance (D, D) as float64; ValueError where it is no Gaussian's."""
    if not hasattr(law, "covariance"):
        raise ValueError(
            "A Gaussian has a `mean` and a `covariance`: give a `divergences.Gaussian`, or of features "
            f"`metrics.gaussian_statistics(features)`. Received: {name} of the type {type(law).__name__}"
        )
    mean, covariance = (real_numbers(part).astype(np.float64, copy=False) for part in (law.mean, law.covariance))
    if mean.ndim != 1 or not len(mean) or covariance.shape != (len(mean), len(mean)):
        raise ValueError(
            "A Gaussian has a mean of shape (D,) and a covariance of shape (D, D). "
            f"Received: {name}.mean.shape={mean.shape}, {name}.covariance.shape={covariance.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError(f"A mean and a covariance must be finite. Received: {name} with NaN or infinity")
    if abs(covariance - covariance.T).max() > 1e-8 * abs(covariance).max():
        raise ValueError(
            "A covariance is symmetric. Received: "
            f"{name}.covariance differs from its transpose by {abs(covariance - covariance.T).max()}"
        )
    if covariance.diagonal().min() < -np.sqrt(np.finfo(np.float64).eps) * largest(covariance):
        raise ValueError(
            "A covariance has no negative eigenvalues: check how it was computed. "
            f"Received: {name}.covariance, smallest eigenvalue {covariance.diagonal().min()} or less"
        )
    return mean, covariance
