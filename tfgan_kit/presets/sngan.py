"""SNGAN (arXiv:1802.05957, conditional by arXiv:1802.05637): spectral normalization and the hinge, no penalties.

    python -m tfgan_kit.train --preset sngan_fashion_mnist --run_dir runs/clothes

`sngan_fashion_mnist` is small, for two CPU cores: one step of each player, with the discriminator's rate four times the
generator's, as SAGAN's (arXiv:1805.08318). Its quality was not measured.

    python -m tfgan_kit.train --preset sngan_cifar10 --run_dir runs/cifar10

`sngan_cifar10` is the paper's ResNet for CIFAR-10: batches of 64, five steps of the discriminator for one of the
generator, rates that come down to 0 on a line. It has never been run here. The paper's FID is 21.7, unconditional and
without an average of the weights, which this has.
"""

from tfgan_kit.networks import SNGANDiscriminator, SNGANGenerator
from tfgan_kit.presets.preset import Preset, register
from tfgan_kit.training.updates import Alternating

from keras.optimizers.schedules import PolynomialDecay

_CIFAR10_STEPS, _DISCRIMINATOR_STEPS = 50_000, 5


def _networks(generator_widths, discriminator_widths, num_downsamplings):
    def networks(image_shape, num_classes):
        if len(image_shape) != 3:
            raise ValueError(f"An SNGAN is of images (H, W, C). Received: data of shape {tuple(image_shape)}")
        *sides, channels = image_shape
        return (
            SNGANGenerator(sides, channels, widths=generator_widths, num_classes=num_classes),
            SNGANDiscriminator(sides, channels, discriminator_widths, num_downsamplings, num_classes),
        )

    return networks


_HINGE = {"beta_1": 0.0, "beta_2": 0.9, "objective": "hinge"}

register(
    "sngan_fashion_mnist",
    Preset(
        _networks((128, 64, 32), (32, 64, 128), num_downsamplings=2),
        dataset="idx:/usr/share/datasets/fashion-mnist",
        image_size=28,
        steps=10_000,
        generator_learning_rate=1e-4,
        discriminator_learning_rate=4e-4,
        **_HINGE,
    ),
)
register(
    "sngan_cifar10",
    Preset(
        _networks((256,) * 4, (128,) * 4, num_downsamplings=2),
        dataset="tfds:cifar10",
        image_size=32,
        batch_size=64 * _DISCRIMINATOR_STEPS,
        steps=_CIFAR10_STEPS,
        # An optimizer counts its own steps.
        generator_learning_rate=PolynomialDecay(2e-4, _CIFAR10_STEPS, 0.0),
        discriminator_learning_rate=PolynomialDecay(2e-4, _CIFAR10_STEPS * _DISCRIMINATOR_STEPS, 0.0),
        update=Alternating(_DISCRIMINATOR_STEPS, 1),
        flip=True,
        **_HINGE,
    ),
)
