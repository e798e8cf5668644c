"""Executions of several steps that end where an epoch ends."""

import contextlib
import math

from absl import logging


@contextlib.contextmanager
def ending_with(model, *lengths):
    """A context in which `steps_per_execution` divides the number of steps of every epoch.

    Keras makes whole executions only: an epoch of 3 steps, executed 2 at a time, would have 4.

    Args:
        model: a `keras.Model`.
        *lengths: numbers of steps, an epoch's and an evaluation's; None where the end of the data is the end.
    """
    asked = model.steps_per_execution
    size = math.gcd(asked, *(length for length in lengths if length))
    if size == asked:
        yield
        return
    logging.warning(
        "%s steps are no multiple of steps_per_execution=%d: they are executed %d at a time.",
        " and ".join(str(length) for length in lengths if length), asked, size,
    )  # fmt: skip
    _set(model, size)
    try:
        yield
    finally:
        _set(model, asked)


def _set(model, size):
    model.steps_per_execution = size
    model.train_function = model.test_function = None  # Keras reads the size when it makes them
