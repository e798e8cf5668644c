"""Nearest training images, and whether a generator's images are copies of them."""

from typing import NamedTuple

from tfgan_kit.divergences.neighbour_search import nearest, nearest_others
from tfgan_kit.divergences.samples import check_fits, largest, scaled_points
from tfgan_kit.metrics.measurement import Measurement
from tfgan_kit.ranges import check_int

import numpy as np
from scipy.special import gammaln, ndtr
from scipy.stats import rankdata

LEAST = 20  # images, in each set and each cell: from there on the rank test's normal law holds
LLOYD_STEPS = 10
ALARM = 1e-3  # a p-value below which the metric warns


class Memorisation(NamedTuple):
    """What `memorisation` found.

    z: float, the Mann-Whitney statistic of generated against test images' distances to the nearest
        training image; N(0, 1) if they have one law, far below 0 where generated ones lie nearer.
    p_value: float, P(N(0, 1) <= z): how often a generator that draws from the true law has so low a z.
    cell_z: float, C_T over its deviation: z within each cell of the training set, averaged by the test images'
        shares of the cells, so that a generator that favours some cells does not look like a copier. N(0, 1) if
        both have one law in each cell. NaN where no cell has 20 images of both.
    first: int, generated images that lie nearer to a training image than any test image does.
    first_p_value: float, how often a generator that draws from the true law has so many.
    authentic: float, AuthPct as a share: generated images farther from their nearest training image
        than that is from the nearest other one.
    authentic_test: float, the same share of test images, what an honest generator has.
    """

    z: float
    p_value: float
    cell_z: float
    first: int
    first_p_value: float
    authentic: float
    authentic_test: float


def nearest_training(generated, training, k=1):
    """The k nearest training images of each generated one, exact.

    Args:
        generated, training: float32 or float64 features (N, D) and (M, D), M >= k.
        k: int >= 1.

    Returns:
        (indices, distances), int64 (N, k) into `training` and float64 (N, k), ascending; 0 is a copy.

    Raises:
        ValueError: fewer than k training rows, k below 1, NaN, another rank, unequal dimensions.

    Example:
        >>> indices, distances = nearest_training(real_features[:3], real_features, k=2)
        >>> indices[:, 0]  # of copies
        array([0, 1, 2])
    """
    (generated, training), unit = scaled_points(generated, training)
    check_int("k", k, 1)
    if k > len(training):
        raise ValueError(f"`k` counts training images, 1 to {len(training)} here. Received: k={k}")
    indices, squares = nearest(generated, training, k)
    distances = np.sqrt(squares)
    check_fits(largest(distances) * unit)
    return indices, distances * unit


def memorisation(training, test, generated, num_cells=10, seed=0):
    """Does the generator copy its training images? Three statistics of the distances to the nearest one.

    With d(x) the distance of x to the nearest training image, over n generated and m test images:

        U   = #{(i, j): d(generated_i) > d(test_j)} + ties / 2      z = (U - n m / 2) / sqrt(n m (n + m + 1) / 12)
        C_T = sum_c w_c z_c / sum_c w_c      w_c: share of the test images in cell c; cells with 20 images of both
        cell_z = sum_c w_c z_c / sqrt(sum_c w_c^2)

    z and cell_z say whether the generator as a whole lies too near. A few copies among many images move
    neither; they stand `first`, before all test images in order of d. If both have one
    law every order is as likely, so P(first >= f) = C(n, f) / C(n + m, f): 14 copies among 10,000 images
    against 10,000 test images have 6e-5. `first` is blind where a test image is itself a copy.

    Args:
        training, test, generated: float32 or float64 features (T, D), (M, D) and (N, D), at least 20 rows each;
            the test images must never have been trained on, and come from the same law.
        num_cells: int >= 1; k-means on the training features.
        seed: int, of k-means.

    Returns:
        A `Memorisation`. A low p-value says: these images lie nearer to the training set than
        fresh real images do. Copying does that; so does a generator that leaves out rare
        images (see `cell_z`) or blurs: look at the pairs that `nearest_training` finds. Two p-values are
        two chances of a false alarm: ask for half the level of each.

    Raises:
        ValueError: fewer rows than 20, num_cells below 1 or above T, NaN, another rank, unequal dimensions.

    Example:
        >>> copies = real_features[:32]
        >>> memorisation(real_features, generated_features, copies).first
        32

    Reference: Meehan et al., arXiv:2004.05675, section 3 (z is its Z_U; cell_z its C_T, but d reaches over the
    whole training set, not the cell's, and the deviation of a mean of z's is divided out); Alaa et al.,
    arXiv:2102.08921, section 4 (authenticity). The test of `first` is ours.
    """
    training, test, generated = scaled_points(training, test, generated)[0]
    _check_counts(training, test, generated, num_cells)
    found, squares = nearest(generated, training, 1)
    found_test, squares_test = nearest(test, training, 1)
    gaps = nearest_others(training, 1)[1][:, 0]
    distances, distances_test = squares[:, 0], squares_test[:, 0]
    z = _mann_whitney(distances, distances_test)
    first = int(np.count_nonzero(distances < distances_test.min()))
    return Memorisation(
        z=z,
        p_value=float(ndtr(z)),
        cell_z=_cell_z(distances, distances_test, *_cells(training, generated, test, num_cells, seed)),
        first=first,
        first_p_value=_first_p_value(first, len(generated), len(test)),
        authentic=float(np.mean(distances > gaps[found[:, 0]])),
        authentic_test=float(np.mean(distances_test > gaps[found_test[:, 0]])),
    )


def memorisation_z(comparison, seed):
    """The metric `memorisation`: z of the distances to the reference, against the test images'."""
    real, other = comparison.real, comparison.other
    found = memorisation(real.reference.features, real.test.features, other.features, seed=seed)
    numbers = {name: number if np.isfinite(number) else None for name, number in found._asdict().items()}
    p_value = min(found.p_value, found.first_p_value)
    copies = (
        f"generated images lie nearer to the reference than test images do (p = {p_value:.2g}): look at the "
        "nearest real images in the report for copies"
    )
    unseen = (
        "the test images may have been trained on, too, and copies of them are not found: name unseen ones by "
        "--test_dataset"
    )
    warnings = (copies,) * (2 * p_value < ALARM) + (unseen,) * (not real.apart)
    return Measurement(numbers.pop("z"), numbers, warnings=warnings)


def _mann_whitney(x, y):
    """z of the ranks of x among both; equal values share their rank, and the variance knows it."""
    n, m = len(x), len(y)
    ranks = rankdata(np.concatenate([x, y]))
    u = ranks[:n].sum() - n * (n + 1) / 2
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    variance = n * m / 12 * (n + m + 1 - np.sum(ties**3 - ties) / ((n + m) * (n + m - 1)))
    return float((u - n * m / 2) / np.sqrt(variance)) if variance > 0 else 0.0


def _cells(training, generated, test, num_cells, seed):
    """The cell of each generated and each test image: the nearest centre of k-means by Lloyd's steps."""
    random = np.random.default_rng(seed)
    centres = training[random.choice(len(training), num_cells, replace=False)]
    for _ in range(LLOYD_STEPS):
        cells = nearest(training, centres, 1)[0][:, 0]
        for cell in np.unique(cells):  # an empty one, of copies of a centre, stays where it is
            centres[cell] = training[cells == cell].mean(axis=0)
    return nearest(generated, centres, 1)[0][:, 0], nearest(test, centres, 1)[0][:, 0]


def _cell_z(distances, distances_test, cells, cells_test):
    values, weights = [], []
    for cell in np.unique(cells_test):
        ours, theirs = distances[cells == cell], distances_test[cells_test == cell]
        if min(len(ours), len(theirs)) >= LEAST:
            values.append(_mann_whitney(ours, theirs))
            weights.append(len(theirs))
    return float(np.dot(weights, values) / np.linalg.norm(weights)) if values else np.nan


def _first_p_value(first, n, m):
    """C(n, f) / C(n + m, f), by logarithms of factorials."""
    return float(np.exp(gammaln(n + 1) - gammaln(n - first + 1) + gammaln(n + m - first + 1) - gammaln(n + m + 1)))


def _check_counts(training, test, generated, num_cells):
    if min(len(training), len(test), len(generated)) < LEAST:
        raise ValueError(
            f"The memorisation test needs {LEAST} images in each set; look at the pairs of `nearest_training` where "
            f"there are fewer. Received: {len(training)} training, {len(test)} test, {len(generated)} generated"
        )
    check_int("num_cells", num_cells, 1)
    if num_cells > len(training):
        raise ValueError(
            f"`num_cells` must lie between 1 and the {len(training)} training images. Received: num_cells={num_cells}"
        )
