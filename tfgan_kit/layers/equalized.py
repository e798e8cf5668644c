"""Equalised learning rates (arXiv:1710.10196, section 4.1): weights from N(0, 1), scaled where they are used.

An optimizer such as Adam moves all weights by similar amounts; with one scale for all of them, it moves all layers at
the same relative speed.
"""

import math

from tfgan_kit.layers.resampled_convolution import convolve, convolve_down, convolve_up
from tfgan_kit.layers.resampling import BINOMIAL, checked_filter
from tfgan_kit.ranges import check_sizes

import keras
import tensorflow as tf

SLOPE = 0.2
ROOT_OF_2 = math.sqrt(2.0)  # the gain of a leaky ReLU: of x in N(0, 1), E lrelu(x)^2 is about 1 / 2


def leaky_relu(x, clamp=None):
    """`max(x, 0.2 x)`, in [-clamp, clamp] if there is a clamp."""
    x = tf.nn.leaky_relu(x, SLOPE)
    return x if clamp is None else tf.clip_by_value(x, -clamp, clamp)


def second_moment_normalized(x):
    """x / sqrt(mean over the last axis of x^2 + 1e-8), arXiv:1710.10196, section 4.2.

    Example:
        >>> second_moment_normalized(tf.constant([[3.0, -3.0]])).numpy().tolist()
        [[1.0, -1.0]]
    """
    return x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + 1e-8)


def add_weight(layer, name, shape, deviation=1.0, mean=0.0):
    """A float32 weight of N(mean, deviation^2), which its layer casts where it uses it."""
    initializer = keras.initializers.RandomNormal(mean, deviation) if deviation else keras.initializers.Constant(mean)
    return layer.add_weight(name=name, shape=shape, initializer=initializer, dtype="float32", autocast=False)


def check_activation(activation):
    """Refuses an activation that is not "leaky_relu" or None.

    Raises:
        ValueError: it names it.
    """
    if activation not in ("leaky_relu", None):
        raise ValueError(f"`activation` is 'leaky_relu' or None. Received: activation={activation!r}")


@keras.saving.register_keras_serializable("tfgan_kit")
class EqualizedDense(keras.layers.Layer):
    """A dense layer whose weights start from N(0, 1) and are scaled where they are used.

    `y = f(x W g / sqrt(C) + g b)` with g the learning rate multiplier, f the identity or sqrt(2) times a leaky ReLU of
    slope 0.2. W starts from N(0, 1 / g^2), so that g changes the speed of learning alone.

    Args:
        units: int >= 1.
        activation: "leaky_relu" or None.
        multiplier: float > 0, g; StyleGANs' mapping has 0.01.
        bias: float, what the bias b starts at.

    Call arguments:
        inputs: (N, C).

    Returns:
        (N, units).

    Raises:
        ValueError: a size below 1, another activation.

    Example:
        >>> EqualizedDense(3, activation="leaky_relu")(keras.random.normal((2, 5))).shape
        TensorShape([2, 3])

    Reference: Karras, Aila, Laine, Lehtinen, arXiv:1710.10196, section 4.1.
    """

    rows_are_independent = True

    def __init__(self, units, activation=None, multiplier=1.0, bias=0.0, **kwargs):
        check_sizes(units=units)
        check_activation(activation)
        super().__init__(**kwargs)
        self.units = units
        self.activation = activation
        self.multiplier = multiplier
        self.bias_start = bias

    def build(self, input_shape):
        self._scale = self.multiplier / math.sqrt(input_shape[-1])
        self.kernel = add_weight(self, "kernel", (input_shape[-1], self.units), 1.0 / self.multiplier)
        self.bias = add_weight(self, "bias", (self.units,), 0.0, self.bias_start)

    def call(self, inputs):
        gain = 1.0 if self.activation is None else ROOT_OF_2  # a leaky ReLU of a multiple is that multiple of it
        kernel, bias = tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias)
        y = tf.matmul(inputs, tf.cast(kernel * (self._scale * gain), inputs.dtype))
        y = tf.nn.bias_add(y, tf.cast(bias * (self.multiplier * gain), y.dtype))
        return y if self.activation is None else leaky_relu(y)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        config = {"units": self.units, "activation": self.activation, "multiplier": self.multiplier}
        return {**super().get_config(), **config, "bias": self.bias_start}


@keras.saving.register_keras_serializable("tfgan_kit")
class EqualizedConv2D(keras.layers.Layer):
    """A convolution whose weights start from N(0, 1), with FIR resampling by 2 before or after it.

    `y = clip(gain f(conv(x, W / sqrt(k^2 C)) + b))` with f sqrt(2) times a leaky ReLU of slope 0.2; or, without an
    activation, `gain conv(x, W / sqrt(k^2 C))`, which has no bias.

    Args:
        filters: int >= 1.
        kernel_size: odd int, k.
        resampling: None, "up" or "down": the height and width times 2 or divided by 2.
        resampling_filter: numbers along one axis, see `FIRUpSampling2D`.
        activation: "leaky_relu" or None.
        gain: float, factor of the result.
        clamp: float or None: the result is clipped to [-clamp gain, clamp gain], so that half precision cannot
            overflow.

    Call arguments:
        inputs: (N, H, W, C).

    Returns:
        (N, H', W', filters).

    Raises:
        ValueError: a size below 1, an even kernel, another activation or resampling, a filter that is none.

    Example:
        >>> EqualizedConv2D(3, resampling="down")(keras.random.normal((2, 8, 8, 5))).shape
        TensorShape([2, 4, 4, 3])

    Reference: Karras et al., arXiv:1710.10196, section 4.1; resampling as in arXiv:1912.04958.
    """

    rows_are_independent = True

    def __init__(
        self,
        filters,
        kernel_size=3,
        resampling=None,
        resampling_filter=BINOMIAL,
        activation="leaky_relu",
        gain=1.0,
        clamp=None,
        **kwargs,
    ):
        check_convolution(filters, kernel_size, resampling)
        check_activation(activation)
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.resampling = resampling
        self.resampling_filter = checked_filter(resampling_filter)
        self.activation = activation
        self.gain = gain
        self.clamp = clamp

    def build(self, input_shape):
        channels, size = input_shape[-1], self.kernel_size
        self._scale = self.gain / math.sqrt(size**2 * channels)
        # TensorFlow's transposed convolution has its channels the other way around.
        ends = (self.filters, channels) if self.resampling == "up" else (channels, self.filters)
        self.kernel = add_weight(self, "kernel", (size, size, *ends))
        self.bias = None if self.activation is None else add_weight(self, "bias", (self.filters,), 0.0)

    def call(self, inputs):
        gain = 1.0 if self.activation is None else ROOT_OF_2
        kernel = tf.cast(tf.convert_to_tensor(self.kernel) * (self._scale * gain), inputs.dtype)
        if self.resampling is None:
            y = convolve(inputs, kernel)
        else:
            resampled = {"up": convolve_up, "down": convolve_down}[self.resampling]
            y = resampled(inputs, kernel, self.resampling_filter)
        if self.activation is None:
            return y
        y = tf.nn.bias_add(y, tf.cast(tf.convert_to_tensor(self.bias) * (self.gain * gain), y.dtype))
        return leaky_relu(y, None if self.clamp is None else self.clamp * self.gain)

    def compute_output_shape(self, input_shape):
        sides = {
            None: lambda side: side,
            "up": lambda side: 2 * side,
            "down": lambda side: side // 2 if len(self.resampling_filter) % 2 == 0 else -(-side // 2),
        }[self.resampling]
        resized = (None if side is None else sides(side) for side in input_shape[1:3])
        return (input_shape[0], *resized, self.filters)

    def get_config(self):
        names = ("filters", "kernel_size", "resampling", "resampling_filter", "activation", "gain", "clamp")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def check_convolution(filters, kernel_size, resampling):
    """Refuses sizes and resamplings that no convolution has.

    Raises:
        ValueError: it names the argument.
    """
    check_sizes(filters=filters, kernel_size=kernel_size)
    if kernel_size % 2 == 0:
        raise ValueError(
            f"`kernel_size` must be odd, so that the size of the images stays. Received: kernel_size={kernel_size}"
        )
    if resampling not in (None, "up", "down"):
        raise ValueError(f"`resampling` is None, 'up' or 'down'. Received: resampling={resampling!r}")
