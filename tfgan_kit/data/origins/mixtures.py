"""Mixtures of Gaussians in the plane, the standard test of whether a GAN drops modes."""

from typing import NamedTuple

from tfgan_kit.data.arrays import ArraySource

import numpy as np

_NUM_POINTS = 100_000
# Legacy RandomState: its stream is frozen, so these points are the same with every NumPy version.
_SEED = 20171204


class Mixture(NamedTuple):
    """Isotropic Gaussians with a common standard deviation.

    Attributes:
        means: float64 (K, D).
        deviation: float > 0, of every Gaussian in every direction, in the units of the points.
        weights: float64 (K,), the probabilities of the Gaussians; their sum is 1.
    """

    means: np.ndarray
    deviation: float
    weights: np.ndarray

    def draw(self, num_points=_NUM_POINTS, seed=_SEED):
        """Points of the mixture: float32 (num_points, D)."""
        random = np.random.RandomState(seed)
        if (self.weights == self.weights[0]).all():
            modes = random.randint(len(self.means), size=num_points)
        else:
            modes = random.choice(len(self.means), size=num_points, p=self.weights)
        noise = random.standard_normal((num_points, self.means.shape[1]))
        return (self.means[modes] + self.deviation * noise).astype(np.float32)


def _even(means, deviation):
    return Mixture(means, deviation, np.full(len(means), 1 / len(means)))


def _ring(count):
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _grid(ticks):
    return np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)


def _turned(means, degrees):
    turn = np.radians(degrees)
    return means @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


# Lin et al., PacGAN (arXiv:1712.04086), section 4.1: "2D-ring" and "2D-grid"; and the grid turned by
# 30 degrees, its most probable Gaussian three times as probable as the least, against methods that exploit the
# axes or equal modes.
MIXTURES = {
    "ring8": _even(_ring(8), 0.01),
    "grid25": _even(_grid(np.arange(-4, 5, 2)).astype(np.float64), 0.05),
    "skewed25": Mixture(
        _turned(_grid(np.arange(-4, 5, 2)), 30), 0.05, np.random.RandomState(0).permutation(np.linspace(1, 3, 25)) / 50
    ),
}


class MixtureSource(ArraySource):
    """Points of a mixture, with the mixture itself, by which the modes of a generator are counted.

    Args:
        name: the spelling.
        mixture: a `Mixture`.
        image_size, channels: None; points have neither.

    Attributes:
        mixture: the argument.
    """

    def __init__(self, name, mixture, image_size=None, channels=None):
        super().__init__(name, mixture.draw(), image_size=image_size, channels=channels)
        self.mixture = mixture
