"""SNGAN's residual networks (arXiv:1802.05957), unconditional or conditional by projection (arXiv:1802.05637)."""

import typing

from tfgan_kit.layers import BatchNormalization, ConditionalBatchNormalization, Conv2D, SpectralNormalization
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.ranges import check_sizes

import keras
from keras import layers, ops

# Tables 3 to 5 of the paper and, for 64 and 128 pixels, of arXiv:1802.05637.
GENERATOR_WIDTHS = {
    32: (256, 256, 256, 256),
    48: (512, 256, 128, 64),
    64: (1024, 512, 256, 128, 64),
    128: (1024, 1024, 512, 256, 128, 64),
}
DISCRIMINATOR_WIDTHS = {
    32: (128, 128, 128, 128),
    48: (64, 128, 256, 512, 1024),
    64: (64, 128, 256, 512, 1024),
    128: (64, 128, 256, 512, 1024, 1024),
}
DOWNSAMPLINGS = {32: 2, 48: 4, 64: 5, 128: 5}


class Variant(typing.NamedTuple):
    """Where implementations of the same paper differ.

    Attributes:
        upsampling: of the generator, "nearest" or "bilinear".
        shortcut: what a block of the discriminator adds: "input", or "activated", `relu(x)`.
        inference: of the blocks' spectral norms, see `SpectralNormalization`.
        last_inference: of the spectral norms of the discriminator's last layers.
    """

    upsampling: str
    shortcut: str
    inference: str
    last_inference: str


VARIANTS = {
    "paper": Variant("nearest", "input", "iterate", "iterate"),
    # torch-mimicry 0.1.16: a ReLU overwrites the block's input, and the spectral norms are PyTorch's, but those of the
    # last layers of one class.
    "mimicry": Variant("bilinear", "activated", "stored", "stored"),
    "mimicry_cgan_pd_32": Variant("bilinear", "activated", "stored", "iterate"),
}


@keras.saving.register_keras_serializable("tfgan_kit")
class SNGANGenerator(Network):
    """Latents to images by residual blocks that double height and width.

    A block is `x + conv(relu(bn(conv(up(relu(bn(x)))))))`, with `conv1x1(up(x))` in the place of x. With `num_classes`
    the blocks' normalizations are conditional. Use it with `SNGANDiscriminator` and the objective "hinge".

    Args:
        image_size: int, or (height, width): each a whole number, the base, times `2 ** (len(widths) - 1)`.
        channels: int >= 1, of the images.
        latent_dim: int >= 1, Z.
        widths: sequence of ints >= 1: channels at the base, then of each block; None: the paper's, which has them for
            32, 48, 64 and 128 pixels.
        num_classes: int >= 1, or None for an unconditional generator.
        variant: "paper"; or "mimicry", torch-mimicry's, which enlarges maps by bilinear interpolation.

    Call arguments:
        inputs: latents float32 (N, Z), drawn from N(0, 1); or `[latents, labels int32 (N,)]`.

    Returns:
        images float32 (N, height, width, channels) in [-1, 1].

    Raises:
        ValueError: a size below 1, an image size that the widths do not divide or, without widths, that the paper
            does not have; an unknown `variant`.

    Example:
        >>> generator = SNGANGenerator((16, 24), latent_dim=8, widths=(16, 8, 8))
        >>> generator(keras.random.normal((2, 8))).shape
        TensorShape([2, 16, 24, 3])

    Reference: Miyato et al., arXiv:1802.05957, appendix B.4; conditional: Miyato & Koyama, arXiv:1802.05637, figure 14;
    initialization of the authors' code.
    """

    def __init__(
        self, image_size=32, channels=3, latent_dim=128, widths=None, num_classes=None, variant="paper", **kwargs
    ):
        check_sizes(channels=channels, latent_dim=latent_dim)
        widths = checked_widths(widths, image_size, GENERATOR_WIDTHS)
        arguments = dict(
            image_size=listed(image_size), channels=channels, latent_dim=latent_dim, widths=list(widths),
            num_classes=num_classes, variant=variant,
        )  # fmt: skip
        with precision(kwargs.pop("dtype", None)) as policy:
            latents, labels = keras.Input((latent_dim,), name="latents"), label_input(num_classes)
            blocks = GeneratorBlocks(labels, num_classes, variant_of(variant).upsampling)
            x = blocks.first_maps(latents, base_of(image_size, len(widths) - 1), widths[0])
            for number, width in enumerate(widths[1:], 1):
                x = blocks.block(x, width, number)
            images = blocks.images(x, channels)
        super().__init__(latents if labels is None else [latents, labels], images, arguments, policy, **kwargs)


@keras.saving.register_keras_serializable("tfgan_kit")
class SNGANDiscriminator(Network):
    """Images to logits by spectrally normalized residual blocks without batch normalization.

    A block is `x + conv(relu(conv(relu(x))))`, which may halve height and width by means. The last maps are summed over
    the pixels to h, and `logit = w . h + b`. With `num_classes` it takes `[images, labels]` and adds
    `embedding[label] . h`.

    Args:
        image_size: int, or (height, width).
        channels: int >= 1, of the images.
        widths: sequence of ints >= 1, channels of each block; None: the paper's, which has them for 32, 48, 64 and 128
            pixels.
        num_downsamplings: int from 1 to the number of blocks, how many blocks halve, from the first on; None: the
            paper's, or, with `widths`, all.
        num_classes: int >= 1, or None for an unconditional discriminator.
        variant: "paper"; or "mimicry", torch-mimicry's: a block adds `relu(x)`, which overwrites its input there, and
            spectral norms are "stored" (see `SpectralNormalization`), as PyTorch's are; "mimicry_cgan_pd_32" is that
            with the last layers' "iterate", as its class CGANPDDiscriminator32 alone has it.

    Call arguments:
        inputs: images float32 (N, height, width, channels) in [-1, 1]; or `[images, labels int32 (N,)]`.

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: as of `SNGANGenerator`; a number of halvings that the blocks or the image do not allow; an unknown
            `variant`.

    Example:
        >>> discriminator = SNGANDiscriminator((16, 24), widths=(8, 16, 16), num_downsamplings=2)
        >>> discriminator(keras.ops.zeros((2, 16, 24, 3))).shape
        TensorShape([2, 1])

    Reference: as `SNGANGenerator`.
    """

    def __init__(
        self,
        image_size=32,
        channels=3,
        widths=None,
        num_downsamplings=None,
        num_classes=None,
        variant="paper",
        **kwargs,
    ):
        check_sizes(channels=channels)
        num_downsamplings = checked_downsamplings(num_downsamplings, widths, image_size)
        widths = checked_widths(widths, image_size, DISCRIMINATOR_WIDTHS)
        arguments = dict(
            image_size=listed(image_size), channels=channels, widths=list(widths), num_downsamplings=num_downsamplings,
            num_classes=num_classes, variant=variant,
        )  # fmt: skip
        with precision(kwargs.pop("dtype", None)) as policy:
            images = keras.Input((*base_of(image_size, 0), channels), name="images")
            labels = label_input(num_classes)
            blocks = DiscriminatorBlocks(variant_of(variant))
            x = blocks.first(images, widths[0])
            for number, width in enumerate(widths[1:], 2):
                x = blocks.block(x, width, number, number <= num_downsamplings)
            logits = blocks.logits(x, labels, num_classes)
        super().__init__(images if labels is None else [images, labels], logits, arguments, policy, **kwargs)


class GeneratorBlocks:
    """Makes the layers of SNGAN's generator, and of SAGAN's, whose kernels are spectrally normalized.

    Args:
        labels: symbolic tensor, or None.
        num_classes: int, or None without labels.
        upsampling: see `Variant`.
        inference: of the spectral norms; None: there are none.
    """

    def __init__(self, labels, num_classes, upsampling, inference=None):
        self._labels, self._num_classes = labels, num_classes
        self._upsampling, self._inference = upsampling, inference

    def first_maps(self, latents, base, width):
        """Latents to maps (N, *base, width)."""
        height, columns = base
        dense = layers.Dense(height * columns * width, kernel_initializer=glorot(), name="dense")
        return layers.Reshape((height, columns, width))(normalized(dense, self._inference)(latents))

    def block(self, x, width, number):
        """Block `number`, from 1 on: twice the height and width."""
        h = self._normalize(x, f"block{number}_norm1")
        h = self._doubled(layers.ReLU()(h))
        h = convolution(width, 3, f"block{number}_conv1", self._inference, gain=2.0)(h)
        h = self._normalize(h, f"block{number}_norm2")
        h = convolution(width, 3, f"block{number}_conv2", self._inference, gain=2.0)(layers.ReLU()(h))
        # Before it is enlarged: the same, at a quarter of the cost.
        shortcut = convolution(width, 1, f"block{number}_shortcut", self._inference)(x)
        return layers.Add()([h, self._doubled(shortcut)])

    def images(self, x, channels):
        """The last maps to images."""
        x = layers.ReLU()(BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True, name="norm")(x))
        x = convolution(channels, 3, "to_image", self._inference)(x)
        return layers.Activation("tanh", dtype="float32", name="images")(x)

    def _normalize(self, x, name):
        if self._labels is not None:
            return ConditionalBatchNormalization(self._num_classes, name=name)([x, self._labels])
        return BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True, name=name)(x)

    def _doubled(self, x):
        return layers.UpSampling2D(2, interpolation=self._upsampling)(x)


class DiscriminatorBlocks:
    """Makes the layers of SNGAN's discriminator, and of SAGAN's.

    Args:
        variant: `Variant`.
    """

    def __init__(self, variant):
        self._shortcut, self._inference, self._last = variant[1:]

    def first(self, images, width):
        """The block that sees the images: no activation before its first convolution."""
        h = convolution(width, 3, "block1_conv1", self._inference, gain=2.0)(images)
        h = convolution(width, 3, "block1_conv2", self._inference, gain=2.0)(layers.ReLU()(h))
        shortcut = convolution(width, 1, "block1_shortcut", self._inference)(layers.AveragePooling2D(2)(images))
        return layers.Add()([layers.AveragePooling2D(2)(h), shortcut])

    def block(self, x, width, number, halves):
        """Block `number`, from 2 on; it may halve the height and width."""
        activated = layers.ReLU()(x)
        h = convolution(x.shape[-1], 3, f"block{number}_conv1", self._inference, gain=2.0)(activated)
        h = convolution(width, 3, f"block{number}_conv2", self._inference, gain=2.0)(layers.ReLU()(h))
        shortcut = activated if self._shortcut == "activated" else x
        if halves:  # before the convolution: the same, at a quarter of the cost
            h, shortcut = layers.AveragePooling2D(2)(h), layers.AveragePooling2D(2)(shortcut)
        if halves or x.shape[-1] != width:
            shortcut = convolution(width, 1, f"block{number}_shortcut", self._inference)(shortcut)
        return layers.Add()([h, shortcut])

    def logits(self, x, labels, num_classes):
        """The last maps, and labels or None, to logits (N, 1)."""
        h = ops.sum(ops.cast(layers.ReLU()(x), "float32"), axis=(1, 2))  # (N, C)
        dense = layers.Dense(1, kernel_initializer=glorot(), dtype="float32", name="logit")
        logits = normalized(dense, self._last)(h)
        if labels is not None:
            embedding = layers.Embedding(
                num_classes, h.shape[-1], embeddings_initializer=glorot(), dtype="float32", name="embedding"
            )
            projected = layers.Dot(axes=1, dtype="float32")([normalized(embedding, self._last)(labels), h])
            logits = layers.Add(dtype="float32")([logits, projected])
        return layers.Activation("linear", dtype="float32", name="logits")(logits)


def glorot(gain=1.0):
    """Glorot's uniform initializer, its variance times `gain`."""
    return keras.initializers.VarianceScaling(gain, mode="fan_avg", distribution="uniform")


def convolution(filters, size, name, inference=None, gain=1.0):
    """A convolution that keeps height and width; spectrally normalized if `inference` is given."""
    layer = Conv2D(filters, size, padding="same", kernel_initializer=glorot(gain), name=name)
    return normalized(layer, inference)


def normalized(layer, inference):
    """A layer with spectral normalization; the layer itself if `inference` is None."""
    return layer if inference is None else SpectralNormalization(layer, inference=inference)


def label_input(num_classes):
    """The input of labels; None without classes.

    Raises:
        ValueError: `num_classes` below 1.
    """
    if num_classes is None:
        return None
    if num_classes < 1:
        raise ValueError(
            "`num_classes` must be at least 1, or None for an unconditional network. "
            f"Received: num_classes={num_classes}"
        )
    return keras.Input((), dtype="int32", name="labels")


def listed(image_size):
    """An image size as JSON has it: an int, or a list."""
    return image_size if isinstance(image_size, int) else list(image_size)


def base_of(image_size, doublings):
    """(height, width) before so many doublings.

    Raises:
        ValueError: an image size that is not a whole number times `2 ** doublings`.
    """
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    factor = 2**doublings
    if len(size) != 2 or any(side < factor or side % factor for side in size):
        raise ValueError(
            f"`image_size` must be a whole number times {factor}, 2 to the number of blocks that resample, or a pair "
            f"of such numbers, (height, width). Received: image_size={image_size}"
        )
    return tuple(side // factor for side in size)


def checked_widths(widths, image_size, known):
    """A network's widths as a tuple, the paper's if they are None.

    Raises:
        ValueError: a width below 1, or an image size that the paper does not have.
    """
    if widths is None:
        if image_size not in known:
            raise ValueError(
                f"The paper has networks for {', '.join(map(str, known))} pixels; give `widths` for another size. "
                f"Received: image_size={image_size}"
            )
        return known[image_size]
    if not widths or any(width < 1 for width in widths):
        raise ValueError(f"`widths` must be channels, each at least 1. Received: widths={widths}")
    return tuple(widths)


def checked_downsamplings(num_downsamplings, widths, image_size):
    """How many blocks of a discriminator halve the image.

    Raises:
        ValueError: more than there are blocks, less than 1, or more than the image can be halved.
    """
    if num_downsamplings is None:
        num_downsamplings = DOWNSAMPLINGS.get(image_size, 1) if widths is None else len(widths)
    most = len(widths or DISCRIMINATOR_WIDTHS.get(image_size, (1,)))
    if not 1 <= num_downsamplings <= most:
        raise ValueError(
            f"`num_downsamplings` must be from 1 to the number of blocks, {most}. "
            f"Received: num_downsamplings={num_downsamplings}"
        )
    base_of(image_size, num_downsamplings)
    return num_downsamplings


def variant_of(name):
    """The `Variant` of this name.

    Raises:
        ValueError: an unknown name.
    """
    if name not in VARIANTS:
        raise ValueError(f"`variant` must be one of {', '.join(VARIANTS)}. Received: variant={name!r}")
    return VARIANTS[name]
