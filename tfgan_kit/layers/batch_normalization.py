"""Keras's batch normalization, by TensorFlow's fused kernel where the result is the same."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class BatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization`, trained by one fused kernel on a single replica.

    Arguments, weights, names in a `.keras` file and values are Keras's. Keras 3.15 takes a dozen
    passes over the batch; with `synchronized=True`, even on one replica, it also sums a tensor of ones
    to count the rows (8 to 16 % of a DCGAN's time: benchmarks/README.md). Keras's own code still does
    what the kernel cannot: synchronization over several replicas, masks, renormalization, an axis other
    than the last; and inference, so that exported graphs do not change.

    Example:
        >>> layer = BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True)
        >>> layer(keras.random.normal((4, 8, 8, 16)), training=True).shape
        TensorShape([4, 8, 8, 16])

    Reference: Ioffe, Szegedy, arXiv:1502.03167, algorithm 1.
    """

    def call(self, inputs, training=None, mask=None):
        if training and self.trainable and mask is None and self._is_fusible(inputs):
            return self._fused(inputs)
        return super().call(inputs, training=training, mask=mask)

    def _is_fusible(self, inputs):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return (
            (replicas == 1 or not self.synchronized)
            and not getattr(self, "renorm", False)  # older Keras has none
            and self.variable_dtype == "float32"
            and self.axis in (-1, len(inputs.shape) - 1)
            and inputs.dtype in (tf.float32, tf.float16, tf.bfloat16)
        )

    def _fused(self, inputs):
        x = inputs
        if len(x.shape) != 4:  # the kernel's only rank
            x = tf.reshape(x, (-1, 1, 1, x.shape[-1]))
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self._or(self.gamma, 1.0, x),
            offset=self._or(self.beta, 0.0, x),
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=self.epsilon,
        )
        count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
        # The kernel's variance is the unbiased one; Keras averages the biased one.
        variance *= tf.maximum(count - 1.0, 1.0) / count
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            # The mean of no rows is NaN; synchronized Keras layers take it as 0.
            value = tf.math.multiply_no_nan(value, tf.minimum(count, 1.0))
            average.assign(average * self.momentum + value * (1.0 - self.momentum))
        return tf.reshape(outputs, tf.shape(inputs)) if x is not inputs else outputs

    def _or(self, weight, constant, x):
        if weight is None:
            return tf.fill([x.shape[-1]], constant)
        return tf.convert_to_tensor(weight)


def without_scale(momentum, epsilon, dtype):
    """What conditional normalizations scale and shift: synchronized over replicas, without weights of its own."""
    return BatchNormalization(
        momentum=momentum, epsilon=epsilon, center=False, scale=False, synchronized=True, dtype=dtype,
        name="normalization",
    )  # fmt: skip


def over_pixels(rows, x):
    """Rows (N, C) in the shape (N, 1.., C) of x (N, ..., C), so that they broadcast over it."""
    return keras.ops.reshape(rows, (-1,) + (1,) * (len(x.shape) - 2) + (x.shape[-1],))
