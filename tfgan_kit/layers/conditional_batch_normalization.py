"""Batch normalization whose scale and shift depend on the class (arXiv:1610.07629)."""

from tfgan_kit.layers.batch_normalization import over_pixels, without_scale

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgan_kit")
class ConditionalBatchNormalization(keras.layers.Layer):
    """Normalizes over the batch, then scales and shifts by the row's class.

    `y = gamma[label] * (x - mean) / sqrt(variance + epsilon) + beta[label]`. Use it in a
    class-conditional generator in place of `keras.layers.BatchNormalization`, which it equals if there
    is one class. Statistics are shared by all classes and synchronized over replicas.

    Args:
        num_classes: int >= 1, number of rows of `gamma` and `beta`.
        momentum: float in [0, 1), of the moving statistics; 0.9 as in the DCGAN reference code
            (Keras's default, 0.99, lags behind a generator that is being trained).
        epsilon: float > 0, added to the variance.

    Call arguments:
        inputs: `[x, labels]`; x float of any rank >= 2, features last, (N, ..., C); labels integer
            (N,) in [0, num_classes).
        training: bool, whether to use the batch's statistics (True) or the moving ones (False).

    Raises:
        ValueError: `num_classes` below 1.

    Example:
        >>> layer = ConditionalBatchNormalization(num_classes=10)
        >>> layer([keras.ops.ones((4, 7, 7, 8)), keras.ops.array([0, 1, 2, 3])]).shape
        TensorShape([4, 7, 7, 8])

    Reference: Dumoulin, Shlens, Kudlur, "A Learned Representation For Artistic Style",
    arXiv:1610.07629, eq. 5; in GANs: Miyato & Koyama, arXiv:1802.05637.
    """

    def __init__(self, num_classes, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        if num_classes < 1:
            raise ValueError(f"A conditional layer needs at least 1 class. Received: num_classes={num_classes}")
        self.num_classes = num_classes
        self.momentum = momentum
        self.epsilon = epsilon
        self.normalization = without_scale(momentum, epsilon, self.dtype_policy)

    def build(self, input_shape):
        image_shape, _ = input_shape
        channels = image_shape[-1]
        self.normalization.build(image_shape)
        self.gamma = self.add_weight(name="gamma", shape=(self.num_classes, channels), initializer="ones")
        self.beta = self.add_weight(name="beta", shape=(self.num_classes, channels), initializer="zeros")

    def call(self, inputs, training=None):
        x, labels = inputs
        gamma = over_pixels(ops.take(self.gamma, labels, axis=0), x)  # (N, 1.., C)
        beta = over_pixels(ops.take(self.beta, labels, axis=0), x)
        return self.normalization(x, training=training) * gamma + beta

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
