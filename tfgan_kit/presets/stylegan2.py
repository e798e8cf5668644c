"""StyleGAN2 and StyleGAN2-ADA (arXiv:1912.04958, arXiv:2006.06676) by the authors' configurations, and a small one.

    python -m tfgan_kit.train --preset stylegan2_fashion_mnist --run_dir runs/clothes

`stylegan2_fashion_mnist` is small, for two CPU cores: 28 pixels from a base of 7, narrow, with all of the method (style
mixing, noise, path length, lazy R1 in updates of their own), but no augmentation. A step of 32 images takes three to
four times the processor time of `dcgan_fashion_mnist`'s of 64. Its rates are the authors', its gamma is a guess, and
its quality is not measured yet.

    python -m tfgan_kit.train --preset stylegan2_cifar10 --run_dir runs/cifar10 --mixed_precision mixed_float16

The others are the authors' `train.py --cfg`, for 25 million images (CIFAR-10: 100 million) on 8 GPUs of 2020 (CIFAR-10:
2), days each, and were never run here; `auto` is for one GPU, a start for data of one's own.

| preset | cfg | published FID |
| --- | --- | --- |
| `stylegan2_auto_128`, `_256`, `_512`, `_1024` | auto | none |
| `stylegan2_config_f` | stylegan2, without augmentation | FFHQ, 1024 pixels: 2.84 |
| `stylegan2_paper256` | paper256 | FFHQ, 256 pixels, without augmentation: 3.78 |
| `stylegan2_paper512`, `stylegan2_paper1024` | paper512, paper1024 | AFHQ and others in arXiv:2006.06676 |
| `stylegan2_cifar10` | cifar | CIFAR-10: 2.92, with classes 2.42 |

Half precision is the run's, `--mixed_precision`; the networks then have it at their four finest levels, as theirs.
"""

from tfgan_kit.networks import StyleGAN2Discriminator, StyleGAN2Generator
from tfgan_kit.penalties import R1, PathLength
from tfgan_kit.presets.preset import Preset, register
from tfgan_kit.training.schedules import HalfLife
from tfgan_kit.training.updates import LazyRegularization

CHANNEL_BASE = 32768


def _networks(
    channel_base, mapping_layers, mbstd_group, style_mixing=0.9, architecture="resnet", width=512, conv_clamp=256.0
):
    def networks(image_shape, num_classes):
        if len(image_shape) != 3:
            raise ValueError(f"A StyleGAN2 is of images (H, W, C). Received: data of shape {tuple(image_shape)}")
        *sides, channels = image_shape
        shared = dict(num_classes=num_classes, channel_base=channel_base, channel_max=width, conv_clamp=conv_clamp)
        styles = dict(latent_dim=width, w_dim=width, mapping_layers=mapping_layers, style_mixing=style_mixing)
        return (
            StyleGAN2Generator(sides, channels, **styles, **shared),
            StyleGAN2Discriminator(sides, channels, architecture=architecture, mbstd_group=mbstd_group, **shared),
        )

    return networks


def _recipe(networks, batch_size, rate, gamma, half_life, ramp_up=None, path_length=True, **others):
    """A preset of the authors' kind; the half-life of the average is in images."""
    regularized = (PathLength(),) if path_length else ()
    return Preset(
        networks=networks,
        batch_size=batch_size,
        generator_learning_rate=rate,
        discriminator_learning_rate=rate,
        beta_1=0.0,
        beta_2=0.99,
        epsilon=1e-8,
        penalties=(R1(gamma, interval=16), *regularized),
        update=LazyRegularization(),
        ema_decay=HalfLife(half_life, batch_size=1, ramp_up=ramp_up),  # the preset puts its own batch size
        **others,
    )


def auto(image_size, gpus=1):
    """The authors' `--cfg=auto`, a start for data of one's own.

    Args:
        image_size: int, the shorter side in pixels.
        gpus: int, how many there are; the batch is theirs together.

    Returns:
        `Preset`.

    Example:
        >>> from tfgan_kit.presets import stylegan2
        >>> stylegan2.auto(256, gpus=8).batch_size
        64
    """
    batch_size = max(min(gpus * min(4096 // image_size, 32), 64), gpus)
    channel_base = CHANNEL_BASE if image_size >= 512 else CHANNEL_BASE // 2
    return _recipe(
        _networks(channel_base, mapping_layers=2, mbstd_group=min(batch_size // gpus, 4)),
        batch_size,
        rate=0.002 if image_size >= 1024 else 0.0025,
        gamma=0.0002 * image_size**2 / batch_size,
        half_life=batch_size * 10_000 / 32,
        ramp_up=0.05,
        image_size=image_size,
        steps=25_000_000 // batch_size,
        augment="ada",
    )


for _size in (128, 256, 512, 1024):
    register(f"stylegan2_auto_{_size}", auto(_size))
register(
    "stylegan2_config_f",
    _recipe(
        _networks(CHANNEL_BASE, mapping_layers=8, mbstd_group=4),
        batch_size=32,
        rate=0.002,
        gamma=10.0,
        half_life=10_000,
        image_size=1024,
        steps=25_000_000 // 32,
        flip=True,
    ),
)
for _size, _channel_base, _mbstd_group, _batch_size, _rate, _gamma, _half_life in (
    (256, CHANNEL_BASE // 2, 8, 64, 0.0025, 1.0, 20_000),
    (512, CHANNEL_BASE, 8, 64, 0.0025, 0.5, 20_000),
    (1024, CHANNEL_BASE, 4, 32, 0.002, 2.0, 10_000),
):
    register(
        f"stylegan2_paper{_size}",
        _recipe(
            _networks(_channel_base, mapping_layers=8, mbstd_group=_mbstd_group),
            _batch_size,
            _rate,
            _gamma,
            _half_life,
            image_size=_size,
            steps=25_000_000 // _batch_size,
            augment="ada",
        ),
    )
register(
    "stylegan2_cifar10",
    _recipe(
        _networks(CHANNEL_BASE, mapping_layers=2, mbstd_group=32, style_mixing=0.0, architecture="orig"),
        batch_size=64,
        rate=0.0025,
        gamma=0.01,
        half_life=500_000,
        ramp_up=0.05,
        path_length=False,
        dataset="tfds:cifar10",
        image_size=32,
        steps=100_000_000 // 64,
        augment="ada",
    ),
)
register(
    "stylegan2_fashion_mnist",
    _recipe(
        _networks(384, mapping_layers=2, mbstd_group=4, width=64, conv_clamp=None),  # 64, 48 and 24 channels
        batch_size=32,
        rate=0.0025,
        gamma=0.1,
        half_life=10_000,
        ramp_up=0.05,
        dataset="idx:/usr/share/datasets/fashion-mnist",
        image_size=28,
        steps=10_000,
    ),
)
