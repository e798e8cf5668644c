"""Named, measured configurations: `from_preset(name)` is a compiled GAN."""

import dataclasses
import typing

from tfgan_kit.training.gan import GAN
from tfgan_kit.training.updates import Alternating

import keras


@dataclasses.dataclass(frozen=True)
class Preset:
    """What `python -m tfgan_kit.train --preset NAME` does unless a flag says otherwise.

    Attributes:
        networks: callable `(image_shape, num_classes) -> (generator, discriminator)`.
        dataset: source spelling that is trained on by default, or None.
        image_size: int or None, pixels a side that the source is brought to.
        batch_size, steps: ints.
        generator_learning_rate, discriminator_learning_rate, beta_1, beta_2: Adam's.
        last_learning_rate: share of both rates that a cosine has come down to at the last of `steps`;
            a run that is resumed later keeps it.
        objective: a name in `objectives.OBJECTIVES`.
        penalties: tuple of `Penalty`.
        update: rule of the moves; None is `Alternating(1, 1)`.
        ema_decay: see `GAN`.
        flip: bool, mirror images at random.
    """

    networks: typing.Callable
    dataset: str | None = None
    image_size: int | None = None
    batch_size: int = 64
    steps: int = 10_000
    generator_learning_rate: float = 2e-4
    discriminator_learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.999
    last_learning_rate: float = 1.0
    objective: str = "non_saturating"
    penalties: tuple = ()
    update: Alternating | None = None
    ema_decay: float = 0.999
    flip: bool = False


PRESETS = {}


def register(name, preset):
    """Adds a preset; one of your own from a module that `--import_module` names.

    Raises:
        ValueError: a name that is taken.

    Example:
        >>> register("mine", Preset(networks=lambda image_shape, num_classes: (g, d)))
    """
    if name in PRESETS:
        raise ValueError(f"A preset of that name exists already. Received: name={name!r}")
    PRESETS[name] = preset


def get(name):
    """The `Preset` of a name.

    Raises:
        ValueError: an unknown name.
    """
    if name not in PRESETS:
        raise ValueError(f"Unknown preset; known are {', '.join(PRESETS)}. Received: preset={name!r}")
    return PRESETS[name]


def from_preset(name, image_shape=(64, 64, 3), num_classes=None, seed=0, **overrides):
    """A compiled, untrained `GAN`.

    Args:
        name: a name in `PRESETS`.
        image_shape: (H, W, C) of the data, or (D,) for points.
        num_classes: int for a class-conditional GAN, or None.
        seed: int, see `GAN`.
        **overrides: attributes of `Preset` to replace.

    Raises:
        ValueError: an unknown name, or a shape the preset's networks are not made for.
        TypeError: an override that is no attribute of `Preset`.

    Example:
        >>> gan = from_preset("dcgan_mnist", image_shape=(28, 28, 1), num_classes=10)
    """
    preset = dataclasses.replace(get(name), **overrides)
    generator, discriminator = preset.networks(tuple(image_shape), num_classes)
    gan = GAN(generator, discriminator, ema_decay=preset.ema_decay, seed=seed)

    def adam(learning_rate):
        if preset.last_learning_rate != 1.0:
            learning_rate = keras.optimizers.schedules.CosineDecay(
                learning_rate, preset.steps, alpha=preset.last_learning_rate
            )
        return keras.optimizers.Adam(learning_rate, beta_1=preset.beta_1, beta_2=preset.beta_2)

    gan.compile(
        adam(preset.generator_learning_rate),
        adam(preset.discriminator_learning_rate),
        objective=preset.objective,
        penalties=preset.penalties,
        update=preset.update,
    )
    return gan
