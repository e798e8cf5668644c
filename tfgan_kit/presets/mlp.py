"""Points: mixtures in the plane, with R3GAN's objective and penalties (arXiv:2501.05441).

    python -m tfgan_kit.train --preset mlp_mixture --run_dir runs/grid

The discriminator has Fourier features; benchmarks/quality/mode_coverage.py measures the mode
coverage.
"""

from tfgan_kit.networks import MLPDiscriminator, MLPGenerator
from tfgan_kit.penalties import R1, R2
from tfgan_kit.presets.preset import Preset, register


def _networks(image_shape, num_classes):
    if len(image_shape) != 1:
        raise ValueError(
            "An MLP preset generates points (N, D); for images use a dcgan preset. "
            f"Received: images of shape {image_shape}"
        )
    (dim,) = image_shape
    return (
        MLPGenerator(dim, width=128, depth=4),
        MLPDiscriminator(dim, width=192, depth=2, num_frequencies=64, negative_slope=0.02),
    )


register(
    "mlp_mixture",
    Preset(
        _networks,
        dataset="grid25",
        batch_size=256,
        steps=16_000,
        generator_learning_rate=3e-3,
        discriminator_learning_rate=3e-3,
        beta_2=0.99,
        last_learning_rate=0.01,
        objective="relativistic_pairing",
        penalties=(R1(gamma=0.3), R2(gamma=0.3)),
    ),
)
