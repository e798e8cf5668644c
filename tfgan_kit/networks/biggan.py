"""BigGAN (arXiv:1809.11096): class-conditional residual networks, spectrally normalized, with self-attention."""

from tfgan_kit.layers import (
    BatchNormalization,
    Conv2D,
    OffsetConditionalBatchNormalization,
    SelfAttention,
    SpectralNormalization,
    VectorConditionalBatchNormalization,
)
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.networks.truncation import NetworkOfTruncatedLatents
from tfgan_kit.ranges import check_sizes

import keras
from keras import layers

# Channels of the first layer and after each stage that doubles the image (generator), or after each block
# (discriminator), in multiples of `width`, by the number of doublings; tables 4 to 6 of the paper, and the authors'
# code for 32 and 64 pixels, after which smaller images are made. 4 x 4 doubled five times are 128 pixels.
_GENERATOR = {
    1: (4, 4),
    2: (4, 4, 4),
    3: (4, 4, 4, 4),
    4: (16, 16, 8, 4, 2),
    5: (16, 16, 8, 4, 2, 1),
    6: (16, 16, 8, 8, 4, 2, 1),
    7: (16, 16, 8, 8, 4, 2, 1, 1),
}
_DISCRIMINATOR = {
    4: (1, 2, 4, 8, 16),
    5: (1, 2, 4, 8, 16, 16),
    6: (1, 2, 4, 8, 8, 16, 16),
    7: (1, 1, 2, 4, 8, 8, 16, 16),
}
# Of the last normalization of a generator: the authors' code does not pass its own on.
LAST_EPSILON = 1e-5
SMALLEST_BASE = 4


def number_of_stages(image_shape, given=None):
    """How often images are doubled from their base.

    Args:
        image_shape: (height, width, channels).
        given: int from 1 to 7, or None: as often as leaves a base of at least 4.

    Raises:
        ValueError: no base of at least 2 x 2 is doubled to that size.
    """
    height, width, channels = image_shape
    check_sizes(channels=channels)
    smallest = 2 if given else SMALLEST_BASE
    fitting = [n for n in _GENERATOR if height % 2**n == width % 2**n == 0 and min(height, width) >= smallest * 2**n]
    if not fitting or given not in (None, *fitting):
        raise ValueError(
            "A BigGAN's height and width are a base, at least 2, times 2 to the number of stages, 1 to 7; where "
            "`width` is a number, the smaller base is at least 4: for example 32, 128 or 96 x 64 pixels. "
            f"Received: image_shape={tuple(image_shape)}{f' for {given} stages' if given else ''}"
        )
    return given or fitting[-1]


def generator_channels(image_shape, width):
    """Channels of the first layer and after each stage: `width` itself, or its multiples."""
    if not isinstance(width, int):
        number_of_stages(image_shape, len(width) - 1)
        check_sizes(width=min(width))
        return list(width)
    check_sizes(width=width)
    return [width * multiple for multiple in _GENERATOR[number_of_stages(image_shape)]]


def check_attention(attention, heights):
    """Refuses a place for attention that is the height of no block's output.

    Raises:
        ValueError: it lists the heights.
    """
    if unknown := sorted(set(attention) - set(heights)):
        raise ValueError(
            "`attention` holds heights of feature maps after a block: "
            f"{', '.join(map(str, dict.fromkeys(heights)))}. Received: {', '.join(map(str, unknown))} among them"
        )


class Spectral:
    """The layers of a network, spectrally normalized or, where epsilon is None, plain; with orthogonal kernels.

    Args:
        epsilon: float > 0 of the norms, or None.
    """

    def __init__(self, epsilon):
        self.epsilon = epsilon

    def _wrapped(self, layer):
        return layer if self.epsilon is None else SpectralNormalization(layer, epsilon=self.epsilon)

    def convolution(self, filters, size, name):
        return self._wrapped(Conv2D(filters, size, padding="same", kernel_initializer="orthogonal", name=name))

    def dense(self, units, name):
        return self._wrapped(layers.Dense(units, kernel_initializer="orthogonal", name=name))

    def embedding(self, num_classes, width, name):
        return self._wrapped(layers.Embedding(num_classes, width, embeddings_initializer="orthogonal", name=name))

    def attention(self, name):
        spectral = {"spectral": False} if self.epsilon is None else {"epsilon": self.epsilon}
        return SelfAttention(**spectral, name=name)

    def normalization(self, epsilon, name):
        """Batch normalization conditional on a vector."""
        spectral = {"spectral": False} if self.epsilon is None else {"spectral_epsilon": self.epsilon}
        return VectorConditionalBatchNormalization(**spectral, epsilon=epsilon, name=name)


def to_images(x, channels, spectral, epsilon=LAST_EPSILON):
    """The end of a generator: batch normalization, ReLU, 3x3 convolution, tanh."""
    x = BatchNormalization(momentum=0.9, epsilon=epsilon, synchronized=True, name="last_normalization")(x)
    x = spectral.convolution(channels, 3, "to_images")(layers.ReLU()(x))
    return layers.Activation("tanh", dtype="float32", name="images")(x)


def to_logits(x, labels, num_classes, spectral):
    """The end of a discriminator: ReLU, sum over pixels, and a logit `w . h + b + embedding[label] . h`."""
    h = keras.ops.sum(layers.ReLU(dtype="float32")(x), axis=(1, 2))  # (N, C)
    logits = spectral.dense(1, "linear")(h)
    embedded = spectral.embedding(num_classes, h.shape[-1], "embedding")(labels)
    logits = layers.Add()([logits, layers.Dot(axes=1)([embedded, h])])  # (N, 1)
    return layers.Activation("linear", dtype="float32", name="logits")(logits)


class _Generator(NetworkOfTruncatedLatents):
    """A BigGAN generator, whose latents are hierarchical or not."""

    hierarchical = True

    def __init__(
        self,
        image_shape=(128, 128, 3),
        latent_dim=120,
        width=96,
        num_classes=1000,
        shared_dim=128,
        attention=(64,),
        epsilons=(1e-5, 1e-12),
        **kwargs,
    ):
        check_sizes(latent_dim=latent_dim, num_classes=num_classes)
        arguments = dict(
            image_shape=list(image_shape), latent_dim=latent_dim,
            width=width if isinstance(width, int) else list(width), num_classes=num_classes, shared_dim=shared_dim,
            attention=list(attention), epsilons=list(epsilons),
        )  # fmt: skip
        with precision(kwargs.pop("dtype", None)) as policy:
            latents = keras.Input((latent_dim,), name="latents")
            labels = keras.Input((), dtype="int32", name="labels")
            images = _images(latents, labels, arguments, self.hierarchical)
        super().__init__([latents, labels], images, arguments, policy, **kwargs)


@keras.saving.register_keras_serializable("tfgan_kit")
class BigGANGenerator(_Generator):
    """Latents and labels to images, by residual blocks whose normalizations see the class and the latents.

    The class's embedding, shared by all normalizations, is joined with another part of the latents for each block
    (hierarchical latents). Truncation draws latents beyond `truncation_psi` again. `BigGANDeepGenerator` is the later,
    deeper form, `FlatBigGANGenerator` one without hierarchical latents.

    Args:
        image_shape: (height, width, channels); both sides a base times 2 to the number of stages.
        latent_dim: int, Z, a multiple of the number of stages + 1.
        width: int, channels are multiples of it; or ints, the channels of the first layer and after each stage.
        num_classes: int >= 1.
        shared_dim: int, length of the shared embedding.
        attention: ints, heights of the feature maps that attention follows.
        epsilons: two floats > 0, of the conditional batch normalizations and of the spectral norms; None as the second:
            no spectral normalization.

    Call arguments:
        inputs: `[latents float32 (N, Z) from N(0, 1), labels int32 (N,)]`.

    Returns:
        images float32 (N, H, W, channels) in [-1, 1].

    Raises:
        ValueError: sizes that do not fit, or attention where no block ends.

    Example:
        >>> generator = BigGANGenerator((32, 32, 3), latent_dim=16, width=4, num_classes=10, attention=())
        >>> generator([keras.random.normal((2, 16)), keras.ops.array([3, 7])]).shape
        TensorShape([2, 32, 32, 3])

    Reference: Brock, Donahue, Simonyan, arXiv:1809.11096, figure 15 and tables 4 to 6; 32 and 64 pixels as in
    ajbrock/BigGAN-PyTorch; fewer have its 32 pixels' widths.
    """


@keras.saving.register_keras_serializable("tfgan_kit")
class FlatBigGANGenerator(_Generator):
    """`BigGANGenerator` all of whose latents go to the first layer, with or without a shared embedding.

    Args:
        image_shape, width, num_classes, attention, epsilons: as in `BigGANGenerator`.
        latent_dim: int, Z.
        shared_dim: int, length of the shared embedding; None: each normalization has a table of its own instead, as
            for CIFAR-10 in the authors' code.

    Call arguments:
        inputs: `[latents float32 (N, Z) from N(0, 1), labels int32 (N,)]`.

    Returns:
        images float32 (N, H, W, channels) in [-1, 1].

    Raises:
        ValueError: sizes that do not fit, or attention where no block ends.

    Example:
        >>> generator = FlatBigGANGenerator((16, 16, 1), latent_dim=5, width=4, num_classes=10, attention=())
        >>> generator([keras.random.normal((2, 5)), keras.ops.array([3, 7])]).shape
        TensorShape([2, 16, 16, 1])

    Reference: as `BigGANGenerator`.
    """

    hierarchical = False


def _images(latents, labels, arguments, hierarchical):
    *size, channels = arguments["image_shape"]
    first_channels, *stages = generator_channels(arguments["image_shape"], arguments["width"])
    num_stages = len(stages)
    base = tuple(side // 2**num_stages for side in size)
    heights = [base[0] * 2 ** (stage + 1) for stage in range(num_stages)]
    check_attention(arguments["attention"], heights)
    spectral = Spectral(arguments["epsilons"][1])
    first, conditions = _conditions(latents, labels, num_stages, arguments, hierarchical)
    normalize = _normalization(spectral, arguments)
    x = spectral.dense(base[0] * base[1] * first_channels, "linear")(first)
    x = layers.Reshape((*base, first_channels))(x)  # (N, h, w, C)
    for stage, filters in enumerate(stages):
        x = _up_block(x, conditions[stage], filters, normalize, spectral, f"block{stage}_0")
        if heights[stage] in arguments["attention"]:
            x = spectral.attention(f"block{stage}_attention")(x)
    return to_images(x, channels, spectral)


def _conditions(latents, labels, num_stages, arguments, hierarchical):
    """What the first layer sees, and what the normalizations of each block see."""
    if arguments["shared_dim"] is None:
        if hierarchical:
            raise ValueError(
                "Hierarchical latents are joined with the shared embedding: give `shared_dim`, or use "
                "FlatBigGANGenerator. Received: shared_dim=None"
            )
        return latents, [labels] * num_stages
    shared = layers.Embedding(
        arguments["num_classes"], arguments["shared_dim"], embeddings_initializer="orthogonal", name="shared"
    )(labels)
    if not hierarchical:
        return latents, [shared] * num_stages
    parts = num_stages + 1
    size, rest = divmod(arguments["latent_dim"], parts)
    if rest or not size:
        raise ValueError(
            f"Hierarchical latents are split into {parts} equal parts, one for the first layer and each stage: "
            f"`latent_dim` must be a multiple of {parts}. Received: latent_dim={arguments['latent_dim']}"
        )
    first, *others = (latents[:, k * size : (k + 1) * size] for k in range(parts))
    return first, [layers.Concatenate()([shared, part]) for part in others]


def _normalization(spectral, arguments):
    """`name -> layer`, a batch normalization of `[x, condition]`."""
    if arguments["shared_dim"] is not None:
        return lambda name: spectral.normalization(arguments["epsilons"][0], name)
    return lambda name: OffsetConditionalBatchNormalization(
        arguments["num_classes"], epsilon=arguments["epsilons"][0], name=name
    )


def _up_block(x, condition, filters, normalize, spectral, name):
    """A residual block that doubles height and width (figure 15b)."""
    h = layers.ReLU()(normalize(f"{name}_bn1")([x, condition]))
    h = spectral.convolution(filters, 3, f"{name}_conv1")(layers.UpSampling2D(2)(h))
    h = layers.ReLU()(normalize(f"{name}_bn2")([h, condition]))
    h = spectral.convolution(filters, 3, f"{name}_conv2")(h)
    shortcut = spectral.convolution(filters, 1, f"{name}_conv_sc")(layers.UpSampling2D(2)(x))
    return layers.Add()([h, shortcut])


@keras.saving.register_keras_serializable("tfgan_kit")
class BigGANDiscriminator(Network):
    """Images and labels to logits, by spectrally normalized residual blocks and a projection of the label.

    `logits = w . h + b + embedding[label] . h` with h the sum of the last features over all pixels
    (arXiv:1802.05637, eq. 3).

    Args:
        image_shape, num_classes: as in `BigGANGenerator`.
        width: int >= 1, channels are multiples of it.
        attention: ints, heights of the feature maps that attention follows.
        wide: bool, whether a block's inner channels are those of its output, as in the paper, or of its input, as in
            SNGAN.
        spectral_epsilon: float > 0, of the spectral norms.

    Call arguments:
        inputs: `[images float32 (N, H, W, channels) in [-1, 1], labels int32 (N,)]`.

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: sizes that do not fit, or attention where no block ends.

    Example:
        >>> discriminator = BigGANDiscriminator((32, 32, 3), width=4, num_classes=10, attention=())
        >>> discriminator([keras.ops.zeros((2, 32, 32, 3)), keras.ops.array([3, 7])]).shape
        TensorShape([2, 1])

    Reference: arXiv:1809.11096, figure 15 and tables 4 to 6.
    """

    rows_are_independent = True

    def __init__(
        self,
        image_shape=(128, 128, 3),
        width=96,
        num_classes=1000,
        attention=(64,),
        wide=True,
        spectral_epsilon=1e-12,
        **kwargs,
    ):
        check_sizes(width=width, num_classes=num_classes)
        arguments = dict(
            image_shape=list(image_shape), width=width, num_classes=num_classes, attention=list(attention), wide=wide,
            spectral_epsilon=spectral_epsilon,
        )  # fmt: skip
        num_stages = number_of_stages(image_shape)
        with precision(kwargs.pop("dtype", None)) as policy:
            images = keras.Input(tuple(image_shape), name="images")
            labels = keras.Input((), dtype="int32", name="labels")
            spectral = Spectral(spectral_epsilon)
            x = _features(images, num_stages, width, attention, wide, spectral)
            logits = to_logits(x, labels, num_classes, spectral)
        super().__init__([images, labels], logits, arguments, policy, **kwargs)


def discriminator_heights(height, downsamples):
    """The heights of a discriminator's feature maps after each block."""
    heights = []
    for halved in downsamples:
        height = height // 2 if halved else height
        heights.append(height)
    return heights


def _features(x, num_stages, width, attention, wide, spectral):
    """The last residual block's output."""
    if num_stages > 3:
        multiples = _DISCRIMINATOR[num_stages]
        downsamples = [True] * num_stages + [False]
    else:
        multiples, halvings = (4, 4, 4, 4), min(num_stages, 2)
        downsamples = [True] * halvings + [False] * (4 - halvings)
    heights = discriminator_heights(x.shape[1], downsamples)
    check_attention(attention, heights)
    for stage, (multiple, halved) in enumerate(zip(multiples, downsamples, strict=True)):
        inner = multiple * width if wide else x.shape[-1]
        x = _down_block(x, inner, multiple * width, halved, spectral, f"block{stage}_0")
        if heights[stage] in attention:
            x = spectral.attention(f"block{stage}_attention")(x)
    return x


def _down_block(x, inner, filters, halved, spectral, name):
    """A residual block, which may halve height and width (figure 15c); the first sees images, without a ReLU."""
    is_first = name == "block0_0"

    def resized(x):
        return layers.AveragePooling2D(2)(x) if halved else x

    def shortcut(x):
        if x.shape[-1] == filters and not halved:
            return x
        convolve = spectral.convolution(filters, 1, f"{name}_conv_sc")
        return convolve(resized(x)) if is_first else resized(convolve(x))

    h = x if is_first else layers.ReLU()(x)
    h = spectral.convolution(inner, 3, f"{name}_conv1")(h)
    h = spectral.convolution(filters, 3, f"{name}_conv2")(layers.ReLU()(h))
    return layers.Add()([resized(h), shortcut(x)])
