"""Divergences between two distributions ("laws") on one finite support, exact and in nats.

Each takes float64 arrays (K,), the probabilities of the same K atoms in the same order, and returns
a float. Given float64 tensors of positive probabilities, which are not checked, it returns a scalar tensor
that TensorFlow can differentiate: the same formula, for `divergence_hessian`. O(K) time and memory.

Names and factors differ between papers. With D_f(P || Q) = sum q f(p / q) they are here

| function | f(t) | f(0) | f(t)/t at inf | f''(1) | in f-GAN's tables (arXiv:1606.00709) |
| --- | --- | --- | --- | --- | --- |
| `kl` | t log t | 0 | inf | 1 | the same |
| `reverse_kl` | -log t | inf | 0 | 1 | the same |
| `js` | (t log t - (1 + t) log((1 + t) / 2)) / 2 | log(2)/2 | log(2)/2 | 1/4 | twice ours there |
| `total_variation` | abs(t - 1) / 2 | 1/2 | 1/2 | none | the same |
| `squared_hellinger` | (sqrt t - 1)^2 / 2 | 1/2 | 1/2 | 1/4 | twice ours there |
| `pearson_chi2` | (t - 1)^2 | 1 | inf | 2 | its generator; its integral is our Neyman |
| `neyman_chi2` | (t - 1)^2 / t | inf | 1 | 2 | its generator; its integral is our Pearson |

An atom with p = q = 0 adds nothing. One with q = 0 < p adds p times the limit of f(t) / t at infinity,
one with p = 0 < q adds q f(0): a divergence is inf exactly if there is such an atom and its column says
inf, or if it is larger than float64 can hold, 1.8e308.

Reference: Csiszar and Shields (2004), section 4; Nowozin et al., arXiv:1606.00709.
"""

from tfgan_kit.divergences.distributions import checked_law
from tfgan_kit.divergences.samples import power_of_two, real_numbers

import numpy as np
import tensorflow as tf
from scipy.special import entr, rel_entr, xlogy


def law_from_counts(counts, smoothing=0.0):
    """The law (n_k + smoothing) / (N + K smoothing) of counted outcomes.

    Args:
        counts: integers or floats >= 0, (K,), not all zero unless smoothed.
        smoothing: float >= 0, added to each count; 1 is Laplace's rule. Without it a divergence may be
            infinite because of atoms that were never seen.

    Returns:
        float64 (K,), sums to 1.

    Raises:
        ValueError: another rank than 1, a negative or non-finite count, or all counts 0.

    Example:
        >>> law_from_counts([3, 1])
        array([0.75, 0.25])
    """
    counts = real_numbers(counts).astype(np.float64, copy=False)
    if not 0 <= smoothing < np.inf:
        raise ValueError(f"`smoothing` must be finite and at least 0. Received: smoothing={smoothing}")
    if counts.ndim != 1 or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError(
            "`counts` must be finite numbers of at least 0, shape (K,). Received: "
            f"shape={counts.shape}, counts={counts.ravel()[:8]}"
        )
    unit = power_of_two(max(counts.max(initial=0.0), smoothing) or 1.0)
    smoothed = counts / unit + smoothing / unit  # the sum of large ones fits, too
    if not smoothed.sum():
        raise ValueError(
            f"All counts are 0: give one above 0, or `smoothing`. Received: {len(counts)} counts, smoothing={smoothing}"
        )
    return smoothed / smoothed.sum()


def entropy(p):
    """H(P) = -sum p log p, from 0 (one atom) to log K (uniform).

    Example:
        >>> entropy([0.5, 0.5])
        0.6931471805599453
    """
    return float(entr(checked_law("p", p)).sum())


def cross_entropy(p, q):
    """H(P, Q) = -sum p log q = H(P) + KL(P || Q); inf where p > 0 = q.

    Not a distance: at q = p it is H(P), not 0.

    Example:
        >>> cross_entropy([0.5, 0.5], [0.5, 0.5])
        0.6931471805599453
    """
    p, q = _checked_pair(p, q)
    return -float(xlogy(p, q).sum())


def kl(p, q):
    """KL(P || Q) = H(P, Q) - H(P) = sum p log(p / q); inf where p > 0 = q.

    Example:
        >>> kl([1.0, 0.0], [0.5, 0.5])
        0.6931471805599453
    """
    return _total(_relative_entropy, p, q)


def reverse_kl(p, q):
    """KL(Q || P); inf where q > 0 = p.

    Example:
        >>> reverse_kl([1.0, 0.0], [0.5, 0.5])
        inf
    """
    return kl(q, p)


def js(p, q):
    """JS = H(M) - (H(P) + H(Q)) / 2 with M = (P + Q) / 2: symmetric, at most log 2.

    Reached at disjoint supports. Its square root is a metric.

    Example:
        >>> js([1.0, 0.0], [0.0, 1.0])
        0.6931471805599453
    """

    def terms(p, q):  # = (KL(P || M) + KL(Q || M)) / 2, without the differences of entropies; doubling is exact
        return (_relative_entropy(2 * p, p + q) + _relative_entropy(2 * q, p + q)) / 4

    return _total(terms, p, q)


def total_variation(p, q):
    """TV = sum |p - q| / 2, the largest difference of one event's probability: 0 to 1.

    Example:
        >>> total_variation([1.0, 0.0], [0.5, 0.5])
        0.5
    """
    return _total(lambda p, q: abs(p - q) / 2, p, q)


def squared_hellinger(p, q):
    """H^2 = sum (sqrt p - sqrt q)^2 / 2 = 1 - sum sqrt(p q), with the 1/2: 0 to 1.

    Example:
        >>> squared_hellinger([1.0, 0.0], [0.0, 1.0])
        1.0
    """
    return _total(lambda p, q: (p**0.5 - q**0.5) ** 2 / 2, p, q)


def pearson_chi2(p, q):
    """chi2(P || Q) = sum (p - q)^2 / q, with q the expected distribution; inf where p > 0 = q.

    N times this is Pearson's statistic of N draws with frequencies p.

    Example:
        >>> pearson_chi2([1.0, 0.0], [0.5, 0.5])
        1.0
    """

    def terms(p, q):
        apart = p - q
        if tf.is_tensor(apart):
            return apart**2 / q
        return np.where(abs(apart) > 1e-150, apart**2 / q, apart * (apart / q))  # squares of smaller ones vanish

    return _total(terms, p, q)


def neyman_chi2(p, q):
    """chi2(Q || P) = sum (p - q)^2 / p; inf where q > 0 = p.

    Example:
        >>> neyman_chi2([0.5, 0.5], [1.0, 0.0])
        1.0
    """
    return pearson_chi2(q, p)


def alpha_divergence(p, q, alpha):
    """Amari's family sum (p^a q^(1-a) - a p - (1 - a) q) / (a (a - 1)), f''(1) = 1.

    alpha -> 1 is `kl`, -> 0 `reverse_kl`; 1/2 is 4 `squared_hellinger`, 2 half of `pearson_chi2`,
    -1 half of `neyman_chi2`, and D_alpha(p, q) = D_(1 - alpha)(q, p). Inf where alpha >= 1 and p > 0 = q, or
    alpha <= 0 and q > 0 = p, or where it is larger than float64 can hold.

    Example:
        >>> alpha_divergence([1.0, 0.0], [0.5, 0.5], alpha=2.0)
        0.5

    Reference: Nowozin et al., arXiv:1606.00709, the supplement's generator f.
    """
    if not np.isfinite(alpha):
        raise ValueError(f"`alpha` must be a finite number. Received: alpha={alpha}")
    if alpha in (0, 1):
        return kl(p, q) if alpha else reverse_kl(p, q)

    if alpha > 0.5:
        return alpha_divergence(q, p, 1 - alpha)
    # With t = log(p / q): p^a q^(1-a) = q exp(a t), which neither overflows alone nor cancels at a -> 0.
    if tf.is_tensor(p) or tf.is_tensor(q):
        return tf.reduce_sum((p - q) - q * tf.math.expm1(alpha * tf.math.log(p / q)) / alpha) / (1 - alpha)

    def terms(p, q):
        logs = np.log(p) - np.log(q)
        near = abs(logs) < 1
        logs[near] = np.log1p((p[near] - q[near]) / q[near])
        exponents = alpha * logs
        grown = np.where(exponents > 700, np.exp(exponents + np.log(q)), q * np.expm1(exponents))
        return ((p - q) - grown / alpha) / (1 - alpha)

    p, q = _checked_pair(p, q)
    both = (p > 0) & (q > 0)
    with np.errstate(over="ignore"):
        value = float(terms(p[both], q[both]).sum())
    value += _limit("f_at_zero", 1 / alpha if alpha > 0 else np.inf, q[p == 0].sum())
    value += _limit("slope_at_infinity", 1 / (1 - alpha), p[q == 0].sum())
    return max(float(value), 0.0)  # rounding


def f_divergence(p, q, f, f_at_zero=None, slope_at_infinity=None):
    """D_f(P || Q) = sum q f(p / q) for any convex f with f(1) = 0.

    Args:
        p, q: float64 (K,), the two laws.
        f: callable, an array (or tensor) of ratios t > 0 -> an array of the same shape.
        f_at_zero: float or inf, f(0); needed only where p = 0 < q.
        slope_at_infinity: float or inf, the limit of f(t) / t; needed only where q = 0 < p.

    Returns:
        A float >= 0, or inf if a limit that is needed is inf.

    Raises:
        ValueError: probabilities that are no law, f(1) other than 0, a limit that is needed but not given, a ratio
            that is larger than float64 can hold, or an f that is not a number there.

    Example:
        >>> f_divergence([0.5, 0.5], [0.25, 0.75], lambda t: (t - 1) ** 2)  # Pearson chi2
        0.33333333333333337

    Reference: Csiszar and Shields (2004), section 4, with its conventions at 0.
    """
    if tf.is_tensor(p) or tf.is_tensor(q):
        return tf.reduce_sum(q * f(p / q))
    p, q = _checked_pair(p, q)
    if abs(float(f(np.ones(1))[0])) > 1e-12:
        raise ValueError(
            f"`f` must be 0 at 1, so that D(P || P) = 0: subtract f(1). Received: f(1)={float(f(np.ones(1))[0])}"
        )
    both = (p > 0) & (q > 0)
    with np.errstate(over="ignore"):
        ratios = p[both] / q[both]
    if np.isinf(ratios).any():
        raise ValueError(
            "A ratio p / q is larger than float64 can hold, so f cannot be asked: use a divergence by name, such as "
            f"`kl`, or drop such atoms. Received: {np.count_nonzero(np.isinf(ratios))} such atoms"
        )
    value = (q[both] * f(ratios)).sum()
    if np.isnan(value):
        raise ValueError(f"`f` must be a number at every ratio p / q. Received: NaN among f({ratios[:8]})")
    value += _limit("f_at_zero", f_at_zero, q[p == 0].sum())
    value += _limit("slope_at_infinity", slope_at_infinity, p[q == 0].sum())
    return max(float(value), 0.0)


def _limit(name, limit, mass):
    if not mass:
        return 0.0
    if limit is None:
        raise ValueError(
            f"The supports differ, so the sum needs f's limit: give `{name}` (may be inf). "
            f"Received: {name}=None, with mass {mass:.3g} on such atoms"
        )
    return limit * mass


def _relative_entropy(p, q):
    return tf.math.xlogy(p, p / q) if tf.is_tensor(p) else rel_entr(p, q)


def _total(terms, p, q):
    """The sum of terms(p, q): differentiable for tensors; checked, and at least 0, for arrays."""
    if tf.is_tensor(p) or tf.is_tensor(q):
        return tf.reduce_sum(terms(p, q))
    p, q = _checked_pair(p, q)
    held = (p > 0) | (q > 0)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # x / 0 = inf is the answer
        value = float(terms(p[held], q[held]).sum())
    return max(value, 0.0)  # rounding


def _checked_pair(p, q):
    p, q = checked_law("p", p), checked_law("q", q)
    if len(p) != len(q):
        raise ValueError(
            "Both laws need the same atoms in the same order: give an atom that one of them lacks the "
            f"probability 0. Received: len(p)={len(p)}, len(q)={len(q)}"
        )
    return p, q
