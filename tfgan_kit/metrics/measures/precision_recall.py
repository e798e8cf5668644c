"""Precision, recall, density and coverage: who lies within whose nearest neighbours."""

from typing import NamedTuple

from tfgan_kit.divergences.neighbour_search import blocks, nearest_others
from tfgan_kit.divergences.samples import scaled_points
from tfgan_kit.metrics.measurement import Measurement
from tfgan_kit.ranges import check_int

import numpy as np

PRECISION_K, DENSITY_K = 3, 5  # the values of arXiv:1904.06991 and arXiv:2002.09797


class PrecisionRecall(NamedTuple):
    """precision: share of generated images within the real ones' neighbourhoods; recall: the reverse."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """What `density_coverage` found: density, 1 on average for equal laws, and coverage, a share."""

    density: float
    coverage: float


class NeighbourMetrics(NamedTuple):
    """What `neighbour_metrics` found: a `PrecisionRecall` and a `DensityCoverage` in one."""

    precision: float
    recall: float
    density: float
    coverage: float


def neighbour_metrics(real, generated, precision_k=PRECISION_K, density_k=DENSITY_K):
    """Precision, recall, density and coverage, from one computation of the distances.

    With B_k(x_i) the ball around real x_i up to its k-th nearest other real image, B_k(y_j) the
    same among N generated ones:

        precision = mean_j [y_j in some closed B_k(x_i)]      recall = mean_i [x_i in some closed B_k(y_j)]
        density   = mean_j #{i: y_j in open B_k(x_i)} / k     coverage = mean_i [open B_k(x_i) holds some y_j]

    Args:
        real, generated: float32 or float64 features (N, D) and (M, D), each more than k rows. Both
            float32: products of features are computed in float32, otherwise all in float64.
        precision_k: int >= 1, for precision and recall, 3 in the paper's code.
        density_k: int >= 1, for density and coverage, 5 in the paper.

    Returns:
        A `NeighbourMetrics`. All but the density lie in [0, 1].

    Raises:
        ValueError: k + 1 rows are not there, a k below 1, NaN, another rank, unequal dimensions, real
            features that are all the same.

    A closed ball holds its border, an open one does not: the references' choices (torch-fidelity's,
    prdc's). They differ only where distances are equal, that is for copied images. The k-th neighbour
    of an image that occurs k + 1 times is at distance 0, and its open ball is empty.

    Right in either dtype: float32 products settle only the pairs that their rounding cannot turn
    around; the distances of the others are computed directly in float64. So neither the
    size of blocks nor the order of rows changes a value. Time O((N + M)^2 D); memory beside the features: their
    centred copies (in float64 too
    where float32 leaves many rows in doubt), and some five blocks of 32 MiB.

    Example:
        >>> neighbour_metrics(real_features, real_features).coverage
        1.0

    Reference: Kynkaanniemi et al., arXiv:1904.06991, eq. 1 and 2; Naeem et al., arXiv:2002.09797,
    section 3.
    """
    real, generated = _checked(real, generated, {"precision_k": precision_k, "density_k": density_k})
    real_radii = nearest_others(real, max(precision_k, density_k))[1]  # squared (N, k)
    generated_radii = nearest_others(generated, precision_k)[1][None, :, -1]
    inside, reached = np.zeros(len(generated), bool), np.zeros(len(real), bool)
    held, covered = 0, np.zeros(len(real), bool)
    for block in blocks(real, generated):
        radii = real_radii[block.rows]
        inside[block.within(radii[:, precision_k - 1, None], closed=True)[1]] = True
        reached[block.within(generated_radii, closed=True)[0]] = True
        i, _ = block.within(radii[:, density_k - 1, None], closed=False)
        held += len(i)
        covered[i] = True
    density = held / (density_k * len(generated))
    return NeighbourMetrics(float(inside.mean()), float(reached.mean()), density, float(covered.mean()))


def precision_recall(real, generated, k=PRECISION_K):
    """`neighbour_metrics`, its first half: how many generated images look real, and the reverse.

    Args:
        real, generated: as `neighbour_metrics`.
        k: int >= 1.

    Returns:
        A `PrecisionRecall`.

    Raises:
        ValueError: as `neighbour_metrics`.

    Example:
        >>> precision_recall(real_features, real_features)
        PrecisionRecall(precision=1.0, recall=1.0)

    Reference: Kynkaanniemi et al., arXiv:1904.06991, eq. 1 and 2.
    """
    return PrecisionRecall(*neighbour_metrics(real, generated, k, k)[:2])


def density_coverage(real, generated, k=DENSITY_K):
    """`neighbour_metrics`, its second half, which an outlier among the real images hardly moves.

    Args:
        real, generated: as `neighbour_metrics`.
        k: int >= 1.

    Returns:
        A `DensityCoverage`.

    Raises:
        ValueError: as `neighbour_metrics`.

    For equal laws the expected coverage is 1 - (N - 1)...(N - k) / ((M + N - 1)...(M + N - k)), which is
    about 1 - 2^-k at N = M: 0.969 for k = 5.

    Example:
        >>> density_coverage(real_features, real_features + 1000)
        DensityCoverage(density=0.0, coverage=0.0)

    Reference: Naeem et al., arXiv:2002.09797, section 3.
    """
    return DensityCoverage(*neighbour_metrics(real, generated, k, k)[2:])


def neighbour_value(field):
    """The metric that is a field of the `NeighbourMetrics`."""
    settings = {"k": PRECISION_K if field in PrecisionRecall._fields else DENSITY_K}

    def value(comparison, seed):
        del seed  # nothing is drawn
        return Measurement(getattr(comparison.neighbours, field), settings=settings)

    return value


def _checked(real, generated, counts):
    real, generated = scaled_points(real, generated)[0]
    for name, k in counts.items():
        check_int(name, k, 1)
    least = max(counts.values()) + 1
    if min(len(real), len(generated)) < least:
        raise ValueError(
            f"The k-th neighbour among the others needs k + 1 = {least} images in each set (some thousands for a "
            f"value that means something): generate more. Received: {len(real)} real, {len(generated)} generated"
        )
    if (real == real[0]).all():
        raise ValueError(
            "All real features are the same, so no image has a neighbourhood: look at the images and the "
            f"extractor. Received: {len(real)} equal rows"
        )
    return real, generated
