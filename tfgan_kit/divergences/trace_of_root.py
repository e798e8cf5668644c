"""trace (C_p^1/2 C_q C_p^1/2)^1/2, the expensive term of the Frechet distance of two Gaussians.

With factors C = L L^T it is the sum of the singular values of L_p^T L_q. Pivoted Cholesky factors cost a
tenth of eigenvectors, do not need full rank, and are graded: their rows and columns decrease in size, as the
eigenvalues do. The singular values are the roots of the eigenvalues of the product with its own transpose,
at a third of the cost of a singular value decomposition. The root of an eigenvalue of the size of rounding
has no correct digits, but in a graded matrix small eigenvalues are nearly as accurate as large ones.
"""

import numpy as np
import scipy.linalg
from scipy.linalg.lapack import dpstrf

_EPSILON = np.finfo(np.float64).eps


def factor_product(covariance_p, covariance_q):
    """L_p^T L_q, transposed if it has more rows than columns: float64 (smaller rank, larger rank).

    The factorisation stops at pivots below its rounding error, D eps times the largest variance: the factor
    of a singular covariance has its rank, and no rounding errors enter.

    Args:
        covariance_p, covariance_q: float64 (D, D), symmetric and finite.

    Raises:
        ValueError: a covariance with a negative eigenvalue.
    """
    product = _factor(covariance_p).T @ _factor(covariance_q)  # (rank_p, rank_q)
    return product if len(product) <= product.shape[1] else product.T


def sum_of_singular_values(product):
    """The sum by eigenvalues, and a bound on its rounding error: floats >= 0.

    The bound assumes that every eigenvalue has the absolute error of the largest, which is pessimistic for a
    graded matrix: measured errors were at most an eighth of it, mostly a hundredth.
    """
    if not product.any():
        return 0.0, 0.0
    squares = scipy.linalg.eigvalsh(
        product @ product.T, lower=True, driver="ev", overwrite_a=True, check_finite=False
    ).clip(0.0)
    roots = np.sqrt(squares)
    rounding = _EPSILON * squares[-1]
    return float(roots.sum()), float(np.sum(rounding / np.maximum(roots, np.sqrt(rounding))))


def _factor(covariance):
    """L of C = L L^T, float64 (D, rank), its columns in the order of the pivots."""
    largest = max(covariance.diagonal().max(), 0.0)
    limit = len(covariance) * _EPSILON * largest
    packed, pivots, rank, _ = dpstrf(covariance.T, tol=limit, lower=1)  # .T: Fortran's order
    sorted_factor = np.tril(packed[:, :rank])
    order = pivots - 1  # LAPACK counts from 1
    _check_remainder(covariance, sorted_factor, order, largest)
    factor = np.empty_like(sorted_factor)
    factor[order] = sorted_factor
    return factor


def _check_remainder(covariance, sorted_factor, order, largest):
    """Raises ValueError if what the factors leave of a covariance is larger than rounding."""
    left, rest = order[sorted_factor.shape[1] :], sorted_factor[sorted_factor.shape[1] :]
    remainder = covariance[np.ix_(left, left)] - rest @ rest.T
    if remainder.size and abs(remainder).max() > np.sqrt(_EPSILON) * largest:
        raise ValueError(
            "A covariance has no negative eigenvalues: check how it was computed. "
            f"Received: one with the largest variance {largest} that positive pivots leave "
            f"{abs(remainder).max()} of"
        )
