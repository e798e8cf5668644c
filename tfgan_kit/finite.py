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
    """The name of the first weight that is NaN or infinite, or None."""
    for network in (gan.generator, gan.discriminator, gan.ema_generator):
        for weight in network.weights:
            if not keras.backend.is_float_dtype(weight.dtype):
                continue
            # NumPy does not know bfloat16's NaN; every float fits or overflows to infinity.
            if not np.isfinite(keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))).all():
                return f"weight {network.name}/{weight.path}"
    return None


def message(what, kept=None):
    """What is not finite, since when, what is kept and how to go on."""
    ways = "the learning rates, add a penalty (R1), or use float32."
    if kept is None:
        return f"{what}. Lower {ways}"
    return (
        f"{what}. The last good checkpoint is kept: {kept}. Training repeats itself exactly: the "
        "same command goes on from there and stops here again. In another run folder, lower "
        f"{ways}"
    )
