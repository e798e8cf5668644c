"""Range checks of arguments, and of tensors when a step is executed."""

import contextlib

import numpy as np
import tensorflow as tf


def check_sizes(**sizes):
    """Refuses a size below 1.

    Raises:
        ValueError: it names the first size below 1.
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={size}")


def check_not_negative(**values):
    """Raises ValueError if an argument is below 0."""
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"`{name}` must not be negative. Received: {name}={value}")


def is_int(value, least, most):
    """Whether a value is a whole number of Python's or NumPy's from `least` to `most`; True and False are none."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and least <= value <= most


def check_int(name, value, least):
    """Refuses anything but a Python or NumPy integer from `least` to 2^63 - 1; booleans are refused, too.

    Raises:
        ValueError: it names the argument.
    """
    if not is_int(value, least, 2**63 - 1):
        raise ValueError(f"{name} must be an integer of at least {least}. Received: {name}={value!r}")


_RECEIVED = "Received:"


def require(condition, rule, *received):
    """Refuses what a tensor holds, when the graph is executed: an operation for `tf.control_dependencies`.

    Args:
        condition: bool scalar tensor.
        rule: str, the sentence that says what is allowed.
        *received: strings and tensors, what was found.

    Raises:
        ValueError: at once if the condition is known and False; from a graph under `as_value_error`.
    """
    if not tf.executing_eagerly():
        return tf.debugging.Assert(condition, [rule, _RECEIVED, *received], summarize=20)
    if not condition:
        found = [part.numpy().tolist() if tf.is_tensor(part) else part for part in received]
        raise ValueError(" ".join(map(str, [rule, _RECEIVED, *found])))
    return tf.no_op()


@contextlib.contextmanager
def as_value_error():
    """A context that raises what `require` refuses in a graph as a ValueError, without TensorFlow's report."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        _, is_ours, text = error.message.partition("assertion failed: [")
        parts = text.partition("\n")[0].rpartition("]")[0].split("] [")
        if is_ours and _RECEIVED in parts:
            raise ValueError(" ".join(parts)) from None
        raise
