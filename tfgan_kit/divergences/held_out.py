"""Training a critic on one part of the samples, stopping by another, measuring on a third."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

EVERY = 50  # steps between two validations
PATIENCE = 8  # validations without a better value
SMALLEST = 16  # points in each set


class Parts(NamedTuple):
    """Half of a set's points to train on, a quarter to decide when to stop, a quarter to measure on."""

    training: np.ndarray
    validation: np.ndarray
    held_out: np.ndarray


def split(points, random):
    """`Parts` of a set of points, drawn at random without replacement."""
    if len(points) < SMALLEST:
        raise ValueError(
            f"A held-out bound needs at least {SMALLEST} points in each set, half to train on and "
            f"a quarter to be measured on. Received: {len(points)}"
        )
    order = random.permutation(len(points))
    half, quarter = len(points) // 2, len(points) // 4
    return Parts(*(points[rows] for rows in np.split(order, [half, half + quarter])))


def train(step, validate, variables, max_steps):
    """Calls `step()` until `validate()` has not improved 8 times, or `max_steps` times.

    Args:
        step: callable without arguments; one update of `variables`.
        validate: callable without arguments; the value to maximise, on the validation part.
        variables: end with the values that they had at the best value.
        max_steps: int >= 1.

    Returns:
        The training curve, float64 (K, 2): number of steps, and the value after them. The first row is
        before training; a value that is not finite stops training.

    Raises:
        ValueError: the value is not finite even before training.
    """
    curve, best, since_best = [], -np.inf, 0
    for count in range(max_steps + 1):
        if count % EVERY == 0 or count == max_steps:
            value = float(validate())
            curve.append((count, value))
            if value > best:
                best, since_best, kept = value, 0, [v.numpy() for v in variables]
            else:
                since_best += 1
            if since_best >= PATIENCE or not np.isfinite(value):
                break
        if count < max_steps:
            step()
    if best == -np.inf:
        raise ValueError(
            f"The objective is not finite for an untrained critic: check its scale. Received: {curve[0][1]}"
        )
    for variable, value in zip(variables, kept, strict=True):
        variable.assign(value)
    return np.array(curve, np.float64)


def batches(x, y, size, random):
    """Pairs of batches of `size` rows each, drawn with replacement, without end."""
    x, y = tf.constant(x), tf.constant(y)
    while True:
        rows_x, rows_y = random.integers(len(x), size=size), random.integers(len(y), size=size)
        yield tf.gather(x, rows_x), tf.gather(y, rows_y)


def logits_of(critic, points, rows=4096):
    """The critic's values of points (N, D), in blocks: float32 (N, 1)."""
    return np.concatenate([critic(points[i : i + rows]).numpy() for i in range(0, len(points), rows)])
