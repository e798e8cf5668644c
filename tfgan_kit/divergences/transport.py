"""Exact optimal transport: between equally many points by assignment, between discrete laws by LP."""

from tfgan_kit.divergences.distributions import checked_law
from tfgan_kit.divergences.one_dimensional import power_mean
from tfgan_kit.divergences.samples import check_fits, checked_order, real_numbers, scaled_points

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import eye_array, kron, vstack
from scipy.spatial.distance import cdist

LARGEST = 5000


def assignment_wasserstein(x, y, order=1, largest=LARGEST):
    """The p-Wasserstein distance of two sets of equally many points, by the best assignment.

        W_p(x, y) = (min over permutations s of mean_i |x_i - y_s(i)|^p)^(1/p)

    For equal counts some optimal coupling is a permutation (Birkhoff). As an estimate of the distance
    between the laws from which the points are drawn it is biased upward, by O(N^(-1/D)) in D > 2 p
    dimensions; `sinkhorn_divergence` is faster and less biased.

    Args:
        x, y: float (N, D); distances are Euclidean, in float64.
        order: float, 1 <= p < infinity.
        largest: int, the most points that are allowed. Time is O(N^3) in the worst case, and the matrix
            of distances takes 8 N^2 bytes: 200 MB for 5,000 points, 800 MB for 10,000.

    Returns:
        A float >= 0, in the units of the points.

    Raises:
        ValueError: unequal counts or dimensions, more than `largest` points, NaN, another rank,
            an order below 1 or infinite, or so large that powers of distances vanish; a distance that is larger
            than float64 can hold.

    Example:
        >>> assignment_wasserstein([[0.0], [1.0]], [[1.0], [2.0]])
        1.0

    Reference: Peyre and Cuturi, arXiv:1803.00567, proposition 2.1; the algorithm is SciPy's
    (Crouse, 2016). Bias: Fournier and Guillin, arXiv:1312.2128, theorem 1.
    """
    (x, y), unit = scaled_points(x, y)
    order = checked_order(order)
    if np.isinf(order):
        raise ValueError(
            "An assignment minimises a mean, so p must be finite; on a line `wasserstein_1d` has "
            f"order infinity. Received: order={order}"
        )
    if len(x) != len(y):
        raise ValueError(
            "An assignment needs equally many points in both sets: drop some, or use "
            f"`transport_cost` with uniform masses. Received: {len(x)} and {len(y)} points"
        )
    if len(x) > largest:
        raise ValueError(
            f"{len(x)} points need {8e-9 * len(x) ** 2:.2g} GB and O(N^3) time: use fewer, or "
            f"`sinkhorn_divergence`, or give `largest={len(x)}`. Received: largest={largest}"
        )
    distances = cdist(x, y)
    powers = (distances / (distances.max() or 1.0)) ** order
    pairs = linear_sum_assignment(powers)
    if not powers[pairs].any() and distances[pairs].any():
        raise ValueError(
            "The powers of the distances between matched points vanish in float64 beside that of the largest "
            f"distance: take a smaller order. Received: order={order}"
        )
    return check_fits(float(power_mean(distances[pairs], order, 1 / len(x))) * unit)


def transport_cost(p, q, cost):
    """The least cost of transporting the discrete law p to q, for any cost matrix.

        T(p, q) = min over P >= 0 of sum_kl P_kl cost_kl,   P 1 = p,   P^T 1 = q

    With cost = d^r for a metric d, T^(1/r) is the r-Wasserstein distance W_r.

    Args:
        p, q: float (K,) and (L,), >= 0, each with sum 1 within 1e-6 (they are divided by it).
        cost: float (K, L), finite, >= 0; row k belongs to the k-th point of p.

    Returns:
        A float >= 0, in the units of `cost`.

    Raises:
        ValueError: masses that are negative, NaN or do not sum to 1; a cost of another shape, negative or
            not finite.
        RuntimeError: the solver failed; the message says why.

    A linear programme with K L unknowns and K + L sparse equations (HiGHS, dual simplex), with tolerances of
    1e-10 of the mean mass and of the largest cost: for up to some thousand points.

    Example:
        >>> transport_cost([0.5, 0.5], [0.0, 1.0], [[0.0, 2.0], [2.0, 0.0]])
        1.0

    Reference: Kantorovich (1942); Peyre and Cuturi, arXiv:1803.00567, eq. 2.11.
    """
    p, q = checked_law("p", p), checked_law("q", q)
    cost = _checked_cost(cost, (len(p), len(q)))
    scale = cost.max() or 1.0
    mass = 1 / max(len(p), len(q))
    rows = kron(eye_array(len(p)), np.ones((1, len(q))))
    columns = kron(np.ones((1, len(p))), eye_array(len(q)))
    found = linprog(
        cost.ravel() / scale,
        A_eq=vstack([rows, columns]).tocsr()[:-1],  # the last equation follows from the others
        b_eq=np.concatenate([p, q])[:-1] / mass,
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if found.status != 0:
        raise RuntimeError(f"The linear programme was not solved: {found.message}")
    return float(max(found.fun, 0.0) * mass * scale)


def _checked_cost(cost, shape):
    cost = real_numbers(cost).astype(np.float64, copy=False)
    if cost.shape != shape:
        raise ValueError(
            "`cost` needs one row per mass of p and one column per mass of q: "
            f"{shape}. Received: cost.shape={cost.shape}"
        )
    if not np.isfinite(cost).all() or cost.min() < 0:
        raise ValueError(
            "`cost` must be finite and >= 0: a distance, or a power of one. "
            f"Received: {np.count_nonzero(~(cost >= 0) | np.isinf(cost))} values that are not"
        )
    return cost
