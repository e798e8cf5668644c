"""How far other images would move a Frechet distance: its standard error, by the delta method."""

from tfgan_kit.metrics.measures.frechet import gaussian_statistics

import numpy as np
from tqdm import tqdm

_BLOCK = 4096  # rows in float64 at a time


def frechet_standard_error(features_a, features_b):
    """The standard error of the squared Frechet distance of two samples, to first order in 1 / N.

        d^2 moves by psi(x) / N when x joins the N images of b, with delta = m_b - m_a and T the optimal
        map from N(m_b, C_b) to N(m_a, C_a):

        psi(x) = 2 delta . (x - m_b) + (x - m_b)^T (I - T) (x - m_b) - trace((I - T) C_b)
        T = C_b^-1/2 (C_b^1/2 C_a C_b^1/2)^1/2 C_b^-1/2

        SE^2 = var(psi_b) / N_b + var(psi_a) / N_a

    No Gaussian law is assumed: psi is the influence function of the distance between the fitted
    Gaussians. It tells the spread over other draws of images, not the bias, which falls as 1 / N and
    is most of the value near the floor; there, at equal laws, psi vanishes and the spread is of second order.

    Args:
        features_a, features_b: float [N_a, D] and [N_b, D].

    Returns:
        A float >= 0 in the distance's unit; NaN where a set has no more than D images, since then no
        covariance is known well enough. Time O(N D^2 + D^3): four eigendecompositions.

    Example:
        >>> value, error = frechet_distance(a, b), frechet_standard_error(features_a, features_b)
        >>> low, high = value - 1.96 * error, value + 1.96 * error

    Reference: the gradient of the 2-Wasserstein distance of Gaussians in a covariance, I - T, e.g. in
    Malago, Montrucchio and Pistone, arXiv:1801.09269, section 3; the delta method, van der Vaart (1998),
    chapter 20.
    """
    if min(len(features_a), len(features_b)) <= features_a.shape[1]:
        return float("nan")
    count = len(features_a) + len(features_b)
    with tqdm(desc="standard error", total=count, unit="image", delay=2, leave=False) as bar:
        a, b = gaussian_statistics(features_a), gaussian_statistics(features_b)
        bar.update(0)  # shows itself after its delay: decompositions come before the first image is done
        variance_a = _influence_variance(features_a, a, b, bar)
        variance_b = _influence_variance(features_b, b, a, bar)
    return float(np.sqrt(variance_a / a.count + variance_b / b.count))


def _influence_variance(features, own, other, bar):
    """The variance of psi over the features that `own` was fitted to."""
    values, vectors = np.linalg.eigh(own.covariance)
    bar.update(0)
    known = values > values[-1] * len(values) * np.finfo(float).eps
    root = np.sqrt(values[known])
    basis = vectors[:, known]  # (D, R)
    middle = (basis * root).T @ other.covariance @ (basis * root)
    squares, turn = np.linalg.eigh(middle)
    fourth = turn * np.maximum(squares, 0) ** 0.25  # (R, R), middle^1/2 = fourth fourth^T
    whiten = (basis / root) @ fourth
    towards = 2 * (own.mean - other.mean)
    total = squared = 0.0
    for start in range(0, len(features), _BLOCK):
        x = np.asarray(features[start : start + _BLOCK], np.float64) - own.mean
        moved = x @ whiten
        psi = x @ towards + np.einsum("nd,nd->n", x, x) - np.einsum("nr,nr->n", moved, moved)
        total, squared = total + psi.sum(), squared + psi @ psi
        bar.update(len(x))
    mean = total / len(features)
    return max(squared / len(features) - mean**2, 0.0)
