"""The Kullback-Leibler divergence from distances to the k-th nearest neighbours."""

from typing import NamedTuple

from tfgan_kit.divergences.neighbour_search import nearest, nearest_others
from tfgan_kit.divergences.samples import scaled_points
from tfgan_kit.ranges import check_int

import numpy as np


class NearestNeighbourKL(NamedTuple):
    """The result of `nearest_neighbour_kl`, in nats.

    value: the estimate; may be slightly negative if the divergence is near 0.
    standard_error: of the mean over the points of x, taken as independent. It does not include the bias.

    Example:
        >>> value, standard_error = nearest_neighbour_kl(real_points, generated_points)
        >>> standard_error > 0
        True
    """

    value: float
    standard_error: float


def nearest_neighbour_kl(x, y, k=1):
    """KL(P, Q) = E_P log(p / q) in nats, from samples x of P and y of Q, without a density.

        KL = D / N sum_i log(nu_k(i) / rho_k(i)) + log(M / (N - 1))

    with rho_k(i) the distance from x_i to its k-th nearest neighbour among the other x, and nu_k(i)
    among y. A larger k has less variance and more bias.

    Args:
        x, y: float (N, D) and (M, D), N > k, M >= k; computed in float64.
        k: int >= 1.

    Returns:
        A `NearestNeighbourKL`. It is unbiased if P = Q and M = N - 1 (all points are then exchangeable),
        and for any fixed k as N and M grow. Otherwise the densities change within both distances, and
        the estimate is too small if the laws are far apart or D is large, because it misses how log q
        falls within nu_k. The radii shrink as (k / N)^(1 / D), and for the tails of Gaussians the bias
        does not shrink faster; from D = 10 on expect to lose tens of per cent at any practical N.
        Nor is it a lower bound: for that see `variational_bound`.

    Raises:
        ValueError: fewer points than k requires; a distance of zero: a point of x that occurs k more
            times in x, or k times in y (the divergence is infinite or undefined if a law has atoms: drop
            duplicates, raise k, or use a discrete divergence); NaN, another rank, unequal dimensions.

    Exact: k + 8 candidates are chosen by matrix products, and their distances computed directly; rows in
    which rounding could have hidden a closer point are computed again. Time O(N (N + M) D); memory about
    five blocks of 32 MiB beside copies of the points.

    Example:
        >>> float(nearest_neighbour_kl(real_points, generated_points, k=5).value) > 0
        True

    Reference: Wang, Kulkarni and Verdu (2009), IEEE Trans. Information Theory 55(5), eq. 5 (k = 1)
    and section III; Perez-Cruz (2008), eq. 14. Rates: Zhao and Lai, arXiv:2002.11599.
    """
    check_int("k", k, 1)
    x, y = (points.astype(np.float64, copy=False) for points in scaled_points(x, y)[0])
    n, dimension = x.shape
    if n <= k or len(y) < k:
        raise ValueError(
            "The k-th neighbour needs more than k points in x, and at least k in y. "
            f"Received: k={k}, {n} points in x, {len(y)} in y"
        )
    within, across = (np.sqrt(squares[:, k - 1]) for _, squares in (nearest_others(x, k), nearest(x, y, k)))
    _check_atoms(within, across, k)
    terms = dimension * (np.log(across) - np.log(within)) + np.log(len(y) / (n - 1))
    return NearestNeighbourKL(float(terms.mean()), float(terms.std() / np.sqrt(n)))


def _check_atoms(within, across, k):
    for distances, name in ((within, "x"), (across, "y")):
        zeros = np.count_nonzero(distances == 0)
        if zeros:
            raise ValueError(
                f"{zeros} points of x occur at least {k} "
                f"{'more times in x itself' if name == 'x' else 'times in y'}, so a law has atoms there and the "
                f"divergence is infinite or undefined: drop duplicates, or raise `k`. "
                f"Received: k={k}"
            )
