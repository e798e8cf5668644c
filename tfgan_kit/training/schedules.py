"""Values that change with the images seen, such as R3GAN's half-cosines (arXiv:2501.05441).

A schedule is a `keras.optimizers.schedules.LearningRateSchedule` of the GAN's training steps. It goes where a number
would: an optimizer's learning rate, `beta_2` of `Adam`, `gamma` of `R1` and `R2`, `ema_decay` of `GAN` (as a
`HalfLife`), `p` of `augment.ADA`. It has no state of its own, so that a resumed run continues where it was.
"""

import math

from tfgan_kit.ranges import check_int

import keras
import tensorflow as tf

__all__ = ["Adam", "HalfCosine", "HalfLife"]

_Schedule = keras.optimizers.schedules.LearningRateSchedule


def is_schedule(value):
    """Whether a value is a schedule, and not a number."""
    return isinstance(value, _Schedule)


def check_values(name, value, low, high):
    """Refuses a number, or an end of a `HalfCosine`, that is not in [low, high); other schedules cannot be known.

    Raises:
        ValueError: it names the argument.
    """
    ends = (value.start, value.end) if isinstance(value, HalfCosine) else () if is_schedule(value) else (value,)
    if not all(low <= end < high for end in ends):
        found = f"{name} from {value.start} to {value.end}" if isinstance(value, HalfCosine) else f"{name}={value}"
        raise ValueError(f"`{name}` must be in [{low:g}, {high:g}). Received: {found}")


def with_batch_size(part, batch_size):
    """A number, or an object with a configuration, whose schedules of this module count `batch_size` images a step.

    An object without such schedules is returned itself.
    """
    config = keras.saving.serialize_keras_object(part)
    changed = _with_batch_size(config, batch_size)
    return part if changed == config else keras.saving.deserialize_keras_object(changed)


def _with_batch_size(config, batch_size):
    if isinstance(config, list | tuple):
        return [_with_batch_size(part, batch_size) for part in config]
    if not isinstance(config, dict):
        return config
    config = {name: _with_batch_size(part, batch_size) for name, part in config.items()}
    if config.get("registered_name") in ("tfgan_kit>HalfCosine", "tfgan_kit>HalfLife"):
        config["config"]["batch_size"] = batch_size
    return config


def _check_batch_size(batch_size):
    check_int("`batch_size`, the images of a step,", batch_size, least=1)


@keras.saving.register_keras_serializable("tfgan_kit")
class HalfCosine(_Schedule):
    """From `start` to `end` along half a cosine, by the images seen; `end` ever after.

    `v(n) = end + (start - end) (1 + cos(pi min(n / num_images, 1))) / 2` at n = `batch_size` times the training step.
    Unlike `keras.optimizers.schedules.CosineDecay` it may rise or start at 0, and counts images: a run with another
    batch size follows the same curve.

    Args:
        start, end: floats >= 0.
        num_images: number > 0, images after which it is `end`.
        batch_size: int >= 1, images of a step; a `Preset` puts its own here.

    Call arguments:
        step: int or int64 scalar tensor, training steps done.

    Returns:
        float32 scalar tensor.

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> schedule = HalfCosine(2e-4, 5e-5, num_images=1000, batch_size=10)
        >>> [round(float(schedule(step)), 6) for step in (0, 50, 100, 200)]
        [0.0002, 0.000125, 5e-05, 5e-05]

    Reference: Huang et al., arXiv:2501.05441, section 4 and the authors' code.
    """

    def __init__(self, start, end, num_images, batch_size):
        for name, value in (("start", start), ("end", end)):
            if not (isinstance(value, int | float) and 0.0 <= value < math.inf):
                raise ValueError(f"`{name}` must be a finite number >= 0. Received: {name}={value!r}")
        if not (isinstance(num_images, int | float) and 0 < num_images < math.inf):
            raise ValueError(f"`num_images` must be a finite number > 0. Received: num_images={num_images!r}")
        _check_batch_size(batch_size)
        self.start = start
        self.end = end
        self.num_images = num_images
        self.batch_size = batch_size

    def __call__(self, step):
        # In float64: float32 would not tell the images of two steps apart from 16 million on.
        images = tf.cast(step, tf.float64) * self.batch_size
        share = 0.5 * (1.0 + tf.cos(math.pi * tf.minimum(images / self.num_images, 1.0)))
        return tf.cast(self.end + (self.start - self.end) * share, tf.float32)

    def get_config(self):
        return {"start": self.start, "end": self.end, "num_images": self.num_images, "batch_size": self.batch_size}


@keras.saving.register_keras_serializable("tfgan_kit")
class HalfLife(_Schedule):
    """The `ema_decay` of a `GAN` by a half-life in images: `0.5 ** (batch_size / half_life)`; 0 for a half-life of 0.

    After `half_life` images the weights of today count for half. R3GAN's half-life rises from 0, at which the average
    is the generator itself, to millions. StyleGAN2-ADA's is at most `ramp_up` times the images seen so far.

    Args:
        half_life: number >= 0 of images, or a schedule of it.
        batch_size: int >= 1, images of a step; a `Preset` puts its own here.
        ramp_up: number > 0, such as 0.05; None does not limit the half-life.

    Call arguments:
        step: int or int64 scalar tensor, training steps done.

    Returns:
        float32 scalar tensor in [0, 1).

    Raises:
        ValueError: an argument out of range.

    Example:
        >>> float(HalfLife(1000, batch_size=1000)(0))
        0.5
        >>> decay = HalfLife(HalfCosine(0, 5_000_000, num_images=20_000_000, batch_size=512), batch_size=512)
        >>> gan = gk.GAN(gan.generator, gan.discriminator, ema_decay=decay)

    Reference: Karras et al., arXiv:1912.04958 and, the ramp, arXiv:2006.06676 (code); Huang et al., arXiv:2501.05441.
    """

    def __init__(self, half_life, batch_size, ramp_up=None):
        if not is_schedule(half_life) and not (isinstance(half_life, int | float) and 0 <= half_life < math.inf):
            raise ValueError(
                "`half_life` must be a finite number >= 0 of images, or a schedule of it. "
                f"Received: half_life={half_life!r}"
            )
        _check_batch_size(batch_size)
        if ramp_up is not None and not (isinstance(ramp_up, int | float) and 0 < ramp_up < math.inf):
            raise ValueError(f"`ramp_up` must be a finite number > 0, or None. Received: ramp_up={ramp_up!r}")
        self.half_life = half_life
        self.batch_size = batch_size
        self.ramp_up = ramp_up

    def __call__(self, step):
        half_life = self.half_life(step) if is_schedule(self.half_life) else self.half_life
        if self.ramp_up is not None:
            images = tf.cast(step, tf.float64) * self.batch_size
            half_life = tf.minimum(tf.cast(half_life, tf.float64), images * self.ramp_up)
        lives = self.batch_size / tf.maximum(tf.cast(half_life, tf.float32), 1e-8)  # the authors' bound
        return tf.pow(0.5, lives)

    def get_config(self):
        half_life = keras.saving.serialize_keras_object(self.half_life)
        # Only where it is set: a run's recipe of an earlier version has none.
        ramp_up = {} if self.ramp_up is None else {"ramp_up": self.ramp_up}
        return {"half_life": half_life, "batch_size": self.batch_size, **ramp_up}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "half_life": keras.saving.deserialize_keras_object(config["half_life"])})


@keras.saving.register_keras_serializable("tfgan_kit")
class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` whose `beta_2` may be a schedule of the GAN's training steps.

    The second moment is an average with the step's own beta_2, and is divided by `1 - beta_2 ** t` of that, as in
    PyTorch where `betas` are set before a step. Its variables and files are those of Keras's.

    Args:
        learning_rate: float or schedule.
        beta_1: float in [0, 1).
        beta_2: float in [0, 1), or a schedule of it.
        epsilon: float, added to the root of the second moment, before the correction of its bias (Keras's, not
            PyTorch's place).
        **kwargs: as of `keras.optimizers.Adam`.

    Raises:
        ValueError: a `beta_2` out of range.

    Example:
        >>> schedule = HalfCosine(0.9, 0.99, num_images=1000, batch_size=10)
        >>> gan.compile(Adam(1e-3, beta_1=0.0, beta_2=schedule), Adam(1e-3, beta_1=0.0, beta_2=schedule))

    Reference: Kingma, Ba, arXiv:1412.6980, algorithm 1; the schedule: Huang et al., arXiv:2501.05441.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **kwargs):
        check_values("beta_2", beta_2, 0.0, 1.0)
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **kwargs)

    @property
    def beta_2(self):
        """The value at this step: Keras's update reads it."""
        given = self.beta_2_given
        return given(self.iterations) if is_schedule(given) else given

    @beta_2.setter
    def beta_2(self, value):
        self.beta_2_given = value

    def get_config(self):
        return {**super().get_config(), "beta_2": keras.saving.serialize_keras_object(self.beta_2_given)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        beta_2 = keras.saving.deserialize_keras_object(config["beta_2"])
        return super().from_config({**config, "beta_2": beta_2}, custom_objects)
