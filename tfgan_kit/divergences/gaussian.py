"""Divergences between two Gaussians, exact and in nats, singular covariances included.

Each takes two laws with a `mean`, float64 (D,), and a `covariance`, float64 (D, D): a `Gaussian`,
or `metrics.GaussianStatistics` of features. O(D^3) time, O(D^2) memory.

A Gaussian with a singular covariance is a law on the affine subspace mean + range(covariance); its rank is
the number of eigenvalues above rounding (D eps times the largest). Two laws on the same subspace are
compared inside it. Laws on different subspaces are mutually singular: KL, reverse KL and chi2 are inf,
TV and squared Hellinger are 1, JS is log 2, while Wasserstein distances stay finite.

For KL, Hellinger and chi2 the coordinates are rotated and scaled so that Q is standard and P is
N(delta, diag(lambda)): each divergence is then a sum or a product over axes.
"""

from typing import NamedTuple

from tfgan_kit.divergences.gaussian_pair import axes, checked, checked_pair, covers, equal, on_common_support, support
from tfgan_kit.divergences.samples import check_fits
from tfgan_kit.divergences.trace_of_root import factor_product, sum_of_singular_values

import numpy as np
import scipy.integrate
import scipy.linalg
import tensorflow as tf
from scipy.special import log_expit
from scipy.stats import norm

# Standard deviations that a quadrature covers; the mass beyond is below 1e-300.
_SPAN = 38.0
# Largest relative error of a squared W2; published FIDs need this agreement.
_W2_TOLERANCE = 1e-6


class Gaussian(NamedTuple):
    """The law N(mean, covariance).

    Args:
        mean: float64 (D,).
        covariance: float64 (D, D), symmetric without negative eigenvalues; checked when it is used.
            For `divergence_hessian` both are float64 tensors.

    Example:
        >>> kl(Gaussian([0.0], [[1.0]]), Gaussian([1.0], [[1.0]]))
        0.5
    """

    mean: object
    covariance: object


def entropy(p):
    """The differential entropy (D log(2 pi e) + log det C) / 2; -inf for a singular covariance.

    It may be negative, and depends on the unit of the data: only differences have a meaning.

    Example:
        >>> entropy(Gaussian([0.0], [[1.0]]))
        1.41893853320...
    """
    _, covariance = checked("p", p)
    if len(support(covariance)[0]) < len(covariance):
        return -np.inf
    return float(len(covariance) * np.log(2 * np.pi * np.e) + np.linalg.slogdet(covariance)[1]) / 2


def cross_entropy(p, q):
    """H(P, Q) = -E_P log q = entropy(P) + KL(P || Q).

    If Q is singular, it is -inf if all of P lies on its subspace, else inf.

    Example:
        >>> cross_entropy(Gaussian([1.0], [[1.0]]), Gaussian([0.0], [[1.0]]))
        1.91893853320...
    """
    difference, covariance_p, covariance_q, unit = checked_pair(p, q)
    values, basis = support(covariance_q)
    if len(values) < len(difference):
        return -np.inf if covers(basis, values, difference, covariance_p) else np.inf
    spread = covariance_p + np.outer(difference, difference)
    squared = np.trace(np.linalg.solve(covariance_q, spread))
    log_det = np.linalg.slogdet(covariance_q)[1] + 2 * len(difference) * np.log(unit)
    return float(len(difference) * np.log(2 * np.pi) + log_det + squared) / 2


def kl(p, q):
    """KL(P || Q) = (tr(C_q^-1 C_p) + d^T C_q^-1 d - D + log det C_q - log det C_p) / 2.

    d is the difference of the means. Inf if the subspaces differ. Given float64 tensors with non-singular
    covariances, which are not checked, it is a scalar tensor that TensorFlow can differentiate.

    Raises:
        ValueError: wrong shapes, values that are not finite, or a covariance that is not symmetric or has a
            negative eigenvalue.

    Example:
        >>> kl(Gaussian([0.0], [[1.0]]), Gaussian([0.0], [[4.0]]))
        0.31814718055...
    """
    if tf.is_tensor(p.mean) or tf.is_tensor(q.mean):
        return _kl(tf.linalg, p.mean - q.mean, p.covariance, q.covariance)
    common = on_common_support(p, q)
    return np.inf if common is None else max(float(_kl(np.linalg, *common)), 0.0)


def reverse_kl(p, q):
    """KL(Q || P).

    Example:
        >>> reverse_kl(Gaussian([0.0], [[4.0]]), Gaussian([0.0], [[1.0]]))
        0.31814718055...
    """
    return kl(q, p)


def squared_hellinger(p, q):
    """H^2 = 1 - int sqrt(p q), with the 1/2 of the discrete one: 0 to 1.

        int sqrt(p q) = prod_i (2 sqrt(lambda_i) / (1 + lambda_i))^1/2 exp(-delta_i^2 / (4 (1 + lambda_i)))

    Example:
        >>> squared_hellinger(Gaussian([0.0], [[1.0]]), Gaussian([2.0], [[1.0]]))  # 1 - exp(-1/2)
        0.39346934028...
    """
    found = axes(p, q)
    if found is None:
        return 1.0
    variances, means = found
    with np.errstate(over="ignore"):
        logs = np.log(2 * np.sqrt(variances) / (1 + variances)) / 2 - means**2 / (4 * (1 + variances))
    return float(0.0 - np.expm1(min(logs.sum(), 0.0)))


def pearson_chi2(p, q):
    """chi2(P || Q) = int p^2 / q - 1.

        int p^2 / q = prod_i exp(delta_i^2 / (2 - lambda_i)) / sqrt(lambda_i (2 - lambda_i))

    The integrand along axis i is exp(-x^2 (1 / lambda_i - 1/2) + ...), so the integral is finite only if
    every lambda_i < 2, that is if 2 C_q - C_p is positive definite: along every axis P has less than twice
    Q's variance. Otherwise it is inf, as it is where the value overflows float64.

    Example:
        >>> pearson_chi2(Gaussian([1.0], [[1.0]]), Gaussian([0.0], [[1.0]]))  # e - 1
        1.71828182845...
    """
    found = axes(p, q)
    if found is None or (found[0] >= 2).any():
        return np.inf
    variances, means = found
    with np.errstate(over="ignore"):
        logs = means**2 / (2 - variances) - np.log(variances * (2 - variances)) / 2
        return float(np.expm1(max(logs.sum(), 0.0)))


def neyman_chi2(p, q):
    """chi2(Q || P) = int q^2 / p - 1: `pearson_chi2` with the laws exchanged.

    Example:
        >>> neyman_chi2(Gaussian([0.0], [[1.0]]), Gaussian([0.0], [[3.0]]))
        inf
    """
    return pearson_chi2(q, p)


def squared_w2(p, q):
    """The squared 2-Wasserstein (Frechet) distance, in squared units of the data.

        W_2^2 = |m_p - m_q|^2 + tr(C_p + C_q - 2 (C_p^1/2 C_q C_p^1/2)^1/2)

    The trace of the root is the sum of the singular values of L_p^T L_q, with C = L L^T the pivoted
    Cholesky factors, cut off where rounding begins, so that singular covariances are exact.
    (`scipy.linalg.sqrtm` of C_p C_q becomes complex there and loses half the digits.) The singular values
    are computed as roots of eigenvalues; where the error of that could reach 1e-6 of the distance
    (nearly equal laws, extreme spectra), by a singular value decomposition, three times slower.

    Raises:
        ValueError: means or covariances of different or wrong shapes, or not finite; a covariance
            with a negative eigenvalue; a distance that is larger than float64 can hold.

    Example:
        >>> squared_w2(Gaussian([0.0], [[1.0]]), Gaussian([3.0], [[4.0]]))
        10.0

    Reference: Dowson and Landau (1982), eq. 4.
    """
    value, unit = _scaled_squared_w2(p, q)
    return check_fits(value * unit * unit)


def _scaled_squared_w2(p, q):
    """`squared_w2` in the square of a unit, and the unit."""
    difference, covariance_p, covariance_q, unit = checked_pair(p, q)
    if np.array_equal(covariance_p, covariance_q):  # a translation, with no rounding to take a root of
        return float(np.sum(difference**2)), unit
    apart = np.sum(difference**2) + np.trace(covariance_p) + np.trace(covariance_q)
    product = factor_product(covariance_p, covariance_q)
    root, error = sum_of_singular_values(product)
    if 2 * error > _W2_TOLERANCE * (apart - 2 * root):
        root = scipy.linalg.svdvals(product, check_finite=False).sum()
    return float(max(apart - 2 * root, 0.0)), unit


def w2(p, q):
    """The 2-Wasserstein distance, the root of `squared_w2`, in units of the data.

    Example:
        >>> w2(Gaussian([0.0], [[1.0]]), Gaussian([3.0], [[1.0]]))
        3.0
    """
    value, unit = _scaled_squared_w2(p, q)
    return check_fits(value**0.5 * unit)


def w1(p, q):
    """The 1-Wasserstein distance, where it has a closed form: on a line, or for equal covariances.

    On a line it is the mean of |d + s Z|, Z standard normal, d and s the differences of the means and
    standard deviations. With equal covariances one law is the other one translated: |d|, for every order.

    Raises:
        ValueError: several dimensions and unequal covariances: there is no closed form.

    Example:
        >>> w1(Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]), Gaussian([3.0, 4.0], [[1.0, 0.0], [0.0, 1.0]]))
        5.0
    """
    difference, covariance_p, covariance_q, unit = checked_pair(p, q)
    distance = float(np.linalg.norm(difference))
    if equal(covariance_p, covariance_q):
        return check_fits(distance * unit)
    if len(difference) > 1:
        raise _no_closed_form("w1", "draw samples and use the assignment, Sinkhorn or sliced estimator", p, q)
    deviations = [np.sqrt(max(covariance[0, 0], 0.0)) for covariance in (covariance_p, covariance_q)]
    spread = abs(float(deviations[0] - deviations[1]))
    ratio = distance / spread
    with np.errstate(over="ignore"):
        value = float(2 * spread * norm.pdf(ratio) + distance * (1 - 2 * norm.cdf(-ratio)))
    return check_fits(value * unit)


def total_variation(p, q):
    """TV = int |p - q| / 2, where it has a closed form: on a line, or for equal covariances.

    For equal covariances it is 2 Phi(|d|_M / 2) - 1 with the Mahalanobis distance |d|_M of the means. On a
    line the densities cross at the roots of a quadratic, and p - q has one sign between them.

    Raises:
        ValueError: several dimensions and unequal covariances: there is no closed form.

    Example:
        >>> total_variation(Gaussian([0.0], [[1.0]]), Gaussian([2.0], [[1.0]]))
        0.68268949213...
    """
    axis = _one_axis("total_variation", p, q)
    if axis is None:
        return 1.0
    deviation, mean = axis
    cuts = np.concatenate([[-np.inf], _crossings(deviation, mean), [np.inf]])
    masses = np.diff(norm.cdf(cuts) - norm.cdf(mean + deviation * cuts))
    return float(min(abs(masses).sum() / 2, 1.0))


def js(p, q):
    """JS = H(M) - (H(P) + H(Q)) / 2, at most log 2: on a line, or for equal covariances.

    By quadrature to 1e-9 (no closed form exists): log 2 + (E_P log s(r) + E_Q log s(-r)) / 2 with
    r = log p - log q and s the logistic function.

    Raises:
        ValueError: several dimensions and unequal covariances.

    Example:
        >>> round(js(Gaussian([0.0], [[1.0]]), Gaussian([0.0], [[1.0]])), 9)
        0.0
    """
    axis = _one_axis("js", p, q)
    if axis is None:
        return float(np.log(2))
    deviation, mean = axis

    def log_ratio(z, x):
        return (x * x - z * z) / 2 - np.log(deviation)

    cuts = _crossings(deviation, mean)
    of_p = _normal_mean(lambda z: log_expit(log_ratio(z, mean + deviation * z)), cuts)
    of_q = _normal_mean(lambda x: log_expit(-log_ratio((x - mean) / deviation, x)), mean + deviation * cuts)
    return float(np.clip(np.log(2) + (of_p + of_q) / 2, 0.0, np.log(2)))


def _kl(linalg, difference, covariance_p, covariance_q):
    """The formula of `kl`, by `np.linalg` or `tf.linalg`."""
    spread = covariance_p + difference[:, None] * difference[None, :]
    squared = linalg.trace(linalg.solve(covariance_q, spread)) - difference.shape[0]
    return (squared + linalg.slogdet(covariance_q)[1] - linalg.slogdet(covariance_p)[1]) / 2


def _one_axis(name, p, q):
    """(s, m): the laws are N(m, s^2) and N(0, 1) on the one axis along which they differ, in some order, s <= 1.

    None where they have nothing in common: other subspaces, or more than 38 deviations between them.
    """
    found = axes(p, q)
    if found is None:
        return None
    variances, means = found
    if equal(*checked_pair(p, q)[1:3]):
        deviation, mean = 1.0, float(np.linalg.norm(means))
    elif len(variances) == 1:
        deviation, mean = float(np.sqrt(variances[0])), float(means[0])
    else:
        raise _no_closed_form(name, "draw samples and use the variational or nearest-neighbour estimator", p, q)
    if deviation > 1:
        deviation, mean = 1 / deviation, mean / deviation
    return None if abs(mean) > 2 * _SPAN else (deviation, mean)


def _crossings(deviation, mean):
    """Where N(mean, deviation^2) and N(0, 1) have equal densities: z = (x - mean) / deviation, (0 to 2,), ascending."""
    variance = deviation**2
    a, b, c = (variance - 1) / 2, mean * deviation, mean**2 / 2 - np.log(deviation)  # a z^2 + b z + c = 0
    root = np.sqrt(max(mean**2 - 2 * (1 - variance) * np.log(deviation), 0.0))  # of b^2 - 4 a c, without cancellation
    large = -(b + np.copysign(root, b)) / 2  # no cancellation; the other root by Vieta
    found = {numerator / denominator for numerator, denominator in ((large, a), (c, large)) if denominator}
    return np.array(sorted(z for z in found if np.isfinite(z)))


def _normal_mean(function, breaks):
    """E f(Z), Z standard normal, integrated piecewise between `breaks`: absolute error about 1e-10."""
    inside = breaks[abs(breaks) < _SPAN]
    edges = np.unique(np.concatenate([np.linspace(-_SPAN, _SPAN, 9), inside]))
    pieces = [
        scipy.integrate.quad(lambda z: np.exp(-z * z / 2) * function(z), *pair, epsabs=1e-12, limit=200)[0]
        for pair in zip(edges[:-1], edges[1:], strict=True)
    ]
    return sum(pieces) / np.sqrt(2 * np.pi)


def _no_closed_form(name, advice, p, q):
    return ValueError(
        f"`{name}` of Gaussians is known on a line or for equal covariances only; otherwise {advice}. "
        f"Received: dimension={len(np.asarray(p.mean))}, unequal covariances"
    )
