"""The variational lower bound of an f-divergence, by a small critic on held-out samples."""

from typing import NamedTuple

from tfgan_kit.divergences import held_out
from tfgan_kit.divergences.samples import checked_points, largest, power_of_two
from tfgan_kit.internals.keras import leave_the_sum_to_us

import keras
import numpy as np
import tensorflow as tf

_BATCH = 256
_RESAMPLES = 100


class VariationalBound(NamedTuple):
    """The result of `variational_bound`, in nats.

    value: the objective's bound on the held-out part.
    standard_error: the standard deviation of that value over 100 bootstrap samples of the part.
    curve: float64 (K, 2): number of training steps, and the bound on the validation part after them.

    Example:
        >>> kl = gk.objectives.FGAN("kl")
        >>> steps, bounds = variational_bound(real_points, generated_points, kl, max_steps=50).curve.T
        >>> steps
        array([ 0., 50.])
    """

    value: float
    standard_error: float
    curve: np.ndarray


def variational_bound(x, y, objective, width=64, max_steps=2000, learning_rate=1e-3, seed=0):
    """A lower bound of the f-divergence that an objective's discriminator maximises.

        D_f(P, Q) >= E_P T(x) - E_Q f*(T(x)),   T = g_f(V),   V a critic of two hidden layers

    The critic V is trained by `objective.discriminator_loss` on half of each set, stopped where the bound
    on a quarter is best, and measured once on the quarter that it has not seen. So the value's mean is a
    lower bound, whatever the critic has learned. On its training samples it would not be: a wide critic
    separates any two finite sets.

    Args:
        x, y: float (N, D) and (M, D), samples of P and Q, N, M >= 16. Each coordinate is first shifted and
            scaled, which changes no f-divergence.
        objective: an object with `discriminator_loss(real_logits, fake_logits)`, to minimise, and
            `divergence_bound(real_logits, fake_logits)`, both functions of logits float32 (N, 1) and
            (M, 1) to a float32 scalar, such as `tfgan_kit.objectives.FGAN`.
        width: int >= 1, of both hidden layers (ReLU).
        max_steps: int >= 1, Adam steps on 256 rows of each set.
        learning_rate: float > 0.
        seed: int; draws the parts, the batches and the critic. Global random state is neither read nor
            changed.

    Returns:
        A `VariationalBound`. It is below the divergence by what the critic cannot represent or learn, and
        above it only by chance; it may be negative if nothing was learned. With an unbounded f* (KL:
        exp) it has heavy tails: the standard error from few held-out points is then too small, and no
        estimate from N samples can certify much more than log N nats.

    Raises:
        ValueError: fewer than 16 points, NaN, another rank, unequal dimensions, a bound that is not finite
            before training.

    Time O(max_steps width (D + width)), a few seconds; memory O((N + M) D), a float32 copy.

    Example:
        >>> bound = variational_bound(real_points, generated_points, gk.objectives.Minimax(), max_steps=50)
        >>> bound.value < 0.69315  # log 2, the largest Jensen-Shannon divergence
        True

    Reference: Nguyen, Wainwright and Jordan, arXiv:0809.0853; Nowozin et al., arXiv:1606.00709,
    eq. 4-6. Limit of log N: McAllester and Stratos, arXiv:1811.04251.
    """
    x, y = (points.astype(np.float32) for points in _standardised(*checked_points(x, y)))
    random = np.random.default_rng(seed)
    real, fake = held_out.split(x, random), held_out.split(y, random)
    critic = _critic(x.shape[1], width, random)
    data = held_out.batches(real.training, fake.training, _BATCH, random)
    update = _update(critic, objective, learning_rate)

    def bound(real_points, fake_points):
        return objective.divergence_bound(critic(real_points), critic(fake_points))

    curve = held_out.train(
        lambda: update(*next(data)),
        lambda: bound(real.validation, fake.validation),
        critic.trainable_variables,
        max_steps,
    )
    logits = [held_out.logits_of(critic, points) for points in (real.held_out, fake.held_out)]
    value = float(objective.divergence_bound(*map(tf.constant, logits)))
    return VariationalBound(value, _bootstrap_error(objective, *logits, random), curve)


def _standardised(x, y):
    """Both sets standardised by the mean and deviation of each coordinate over both, in float64."""
    both = np.concatenate([x, y]).astype(np.float64)
    both /= [power_of_two(largest(column) or 1.0) for column in both.T]  # squares fit, and nothing is rounded
    deviation = both.std(axis=0)
    deviation[deviation == 0] = 1.0
    both = (both - both.mean(axis=0)) / deviation
    return both[: len(x)], both[len(x) :]


def _critic(dimension, width, random):
    def dense(units, activation=None):
        seed = int(random.integers(2**31))
        start = keras.initializers.GlorotUniform(seed)
        return keras.layers.Dense(units, activation, kernel_initializer=start, dtype="float32")

    return keras.Sequential([keras.Input((dimension,)), dense(width, "relu"), dense(width, "relu"), dense(1)])


def _update(critic, objective, learning_rate):
    optimizer = leave_the_sum_to_us(keras.optimizers.Adam(learning_rate, clipnorm=1.0))  # KL's exp makes rare spikes
    optimizer.build(critic.trainable_variables)

    @tf.function
    def update(real, fake):
        with tf.GradientTape() as tape:
            loss = objective.discriminator_loss(critic(real), critic(fake))
        gradients = tape.gradient(loss, critic.trainable_variables)
        optimizer.apply(gradients, critic.trainable_variables)

    return update


def _bootstrap_error(objective, real, fake, random):
    def resampled(logits):
        return tf.constant(logits[random.integers(len(logits), size=len(logits))])

    values = [float(objective.divergence_bound(resampled(real), resampled(fake))) for _ in range(_RESAMPLES)]
    return float(np.std(values))
