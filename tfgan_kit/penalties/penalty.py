"""What a penalty is: a term of one player's loss, computed from one record of the step."""

import typing

import keras
import tensorflow as tf


class Step(typing.NamedTuple):
    """All that a penalty may look at in one move of the game.

    Attributes:
        real_images: float32 (N, ...) in [-1, 1].
        fake_images: float32 (N, ...), what the generator made of `latents` (and `labels`).
        labels: int32 (N,), of the real and of the generated rows alike; None if unconditional.
        latents: float32 (N, Z).
        real_logits, fake_logits: float32 (N, 1); `real_logits` is None in a generator's move whose
            objective does not look at real images.
        discriminator: callable, images -> logits (N, 1), in training mode with `labels` filled in,
            in float32 whatever the network's precision; it leaves batch statistics alone.
        generator: callable, latents -> images, likewise.
        uniform: callable, shape -> float32 (N, *shape) in [0, 1), drawn for this move's rows alone.
    """

    real_images: typing.Any
    fake_images: typing.Any
    labels: typing.Any
    latents: typing.Any
    real_logits: typing.Any
    fake_logits: typing.Any
    discriminator: typing.Callable
    generator: typing.Callable
    uniform: typing.Callable


class Penalty:
    """A term of a player's loss, computed every `interval` steps and then multiplied by `interval`.

    Lazy regularisation (1912.04958, section 3.1): the expected gradient stays what it is at
    `interval=1`, at a fraction of the cost. Subclasses define `player`, `name` and `value(step)`,
    and `build(state)` if they keep something from step to step.

    Args:
        interval: int >= 1, steps from one computation to the next.

    Raises:
        ValueError: `interval` below 1.
    """

    player = "discriminator"  # whose loss it joins: "discriminator" or "generator"
    name = "penalty"  # its key in the logs

    def __init__(self, interval=1):
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(
                f"A penalty's interval is a whole number of steps, 1 or more. Received: interval={interval!r}"
            )
        self.interval = interval

    def build(self, state):
        """Makes the variables of a penalty that adapts, if it has any, when the GAN is compiled.

        Args:
            state: Keras layer whose `add_weight` makes them; the GAN's checkpoints hold them. On
                one device only: replicas would each keep their own.

        Example:
            >>> self.average = state.add_weight(name="average", shape=(), trainable=False)
        """

    def value(self, step):
        """The penalty of one `Step`, float32 scalar, its weight included."""
        raise NotImplementedError

    def __call__(self, step, iteration, in_lockstep=False):
        """`interval * value(step)` where `iteration` (int64 scalar) is a multiple of it, else 0.

        Replicas that meet inside a network (synchronized batch normalization) cannot do so in one
        branch of a condition: `in_lockstep` computes the value in every step, and counts it only
        where it is due.
        """
        if self.interval == 1:
            return self.value(step)
        due = tf.equal(iteration % self.interval, 0)
        if in_lockstep:
            return tf.where(due, self.interval * self.value(step), 0.0)
        return tf.cond(due, lambda: self.interval * self.value(step), lambda: tf.constant(0.0))

    def get_config(self):
        return {"interval": self.interval}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def check_not_negative(**values):
    """Refuses a weight, or another argument, below 0.

    Raises:
        ValueError: naming it.
    """
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"`{name}` must not be negative. Received: {name}={value}")


def squared_gradient_norm(function, inputs):
    """`|d function(x) / d x|^2` of each row: float32 (N,), differentiable once more.

    `function` maps (N, ...) to (N, 1), each row depending on its own input alone; with batch
    normalization the gradient is that of the sum over the batch.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        outputs = tf.reduce_sum(function(inputs))
    gradients = tape.gradient(outputs, inputs)  # (N, ...)
    return tf.reduce_sum(tf.square(gradients), axis=tuple(range(1, len(gradients.shape))))


def root(squares):
    """The square root, with a derivative of 0 at 0: there sqrt has an infinite one, and a zero
    gradient would turn the loss into NaN."""
    positive = squares > 0.0
    return tf.where(positive, tf.sqrt(tf.where(positive, squares, 1.0)), 0.0)


def register(cls):
    """Makes a penalty class loadable from a `.keras` file."""
    return keras.saving.register_keras_serializable("tfgan_kit")(cls)
