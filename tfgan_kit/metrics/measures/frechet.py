"""The squared Frechet distance between two Gaussians fitted to features."""

from tfgan_kit.divergences import gaussian
from tfgan_kit.divergences.samples import check_finite, largest, number_array, real_numbers
from tfgan_kit.metrics.measurement import Measurement

import numpy as np
from tqdm import tqdm

# Rows converted to float64 at once: 64 MiB of 2048 features.
_BLOCK = 4096
_LARGEST = 1e150  # features whose squares, and sums of these, fit float64


class GaussianStatistics:
    """Count, mean and covariance of features, gathered batch by batch in float64.

    `update` adds a batch, `merge` adds other statistics (another replica, another machine). Both
    use the pairwise formula of Chan, Golub and LeVeque (1979), with `delta` the difference of the
    means and `M` the sum of squared deviations:

        M = M_a + M_b + delta delta^T n_a n_b / (n_a + n_b)

    so no large sums are subtracted, and neither the batch size nor the order changes the result
    beyond rounding (1e-12 relative).

    Args:
        dimension: int >= 1, D, the length of a feature vector.

    Attributes:
        count: int, N, the vectors seen.
        mean: float64 (D,).
        covariance: float64 (D, D), divided by N - 1 as `numpy.cov` does. Needs N >= 2.

    Example:
        >>> statistics = GaussianStatistics(dimension=2)
        >>> statistics.update([[0.0, 0.0], [2.0, 4.0]])
        >>> statistics.mean
        array([1., 2.])
    """

    def __init__(self, dimension):
        if dimension < 1:
            raise ValueError(
                f"`dimension` must be at least 1: give the length of a feature vector. Received: dimension={dimension}"
            )
        self.count = 0
        self.mean = np.zeros(dimension)
        self._deviations = np.zeros((dimension, dimension))

    def update(self, features):
        """Adds a batch of features, any float or integer type, (B, D) with B >= 0."""
        features = real_numbers(features)
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise ValueError(
                f"`features` must have the shape (batch, {len(self.mean)}). Received: features.shape={features.shape}"
            )
        check_finite(features)
        if features.size and largest(features) > _LARGEST:
            raise ValueError(
                f"Features must be at most {_LARGEST:g} in size, for their squares to fit float64: divide them by a "
                f"number. Received: one of {largest(features):.3g}"
            )
        for start in range(0, len(features), _BLOCK):
            block = features[start : start + _BLOCK].astype(np.float64)
            mean = block.mean(axis=0)
            block -= mean
            self._add(len(block), mean, block.T @ block)

    def merge(self, other):
        """Adds what `other`, a `GaussianStatistics` of the same dimension, has seen."""
        if len(other.mean) != len(self.mean):
            raise ValueError(
                "Only statistics of the same dimension can be merged. "
                f"Received: dimension={len(other.mean)}, expected {len(self.mean)}"
            )
        if other.count:
            self._add(other.count, other.mean, other._deviations)

    @property
    def covariance(self):
        if self.count < 2:
            raise ValueError(
                "A covariance needs at least 2 feature vectors: `update` with more images. "
                f"Received: count={self.count}"
            )
        return self._deviations / (self.count - 1)

    def _add(self, count, mean, deviations):
        total = self.count + count
        delta = mean - self.mean
        self.mean = self.mean + delta * (count / total)
        self._deviations += deviations
        self._deviations += np.outer(delta, delta) * (self.count * count / total)
        self.count = total


def gaussian_statistics(features):
    """The `GaussianStatistics` of features (N, D), in one call."""
    features = number_array(features)
    if features.ndim != 2:
        raise ValueError(f"`features` must have the shape (N, D). Received: features.shape={features.shape}")
    statistics = GaussianStatistics(features.shape[1])
    with tqdm(desc="covariance", total=len(features), unit="image", delay=2, leave=False) as bar:
        for start in range(0, len(features), _BLOCK):
            block = features[start : start + _BLOCK]
            statistics.update(block)
            bar.update(len(block))
    return statistics


def frechet_distance(statistics_a, statistics_b):
    """The squared Frechet (2-Wasserstein) distance between two Gaussians: `divergences.gaussian.squared_w2`.

        d^2 = |m_a - m_b|^2 + trace(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2)

    Exact for singular covariances (fewer images than dimensions), too.

    Args:
        statistics_a, statistics_b: `GaussianStatistics` of at least 2 vectors each, or anything
            with their `mean`, float64 (D,), and `covariance`, float64 (D, D).

    Returns:
        A float >= 0, in squared units of the features. Its value from N samples is biased upward
        by about 1 / N: compare only values with equal counts.

    Example:
        >>> moved = real_features + 3  # (N, 8): 8 x 3^2
        >>> round(frechet_distance(gaussian_statistics(real_features), gaussian_statistics(moved)), 6)
        72.0

    Reference: Heusel et al., arXiv:1706.08500, eq. 6; the FID when the
    features are InceptionV3's. The name FID is kept for those.
    """
    return gaussian.squared_w2(statistics_a, statistics_b)


def fd(comparison, seed):
    """The metric `fd`: the squared Frechet distance over an extractor's features."""
    del seed  # nothing is drawn
    count = min(comparison.real.reference.count, comparison.other.count)
    dimension = comparison.other.features.shape[1]
    warning = (
        f"{count} images for {dimension} features: a covariance is singular and the value far "
        "above that of many images; prefer kid, or use more images"
    )
    return Measurement(comparison.frechet_distance, warnings=(warning,) if count <= dimension else ())
