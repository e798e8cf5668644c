"""R3GAN (arXiv:2501.05441) by its whole recipe: relativistic pairing, R1 and R2 at every step, half-cosine schedules.

    python -m tfgan_kit.train --preset r3gan_fashion_mnist --run_dir runs/clothes

`r3gan_fashion_mnist` is small, for two CPU cores: a step of 32 images takes about three times the processor time of
`dcgan_fashion_mnist`'s of 64, since R1 and R2 are second-order passes at every step. Its rates, gammas and half-life
are guesses, and its quality is not measured yet. It leaves augmentation out, and both players learn from the same
images and latents, which saves a pass.

    python -m tfgan_kit.train --preset r3gan_cifar10 --run_dir runs/cifar10 --mixed_precision mixed_bfloat16

`r3gan_cifar10` has the authors' configuration, with 20.8 and 21.3 million weights: it needs GPUs and days, and has
never been run here. The paper's FID is 1.96.

    python -m tfgan_kit.train --preset r3gan_stacked_mnist --dataset stacked:PATH --run_dir runs/stacked

`r3gan_stacked_mnist` is of the 1000 modes of three digits in the three colours, as in the paper's mode coverage: the
recipe on the networks of DCGAN, a step of which takes a third of the time on a CPU.
"""

from tfgan_kit.augment import ADA
from tfgan_kit.networks import R3GANDiscriminator, R3GANGenerator
from tfgan_kit.penalties import R1, R2
from tfgan_kit.presets.dcgan import dcgan_networks
from tfgan_kit.presets.preset import Preset, register
from tfgan_kit.training.schedules import HalfCosine, HalfLife
from tfgan_kit.training.updates import IndependentBatches


def _networks(stages):
    def networks(image_shape, num_classes):
        if len(image_shape) != 3:
            raise ValueError(f"An R3GAN is of images (H, W, C). Received: data of shape {tuple(image_shape)}")
        *sides, channels = image_shape
        return (
            R3GANGenerator(sides, channels, latent_dim=64, stages=stages, num_classes=num_classes),
            R3GANDiscriminator(sides, channels, stages=stages[::-1], num_classes=num_classes),
        )

    return networks


def _recipe(rate, gamma, half_life, num_images, **others):
    """A preset of the paper's kind: pairs are the start and end of half-cosines over `num_images`."""

    def schedule(start, end):
        return HalfCosine(start, end, num_images, batch_size=1)  # the preset puts its own

    return Preset(
        generator_learning_rate=schedule(*rate),
        discriminator_learning_rate=schedule(*rate),
        beta_1=0.0,
        beta_2=schedule(0.9, 0.99),
        epsilon=1e-8,
        objective="relativistic_pairing",
        penalties=(R1(schedule(*gamma)), R2(schedule(*gamma))),
        ema_decay=HalfLife(schedule(*half_life), batch_size=1),
        **others,
    )


_SMALL = [(64, 4, 1), (32, 2, 1), (8, 1, 1)]  # 7, 14 and 28 pixels, 32 channels a group, as for ImageNet

register(
    "r3gan_fashion_mnist",
    _recipe(
        rate=(1e-3, 2e-4),
        gamma=(0.2, 0.02),
        half_life=(0, 20_000),
        num_images=150_000,
        networks=_networks(_SMALL),
        dataset="idx:/usr/share/datasets/fashion-mnist",
        image_size=28,
        batch_size=32,
        steps=10_000,
    ),
)
register(
    "r3gan_stacked_mnist",
    _recipe(
        rate=(6e-4, 1e-4),
        gamma=(1.0, 0.1),
        half_life=(0, 20_000),
        num_images=1_600_000,
        networks=dcgan_networks(latent_dim=64, width=48),
        image_size=28,
        batch_size=32,
        steps=60_000,
    ),
)
register(
    "r3gan_cifar10",
    _recipe(
        rate=(2e-4, 5e-5),
        gamma=(0.05, 0.005),
        half_life=(0, 5_000_000),
        num_images=20_000_000,
        networks=_networks([(768, 96)] * 4),
        dataset="tfds:cifar10",
        image_size=32,
        batch_size=1024,  # 512 for each player
        steps=500_000,
        update=IndependentBatches(),
        augment=ADA("r3gan", p=HalfCosine(0.0, 0.55, num_images=20_000_000, batch_size=1)),
        flip=True,
    ),
)
