"""Mixtures of Gaussians in the plane, the standard test of whether a GAN drops modes."""

import numpy as np

_NUM_POINTS = 100_000
# Legacy RandomState: NumPy froze its stream, so these points are the same on every version.
_SEED = 20171204


def ring8():
    """8 Gaussians of deviation 0.01 on the unit circle: float32 [100000, 2].

    Reference: Lin et al., PacGAN (arXiv:1712.04086), section 4.1, "2D-ring".
    """
    angles = 2 * np.pi * np.arange(8) / 8
    return _mixture(np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.01)


def grid25():
    """25 Gaussians of deviation 0.05 with means in {-4, -2, 0, 2, 4}^2: float32 [100000, 2].

    Reference: Lin et al., PacGAN (arXiv:1712.04086), section 4.1, "2D-grid".
    """
    ticks = np.arange(-4, 5, 2)
    return _mixture(
        np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2), 0.05
    )


def _mixture(means, deviation):
    random = np.random.RandomState(_SEED)
    modes = random.randint(len(means), size=_NUM_POINTS)
    return (means[modes] + deviation * random.standard_normal((_NUM_POINTS, 2))).astype(np.float32)
