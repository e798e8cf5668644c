"""Instance normalization (arXiv:1607.08022): each map of each row by its own mean and variance."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tfgan_kit")
class InstanceNormalization(keras.layers.Layer):
    """Each channel of each row with mean 0 and variance 1 over its pixels, in training and inference alike.

    Args:
        epsilon: float > 0, added to the variance.
        affine: bool, whether a learned scale and shift of each channel follow.

    Call arguments:
        inputs: (N, H, W, C).

    Returns:
        (N, H, W, C).

    Raises:
        ValueError: inputs of another rank.

    Example:
        >>> x = InstanceNormalization()(keras.random.normal((2, 8, 8, 3), mean=5.0))
        >>> bool(abs(ops.mean(x[1, :, :, 2])) < 1e-5)
        True

    Reference: Ulyanov, Vedaldi, Lempitsky, arXiv:1607.08022, eq. 3. As in PyTorch, a constant map becomes 0.
    """

    rows_are_independent = True

    def __init__(self, epsilon=1e-5, affine=False, **kwargs):
        super().__init__(**kwargs)
        self.epsilon, self.affine = epsilon, affine
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        if self.affine:
            self.gamma = self.add_weight(shape=input_shape[-1:], initializer="ones", name="gamma")
            self.beta = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="beta")

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        mean = ops.mean(x, axis=(1, 2), keepdims=True)
        variance = ops.mean(ops.square(x - mean), axis=(1, 2), keepdims=True)
        scale = ops.rsqrt(variance + self.epsilon)  # (N, 1, 1, C)
        if self.affine:
            scale = scale * ops.cast(self.gamma, "float32")
        x = (x - mean) * scale
        return ops.cast(x + ops.cast(self.beta, "float32") if self.affine else x, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon, "affine": self.affine}
