"""How far other images would move a Frechet distance: its standard error, by the delta method."""

from tfgan_kit.divergences.samples import check_fits, scaled_points
from tfgan_kit.metrics.measurement import normal_interval
from tfgan_kit.metrics.measures.frechet import gaussian_statistics

import numpy as np
import scipy.linalg
from scipy.linalg.lapack import dpstrf
from tqdm import tqdm

_BLOCK = 4096  # rows in float64 at a time


def frechet_standard_error(features_a, features_b, statistics=None):
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
        features_a, features_b: float (N_a, D) and (N_b, D).
        statistics: their two `GaussianStatistics`, where they are known; None computes them.

    Returns:
        A float >= 0 in the distance's unit; NaN where a set has no more than D images, since then no
        covariance is known well enough. Time O(N D^2 + D^3): one eigendecomposition.

    Raises:
        ValueError: another rank, unequal dimensions, features that are not finite, an error that is larger than
            float64 can hold.

    Example:
        >>> a, b = np.random.default_rng(0).normal(size=(2, 400, 3))
        >>> round(gk.metrics.frechet_standard_error(a, b + 1), 1)  # 2 |delta| sqrt(1 / N_a + 1 / N_b) = 0.24
        0.2

    Reference: the gradient of the 2-Wasserstein distance of Gaussians in a covariance, I - T, e.g. in
    Malago, Montrucchio and Pistone, arXiv:1801.09269, section 3; the delta method, van der Vaart (1998),
    chapter 20.
    """
    (features_a, features_b), unit = scaled_points(features_a, features_b, power=4)
    if min(len(features_a), len(features_b)) <= features_a.shape[1]:
        return float("nan")
    count = len(features_a) + len(features_b)
    with tqdm(desc="standard error", total=count, unit="image", delay=2, leave=False) as bar:
        statistics = statistics if unit == 1 else None
        a, b = statistics or (gaussian_statistics(features_a), gaussian_statistics(features_b))
        bar.update(0)  # shows itself after its delay: the decomposition comes before the first image is done
        root_a, root_b = _roots_of_maps(a.covariance, b.covariance)
        variance_a = _influence_variance(features_a, a.mean, b.mean, root_a, bar)
        variance_b = _influence_variance(features_b, b.mean, a.mean, root_b, bar)
    return check_fits(float(np.sqrt(variance_a / a.count + variance_b / b.count)) * unit * unit)


def fd_interval(comparison, found):
    """The interval of `fd`, of other images and not of the bias; None where images are few."""
    reference, other = comparison.real.reference, comparison.other
    error = frechet_standard_error(reference.features, other.features, (reference.gaussian, other.gaussian))
    return normal_interval(found.value, error, least=0.0)


def _roots_of_maps(covariance_a, covariance_b):
    """W of the map from each Gaussian to the other, T = W W^T: float64 (D, R), twice.

    With C = L L^T and L_a^T L_b = U S V^T both come of one decomposition:

        T_a = L_a^-T U S U^T L_a^-1    (from a to b)        T_b = L_b^-T V S V^T L_b^-1    (from b to a)
    """
    a, b = _Factor(covariance_a), _Factor(covariance_b)
    product = a.whole().T @ b.whole()  # (R_a, R_b)
    _, v = scipy.linalg.eigh(product.T @ product, driver="evd", overwrite_a=True, check_finite=False)
    u = product @ v  # times S
    s = np.linalg.norm(u, axis=0)
    np.divide(u, np.sqrt(s), out=u, where=s > 0)  # times the root of S
    return a.solved(u), b.solved(v * np.sqrt(s))


class _Factor:
    """Cholesky's factor of a covariance, (D, R); a pivot below rounding ends it, so constant features have no part."""

    def __init__(self, covariance):
        limit = len(covariance) * np.finfo(np.float64).eps * covariance.diagonal().max()
        packed, pivots, rank, _ = dpstrf(covariance.T, tol=limit, lower=1)  # .T: Fortran's order
        self._sorted, self._order = np.tril(packed[:, :rank]), pivots - 1  # LAPACK counts from 1

    def whole(self):
        factor = np.empty_like(self._sorted)
        factor[self._order] = self._sorted
        return factor

    def solved(self, right):
        """L^-T right, (D, ...); of the first R features of the pivots' order, for they tell the others."""
        rank = self._sorted.shape[1]
        found = np.zeros((len(self._sorted), right.shape[1]))
        found[self._order[:rank]] = scipy.linalg.solve_triangular(
            self._sorted[:rank], right, lower=True, trans="T", check_finite=False
        )
        return found


def _influence_variance(features, mean, other_mean, root, bar):
    """The variance of psi over the features that have this mean."""
    towards = 2 * (mean - other_mean)
    total = squared = 0.0
    for start in range(0, len(features), _BLOCK):
        x = np.asarray(features[start : start + _BLOCK], np.float64) - mean
        moved = x @ root  # (n, R)
        psi = x @ towards + np.einsum("nd,nd->n", x, x) - np.einsum("nr,nr->n", moved, moved)
        total, squared = total + psi.sum(), squared + psi @ psi
        bar.update(len(x))
    average = total / len(features)
    return max(squared / len(features) - average**2, 0.0)
