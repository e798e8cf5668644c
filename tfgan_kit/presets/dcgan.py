"""DCGAN (arXiv:1511.06434) for digits, clothes and 64-pixel images.

    python -m tfgan_kit.train --preset dcgan_mnist --run_dir runs/digits

`dcgan_mnist` is the demo: 5,000 digits, class-conditional, 4,000 steps, two minutes on two idle CPU
cores. `dcgan_fashion_mnist` is the method `preset` of benchmarks/quality/time_to_quality.py, which also
has the variants that were tried; README.md has the figures of both. `dcgan_64` is the paper's own
setting, except for the lazy R1 (arXiv:1912.04958) that keeps it from diverging; its quality was not measured.
"""

from tfgan_kit.networks import DCGANDiscriminator, DCGANGenerator
from tfgan_kit.penalties import R1
from tfgan_kit.presets.preset import Preset, register


def dcgan_networks(latent_dim, width):
    """A `Preset`'s `networks`: both players of an image shape and a number of classes."""

    def networks(image_shape, num_classes):
        size, _, channels = image_shape
        return (
            DCGANGenerator(size, channels, latent_dim, width, num_classes),
            DCGANDiscriminator(size, channels, width, num_classes),
        )

    return networks


_28_PIXELS = {
    "networks": dcgan_networks(latent_dim=64, width=32),
    "image_size": 28,
    "generator_learning_rate": 4e-4,
    "discriminator_learning_rate": 4e-4,
    "beta_2": 0.99,
    "penalties": (R1(gamma=1.0, interval=16),),
}

register("dcgan_mnist", Preset(dataset="mnist5k", steps=4000, **_28_PIXELS))
register("dcgan_fashion_mnist", Preset(dataset="idx:/usr/share/datasets/fashion-mnist", steps=10_000, **_28_PIXELS))
register(
    "dcgan_64",
    Preset(
        dcgan_networks(latent_dim=100, width=64), image_size=64, steps=50_000, penalties=(R1(gamma=1.0, interval=16),)
    ),
)
