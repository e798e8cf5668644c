"""The Wasserstein-1 distance by its dual, with a critic that is 1-Lipschitz by construction."""

from typing import NamedTuple

from tfgan_kit.divergences import held_out
from tfgan_kit.divergences.samples import scaled_points
from tfgan_kit.internals.keras import leave_the_sum_to_us

import keras
import numpy as np
import tensorflow as tf
from keras import ops

_BATCH = 256
_BJORCK_STEPS = 4  # take 64 equal singular values from 0.77 to 1 - 1e-7


class LipschitzBound(NamedTuple):
    """The result of `wasserstein_dual`.

    value: mean f(x) - mean f(y) on the held-out part, in the units of the points.
    standard_error: of that difference of means.
    lipschitz_constant: the product of the layers' largest singular values, an upper bound of the
        critic's Lipschitz constant; `value` is already divided by it if it is above 1.
    curve: float64 (K, 2): number of training steps, and the value on the validation part after them.

    Example:
        >>> found = wasserstein_dual(real_points, generated_points, max_steps=50)
        >>> round(found.lipschitz_constant, 3)
        1.0
    """

    value: float
    standard_error: float
    lipschitz_constant: float
    curve: np.ndarray


def wasserstein_dual(x, y, hidden_layers=3, width=64, max_steps=1000, learning_rate=5e-3, seed=0):
    """A lower bound of W_1 by Kantorovich and Rubinstein's dual, on held-out samples.

        W_1(P, Q) = sup { E_P f - E_Q f : |f(a) - f(b)| <= |a - b| }

    Any 1-Lipschitz f gives a lower bound, so the critic is 1-Lipschitz by construction: every kernel is
    orthonormalised by Bjorck's iteration, which keeps singular values at or below 1, and the activations
    are GroupSort of pairs, which permutes and so preserves norms and gradients. It is trained on half of
    each set, stopped by a quarter, and measured on the quarter that it has not seen. A gradient penalty
    would only encourage the property, and the value would bound nothing.

    Args:
        x, y: float (N, D) and (M, D), N, M >= 16.
        hidden_layers: int >= 0. With 0 the critic is linear, f(x) = u . x with |u| = 1, and the value
            is only the distance of the means along the learned u.
        width: even int >= 2.
        max_steps: int >= 1, Adam steps on 256 rows of each set.
        learning_rate: float > 0.
        seed: int; draws the parts, the batches and the critic. Global random state is neither read nor
            changed.

    Returns:
        A `LipschitzBound`. Its expected value is at most W_1 of the two laws; how close it comes depends
        on the critic. Unlike an empirical W_1 it is not biased upward in high dimensions.

    Raises:
        ValueError: fewer than 16 points, an odd width, NaN, another rank, unequal dimensions.

    Time O(max_steps width^2 (512 + 11 width)) per layer, a few seconds; memory O((N + M) D), a float32
    copy.

    Example:
        >>> value, standard_error, _, curve = wasserstein_dual(real_points, generated_points, max_steps=50)
        >>> 0.0 < value < 2.0  # the means are sqrt(2) apart
        True

    Reference: Anil, Lucas and Grosse, arXiv:1811.05381, section 4 (eq. 4 with p = 1).
    """
    (x, y), unit = scaled_points(x, y)
    if hidden_layers < 0 or width < 2 or width % 2:
        raise ValueError(
            "`hidden_layers` must be at least 0 and `width` even, since GroupSort sorts pairs. "
            f"Received: hidden_layers={hidden_layers}, width={width}"
        )
    random = np.random.default_rng(seed)
    x, y, scale = _rescaled(x, y)
    scale *= unit
    real, fake = held_out.split(x, random), held_out.split(y, random)
    critic = lipschitz_critic(x.shape[1], hidden_layers, width, random)
    data = held_out.batches(real.training, fake.training, _BATCH, random)
    update = _update(critic, learning_rate)
    forward = tf.function(critic, reduce_retracing=True)
    curve = held_out.train(
        lambda: update(*next(data)),
        lambda: ops.mean(forward(real.validation)) - ops.mean(forward(fake.validation)),
        critic.trainable_variables,
        max_steps,
    )
    curve[:, 1] *= scale
    return _measured(critic, real.held_out, fake.held_out, scale, curve)


class OrthonormalDense(keras.layers.Layer):
    """`y = x W` (+ b) with W's singular values at most 1, and near 1 after training.

    W = B(B(B(B(V / s)))), with s = |(V^T V)^4|_F^(1/8), at least the largest singular value of V and close
    to it, and B a step of Bjorck's iteration, B(W) = 3/2 W - 1/2 W W^T W, which maps a singular value t in
    [0, 1] to (3 t - t^3) / 2, again in [0, 1] and no smaller.

    Args:
        units: int >= 1.
        use_bias: bool.
        seed: int; draws the initial kernel, which is orthogonal.

    Shapes: float32 (N, D) -> (N, units).

    Example:
        >>> OrthonormalDense(64)(real_points[:8]).shape
        TensorShape([8, 64])

    Reference: Bjorck and Bowie (1971); Anil, Lucas and Grosse, arXiv:1811.05381, section 4.2.
    """

    def __init__(self, units, use_bias=True, seed=0):
        super().__init__(dtype="float32")
        self.units = units
        self.use_bias = use_bias
        self.seed = seed

    def build(self, input_shape):
        start = keras.initializers.Orthogonal(seed=self.seed)
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer=start)
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, inputs):
        outputs = ops.matmul(inputs, self.orthonormal_kernel())
        return outputs + self.bias if self.use_bias else outputs

    def orthonormal_kernel(self):
        gram = _gram(self.kernel)
        eighth = ops.matmul(ops.matmul(gram, gram), ops.matmul(gram, gram))  # singular values^8
        kernel = self.kernel / ops.maximum(ops.norm(eighth), 1e-30) ** 0.125
        for _ in range(_BJORCK_STEPS):
            kernel = 1.5 * kernel - 0.5 * ops.matmul(kernel, _gram(kernel))
        return kernel


def _gram(kernel):
    return ops.matmul(ops.transpose(kernel), kernel)


def lipschitz_critic(dimension, hidden_layers, width, random):
    """A 1-Lipschitz Keras model, float32 (N, D) -> (N, 1)."""
    layers = [keras.Input((dimension,))]
    for _ in range(hidden_layers):
        layers += [OrthonormalDense(width, seed=_seed(random)), keras.layers.Lambda(group_sort)]
    return keras.Sequential([*layers, OrthonormalDense(1, use_bias=False, seed=_seed(random))])


def group_sort(x):
    """Sorts each pair of neighbouring features: (N, C) -> (N, C); arXiv:1811.05381, section 4.1, groups of 2."""
    pairs = ops.reshape(x, (-1, x.shape[-1] // 2, 2))
    ordered = ops.stack([ops.max(pairs, axis=-1), ops.min(pairs, axis=-1)], axis=-1)
    return ops.reshape(ordered, (-1, x.shape[-1]))


def _seed(random):
    return int(random.integers(2**31))


def _update(critic, learning_rate):
    optimizer = leave_the_sum_to_us(keras.optimizers.Adam(learning_rate))
    optimizer.build(critic.trainable_variables)

    @tf.function
    def update(real, fake):
        with tf.GradientTape() as tape:
            values = critic(ops.concatenate([real, fake]))  # one call, so kernels are computed once
            loss = ops.mean(values[_BATCH:]) - ops.mean(values[:_BATCH])
        gradients = tape.gradient(loss, critic.trainable_variables)
        optimizer.apply(gradients, critic.trainable_variables)

    return update


def _rescaled(x, y):
    """Both sets shifted, and divided by one number, by which W_1 is divided, too."""
    centre = (x.mean(axis=0, dtype=np.float64) + y.mean(axis=0, dtype=np.float64)) / 2
    x, y = x - centre, y - centre
    scale = np.sqrt((np.mean(x**2) + np.mean(y**2)) / 2) or 1.0
    return (x / scale).astype(np.float32), (y / scale).astype(np.float32), float(scale)


def _measured(critic, real, fake, scale, curve):
    steepest = float(
        np.prod(
            [
                np.linalg.norm(np.asarray(layer.orthonormal_kernel(), np.float64), 2)
                for layer in critic.layers
                if isinstance(layer, OrthonormalDense)
            ]
        )
    )
    real, fake = (held_out.logits_of(critic, part)[:, 0].astype(np.float64) for part in (real, fake))
    error = np.sqrt(real.var() / len(real) + fake.var() / len(fake))
    scale /= max(1.0, steepest)
    return LipschitzBound(float(real.mean() - fake.mean()) * scale, float(error) * scale, steepest, curve)
