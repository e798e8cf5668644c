"""The networks of pix2pix (arXiv:1611.07004) and CycleGAN (arXiv:1703.10593): images in, images out."""

from tfgan_kit.layers import BatchNormalization, Conv2D, Conv2DTranspose, InstanceNormalization
from tfgan_kit.networks.network import Network, as_listed, precision
from tfgan_kit.ranges import check_sizes, is_int

import keras
from keras import layers, ops

# arXiv:1611.07004, section 6.2, and arXiv:1703.10593, appendix 7.1.
INITIALIZER_STDDEV = 0.02
NORMALIZATIONS = ("batch", "instance", "affine_instance", "none")
LARGEST_MULTIPLE = 8  # of `width`


def _initializer():
    return keras.initializers.RandomNormal(stddev=INITIALIZER_STDDEV)


def _check(normalization, image_size=None, **sizes):
    check_sizes(**sizes)
    if normalization not in NORMALIZATIONS:
        raise ValueError(
            f"`normalization` is one of {', '.join(NORMALIZATIONS)}. Received: normalization={normalization!r}"
        )
    sides = image_size if isinstance(image_size, list | tuple) else [image_size]
    if image_size is not None and not all(is_int(side, 1, 2**15) for side in sides):
        raise ValueError(
            "`image_size` is None for images of any size, the side of square ones, or (height, width). "
            f"Received: image_size={image_size}"
        )


def _input(image_size, channels, name):
    sides = image_size if isinstance(image_size, list | tuple) else [image_size, image_size]
    return keras.Input((*sides, channels), name=name)


class _Blocks:
    """Convolutions as the authors' PyTorch code has them: zeros on both sides, no bias before a batch normalization.

    Args:
        normalization: one of NORMALIZATIONS.
    """

    def __init__(self, normalization):
        self._normalization = normalization
        self._use_bias = normalization != "batch"  # the authors': also before an instance normalization

    def convolution(self, x, filters, kernel_size, stride, padding, use_bias=None):
        even = all(side is not None and side % 2 == 0 for side in x.shape[1:3])
        same = (kernel_size, stride, padding) == (4, 2, 1) and even  # which TensorFlow pads alike
        if padding and not same:
            x = layers.ZeroPadding2D(padding)(x)
        return Conv2D(
            filters,
            kernel_size,
            strides=stride,
            padding="same" if same else "valid",
            use_bias=self._use_bias if use_bias is None else use_bias,
            kernel_initializer=_initializer(),
        )(x)

    def transposed(self, x, filters, kernel_size, use_bias=None):
        """Twice as large: the authors' padding 1, of kernels of 3 pixels with output padding 1."""
        y = Conv2DTranspose(
            filters,
            kernel_size,
            strides=2,
            padding="same" if kernel_size == 4 else "valid",
            use_bias=self._use_bias if use_bias is None else use_bias,
            kernel_initializer=_initializer(),
        )(x)
        # Of 2 H + 1 rows the authors leave out the first, where Keras's "same" leaves out the last.
        return y if kernel_size == 4 else layers.Cropping2D(((1, 0), (1, 0)))(y)

    def normalized(self, x):
        if self._normalization == "batch":
            return BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True)(x)
        if self._normalization == "none":
            return x
        return InstanceNormalization(affine=self._normalization == "affine_instance")(x)


def _reflected(x, pixels):
    return ops.pad(x, [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]], mode="reflect")


@keras.saving.register_keras_serializable("tfgan_kit")
class UNetGenerator(Network):
    """An image to an image of its size: down to few pixels and up again, with a skip between maps of one size.

    Args:
        image_size: int, or (height, width); each a multiple of 2 ** num_downs.
        channels: int >= 1, of the result.
        input_channels: int >= 1, of what is given; None: `channels`.
        width: int >= 1, channels of the first map; of deeper ones up to 8 times as many.
        num_downs: int >= 5, how often the size is halved: 8 for 256 pixels, 7 for 128.
        normalization: "batch" as in the paper, "instance", "affine_instance" or "none".
        dropout: bool, whether half of the values of the three maps after the innermost are dropped in training: the
            paper's noise.

    Call arguments:
        inputs: images float32 (N, H, W, input_channels) in [-1, 1].

    Returns:
        images float32 (N, H, W, channels) in [-1, 1].

    Raises:
        ValueError: a size that cannot be halved so often, or below 1.

    Example:
        >>> generator = UNetGenerator(image_size=32, width=8, num_downs=5)
        >>> generator(keras.ops.zeros((2, 32, 32, 3))).shape
        TensorShape([2, 32, 32, 3])

    Reference: Isola, Zhu, Zhou, Efros, arXiv:1611.07004, section 6.1.1; official `unet_256`, `unet_128`.
    """

    def __init__(
        self, image_size=256, channels=3, input_channels=None, width=64, num_downs=8, normalization="batch",
        dropout=True, **kwargs,
    ):  # fmt: skip
        input_channels = channels if input_channels is None else input_channels
        _check(normalization, image_size, channels=channels, input_channels=input_channels, width=width)
        if not is_int(num_downs, 5, 16):
            raise ValueError(f"`num_downs` is an int from 5 to 15. Received: num_downs={num_downs}")
        sides = image_size if isinstance(image_size, list | tuple) else [image_size]
        if None in sides or any(side % 2**num_downs for side in sides):
            raise ValueError(
                f"A U-Net that halves its images {num_downs} times needs a height and width that are multiples of "
                f"{2**num_downs}: resize the images, or give a smaller `num_downs`. Received: image_size={image_size}"
            )
        arguments = dict(
            image_size=as_listed(image_size), channels=channels, input_channels=input_channels, width=width,
            num_downs=num_downs, normalization=normalization, dropout=dropout,
        )  # fmt: skip
        blocks = _Blocks(normalization)

        def level(x, depth):
            """What the authors' `UnetSkipConnectionBlock` adds to its input x, at a depth from 1 to num_downs - 1."""
            innermost = depth == num_downs - 1
            y = blocks.convolution(layers.LeakyReLU(0.2)(x), width * min(2**depth, LARGEST_MULTIPLE), 4, 2, 1)
            if not innermost:
                y = blocks.normalized(y)
                y = layers.Concatenate()([y, level(y, depth + 1)])
            y = blocks.transposed(layers.ReLU()(y), width * min(2 ** (depth - 1), LARGEST_MULTIPLE), 4)
            y = blocks.normalized(y)
            drops = dropout and not innermost and depth >= 4
            return layers.Dropout(0.5)(y) if drops else y

        with precision(kwargs.pop("dtype", None)) as policy:
            inputs = _input(image_size, input_channels, "images")
            x = blocks.convolution(inputs, width, 4, 2, 1)
            x = layers.Concatenate()([x, level(x, 1)])
            x = blocks.transposed(layers.ReLU()(x), channels, 4, use_bias=True)
            images = layers.Activation("tanh", dtype="float32", name="translated")(x)
        super().__init__(inputs, images, arguments, policy, **kwargs)


@keras.saving.register_keras_serializable("tfgan_kit")
class ResNetGenerator(Network):
    """An image to an image of its size: a quarter of the height and width, residual blocks, and up again.

    Args:
        image_size: None, for images of any size that is a multiple of 4; or a side, or (height, width).
        channels: int >= 1, of the result.
        input_channels: int >= 1, of what is given; None: `channels`.
        width: int >= 1, channels at the full size; at a quarter four times as many.
        num_blocks: int >= 1: 9 for 256 pixels, 6 for 128.
        normalization: "instance" as in the paper, "affine_instance", "batch" or "none".
        dropout: bool, whether half of the values inside each block are dropped in training.

    Call arguments:
        inputs: images float32 (N, H, W, input_channels) in [-1, 1].

    Returns:
        images float32 (N, H, W, channels) in [-1, 1].

    Raises:
        ValueError: a size below 1, or that is no multiple of 4.

    Example:
        >>> generator = ResNetGenerator(width=8, num_blocks=2)
        >>> generator(keras.ops.zeros((1, 36, 52, 3))).shape
        TensorShape([1, 36, 52, 3])

    Reference: Zhu, Park, Isola, Efros, arXiv:1703.10593, appendix 7.2; official `resnet_9blocks`, `resnet_6blocks`.
    """

    def __init__(
        self, image_size=None, channels=3, input_channels=None, width=64, num_blocks=9, normalization="instance",
        dropout=False, **kwargs,
    ):  # fmt: skip
        input_channels = channels if input_channels is None else input_channels
        sizes = dict(channels=channels, input_channels=input_channels, width=width, num_blocks=num_blocks)
        _check(normalization, image_size, **sizes)
        sides = image_size if isinstance(image_size, list | tuple) else [image_size]
        if any(side is not None and side % 4 for side in sides):
            raise ValueError(f"Height and width must be multiples of 4. Received: image_size={image_size}")
        arguments = dict(
            image_size=as_listed(image_size) if image_size is not None else None, **sizes, normalization=normalization,
            dropout=dropout,
        )  # fmt: skip
        blocks = _Blocks(normalization)

        def followed(x):
            return layers.ReLU()(blocks.normalized(x))

        def residual(x):
            y = followed(blocks.convolution(_reflected(x, 1), 4 * width, 3, 1, 0))
            y = layers.Dropout(0.5)(y) if dropout else y
            return layers.Add()([x, blocks.normalized(blocks.convolution(_reflected(y, 1), 4 * width, 3, 1, 0))])

        with precision(kwargs.pop("dtype", None)) as policy:
            inputs = _input(image_size, input_channels, "images")
            x = followed(blocks.convolution(_reflected(inputs, 3), width, 7, 1, 0))
            for stage in (1, 2):
                x = followed(blocks.convolution(x, width * 2**stage, 3, 2, 1))
            for _ in range(num_blocks):
                x = residual(x)
            for stage in (1, 0):
                x = followed(blocks.transposed(x, width * 2**stage, 3))
            x = blocks.convolution(_reflected(x, 3), channels, 7, 1, 0, use_bias=True)
            images = layers.Activation("tanh", dtype="float32", name="translated")(x)
        super().__init__(inputs, images, arguments, policy, **kwargs)


@keras.saving.register_keras_serializable("tfgan_kit")
class PatchGANDiscriminator(Network):
    """Images to a logit for each of many overlapping patches.

    Args:
        image_size: None, for images of any size; or a side, or (height, width).
        channels: int >= 1, of the images.
        condition_channels: int >= 1, of the given images of pairs, which stand before the others' channels as in the
            authors' code; None: it judges images alone.
        width: int >= 1, channels of the first layer; of deeper ones up to 8 times as many.
        num_layers: int >= 1, of those that follow the first: patches of 16 pixels for 1, 34 for 2, 70 for 3, 142 for 4,
            286 for 5.
        normalization: "batch", "instance", "affine_instance" or "none".

    Call arguments:
        inputs: images float32 (N, H, W, channels) in [-1, 1]; or `[images, given (N, H, W, condition_channels)]`.

    Returns:
        logits float32 (N, h, w, 1): h = w = 30 for 256 pixels and 3 layers.

    Raises:
        ValueError: a size below 1.

    Example:
        >>> discriminator = PatchGANDiscriminator(image_size=64, width=8)
        >>> discriminator(keras.ops.zeros((2, 64, 64, 3))).shape
        TensorShape([2, 6, 6, 1])

    Reference: arXiv:1611.07004, section 6.1.2; official `basic`, `n_layers`.
    """

    def __init__(
        self, image_size=None, channels=3, width=64, num_layers=3, normalization="batch", condition_channels=None,
        **kwargs,
    ):  # fmt: skip
        sizes = dict(channels=channels, width=width, num_layers=num_layers)
        _check(
            normalization,
            image_size,
            **sizes,
            condition_channels=1 if condition_channels is None else condition_channels,
        )
        arguments = dict(
            image_size=as_listed(image_size) if image_size is not None else None, **sizes,
            normalization=normalization, condition_channels=condition_channels,
        )  # fmt: skip
        blocks = _Blocks(normalization)
        with precision(kwargs.pop("dtype", None)) as policy:
            inputs = x = _input(image_size, channels, "images")
            if condition_channels is not None:
                given = _input(image_size, condition_channels, "given")
                inputs, x = [inputs, given], layers.Concatenate()([given, inputs])
            x = layers.LeakyReLU(0.2)(blocks.convolution(x, width, 4, 2, 1, use_bias=True))
            for layer in range(1, num_layers + 1):
                stride = 2 if layer < num_layers else 1
                x = blocks.convolution(x, width * min(2**layer, LARGEST_MULTIPLE), 4, stride, 1)
                x = layers.LeakyReLU(0.2)(blocks.normalized(x))
            x = blocks.convolution(x, 1, 4, 1, 1, use_bias=True)
            logits = layers.Activation("linear", dtype="float32", name="logits")(x)
        super().__init__(inputs, logits, arguments, policy, **kwargs)

    @property
    def takes_labels(self):
        """Whether a GAN gives it its condition."""
        return self.condition_channels is not None
