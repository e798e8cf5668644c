"""The two players' optimizers, built for their networks, and as one attribute for Keras callbacks."""

from tfgan_kit.internals.keras import copied, inner_optimizer, layers_of, leave_the_sum_to_us, schedule_of
from tfgan_kit.training.schedules import Adam, is_schedule

import keras


class OptimizerPair:
    """The value of `gan.optimizer`: both optimizers under the name that Keras callbacks use.

    `LearningRateScheduler`, `ReduceLROnPlateau` and `TensorBoard` act on each of `optimizers`, as
    they do for `keras.optimizers.MultiOptimizer`; that class itself would apply all gradients
    together, while a GAN's players are updated in turn. Loggers (Weights & Biases, MLflow) read `name`,
    `learning_rate` and `get_config` off it.
    """

    built = True
    name = "generator_and_discriminator"

    def __init__(self, generator_optimizer, discriminator_optimizer):
        self.optimizers = [generator_optimizer, discriminator_optimizer]

    @property
    def learning_rate(self):
        """The generator's learning rate; setting it sets both."""
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        for optimizer in self.optimizers:
            optimizer.learning_rate = value

    def get_config(self):
        """Both configurations, by player."""
        return {
            player: optimizer.get_config()
            for player, optimizer in zip(("generator", "discriminator"), self.optimizers, strict=True)
        }

    @property
    def variables(self):
        return [variable for optimizer in self.optimizers for variable in optimizer.variables]

    @property
    def iterations(self):
        """Updates of the generator so far."""
        return self.optimizers[0].iterations


def one_each(generator_optimizer, discriminator_optimizer):
    """An optimizer for each player: a copy of the other's where one is None, "adam" where both are.

    Raises:
        ValueError: the same object twice.
    """
    given = generator_optimizer if generator_optimizer is not None else discriminator_optimizer
    if given is None:
        return "adam", "adam"
    if generator_optimizer is discriminator_optimizer and not isinstance(given, str):
        raise ValueError(
            "The players need an optimizer each, since an optimizer's state belongs to one network's weights: give one "
            f"of them, which is copied for the other, or two. Received the same object twice: {given}"
        )
    if generator_optimizer is None:
        return copied(given), given
    return given, copied(given) if discriminator_optimizer is None else discriminator_optimizer


def prepare(optimizer, network, player, step):
    """An optimizer, built for `network`'s weights, with loss scaling if it computes in float16.

    Keras's `compile` would wrap only `model.optimizer`; a GAN has two. A schedule of the learning rate or of beta_2 is
    evaluated at `step`, the GAN's training step, regardless of the number of the optimizer's own updates.

    Raises:
        ValueError: not an optimizer for `keras.optimizers.get`, or one with `use_ema=True`.
    """
    try:
        found = keras.optimizers.get(optimizer)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(
            f"`{player}_optimizer` must be a keras.optimizers.Optimizer, or the name of one. "
            f"Received: {player}_optimizer={optimizer!r}"
        )
    optimizer = found
    inner = inner_optimizer(optimizer)
    if inner.use_ema:
        raise ValueError(
            "The GAN itself averages the weights: use GAN(ema_decay=...) instead of the "
            f"optimizer's average. Received: {player}_optimizer with use_ema=True"
        )
    half = network.dtype_policy.compute_dtype == "float16" or any(
        layer.dtype_policy.compute_dtype == "float16" for layer in layers_of(network)
    )
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    leave_the_sum_to_us(optimizer)
    if schedule := schedule_of(inner):
        inner.learning_rate = StepSchedule.of(schedule, step)
    if isinstance(inner, Adam) and is_schedule(inner.beta_2_given):
        inner.beta_2 = StepSchedule.of(inner.beta_2_given, step)
    if not optimizer.built:  # a LossScaleOptimizer would create its variables twice
        optimizer.build(network.trainable_variables)
    return optimizer


@keras.saving.register_keras_serializable("tfgan_kit")
class StepSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of the GAN's training step, in which an optimizer may make several updates.

    Args:
        schedule: `keras.optimizers.schedules.LearningRateSchedule`.
        step: int64 variable; None, before the GAN is compiled: the argument that Keras passes, the optimizer's updates.
    """

    def __init__(self, schedule, step=None):
        self.schedule = schedule
        self._step = step

    @classmethod
    def of(cls, schedule, step):
        """The same schedule, or what another `StepSchedule` holds, of this step."""
        return cls(schedule.schedule if isinstance(schedule, cls) else schedule, step)

    def __call__(self, step):
        return self.schedule(step if self._step is None else self._step.value)

    def get_config(self):
        return {"schedule": keras.saving.serialize_keras_object(self.schedule)}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]))
