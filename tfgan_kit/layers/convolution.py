"""Keras's convolutions, by other kernels on CPUs: bfloat16 kernel gradients, and groups.

oneDNN's bfloat16 kernel for a convolution's weight gradient, the one of processors without AMX, is
1.2 to 3.5 times slower than the products below (benchmarks/README.md); outputs, and gradients of
inputs, are left to it.

A grouped convolution has no gradient on a CPU, so that Keras 3.15 compiles it by XLA, whose gradient takes a
hundred times as long as that of the groups one by one; TensorFlow Serving runs no compiled function.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfgan_kit")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D`; on a CPU, groups, and 4x4 kernels of stride 2 in bfloat16, learn faster.

    Arguments, weights, names in a `.keras` file and values are Keras's. On a machine without GPU the groups are
    convolved one by one, by as many plain convolutions, which have gradients of every order and run on any
    server; and a 4x4 kernel, stride 2, "same" padding, even sides and bfloat16 has the gradient above.
    Everything else is Keras's own path.

    Example:
        >>> layer = Conv2D(8, 4, strides=2, padding="same", dtype="mixed_bfloat16")
        >>> layer(keras.random.normal((2, 16, 16, 3))).shape
        TensorShape([2, 8, 8, 8])
    """

    rows_are_independent = True

    def convolution_op(self, inputs, kernel):
        if self.groups > 1 and not _has_gpu():
            channels = -1 if self.data_format == "channels_last" else 1
            parts = zip(
                tf.split(inputs, self.groups, axis=channels), tf.split(kernel, self.groups, axis=-1), strict=True
            )
            convolve = super().convolution_op  # Keras reads the groups off the shapes
            return tf.concat([convolve(*part) for part in parts], axis=channels)
        if _by_products(self, inputs):
            return _convolve(inputs, tf.convert_to_tensor(kernel))
        return super().convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable("tfgan_kit")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose`; 4x4 kernels of stride 2 as in `Conv2D`.

    Example:
        >>> layer = Conv2DTranspose(8, 4, strides=2, padding="same", dtype="mixed_bfloat16")
        >>> layer(keras.random.normal((2, 8, 8, 3))).shape
        TensorShape([2, 16, 16, 8])
    """

    rows_are_independent = True

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

    Blocks of 2x2 pixels are moved into the channels; over them the kernel is one of 2x2 and stride
    1, and the gradient of each of its four places is one matrix product.
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
