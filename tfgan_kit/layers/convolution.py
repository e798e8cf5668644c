"""Keras's convolutions, by faster code on CPUs for grouped kernels and for gradients in bfloat16.

On processors without AMX, oneDNN's kernel for the bfloat16 gradient of a convolution's weights takes 1.2 to
3.5 times as long as the matrix products below (benchmarks/README.md). Outputs and gradients of inputs
stay oneDNN's.

TensorFlow has no gradient of a grouped convolution on a CPU, so Keras 3.15 compiles it with XLA, on a GPU, too. On a
CPU that takes a hundred times as long as convolving group by group, and TensorFlow Serving does not run XLA functions.
"""

import keras
import tensorflow as tf

# From here on two groups are one convolution, half of whose kernel is zeros: 96 groups of 16 channels at 4x4 are traced
# in 0.9 s for 1.7 s, and a step with R1 takes 130 CPU-ms for 180; 24 groups take the same time both ways.
_PAIRED = 32


@keras.saving.register_keras_serializable("tfgan_kit")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`, faster on a CPU with groups, or with 4x4 kernels of stride 2 in bfloat16.

    Weights, names in a `.keras` file and values are Keras's. On a machine without a GPU, groups are plain
    convolutions, one each (from 32 groups on, one for two), which have gradients of every order and run on any server;
    with one, they are TensorFlow's grouped convolution. A 4x4 kernel of stride 2 with "same" padding, even height and
    width, in bfloat16, has the gradient described above. Everything else is Keras's own code.

    Args:
        filters, kernel_size, strides, data_format: and the others: Keras's, but `data_format` is "channels_last" unless
            it is given, whatever `keras.json` says.

    Example:
        >>> layer = Conv2D(8, 4, strides=2, padding="same", dtype="mixed_bfloat16")
        >>> layer(keras.random.normal((2, 16, 16, 3))).shape
        TensorShape([2, 8, 8, 8])
    """

    rows_are_independent = True

    def __init__(self, *args, **kwargs):
        if len(args) < 5:  # the fifth is `data_format`
            kwargs.setdefault("data_format", "channels_last")
        super().__init__(*args, **kwargs)

    def convolution_op(self, inputs, kernel):
        if self.groups > 1:
            return self._by_groups(inputs, tf.convert_to_tensor(kernel))
        if _by_products(self, inputs):
            return _convolve(inputs, tf.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)

    def _by_groups(self, inputs, kernel):
        if _has_gpu():
            return tf.nn.convolution(
                inputs,
                kernel,
                self.strides,
                self.padding.upper(),
                "NHWC" if self.data_format == "channels_last" else "NCHW",
                self.dilation_rate,
            )
        count = self.groups
        if count >= _PAIRED and count % 2 == 0:
            kernel, count = _in_pairs(kernel, count), count // 2
        channels = -1 if self.data_format == "channels_last" else 1
        parts = zip(tf.split(inputs, count, axis=channels), tf.split(kernel, count, axis=-1), strict=True)
        convolve = super().convolution_op  # Keras derives the number of groups, 1, from the shapes
        return tf.concat([convolve(*part) for part in parts], axis=channels)


@keras.saving.register_keras_serializable("tfgan_kit")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`; 4x4 kernels of stride 2 as in `Conv2D`.

    Args:
        filters, kernel_size, strides, data_format: and the others: as in `Conv2D`.

    Example:
        >>> layer = Conv2DTranspose(8, 4, strides=2, padding="same", dtype="mixed_bfloat16")
        >>> layer(keras.random.normal((2, 8, 8, 3))).shape
        TensorShape([2, 16, 16, 8])
    """

    rows_are_independent = True

    def __init__(self, *args, **kwargs):
        if len(args) < 6:  # the sixth is `data_format`
            kwargs.setdefault("data_format", "channels_last")
        super().__init__(*args, **kwargs)

    def call(self, inputs):
        if not _by_products(self, inputs) or self.output_padding is not None:
            return super().call(inputs)
        outputs = _convolve_transposed(inputs, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, tf.convert_to_tensor(self.bias))
        return outputs if self.activation is None else self.activation(outputs)


def _by_products(layer, inputs):
    even = all(side is not None and side % 2 == 0 for side in inputs.shape[1:3])
    return (
        inputs.dtype == tf.bfloat16
        and even
        and tuple(layer.kernel_size) == (4, 4)
        and tuple(layer.strides) == (2, 2)
        and layer.padding == "same"
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1
        and set(layer.dilation_rate) == {1}
        and not _has_gpu()
    )


def _has_gpu():
    return bool(tf.config.list_logical_devices("GPU"))


def _in_pairs(kernel, groups):
    """The kernel (k, k, C, F) of `groups` groups as that of half as many, (k, k, 2C, F), zero between the two."""
    height, width, channels, filters = kernel.shape
    each = tf.reshape(kernel, (height, width, 1, channels, groups // 2, 2, filters // groups))
    own = tf.reshape(tf.eye(2, dtype=kernel.dtype), (2, 1, 1, 2, 1))
    return tf.reshape(each * own, (height, width, 2 * channels, filters))


@tf.custom_gradient
def _convolve(x, kernel):
    def gradients(dy):
        return _transpose(dy, kernel), _kernel_gradient(x, dy)

    return tf.nn.conv2d(x, kernel, 2, "SAME"), gradients


@tf.custom_gradient
def _convolve_transposed(x, kernel):
    def gradients(dy):
        return tf.nn.conv2d(dy, kernel, 2, "SAME"), _kernel_gradient(dy, x)

    return _transpose(x, kernel), gradients


def _transpose(x, kernel):
    shape = tf.stack([tf.shape(x)[0], 2 * x.shape[1], 2 * x.shape[2], kernel.shape[2]])
    return tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME")


def _kernel_gradient(x, dy):
    """Gradient of a 4x4 kernel of stride 2: (4, 4, C, K) from x (N, 2H, 2W, C), dy (N, H, W, K).

    Blocks of 2x2 pixels are moved into the channels. There the kernel is 2x2 with stride 1, and the
    gradient of each of its four positions is one matrix product.
    """
    height, width, channels = dy.shape[1], dy.shape[2], x.shape[-1]
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    blocks = tf.nn.space_to_depth(padded, 2)  # (N, H + 1, W + 1, 4 C)
    rows = tf.reshape(dy, (-1, dy.shape[-1]))  # (N H W, K)
    products = [
        tf.matmul(
            tf.reshape(blocks[:, i : i + height, j : j + width], (-1, 4 * channels)), rows,
            transpose_a=True,
        )
        for i in (0, 1) for j in (0, 1)
    ]  # fmt: skip
    kernel = tf.reshape(tf.stack(products), (2, 2, 2, 2, channels, -1))  # block, then inside it
    return tf.reshape(tf.transpose(kernel, (0, 2, 1, 3, 4, 5)), (4, 4, channels, -1))
