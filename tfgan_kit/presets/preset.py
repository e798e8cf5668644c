"""Named, measured configurations: `from_preset(name)` returns a compiled GAN."""

import dataclasses
import os
import typing

from tfgan_kit import augment as augmentations
from tfgan_kit.runs import hub
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.training.gan import GAN
from tfgan_kit.training.schedules import Adam, is_schedule, with_batch_size
from tfgan_kit.training.updates import Alternating, LazyRegularization, Update, corrected_for_lazy
from tfgan_kit.training.updates.lazy_regularization import lazy_interval

import keras

SCHEDULED = ("generator_learning_rate", "discriminator_learning_rate", "beta_2", "ema_decay")


@dataclasses.dataclass(frozen=True)
class Preset:
    """The settings of `python -m tfgan_kit.train --preset NAME`, which flags override.

    Attributes:
        networks: callable `(image_shape, num_classes) -> (generator, discriminator)`.
        dataset: spelling of the default source, or None.
        image_size: int or None, side in pixels to which images are resized.
        batch_size, steps: ints.
        generator_learning_rate, discriminator_learning_rate, beta_1, beta_2, epsilon: Adam's; the rates and beta_2 may
            be schedules.
        last_learning_rate: fraction of both rates that a cosine decay reaches after `steps` steps; a
            run that continues beyond them keeps it.
        objective: a name in `objectives.OBJECTIVES`.
        penalties: tuple of `Penalty`.
        update: update rule; None is `Alternating(1, 1)`. For `LazyRegularization` rates and betas are those without
            lazy penalties: the optimizers are `corrected_for_lazy`.
        ema_decay: see `GAN`; a float or a schedule.
        flip: bool, mirror images at random.
        augment: `Augmentation` of what the discriminator sees, or its name; or None.

    The `batch_size` of every schedule becomes the number of images that the discriminator sees in a step: `batch_size`,
    or what `update` leaves to it.
    """

    networks: typing.Callable
    dataset: str | None = None
    image_size: int | None = None
    batch_size: int = 64
    steps: int = 10_000
    generator_learning_rate: typing.Any = 2e-4
    discriminator_learning_rate: typing.Any = 2e-4
    beta_1: float = 0.5
    beta_2: typing.Any = 0.999
    epsilon: float = 1e-7
    last_learning_rate: float = 1.0
    objective: str = "non_saturating"
    penalties: tuple = ()
    update: Update | None = None
    ema_decay: typing.Any = 0.999
    flip: bool = False
    augment: typing.Any = None

    def __post_init__(self):
        rates = (self.generator_learning_rate, self.discriminator_learning_rate)
        if self.last_learning_rate != 1.0 and any(map(is_schedule, rates)):
            raise ValueError(
                "`last_learning_rate` is of rates that are numbers: give schedules that end where they should, or "
                f"leave it out. Received: last_learning_rate={self.last_learning_rate}"
            )
        update = self.update or Alternating()
        images = max(1, self.batch_size * update.discriminator_steps // max(update.discriminator_steps, update.batches))
        for name in SCHEDULED:
            object.__setattr__(self, name, with_batch_size(getattr(self, name), images))
        object.__setattr__(self, "penalties", tuple(with_batch_size(each, images) for each in self.penalties))
        object.__setattr__(self, "augment", with_batch_size(augmentations.get(self.augment), images))


PRESETS = {}


def register(name, preset):
    """Adds a preset; a custom one is registered in a module of `--import_module`.

    Raises:
        ValueError: the name exists already.

    Example:
        >>> register("mine", Preset(networks=lambda image_shape, num_classes: (g, d)))
    """
    if name in PRESETS:
        raise ValueError(f"A preset of that name exists already. Received: name={name!r}")
    PRESETS[name] = preset


def get(name):
    """The `Preset` with this name.

    Raises:
        ValueError: an unknown name.
    """
    if name not in PRESETS:
        raise ValueError(
            f"Unknown preset; known are {', '.join(PRESETS)}, and folders of GAN.save_to_preset. "
            f"Received: preset={name!r}"
        )
    return PRESETS[name]


def from_preset(name, image_shape=(64, 64, 3), num_classes=None, seed=0, **overrides):
    """A compiled `GAN`: an untrained one of a measured configuration, or one that was saved as a preset.

    Args:
        name: a name in `PRESETS`; or the folder of `GAN.save_to_preset`, or `hf://USER/NAME` of the Hugging Face Hub,
            which decide all other arguments. No code in a folder is run: classes that are not of this package or Keras
            must be imported first.
        image_shape: (H, W, C) of the data, or (D,) for points.
        num_classes: int for a class-conditional GAN, or None.
        seed: int, see `GAN`.
        **overrides: attributes of `Preset` to replace.

    Raises:
        ValueError: an unknown name, a shape that the preset's networks do not support, a preset that cannot be fetched
            or loaded, or other arguments beside a folder.
        TypeError: an override that is not an attribute of `Preset`.

    Example:
        >>> gan = from_preset("dcgan_mnist", image_shape=(28, 28, 1), num_classes=10)
    """
    if name not in PRESETS and (str(name).startswith(hub.SCHEME) or os.path.isdir(name)):
        if overrides or num_classes is not None or tuple(image_shape) != (64, 64, 3) or seed:
            raise ValueError(
                "A saved preset holds the whole GAN: leave image_shape, num_classes, seed and overrides out. Received: "
                f"name={name!r} with other arguments"
            )
        return load_gan(hub.download_preset(name) if str(name).startswith(hub.SCHEME) else name)
    return build(dataclasses.replace(get(name), **overrides), image_shape, num_classes, seed)


def build(preset, image_shape, num_classes=None, seed=0):
    """A compiled, untrained `GAN` of a `Preset`: see `from_preset`."""
    generator, discriminator = preset.networks(tuple(image_shape), num_classes)
    gan = GAN(generator, discriminator, ema_decay=preset.ema_decay, seed=seed)
    kind = Adam if is_schedule(preset.beta_2) else keras.optimizers.Adam

    def adam(player, learning_rate):
        optimizer = kind(learning_rate, beta_1=preset.beta_1, beta_2=preset.beta_2, epsilon=preset.epsilon)
        if isinstance(preset.update, LazyRegularization):
            optimizer = corrected_for_lazy(optimizer, lazy_interval(preset.penalties, player))
        if preset.last_learning_rate != 1.0:
            rate = optimizer.get_config()["learning_rate"]  # of several replicas the variable is no number
            optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
                rate, preset.steps, alpha=preset.last_learning_rate
            )
        return optimizer

    gan.compile(
        adam("generator", preset.generator_learning_rate),
        adam("discriminator", preset.discriminator_learning_rate),
        objective=preset.objective,
        penalties=preset.penalties,
        update=preset.update,
        augment=preset.augment,
    )
    return gan
