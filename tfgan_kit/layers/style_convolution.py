"""Modulated convolutions (arXiv:1912.04958, section 2.2): a style scales a convolution's inputs, row by row."""

import math

from tfgan_kit.layers.equalized import ROOT_OF_2, EqualizedDense, add_weight, check_convolution, leaky_relu
from tfgan_kit.layers.resampled_convolution import convolve, convolve_up
from tfgan_kit.layers.resampling import BINOMIAL, checked_filter
from tfgan_kit.ranges import check_sizes

import keras
import tensorflow as tf

NOISE_MODES = ("const", "none", "random")  # the layers' own, none, or drawn for each row


def check_noise_mode(noise_mode):
    """Refuses a noise mode that is unknown.

    Raises:
        ValueError: it lists them.
    """
    if noise_mode not in NOISE_MODES:
        raise ValueError(f"`noise_mode` is one of {', '.join(NOISE_MODES)}. Received: noise_mode={noise_mode!r}")


def demodulation(kernel_squares, styles):
    """What brings the outputs of a modulated convolution to unit variance, if its inputs have it.

    `d[n, o] = 1 / sqrt(sum_i s[n, i]^2 sum_k W[k, i, o]^2 + 1e-8)`, eq. 3 of the paper.

    Args:
        kernel_squares: float32 (C, F), the squares of a kernel summed over its pixels.
        styles: float32 (N, C), s.

    Returns:
        float32 (N, F).
    """
    return tf.math.rsqrt(tf.matmul(tf.square(styles), kernel_squares) + 1e-8)


def over_pixels(rows):
    """(N, C) as (N, 1, 1, C)."""
    return rows[:, None, None, :]


@keras.saving.register_keras_serializable("tfgan_kit")
class StyleConv2D(keras.layers.Layer):
    """A convolution that a style modulates, with noise, a bias and a leaky ReLU: a layer of StyleGAN2's synthesis.

    With `s = w A + a`, and d of `demodulation`, `y = clip(gain f(d conv(s x, W) + strength noise + b))`, f sqrt(2)
    times a leaky ReLU of slope 0.2. Inputs and outputs are scaled, in the place of the kernel of each row: the same
    result, and an ordinary convolution, which has gradients of every order and runs on every server.

    Args:
        filters: int >= 1.
        kernel_size: odd int, k.
        up: bool, whether the height and width are doubled.
        resampling_filter: numbers along one axis, see `FIRUpSampling2D`.
        noise_shape: (height, width) of the outputs, for which the layer keeps constant noise.
        gain: float, factor of the result.
        clamp: float or None: the result is clipped to [-clamp gain, clamp gain], so that half precision cannot
            overflow.

    Call arguments:
        inputs: `[x (N, H, W, C), w float32 (N, D)]`; of x, N may be 1.
        noise: "const" (the layer's own), None (no noise), or float32 (N, height, width).

    Returns:
        (N, H, W, filters), or twice the height and width.

    Raises:
        ValueError: a size below 1, an even kernel, a filter that is none.

    Example:
        >>> layer = StyleConv2D(3, up=True, noise_shape=(8, 8))
        >>> layer([keras.random.normal((2, 4, 4, 5)), keras.random.normal((2, 7))]).shape
        TensorShape([2, 8, 8, 3])

    Reference: Karras et al., arXiv:1912.04958, section 2.2 and figure 2; noise, arXiv:1812.04948, section 3.2.
    """

    rows_are_independent = True

    def __init__(
        self,
        filters,
        kernel_size=3,
        up=False,
        resampling_filter=BINOMIAL,
        noise_shape=(4, 4),
        gain=1.0,
        clamp=None,
        **kwargs,
    ):
        check_convolution(filters, kernel_size, None)
        super().__init__(autocast=False, **kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.up = up
        self.resampling_filter = checked_filter(resampling_filter)
        self.noise_shape = list(noise_shape)
        self.gain = gain
        self.clamp = clamp

    def build(self, input_shape):
        (*_, channels), of_styles = input_shape
        self.affine = EqualizedDense(channels, bias=1.0, name="affine", dtype="float32")
        self.affine.build(of_styles)
        ends = (self.filters, channels) if self.up else (channels, self.filters)
        self.kernel = add_weight(self, "kernel", (self.kernel_size, self.kernel_size, *ends))
        self.bias = add_weight(self, "bias", (self.filters,), 0.0)
        self.noise_strength = add_weight(self, "noise_strength", (), 0.0)
        self.noise = self.add_weight(
            name="noise",
            shape=tuple(self.noise_shape),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            dtype="float32",
            autocast=False,
        )

    def call(self, inputs, noise="const"):
        x, w = inputs
        gain = self.gain * ROOT_OF_2
        kernel, styles = self._kernel_and_styles(w)
        squares = tf.reduce_sum(tf.square(kernel), axis=[0, 1])  # (C, F)
        factors = gain * demodulation(tf.transpose(squares) if self.up else squares, styles)  # (N, F)
        x = tf.cast(x, self.compute_dtype) * tf.cast(over_pixels(styles), self.compute_dtype)
        kernel = tf.cast(kernel, self.compute_dtype)
        y = convolve_up(x, kernel, self.resampling_filter) if self.up else convolve(x, kernel)
        y = y * tf.cast(over_pixels(factors), y.dtype)
        y = y + tf.cast(self._shift(noise, gain), y.dtype)
        return leaky_relu(y, None if self.clamp is None else self.clamp * self.gain)

    def _kernel_and_styles(self, w):
        """Both in float32; for float16, each of at most 1, which the demodulation cancels."""
        kernel, styles = tf.convert_to_tensor(self.kernel), self.affine(tf.cast(w, tf.float32))
        if self.compute_dtype != "float16":
            return kernel, styles
        *window, channels = (0, 1, 3, 2) if self.up else (0, 1, 2, 3)
        size = math.sqrt(math.prod(kernel.shape[axis] for axis in window))
        largest = tf.reduce_max(tf.abs(kernel), axis=window, keepdims=True)
        return kernel / (size * largest), styles / tf.reduce_max(tf.abs(styles), axis=1, keepdims=True)

    def _shift(self, noise, gain):
        """What is added: (F,), or (height, width, F), or (N, height, width, F)."""
        bias = gain * tf.convert_to_tensor(self.bias)
        if noise is None:
            return bias
        noise = tf.convert_to_tensor(self.noise) if isinstance(noise, str) else noise
        return bias + (gain * tf.convert_to_tensor(self.noise_strength) * noise)[..., None]

    def compute_output_shape(self, input_shape):
        (_, height, width, _), (count, _) = input_shape
        return (count, (1 + self.up) * height, (1 + self.up) * width, self.filters)

    def get_config(self):
        names = ("filters", "kernel_size", "up", "resampling_filter", "noise_shape", "gain", "clamp")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("tfgan_kit")
class StyleToImages(keras.layers.Layer):
    """Feature maps to images by a convolution of single pixels that a style modulates, without demodulation.

    `y = clip(conv(s x, W) / sqrt(C) + b)` with `s = w A + a`.

    Args:
        channels: int >= 1, of the images.
        clamp: float or None: images are clipped to [-clamp, clamp].

    Call arguments:
        inputs: `[x (N, H, W, C), w float32 (N, D)]`.

    Returns:
        (N, H, W, channels).

    Raises:
        ValueError: a size below 1.

    Example:
        >>> StyleToImages(3)([keras.random.normal((2, 4, 4, 5)), keras.random.normal((2, 7))]).shape
        TensorShape([2, 4, 4, 3])

    Reference: Karras et al., arXiv:1912.04958, figure 7.
    """

    rows_are_independent = True

    def __init__(self, channels, clamp=None, **kwargs):
        check_sizes(channels=channels)
        super().__init__(autocast=False, **kwargs)
        self.channels = channels
        self.clamp = clamp

    def build(self, input_shape):
        (*_, channels), of_styles = input_shape
        self._scale = 1.0 / math.sqrt(channels)
        self.affine = EqualizedDense(channels, bias=1.0, name="affine", dtype="float32")
        self.affine.build(of_styles)
        self.kernel = add_weight(self, "kernel", (1, 1, channels, self.channels))
        self.bias = add_weight(self, "bias", (self.channels,), 0.0)

    def call(self, inputs):
        x, w = inputs
        styles = self.affine(tf.cast(w, tf.float32)) * self._scale
        x = tf.cast(x, self.compute_dtype) * tf.cast(over_pixels(styles), self.compute_dtype)
        y = tf.nn.conv2d(x, tf.cast(tf.convert_to_tensor(self.kernel), x.dtype), 1, "VALID")
        y = tf.nn.bias_add(y, tf.cast(tf.convert_to_tensor(self.bias), y.dtype))
        return y if self.clamp is None else tf.clip_by_value(y, -self.clamp, self.clamp)

    def compute_output_shape(self, input_shape):
        (_, height, width, _), (count, _) = input_shape
        return (count, height, width, self.channels)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "clamp": self.clamp}
