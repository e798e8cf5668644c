"""Self-attention over the pixels of a feature map (arXiv:1805.08318)."""

from tfgan_kit.layers.convolution import Conv2D
from tfgan_kit.layers.spectral_normalization import SpectralNormalization

import keras
from keras import ops

FEWEST_CHANNELS = 8  # theta and phi have an eighth


@keras.saving.register_keras_serializable("tfgan_kit")
class SelfAttention(keras.layers.Layer):
    """Adds to each pixel a mean of features of all pixels, weighted by how well they match it.

    Use it once in each network, where the feature map is of 32 to 64 pixels: convolutions see what is near, this the
    whole image. With theta, phi, g and o 1x1 convolutions without biases, of C/8, C/8, C/2 and C channels, and pool a
    2x2 maximum,

        y = x + gamma o(softmax(theta(x) pool(phi(x))^T) pool(g(x)))

    where the softmax is over the H/2 * W/2 pooled pixels. gamma is a scalar that starts at 0, so that the layer starts
    as the identity.

    Args:
        spectral: bool, whether the four convolutions are spectrally normalized, as in SAGAN and BigGAN; False is for
            parameters that were divided by their norms already.
        epsilon: float > 0, of the spectral norms.
        inference: see `SpectralNormalization`.
        kernel_initializer: Keras initializer of the convolutions; BigGAN's is "orthogonal", SAGAN's "glorot_uniform".
        gamma_initializer: Keras initializer.

    Call arguments:
        inputs: float (N, H, W, C), C at least 8, H and W at least 2.
        training: bool, whether the spectral norms' u are moved.

    Returns:
        As `inputs`.

    Raises:
        ValueError: inputs of fewer than 8 channels.

    Example:
        >>> SelfAttention()(keras.random.normal((2, 8, 8, 16))).shape
        TensorShape([2, 8, 8, 16])

    Reference: Zhang et al., arXiv:1805.08318, eq. 1 to 3; pooling, which the text does not have, as in the authors'
    code and in BigGAN's (arXiv:1809.11096, appendix B).
    """

    rows_are_independent = True

    def __init__(
        self,
        spectral=True,
        epsilon=1e-12,
        inference="iterate",
        kernel_initializer="orthogonal",
        gamma_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.spectral = spectral
        self.epsilon = epsilon
        self.inference = inference
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels < FEWEST_CHANNELS:
            raise ValueError(
                f"Self-attention needs at least {FEWEST_CHANNELS} channels, since its queries have an eighth of them: "
                f"make the network wider or place it elsewhere. Received: channels={channels}"
            )
        for name, filters in (("theta", channels // 8), ("phi", channels // 8), ("g", channels // 2), ("o", channels)):
            layer = self._convolution(name, filters)
            layer.build((*input_shape[:-1], channels // 2) if name == "o" else input_shape)
            setattr(self, name, layer)
        self.gamma = self.add_weight(name="gamma", shape=(), initializer=self.gamma_initializer)

    def _convolution(self, name, filters):
        layer = Conv2D(
            filters,
            1,
            use_bias=False,
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
        )
        return SpectralNormalization(layer, 1, self.inference, self.epsilon) if self.spectral else layer

    def call(self, inputs, training=False):
        def convolved(layer, x):
            return layer(x, training=training) if self.spectral else layer(x)

        _, height, width, channels = inputs.shape
        queries = ops.reshape(convolved(self.theta, inputs), (-1, height * width, channels // 8))  # (N, HW, C/8)
        keys = _pooled(convolved(self.phi, inputs))  # (N, HW/4, C/8)
        values = _pooled(convolved(self.g, inputs))  # (N, HW/4, C/2)
        logits = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))  # (N, HW, HW/4)
        weights = ops.cast(ops.softmax(ops.cast(logits, "float32")), self.compute_dtype)
        attended = ops.reshape(ops.matmul(weights, values), (-1, height, width, channels // 2))
        return inputs + ops.cast(self.gamma, self.compute_dtype) * convolved(self.o, attended)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "spectral": self.spectral,
            "epsilon": self.epsilon,
            "inference": self.inference,
            "kernel_initializer": keras.saving.serialize_keras_object(self.kernel_initializer),
            "gamma_initializer": keras.saving.serialize_keras_object(self.gamma_initializer),
        }


def _pooled(x):
    """The 2x2 maxima of (N, H, W, C), as rows: (N, HW/4, C)."""
    x = ops.max_pool(x, 2, data_format="channels_last")
    return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
