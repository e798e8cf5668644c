"""Checks that a GAN's weights are finite, and the message if they are not."""

import keras
import numpy as np


class NonFiniteError(RuntimeError):
    """A loss, gradient or weight that is NaN or infinite."""


def check(gan, newest=lambda: None):
    """Refuses a GAN with a weight that is NaN or infinite.

    Args:
        gan: a `GAN`.
        newest: callable that returns the checkpoint which the message names as kept, or None.

    Raises:
        NonFiniteError: it names the first such weight and the step.
    """
    if name := first_weight(gan):
        raise NonFiniteError(message(f"{name} is not finite at step {gan.steps_trained}", newest()))


def first_weight(gan):
    """A description of the first weight that is NaN or infinite, or None.

    The networks' weights are followed by the other variables of training: the optimizers' slots and
    learning rates, and the variables of adaptive penalties.
    """
    for what, variable in _variables(gan):
        if not keras.backend.is_float_dtype(variable.dtype):
            continue
        # NumPy does not support bfloat16; in float32 every value is represented or overflows to infinity.
        if not np.isfinite(keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32"))).all():
            return f"{what}/{variable.path}"
    return None


def _variables(gan):
    for network in (gan.generator, gan.discriminator, gan.ema_generator):
        yield from ((f"weight {network.name}", weight) for weight in network.weights)
    if gan.compiled:
        generators, discriminators = gan.optimizer.optimizers
        yield from (("generator_optimizer", variable) for variable in generators.variables)
        yield from (("discriminator_optimizer", variable) for variable in discriminators.variables)
        yield from (("penalties", variable) for variable in gan.adaptive.variables)


def message(what, kept=None):
    """The message: what is not finite, which checkpoint is kept and what to do."""
    ways = "the learning rates, add a penalty (R1), or use float32."
    if kept is None:
        return f"{what}. Lower {ways}"
    return (
        f"{what}. The last good checkpoint is kept: {kept}. Training is deterministic: the "
        "same command resumes there and stops here again. In another run folder, lower "
        f"{ways}"
    )
