"""Resampling by 2 with a FIR filter (arXiv:1912.04958): no aliases, and gradients of every order on any processor.

A sample is replaced by zeros around it (up) or every second one is kept (down), and a low-pass filter f, separable,
of sum 1, runs over the result. Both are one strided depthwise convolution, or the gradient of one: on a CPU twice to
five times as fast as zeros, slices or four phases (8 images of 64x64x128, processor time).
"""

import keras
import numpy as np
import tensorflow as tf

BINOMIAL = (1, 3, 3, 1)


def upsample(x, filter=BINOMIAL, gain=1.0):
    """Twice the height and width: (N, H, W, C) to (N, 2H, 2W, C).

    With [1, 3, 3, 1], along each axis `y[2i] = x[i - 1] / 4 + 3 x[i] / 4`, `y[2i + 1] = 3 x[i] / 4 + x[i + 1] / 4`,
    with zeros outside.

    Args:
        x: floating point tensor (N, H, W, C).
        filter: sequence of at least 2 numbers along one axis, divided by their sum.
        gain: float, factor of the result.

    Example:
        >>> upsample(tf.ones((1, 4, 4, 1)))[0, 2, :, 0].numpy().tolist()
        [0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.75]
    """
    shape = tf.shape(x)
    size = tf.stack([shape[0], 2 * shape[1], 2 * shape[2], shape[3]])
    # The gradient of a convolution spreads its kernel as it is: a convolution of mathematics, not a correlation.
    kernel = _kernel(filter, 4.0 * gain, x.shape[-1])
    y = _in_float32(x, lambda x: tf.nn.depthwise_conv2d_backprop_input(size, kernel, x, (1, 2, 2, 1), "SAME"))
    return tf.ensure_shape(y, _resized(x.shape, lambda side: 2 * side))


def downsample(x, filter=BINOMIAL, gain=1.0):
    """Half of the height and width, rounded as the filter's length has it: (N, H, W, C) to (N, H // 2, W // 2, C).

    With [1, 3, 3, 1], along each axis `y[i] = (x[2i - 1] + 3 x[2i] + 3 x[2i + 1] + x[2i + 2]) / 8`, with zeros outside.

    Args:
        x, filter, gain: as in `upsample`.

    Example:
        >>> downsample(tf.ones((1, 8, 8, 1)))[0, 2, :, 0].numpy().tolist()
        [0.875, 1.0, 1.0, 0.875]
    """
    taps = len(filter)
    return convolve(x, filter, ((taps - 1) // 2, (taps - 2) // 2), gain, stride=2)


def convolve(x, filter=BINOMIAL, padding=(2, 1), gain=1.0, stride=1):
    """The convolution of images with a separable filter: (N, H, W, C) to (N, H + before + after - taps + 1, ..., C).

    Args:
        x, filter, gain: as in `upsample`.
        padding: two ints >= 0, zeros before and after, along both axes.
        stride: int, which results are kept.

    Example:
        >>> convolve(tf.ones((1, 4, 4, 1))).shape
        TensorShape([1, 4, 4, 1])
    """
    kernels = [_kernel(filter[::-1], gain, x.shape[-1])]  # TensorFlow correlates
    if stride == 1:  # where all results are kept, one axis after the other takes two thirds of the time of both at once
        kernels = [_kernel(filter[::-1], gain, x.shape[-1], axis) for axis in (0, 1)]
    zeros = [[0, 0], list(padding), list(padding), [0, 0]]

    def filtered(x):
        x = tf.pad(x, zeros)
        for kernel in kernels:
            x = tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "VALID")
        return x

    return _in_float32(x, filtered)


def _kernel(filter, gain, channels, axis=None):
    """The filter along both axes, for each channel: float32 (taps, taps, C, 1); or along one, axis 0 with the gain."""
    taps = np.asarray(filter, np.float64) / np.sum(filter)
    if axis is None:
        kernel = gain * np.outer(taps, taps)
    else:
        kernel = np.expand_dims((1.0 if axis else gain) * taps, 1 - axis)  # (taps, 1) or (1, taps)
    return tf.tile(tf.constant(kernel, tf.float32)[:, :, None, None], (1, 1, channels, 1))


def _in_float32(x, operation):
    """In float32 on every processor: in bfloat16 a CPU without instructions for it takes ten times as long."""
    return tf.cast(operation(tf.cast(x, tf.float32)), x.dtype)


def _resized(shape, resize):
    return [shape[0], *(None if side is None else resize(side) for side in shape[1:3]), shape[3]]


def checked_filter(filter):
    """A filter as a list.

    Raises:
        ValueError: fewer than 2 numbers, or of sum 0.
    """
    taps = list(filter)
    if len(taps) < 2 or sum(taps) == 0:
        raise ValueError(
            "`filter` must hold at least 2 numbers along one axis whose sum is not 0, which they are divided by. "
            f"Received: filter={filter!r}"
        )
    return taps


class _Resampling(keras.layers.Layer):
    rows_are_independent = True

    def __init__(self, filter=BINOMIAL, gain=1.0, **kwargs):
        super().__init__(**kwargs)
        self.filter = checked_filter(filter)
        self.gain = gain

    def get_config(self):
        return {**super().get_config(), "filter": self.filter, "gain": self.gain}


@keras.saving.register_keras_serializable("tfgan_kit")
class FIRUpSampling2D(_Resampling):
    """Images of twice the height and width, by a FIR filter: smoother than `keras.layers.UpSampling2D`'s.

    Each pixel is followed by a zero along both axes, and a separable low-pass filter runs over them; a constant image
    stays one, but at the border, beyond which there are zeros.

    Args:
        filter: sequence of at least 2 numbers, along one axis; [1, 3, 3, 1] is StyleGAN2's and R3GAN's.
        gain: float, factor of the result.

    Call arguments:
        inputs: (N, H, W, C).

    Returns:
        (N, 2H, 2W, C).

    Raises:
        ValueError: a filter of fewer than 2 numbers, or of sum 0.

    Example:
        >>> FIRUpSampling2D()(keras.ops.ones((2, 4, 6, 3))).shape
        TensorShape([2, 8, 12, 3])

    Reference: Karras et al., arXiv:1912.04958, section 4; Huang et al., arXiv:2501.05441, section 3.2.
    """

    def call(self, inputs):
        return upsample(inputs, self.filter, self.gain)

    def compute_output_shape(self, input_shape):
        return tuple(_resized(input_shape, lambda side: 2 * side))


@keras.saving.register_keras_serializable("tfgan_kit")
class FIRDownSampling2D(_Resampling):
    """Images of half the height and width, by a FIR filter: fewer aliases than `keras.layers.AveragePooling2D`'s.

    A separable low-pass filter runs over the images, with zeros beyond the border, and every second result is kept.

    Args:
        filter, gain: as in `FIRUpSampling2D`.

    Call arguments:
        inputs: (N, H, W, C).

    Returns:
        (N, H // 2, W // 2, C); an odd number of taps rounds H / 2 up.

    Raises:
        ValueError: a filter of fewer than 2 numbers, or of sum 0.

    Example:
        >>> FIRDownSampling2D()(keras.ops.ones((2, 8, 6, 3))).shape
        TensorShape([2, 4, 3, 3])

    Reference: as `FIRUpSampling2D`.
    """

    def call(self, inputs):
        return downsample(inputs, self.filter, self.gain)

    def compute_output_shape(self, input_shape):
        taps = len(self.filter)
        padding = (taps - 1) // 2 + (taps - 2) // 2
        return tuple(_resized(input_shape, lambda side: (side + padding - taps) // 2 + 1))
