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
        discriminator: callable, images -> logits (N, 1), in training mode, with `labels` filled in.
        generator: callable, latents -> images, likewise.
        seed: int64 (2,), for stateless draws that belong to this move alone.
    """

    real_images: typing.Any
    fake_images: typing.Any
    labels: typing.Any
    latents: typing.Any
    real_logits: typing.Any
    fake_logits: typing.Any
    discriminator: typing.Callable
    generator: typing.Callable
    seed: typing.Any


class Penalty:
    """A term of a player's loss, computed every `interval` steps and then multiplied by `interval`.

    Lazy regularisation (1912.04958, section 3.1): the expected gradient stays what it is at
    `interval=1`, at a fraction of the cost. Subclasses define `player`, `name` and `value(step)`.

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
                f"A penalty's interval is a whole number of steps, 1 or more. Received: "
                f"interval={interval!r}"
            )
        self.interval = interval

    def value(self, step):
        """The penalty of one `Step`, float32 scalar, its weight included."""
        raise NotImplementedError

    def __call__(self, step, iteration):
        """`interval * value(step)` where `iteration` (int64 scalar) is a multiple of it, else 0."""
        if self.interval == 1:
            return self.value(step)
        return tf.cond(
            tf.equal(iteration % self.interval, 0),
            lambda: self.interval * self.value(step),
            lambda: tf.constant(0.0),
        )

    def get_config(self):
        return {"interval": self.interval}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


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


def register(cls):
    """Makes a penalty class loadable from a `.keras` file."""
    return keras.saving.register_keras_serializable("tfgan_kit")(cls)
