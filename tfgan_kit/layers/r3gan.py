"""R3GAN's residual block and the start of its generator (arXiv:2501.05441): no normalization."""

import math

from tfgan_kit.layers.convolution import Conv2D
from tfgan_kit.ranges import check_sizes

import keras
from keras import ops

SLOPE = 0.2
GAIN = math.sqrt(2.0 / (1.0 + SLOPE**2))  # keeps the variance through a leaky ReLU, arXiv:1502.01852, eq. 15


def normal(fan_in, gain=1.0):
    """The initializer N(0, gain^2 / fan_in)."""
    return keras.initializers.RandomNormal(stddev=gain / math.sqrt(fan_in))


@keras.saving.register_keras_serializable("tfgan_kit")
class R3GANBlock(keras.layers.Layer):
    """`x + L3(lrelu(L2(lrelu(L1 x + b1)) + b2))`: an inverted bottleneck around a grouped convolution.

    L1 and L3 are 1x1 convolutions C -> E C -> C, L2 a grouped k x k one in between. L3 starts at 0, so that a new block
    is the identity, and L1 and L2 at a scale that falls with the number of blocks (arXiv:1901.09321): networks of any
    depth start with gradients of one size without a normalization, on which R1 and R2 would depend.

    Args:
        cardinality: int >= 1, groups of the k x k convolution; divides `expansion` times the channels.
        expansion: int >= 1, E.
        kernel_size: odd int, k.
        num_blocks: int >= 1, blocks of the whole network, L: the first two convolutions start at `L ** (-1 / 4)` times
            the usual scale.

    Call arguments:
        inputs: (N, H, W, C).

    Returns:
        (N, H, W, C).

    Raises:
        ValueError: a size below 1, an even kernel, a cardinality that does not divide the channels.

    Example:
        >>> x = keras.random.normal((2, 4, 4, 8))
        >>> bool(keras.ops.all(R3GANBlock(cardinality=4)(x) == x))
        True

    Reference: Huang et al., arXiv:2501.05441, section 3.3 and figure 4.
    """

    rows_are_independent = True

    def __init__(self, cardinality, expansion=2, kernel_size=3, num_blocks=1, **kwargs):
        super().__init__(**kwargs)
        check_block(1, cardinality, expansion, kernel_size, num_blocks)
        self.cardinality = cardinality
        self.expansion = expansion
        self.kernel_size = kernel_size
        self.num_blocks = num_blocks

    def build(self, input_shape):
        channels = input_shape[-1]
        check_block(channels, self.cardinality, self.expansion, self.kernel_size, self.num_blocks, divides=True)
        wide, gain = channels * self.expansion, GAIN * self.num_blocks ** (-1 / 4)
        window = self.kernel_size**2 * wide // self.cardinality
        self.conv1 = self._convolution(wide, 1, normal(channels, gain), name="conv1")
        self.conv2 = self._convolution(
            wide, self.kernel_size, normal(window, gain), groups=self.cardinality, name="conv2"
        )
        self.conv3 = self._convolution(channels, 1, "zeros", use_bias=False, name="conv3")
        for convolution, shape in ((self.conv1, channels), (self.conv2, wide), (self.conv3, wide)):
            convolution.build((*input_shape[:-1], shape))

    def _convolution(self, filters, kernel_size, initializer, **arguments):
        return Conv2D(
            filters, kernel_size, padding="same", kernel_initializer=initializer, dtype=self.dtype_policy, **arguments
        )

    def call(self, inputs):
        x = ops.leaky_relu(self.conv1(inputs), SLOPE)
        x = ops.leaky_relu(self.conv2(x), SLOPE)
        return inputs + self.conv3(x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "cardinality": self.cardinality,
            "expansion": self.expansion,
            "kernel_size": self.kernel_size,
            "num_blocks": self.num_blocks,
        }


def check_block(channels, cardinality, expansion, kernel_size, num_blocks=1, divides=False):
    """Refuses sizes that no block has; with `divides`, a cardinality that the channels are no multiple of.

    Raises:
        ValueError: it names the argument.
    """
    sizes = dict(cardinality=cardinality, expansion=expansion, kernel_size=kernel_size, num_blocks=num_blocks)
    check_sizes(width=channels, **sizes)
    if kernel_size % 2 == 0:
        raise ValueError(
            f"`kernel_size` must be odd, so that the size of the images stays. Received: kernel_size={kernel_size}"
        )
    if divides and channels * expansion % cardinality:
        raise ValueError(
            "The cardinality of a block must divide its expansion times its width. "
            f"Received: width={channels}, expansion={expansion}, cardinality={cardinality}"
        )


@keras.saving.register_keras_serializable("tfgan_kit")
class R3GANBasis(keras.layers.Layer):
    """The first maps of a generator: a learned pattern for every channel, times a linear function of the latents.

    `y[n, h, w, c] = basis[h, w, c] * (W z_n)[c]`.

    Args:
        height, width, channels: ints >= 1, of the result.

    Call arguments:
        inputs: (N, Z).

    Returns:
        (N, height, width, channels).

    Raises:
        ValueError: a size below 1.

    Example:
        >>> R3GANBasis(4, 4, 8)(keras.random.normal((2, 16))).shape
        TensorShape([2, 4, 4, 8])

    Reference: Huang et al., arXiv:2501.05441, appendix; "basis" in the authors' code.
    """

    rows_are_independent = True

    def __init__(self, height, width, channels, **kwargs):
        super().__init__(**kwargs)
        check_sizes(height=height, width=width, channels=channels)
        self.height = height
        self.width = width
        self.channels = channels

    def build(self, input_shape):
        self.basis = self.add_weight(
            name="basis",
            shape=(self.height, self.width, self.channels),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
        )
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.channels), initializer=normal(input_shape[-1])
        )

    def call(self, inputs):
        scales = ops.matmul(inputs, self.kernel)  # (N, C)
        return self.basis * scales[:, None, None, :]  # (N, h, w, C)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.height, self.width, self.channels)

    def get_config(self):
        return {**super().get_config(), "height": self.height, "width": self.width, "channels": self.channels}
