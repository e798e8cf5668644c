"""The layers of StyleGAN3's synthesis (arXiv:2106.12423): an input that moves, and convolutions without aliases."""

import math

from tfgan_kit.layers.equalized import EqualizedDense, add_weight
from tfgan_kit.layers.filtered_leaky_relu import FilteredLeakyReLU, Signal
from tfgan_kit.layers.style_convolution import demodulation, over_pixels
from tfgan_kit.ranges import check_sizes

import keras
import numpy as np
import tensorflow as tf

_TINY = 1e-20  # styles of 0 stay 0


@keras.saving.register_keras_serializable("tfgan_kit")
class FourierInput(keras.layers.Layer):
    """Waves in the plane, which a style rotates and shifts: the maps that StyleGAN3 starts from.

    Channel c is `a_c sin(2 pi (f_c . p + phase_c))` at the point p, times a learned matrix. With `M` the style's
    rotation, its translation and `transform` one after another, `f M` and `phase + f . t` take the place of f and
    phase, so that an image turns and moves as a whole. `a_c` falls from 1 to 0 where a transformed frequency comes near
    half of the sampling rate.

    Args:
        channels: int >= 1.
        size: int >= 1, height and width of the maps.
        rate: number > 0, samples a unit, the width of an image.
        bandwidth: float in (0, rate / 2), of the frequencies, which are drawn from a soft disc.

    Call arguments:
        w: float32 (N, D).
        transform: float32 (3, 3) or (N, 3, 3), of homogeneous coordinates, the inverse of what the image does; None:
            the layer's own weight `transform`, which is the identity until it is assigned.

    Returns:
        float32 (N, size, size, channels).

    Raises:
        ValueError: a size below 1, a bandwidth or a transform that is none.

    Example:
        >>> FourierInput(8, size=12, rate=4, bandwidth=1.5)(keras.random.normal((2, 5))).shape
        TensorShape([2, 12, 12, 8])

    Reference: Karras et al., arXiv:2106.12423, section 3.1 and appendix F.
    """

    rows_are_independent = True

    def __init__(self, channels, size, rate, bandwidth, **kwargs):
        check_sizes(channels=channels, size=size)
        if not 0 < bandwidth < rate / 2:
            raise ValueError(
                f"`bandwidth` must be above 0 and below half of `rate`. Received: bandwidth={bandwidth}, rate={rate}"
            )
        super().__init__(autocast=False, **kwargs)
        self.channels = channels
        self.size = size
        self.rate = rate
        self.bandwidth = bandwidth

    def build(self, input_shape):
        self._scale = 1.0 / math.sqrt(input_shape[-1])
        self.affine_kernel = add_weight(self, "affine_kernel", (input_shape[-1], 4), 0.0)
        self.affine_bias = self._weight("affine_bias", (4,), lambda shape, dtype: tf.eye(1, 4, dtype=dtype)[0], True)
        self.kernel = add_weight(self, "kernel", (self.channels, self.channels))
        self.frequencies = self._weight("frequencies", (2, self.channels), self._soft_disc)
        self.phases = self._weight("phases", (self.channels,), keras.initializers.RandomUniform(-0.5, 0.5))
        self.transform = self._weight("transform", (3, 3), lambda shape, dtype: tf.eye(3, dtype=dtype))

    def _weight(self, name, shape, initializer, trainable=False):
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, trainable=trainable, dtype="float32", autocast=False
        )

    def _soft_disc(self, shape, dtype):
        drawn = keras.random.normal(shape, dtype=dtype)
        squares = tf.reduce_sum(tf.square(drawn), axis=0, keepdims=True)
        return self.bandwidth * drawn * tf.math.rsqrt(squares) * tf.exp(-squares / 4)

    def call(self, w, transform=None):
        matrices = self._of_styles(tf.cast(w, tf.float32)) @ self._checked(transform)  # (N, 3, 3)
        frequencies = tf.convert_to_tensor(self.frequencies)  # (2, C)
        shifts = tf.linalg.matvec(frequencies, matrices[:, :2, 2], transpose_a=True)  # (N, C)
        frequencies = tf.matmul(matrices[:, :2, :2], frequencies, transpose_a=True)  # (N, 2, C)
        x, y = tf.unstack(frequencies[:, :, None, :], axis=1)  # (N, 1, C)
        places = ((np.arange(self.size) + 0.5) - self.size / 2).astype(np.float32)[:, None] / self.rate  # (size, 1)
        waves = (places * x)[:, None] + (places * y)[:, :, None] + over_pixels(self.phases + shifts)
        waves = tf.sin(2 * np.pi * waves) * over_pixels(self._amplitudes(frequencies))  # (N, size, size, C)
        kernel = tf.convert_to_tensor(self.kernel) * (1.0 / math.sqrt(self.channels))
        images = tf.matmul(tf.reshape(waves, [-1, self.channels]), kernel)  # not broadcast: augment/sampling.py
        return tf.cast(tf.reshape(images, tf.shape(waves)), self.compute_dtype)

    def _of_styles(self, w):
        """The inverse rotation times the inverse translation of each row's image: (N, 3, 3)."""
        t = w @ (tf.convert_to_tensor(self.affine_kernel) * self._scale) + tf.convert_to_tensor(self.affine_bias)
        cos, sin, x, y = tf.unstack(t / tf.norm(t[:, :2], axis=1, keepdims=True), axis=1)
        none, one = tf.zeros_like(x), tf.ones_like(x)
        rotation = tf.stack([cos, -sin, none, sin, cos, none, none, none, one], axis=1)
        translation = tf.stack([one, none, -x, none, one, -y, none, none, one], axis=1)
        return tf.reshape(rotation, (-1, 3, 3)) @ tf.reshape(translation, (-1, 3, 3))

    def _checked(self, transform):
        transform = tf.convert_to_tensor(self.transform if transform is None else transform)
        if tuple(transform.shape[-2:]) != (3, 3) or len(transform.shape) > 3:
            raise ValueError(
                "`transform` is a matrix of homogeneous coordinates, of shape (3, 3) or (N, 3, 3). "
                f"Received: transform of shape {tuple(transform.shape)}"
            )
        return tf.cast(transform, tf.float32)

    def _amplitudes(self, frequencies):
        lengths = tf.norm(frequencies, axis=1)  # (N, C)
        return tf.clip_by_value(1 - (lengths - self.bandwidth) / (self.rate / 2 - self.bandwidth), 0.0, 1.0)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, self.channels)

    def get_config(self):
        names = ("channels", "size", "rate", "bandwidth")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("tfgan_kit")
class AliasFreeConv2D(keras.layers.Layer):
    """A convolution that a style modulates, then a leaky ReLU between low-pass filters: a layer of StyleGAN3.

    `y = filtered(d conv(s x, W) + b)`, filtered as `FilteredLeakyReLU`, d as in `StyleConv2D`; `s = (w A + a) / rms /
    sqrt(magnitude)`, rms a row's root mean square over the channels, which d cancels (the paper's code takes that of
    the whole batch, which differs by 1e-8 relatively and makes rows depend on each other). W has a root mean square
    of 1 for each filter.

    `magnitude`, of a converted network, is the mean square of x in its training; it stays as it is here.

    Args:
        filters: int >= 1.
        before, after: (size, rate, cutoff, half_width) of inputs and outputs, see `Signal`.
        kernel_size: odd int, 3 (StyleGAN3-T) or 1 (StyleGAN3-R).
        filter_size: int >= 1, taps of a low-pass filter for each sample of the lower rate.
        upsampling: int >= 1, the rate of the leaky ReLU against the higher one of the two.
        radial: bool, whether the filter after the leaky ReLU is one of all directions alike (StyleGAN3-R).
        clamp: float or None, the leaky ReLU's results are clipped to [-clamp, clamp].

    Call arguments:
        inputs: `[x (N, size, size, C), w float32 (N, D)]`.

    Returns:
        (N, size of `after`, size of `after`, filters).

    Raises:
        ValueError: a size below 1, an even kernel, signals that do not fit.

    Example:
        >>> layer = AliasFreeConv2D(3, before=(12, 4, 1.0, 2.0), after=(16, 8, 2.0, 3.0))
        >>> layer([keras.random.normal((2, 12, 12, 5)), keras.random.normal((2, 7))]).shape
        TensorShape([2, 16, 16, 3])

    Reference: Karras et al., arXiv:2106.12423, figure 4 and appendix C.
    """

    rows_are_independent = True

    def __init__(
        self, filters, before, after, kernel_size=3, filter_size=6, upsampling=2, radial=False, clamp=256.0, **kwargs
    ):
        check_sizes(filters=filters, kernel_size=kernel_size, filter_size=filter_size, upsampling=upsampling)
        if kernel_size % 2 == 0:
            raise ValueError(f"`kernel_size` must be odd. Received: kernel_size={kernel_size}")
        super().__init__(autocast=False, **kwargs)
        self.filters = filters
        self.before, self.after = (list(_checked_signal(signal)) for signal in (before, after))
        self.kernel_size = kernel_size
        self.filter_size = filter_size
        self.upsampling = upsampling
        self.radial = radial
        self.clamp = clamp
        self._filtered = FilteredLeakyReLU(
            Signal(*before), Signal(*after), kernel_size - 1, filter_size, upsampling, radial, clamp
        )

    def build(self, input_shape):
        (*_, channels), of_styles = input_shape
        self.affine = EqualizedDense(channels, bias=1.0, name="affine", dtype="float32")
        self.affine.build(of_styles)
        self.kernel = add_weight(self, "kernel", (self.kernel_size, self.kernel_size, channels, self.filters))
        self.bias = add_weight(self, "bias", (self.filters,), 0.0)
        self.magnitude = add_magnitude(self, "magnitude")

    def call(self, inputs):
        x, w = inputs
        kernel, styles = tf.convert_to_tensor(self.kernel), self.affine(tf.cast(w, tf.float32))
        kernel = kernel * tf.math.rsqrt(tf.reduce_mean(tf.square(kernel), axis=[0, 1, 2]))
        styles = styles * tf.math.rsqrt(tf.reduce_mean(tf.square(styles), axis=1, keepdims=True) + _TINY)
        factors = demodulation(tf.reduce_sum(tf.square(kernel), axis=[0, 1]), styles)  # (N, F)
        styles = styles * tf.math.rsqrt(tf.convert_to_tensor(self.magnitude))
        x = tf.cast(x, self.compute_dtype) * tf.cast(over_pixels(styles), self.compute_dtype)
        y = self._convolved(x, tf.cast(kernel, self.compute_dtype))
        y = y * tf.cast(over_pixels(factors), y.dtype)
        return self._filtered(tf.nn.bias_add(y, tf.cast(tf.convert_to_tensor(self.bias), y.dtype)))

    def _convolved(self, x, kernel):
        """All products of maps and kernel, but those that no result depends on."""
        padding = [self.kernel_size - 1 - unused for unused in self._filtered.unused]
        first, last = (max(0, -pad) for pad in padding)
        x = x[:, first : x.shape[1] - last, first : x.shape[2] - last]
        padding = [max(0, pad) for pad in padding]
        return tf.nn.conv2d(x, kernel, 1, [[0, 0], padding, padding, [0, 0]])

    def compute_output_shape(self, input_shape):
        size = Signal(*self.after).size
        return (input_shape[0][0], size, size, self.filters)

    def get_config(self):
        names = ("filters", "before", "after", "kernel_size", "filter_size", "upsampling", "radial", "clamp")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def add_magnitude(layer, name):
    """The mean square of a layer's inputs, which a converted network brings: a weight that starts at 1."""
    return layer.add_weight(name=name, shape=(), initializer="ones", trainable=False, dtype="float32", autocast=False)


def _checked_signal(signal):
    try:
        signal = Signal(*signal)
        fits = signal.size >= 1 and signal.half_width > 0 and 0 < signal.cutoff <= signal.rate / 2
    except TypeError:
        fits = False
    if not fits:
        raise ValueError(
            "`before` and `after` are (size, rate, cutoff, half_width): a size of at least 1, a cutoff above 0 and of "
            f"at most half of the rate, a half width above 0. Received: {signal}"
        )
    return signal
