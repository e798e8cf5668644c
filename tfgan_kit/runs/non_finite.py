"""Whether a GAN's numbers are finite, and what to say when they are not."""

import keras
import numpy as np


class NonFiniteError(RuntimeError):
    """A loss, gradient or weight that is NaN or infinite."""


def check(gan, newest=lambda: None):
    """Refuses a GAN with a weight that is NaN or infinite.

    Args:
        gan: a `GAN`.
        newest: callable, the checkpoint that the message names as kept, or None.

    Raises:
        NonFiniteError: naming the first such weight and the step.
    """
    if name := first_weight(gan):
        raise NonFiniteError(message(f"{name} is not finite at step {gan.steps_trained}", newest()))


def first_weight(gan):
    """The first weight that is NaN or infinite, in words, or None.

    After the networks' own come what training keeps beside them: the optimizers' slots and learning
    rates, and the variables of penalties that adapt.
    """
    for what, variable in _variables(gan):
        if not keras.backend.is_float_dtype(variable.dtype):
            continue
        # NumPy does not know bfloat16's NaN; every float fits or overflows to infinity.
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
    """What is not finite, since when, what is kept and what to do."""
    ways = "the learning rates, add a penalty (R1), or use float32."
    if kept is None:
        return f"{what}. Lower {ways}"
    return (
        f"{what}. The last good checkpoint is kept: {kept}. Training repeats itself exactly: the "
        "same command resumes there and stops here again. In another run folder, lower "
        f"{ways}"
    )
