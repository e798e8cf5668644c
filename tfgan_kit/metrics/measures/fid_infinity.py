"""The Frechet distance of infinitely many generated images, read off the distances of fewer."""

from typing import NamedTuple

from tfgan_kit.divergences.samples import power_of_two, real_numbers
from tfgan_kit.metrics.measurement import Measurement
from tfgan_kit.metrics.measures.frechet import frechet_distance, gaussian_statistics

import numpy as np
from tqdm import tqdm

NUM_SIZES = 15


class FrechetInfinity(NamedTuple):
    """What `frechet_infinity` found.

    value: the distance that the line reaches at 1 / n = 0; noise may take it below zero.
    standard_error: how far another set of as many images would move it, the fit included. The
        reference statistics are taken as exact.
    slope: of the distance over 1 / n: its bias at n images is about slope / n.
    sizes, distances: int64 and float64 (num_sizes,): the points of the line.
    """

    value: float
    standard_error: float
    slope: float
    sizes: np.ndarray
    distances: np.ndarray


def frechet_infinity(features, reference, seed=0, num_sizes=NUM_SIZES, whole=None):
    """The Frechet distance without most of its bias in the number of generated images.

        FD(n) = FD_infinity + slope / n + ...

    The slope depends on the generator, so that even at equal counts a plain distance can put two
    generators in the wrong order. Random subsets of evenly spaced sizes, from a tenth of the
    images or twice the dimension (below it the curve is no line) to all, give the points of a
    least-squares line.

    Args:
        features: float (N, D) of the generated images, N >= 4 D and N >= 40.
        reference: `GaussianStatistics` of the real ones, as many as there are: their own bias
            stays.
        seed: int, draws the subsets.
        num_sizes: int >= 3, 15 in the paper.
        whole: float, the distance of all the features where it is known; None computes it.

    Returns:
        A `FrechetInfinity`.

    Raises:
        ValueError: too few images, fewer than three sizes.

    Example:
        >>> found = frechet_infinity(generated_features, gaussian_statistics(real_features))
        >>> found.slope > 0  # the distance of fewer images is larger
        True

    Reference: Chong and Forsyth, arXiv:1911.07023, algorithm 1, with
    pseudo-random images in place of Sobol sequences. The error is ours.
    """
    features = _checked(features, num_sizes)
    count, dimension = features.shape
    random = np.random.default_rng(seed)
    sizes = np.linspace(max(count // 10, 2 * dimension), count, num_sizes).astype(np.int64)
    distances = np.empty(num_sizes)
    with tqdm(desc="frechet infinity", total=sizes.sum(), unit="image", delay=2, leave=False) as bar:
        for k, size in enumerate(sizes):
            if whole is None or size < count:
                subset = gaussian_statistics(features[random.permutation(count)[:size]])
                distances[k] = frechet_distance(subset, reference)
            else:
                distances[k] = whole
            bar.update(size)
    unit = power_of_two(distances.max() or 1.0)  # squares of distances fit
    value, slope, error = (number * unit for number in _line(sizes, distances / unit))
    return FrechetInfinity(value, error, slope, sizes, distances)


def extrapolated_fd(comparison, seed):
    """The metric `extrapolated_fd`: FID-infinity where the features are the FID network's."""
    reference, other = comparison.real.reference, comparison.other
    found = frechet_infinity(other.features, reference.gaussian, seed, whole=comparison.frechet_distance)
    more = {"standard_error": found.standard_error, "slope": found.slope}
    return Measurement(found.value, more, {"sizes": len(found.sizes)})


def _line(sizes, distances):
    """Intercept and slope over 1 / n, and the intercept's standard error.

    A subset of n of N images strays from the whole set with variance sigma^2 (1 / n - 1 / N), and
    the whole set from the truth with sigma^2 / N, of which residuals show nothing.
    """
    design = np.stack([np.ones(len(sizes)), 1 / sizes], axis=1)  # (K, 2)
    weights = np.linalg.pinv(design)  # (2, K)
    value, slope = weights @ distances
    residual_of = np.eye(len(sizes)) - design @ weights  # (K, K)
    spread = 1 / sizes - 1 / sizes[-1]
    variance = np.sum((residual_of @ distances) ** 2) / np.sum(residual_of**2 @ spread)  # sigma^2
    error = np.sqrt(variance * (weights[0] ** 2 @ spread + 1 / sizes[-1]))
    return float(value), float(slope), float(error)


def _checked(features, num_sizes):
    features = real_numbers(features)
    if features.ndim != 2:
        raise ValueError(f"`features` must have the shape (N, D). Received: features.shape={features.shape}")
    least = max(40, 4 * features.shape[1])
    if len(features) < least:
        raise ValueError(
            f"Of {features.shape[1]} features an extrapolation needs at least {least} images: generate "
            f"more, or use the kernel distance, which has no bias. Received: {len(features)} images"
        )
    if num_sizes < 3:
        raise ValueError(f"An error of a line needs at least 3 sizes. Received: num_sizes={num_sizes}")
    return features
