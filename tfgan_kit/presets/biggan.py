"""BigGAN (arXiv:1809.11096) for CIFAR-10, and a small one for clothes.

    python -m tfgan_kit.train --preset biggan_cifar10 --run_dir runs/cifar10 --strategy mirrored

`biggan_cifar10` is the authors' script for CIFAR-10 (ajbrock/BigGAN-PyTorch, `launch_cifar_ema.sh`): 4.3 and 4.2
million weights, no attention, a table for each normalization, 4 steps of the discriminator on batches of 50 for one of
the generator, hinge loss. Deviations: weights start orthogonal, not from N(0, 0.02), and the average of the generator
is one from the first steps on, not from step 1000. It was never run here: it needs a GPU and a day. Others report an
FID of 9.6 with these networks (arXiv:2006.10738).

    python -m tfgan_kit.train --preset biggan_fashion_mnist --run_dir runs/clothes

`biggan_fashion_mnist` is of the family's parts (shared embedding, hierarchical latents, attention) at a size that two
CPU cores train; its quality is not measured yet.
"""

from tfgan_kit.networks import BigGANDiscriminator, BigGANGenerator, FlatBigGANGenerator
from tfgan_kit.presets.preset import Preset, register
from tfgan_kit.training.updates import Alternating

CIFAR10_STEPS = 500 * 50_000 // 200  # the script's 500 epochs; each step takes 4 batches of 50


def _check(image_shape, num_classes):
    if len(image_shape) != 3 or num_classes is None:
        raise ValueError(
            "A BigGAN is of images (H, W, C) with classes: give a data set with labels. "
            f"Received: data of shape {tuple(image_shape)}, num_classes={num_classes}"
        )


def _of_cifar10(image_shape, num_classes):
    _check(image_shape, num_classes)
    shared = dict(width=64, num_classes=num_classes, attention=())
    return (
        FlatBigGANGenerator(image_shape, latent_dim=128, shared_dim=None, epsilons=(1e-5, 1e-8), **shared),
        BigGANDiscriminator(image_shape, spectral_epsilon=1e-8, **shared),
    )


def _small(image_shape, num_classes):
    _check(image_shape, num_classes)
    shared = dict(width=16, num_classes=num_classes, attention=(image_shape[0] // 2,))
    return (
        BigGANGenerator(image_shape, latent_dim=60, shared_dim=32, **shared),
        BigGANDiscriminator(image_shape, **shared),
    )


register(
    "biggan_cifar10",
    Preset(
        networks=_of_cifar10,
        dataset="tfds:cifar10",
        image_size=32,
        batch_size=200,  # 4 of 50
        steps=CIFAR10_STEPS,
        beta_1=0.0,
        epsilon=1e-8,
        objective="hinge",
        update=Alternating(discriminator_steps=4),
        ema_decay=0.9999,
        flip=True,
    ),
)
register(
    "biggan_fashion_mnist",
    Preset(
        networks=_small,
        dataset="idx:/usr/share/datasets/fashion-mnist",
        image_size=28,
        batch_size=32,
        steps=10_000,
        generator_learning_rate=2e-4,
        discriminator_learning_rate=4e-4,
        beta_1=0.0,
        objective="hinge",
    ),
)
