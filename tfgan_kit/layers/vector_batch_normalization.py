"""Batch normalization whose scale and shift are offsets from 1 and 0: of a vector, or of a class (BigGAN)."""

from tfgan_kit.layers.batch_normalization import over_pixels, without_scale
from tfgan_kit.layers.spectral_normalization import SpectralNormalization

import keras
from keras import ops


class _OffsetBatchNormalization(keras.layers.Layer):
    """`(1 + gain(condition)) * normalized(x) + bias(condition)`; a subclass gives the two in `_offset`."""

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon
        self.normalization = without_scale(momentum, epsilon, self.dtype_policy)

    def build(self, input_shape):
        image_shape, condition_shape = input_shape
        self.normalization.build(image_shape)
        self.gain = self._offset("gain", image_shape[-1])
        self.bias = self._offset("bias", image_shape[-1])
        self.gain.build(condition_shape)
        self.bias.build(condition_shape)

    def _offset(self, name, channels):
        raise NotImplementedError

    def _of_condition(self, layer, condition, training):
        return layer(condition)

    def call(self, inputs, training=False):
        x, condition = inputs
        gain, bias = (
            over_pixels(ops.cast(self._of_condition(layer, condition, training), self.compute_dtype), x)
            for layer in (self.gain, self.bias)
        )  # (N, 1.., C)
        return self.normalization(x, training=training) * (1.0 + gain) + bias

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("tfgan_kit")
class VectorConditionalBatchNormalization(_OffsetBatchNormalization):
    """Normalizes over the batch, then scales and shifts by linear functions of a vector.

    `y = (1 + A v) * (x - mean) / sqrt(variance + epsilon) + B v`, with the vector v of each row: in BigGAN an embedding
    of the class, shared by all layers, and a part of the latents. `ConditionalBatchNormalization` looks scale and shift
    up in a table of its own. Statistics are synchronized over replicas.

    Args:
        spectral: bool, whether A and B are spectrally normalized.
        spectral_epsilon: float > 0, of these norms.
        momentum: float in [0, 1), of the moving statistics.
        epsilon: float > 0, added to the variance.

    Call arguments:
        inputs: `[x, v]`; x float (N, ..., C), v float (N, D).
        training: bool, whether to use the batch's statistics (True) or the moving ones (False).

    Returns:
        As x.

    Example:
        >>> layer = VectorConditionalBatchNormalization()
        >>> layer([keras.ops.ones((4, 7, 7, 8)), keras.random.normal((4, 16))]).shape
        TensorShape([4, 7, 7, 8])

    Reference: Brock, Donahue, Simonyan, arXiv:1809.11096, section 3 and figure 15.
    """

    def __init__(self, spectral=True, spectral_epsilon=1e-12, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum, epsilon, **kwargs)
        self.spectral = spectral
        self.spectral_epsilon = spectral_epsilon

    def _offset(self, name, channels):
        layer = keras.layers.Dense(
            channels, use_bias=False, kernel_initializer="orthogonal", dtype=self.dtype_policy, name=name
        )
        return SpectralNormalization(layer, epsilon=self.spectral_epsilon) if self.spectral else layer

    def _of_condition(self, layer, condition, training):
        return layer(condition, training=training) if self.spectral else layer(condition)

    def get_config(self):
        return {**super().get_config(), "spectral": self.spectral, "spectral_epsilon": self.spectral_epsilon}


@keras.saving.register_keras_serializable("tfgan_kit")
class OffsetConditionalBatchNormalization(_OffsetBatchNormalization):
    """`ConditionalBatchNormalization` whose table holds offsets: a scale of 1 + gain[label].

    `y = (1 + gain[label]) * (x - mean) / sqrt(variance + epsilon) + bias[label]`. The functions are the same; but what
    pulls weights to 0 or to orthogonality, as BigGAN's regularization, sees other weights. BigGAN without a shared
    embedding uses it.

    Args:
        num_classes: int >= 1.
        momentum, epsilon: as in `VectorConditionalBatchNormalization`.

    Call arguments:
        inputs: `[x, labels]`; x float (N, ..., C), labels integer (N,) in [0, num_classes).
        training: bool, whether to use the batch's statistics (True) or the moving ones (False).

    Returns:
        As x.

    Raises:
        ValueError: `num_classes` below 1.

    Example:
        >>> layer = OffsetConditionalBatchNormalization(num_classes=10)
        >>> layer([keras.ops.ones((4, 7, 7, 8)), keras.ops.array([0, 1, 2, 3])]).shape
        TensorShape([4, 7, 7, 8])

    Reference: Dumoulin, Shlens, Kudlur, arXiv:1610.07629, eq. 5; the offset as in BigGAN's code.
    """

    def __init__(self, num_classes, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum, epsilon, **kwargs)
        if num_classes < 1:
            raise ValueError(f"A conditional layer needs at least 1 class. Received: num_classes={num_classes}")
        self.num_classes = num_classes

    def _offset(self, name, channels):
        return keras.layers.Embedding(
            self.num_classes, channels, embeddings_initializer="orthogonal", dtype=self.dtype_policy, name=name
        )

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
