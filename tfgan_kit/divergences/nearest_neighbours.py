"""The Kullback-Leibler divergence from distances to the k-th nearest neighbours."""

from typing import NamedTuple

from tfgan_kit.divergences.neighbour_search import nearest, nearest_others
from tfgan_kit.divergences.samples import checked_points

import numpy as np


class NearestNeighbourKL(NamedTuple):
    """What `nearest_neighbour_kl` found, in nats.

    value: the estimate; may be slightly negative, as an estimate of zero is.
    standard_error: of its mean over the points of x, taken as independent. Says nothing of the
        bias.

    Example:
        >>> value, standard_error = nearest_neighbour_kl(real_points, generated_points)
    """

    value: float
    standard_error: float


def nearest_neighbour_kl(x, y, k=1):
    """KL(P, Q) = E_P log(p / q) in nats, from samples x of P and y of Q, without a density.

        KL = D / N sum_i log(nu_k(i) / rho_k(i)) + log(M / (N - 1))

    with rho_k(i) the distance from x_i to its k-th nearest neighbour among the other x, nu_k(i)
    among y. A larger k has less variance and more bias.

    Args:
        x, y: float [N, D] and [M, D], N > k, M >= k; computed in float64.
        k: int >= 1.

    Returns:
        A `NearestNeighbourKL`. Bias: none where P = Q and M = N - 1 (all points are then
        exchangeable), and none as N, M grow, at any fixed k. Otherwise both distances reach over
        changes of the densities, and the estimate is too small where they are far apart or D is
        large: a fall of log q over nu_k is missed. The radii shrink as (k / N)^(1 / D), and the
        bias no faster than that for the tails of Gaussians; from D = 10 on expect to lose tens of
        per cent at any N at hand. It is then no lower bound either: see `variational_bound`.

    Raises:
        ValueError: fewer samples than k asks for; a distance of zero, that is a point of x that is
            k times more in x, or k times in y (the divergence is infinite or undefined where a
            law has atoms: drop duplicates, raise k, or count with a discrete divergence); NaN,
            another rank, unequal dimensions.

    Exact: distances by matrix product choose k + 8 candidates, whose distances are then computed
    directly; where rounding could have hidden a nearer point the row is done again directly. Time
    O(N (N + M) D); memory some five blocks of 32 MiB beside copies of the points.

    Example:
        >>> nearest_neighbour_kl(real_points, generated_points, k=5).value

    Reference: Wang, Kulkarni and Verdu (2009), IEEE Trans. Information Theory 55(5), eq. 5 (k = 1)
    and section III; Perez-Cruz (2008), eq. 14. Rates: Zhao and Lai, arXiv:2002.11599.
    """
    x, y = (points.astype(np.float64) for points in checked_points(x, y))
    n, dimension = x.shape
    if k < 1 or n <= k or len(y) < k:
        raise ValueError(
            "The k-th neighbour needs k >= 1, more than k points in x and at least k in y. "
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
                f"{zeros} points of x occur {k} times or more "
                f"{'more in x itself' if name == 'x' else 'in y'}, so a law has atoms there and the "
                f"divergence is infinite or undefined: drop duplicates, or raise `k`. "
                f"Received: k={k}"
            )
