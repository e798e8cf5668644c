"""The base of all penalties: a term of one player's loss, computed from a record of the step."""

import types
import typing

import keras
import tensorflow as tf


class StepView(typing.NamedTuple):
    """What a penalty may use: the images, logits and networks of one update of one player.

    Attributes:
        real_images: float32 (N, ...) in [-1, 1].
        fake_images: float32 (N, ...), generated from `latents` (and `labels`).
        labels: int32 (N,), of both the real and the generated images; None if unconditional.
        latents: float32 (N, Z).
        real_logits, fake_logits: float32 (N, 1); `real_logits` is None in a generator's update if its
            objective does not use them, both are None in a move of `updates.LazyRegularization`.
        discriminator: callable, images -> logits (N, 1), in training mode, with `condition` filled in, in
            float32 whatever the network's precision; moving statistics are not updated. Images are augmented first,
            with the numbers that were drawn for the real images of the loss.
        generator: callable, latents -> images, likewise.
        uniform: callable, shape -> float32 (N, *shape) in [0, 1), fresh draws for each row and update.
        mean: callable, the mean over all replicas.
        iteration: int64 scalar, training steps done before this one.
        real_heads, fake_heads: dicts, what else the discriminator returned in the pass of the logits, by name, such as
            `classes`; empty if it returns logits alone, or where `real_logits` is None.
        fake_discriminator: `discriminator` with the augmentation of the generated images; None: they have the same.
        image_gradients: callable, `() -> (of real, of fake)`: the gradients of each row's logit in the pass of the
            logits with respect to `real_images` and `fake_images`, themselves differentiable; None for a penalty of
            an interval above 1 and where that pass is in half precision.
        normal: callable, shape -> float32 (N, *shape) from N(0, 1), fresh draws for each row and update.
        every: callable, k -> a `StepView` of every k-th row, counted over all replicas, for a penalty that fewer will
            do; it has `condition`, `latents`, `generator`, `uniform`, `normal`, `mean`, `iteration` and `average`.
        average: callable, (N,) -> scalar, a mean over rows such as `value` returns: of a view of fewer rows,
            it weighs them alike on all replicas.
    """

    real_images: typing.Any
    fake_images: typing.Any
    condition: typing.Any
    latents: typing.Any
    real_logits: typing.Any
    fake_logits: typing.Any
    discriminator: typing.Callable
    generator: typing.Callable
    uniform: typing.Callable
    mean: typing.Callable = tf.reduce_mean
    iteration: typing.Any = 0
    real_heads: typing.Any = types.MappingProxyType({})
    fake_heads: typing.Any = types.MappingProxyType({})
    fake_discriminator: typing.Callable | None = None
    image_gradients: typing.Callable | None = None
    normal: typing.Callable | None = None
    every: typing.Callable | None = None
    average: typing.Callable = tf.reduce_mean

    @property
    def labels(self):
        """`condition`, as a class-conditional GAN calls it."""
        return self.condition


class Penalty:
    """A term of a player's loss, computed every `interval` steps and then multiplied by `interval`.

    Lazy regularisation (arXiv:1912.04958, section 3.1): the expected gradient is that of
    `interval=1`, at a fraction of the cost. Subclasses define `player`, `name` and `value(step)`, and
    `build(state)` if they have variables.

    Args:
        interval: int >= 1, steps between two computations.

    Raises:
        ValueError: `interval` below 1.
    """

    player = "discriminator"  # whose loss it joins: "discriminator" or "generator"
    name = "penalty"  # its key in the logs
    log_names = ()  # keys of `logs`
    uses_fake_images = True  # whether `value` does, or runs `generator`; where False, a lazy move makes none
    uses_image_gradients = False  # whether `value` asks `step.image_gradients`, for which the pass is recorded
    waits_for_replicas = False  # whether `value` uses `step.mean`, which no branch of a graph can

    def __init__(self, interval=1):
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(
                f"A penalty's `interval` must be an integer >= 1, in steps. Received: interval={interval!r}"
            )
        self.interval = interval

    def build(self, state):
        """Creates the penalty's variables, if it has any, when the GAN is compiled.

        For example `self.average = state.add_weight(name="average", shape=(), trainable=False)`.

        Args:
            state: Keras layer whose `add_weight` creates them; they are saved with the GAN. For
                several replicas, make them with `aggregation="only_first_replica"` and assign what
                `step.mean` gives, which is the same on each.
        """

    def value(self, step):
        """The penalty of one `StepView`, float32 scalar, its weight included."""
        raise NotImplementedError

    def logs(self, step):
        """What else is logged of one `StepView`, in every step: float32 scalars by name, means over the rows."""
        return {}

    def __call__(self, step, iteration, in_lockstep=False):
        """`interval * value(step)` where `iteration` (int64 scalar) is a multiple of it, else 0.

        Replicas that communicate inside a network (synchronized batch normalization) cannot do so in a
        branch of `tf.cond`. `in_lockstep=True` computes the value in every step, and discards it where
        it is not due.
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


def check_player(player):
    """Refuses another player than the two, for a penalty that either may have."""
    if player not in ("discriminator", "generator"):
        raise ValueError(f"`player` must be 'discriminator' or 'generator'. Received: player={player!r}")


def squared_gradient_norm(function, inputs):
    """`|d function(x) / d x|^2` of each row: float32 (N,), itself differentiable.

    `function` maps (N, ...) to (N, 1), each row depending on its own input alone; with batch
    normalization it is the gradient of the sum over the batch.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        outputs = tf.reduce_sum(function(inputs))
    return squared_norm(tape.gradient(outputs, inputs))


def squared_norm(rows):
    """`|row|^2` of each row of (N, ...): (N,)."""
    return tf.reduce_sum(tf.square(rows), axis=tuple(range(1, len(rows.shape))))


def root(squares):
    """The square root with derivative 0 at 0, where that of sqrt is infinite and would make the loss NaN."""
    positive = squares > 0.0
    return tf.where(positive, tf.sqrt(tf.where(positive, squares, 1.0)), 0.0)


def register(cls):
    """Makes a penalty class loadable from a `.keras` file."""
    return keras.saving.register_keras_serializable("tfgan_kit")(cls)
