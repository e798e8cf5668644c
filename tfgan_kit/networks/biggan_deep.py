"""BigGAN-deep (arXiv:1809.11096, appendix B): two bottleneck blocks for one of BigGAN's, shortcuts without weights."""

from tfgan_kit.networks.biggan import (
    Spectral,
    check_attention,
    discriminator_heights,
    generator_channels,
    number_of_stages,
    to_images,
    to_logits,
)
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.networks.truncation import NetworkOfTruncatedLatents
from tfgan_kit.ranges import check_sizes

import keras
from keras import layers

BOTTLENECK = 4  # a block's inner channels are a quarter
# Channels before the first stage and after each, in multiples of `width`, by the number of stages; tables 7 to 9.
_DISCRIMINATOR = {
    4: (1, 2, 4, 8, 16),
    5: (1, 2, 4, 8, 16, 16),
    6: (1, 2, 4, 8, 8, 16, 16),
    7: (1, 1, 2, 4, 8, 8, 16, 16),
}


@keras.saving.register_keras_serializable("tfgan_kit")
class BigGANDeepGenerator(NetworkOfTruncatedLatents):
    """Latents and labels to images, by bottleneck blocks that see the class and all latents.

    All normalizations and the first layer see the class's shared embedding joined with all latents. A block's shortcut
    drops channels instead of projecting them, which lets the network be deeper with fewer weights than
    `BigGANGenerator`. Truncation draws latents beyond `truncation_psi` again.

    Args:
        image_shape, num_classes, attention, epsilons: as in `BigGANGenerator`.
        latent_dim: int, Z.
        width: int, channels are multiples of it, by two blocks a stage; or for each stage the channels of its blocks,
            of which the last doubles the image, and the first layer has those of the first block. Every block needs at
            least 4 channels.
        shared_dim: int, length of the shared embedding.

    Call arguments:
        inputs: `[latents float32 (N, Z) from N(0, 1), labels int32 (N,)]`.

    Returns:
        images float32 (N, H, W, channels) in [-1, 1].

    Raises:
        ValueError: sizes that do not fit, or attention where no stage ends.

    Example:
        >>> generator = BigGANDeepGenerator((16, 16, 3), latent_dim=8, width=4, num_classes=10, attention=())
        >>> generator([keras.random.normal((2, 8)), keras.ops.array([3, 7])]).shape
        TensorShape([2, 16, 16, 3])

    Reference: Brock, Donahue, Simonyan, arXiv:1809.11096, figure 16 and tables 7 to 9; 32 and 64 pixels as in
    ajbrock/BigGAN-PyTorch; fewer have its 32 pixels' widths.
    """

    def __init__(
        self,
        image_shape=(128, 128, 3),
        latent_dim=128,
        width=128,
        num_classes=1000,
        shared_dim=128,
        attention=(64,),
        epsilons=(1e-5, 1e-12),
        **kwargs,
    ):
        check_sizes(latent_dim=latent_dim, num_classes=num_classes, shared_dim=shared_dim)
        arguments = dict(
            image_shape=list(image_shape), latent_dim=latent_dim,
            width=width if isinstance(width, int) else [list(stage) for stage in width], num_classes=num_classes,
            shared_dim=shared_dim, attention=list(attention), epsilons=list(epsilons),
        )  # fmt: skip
        with precision(kwargs.pop("dtype", None)) as policy:
            latents = keras.Input((latent_dim,), name="latents")
            labels = keras.Input((), dtype="int32", name="labels")
            images = _images(latents, labels, arguments)
        super().__init__([latents, labels], images, arguments, policy, **kwargs)


def blocks_of(channels, depth):
    """For each stage the channels of its blocks: all but the last keep what comes in."""
    pairs = zip(channels[:-1], channels[1:], strict=True)
    return [[before] * (depth - 1) + [after] for before, after in pairs]


def _images(latents, labels, arguments):
    *size, channels = arguments["image_shape"]
    stages = arguments["width"]
    if isinstance(stages, int):
        stages = blocks_of(generator_channels(arguments["image_shape"], stages), depth=2)
    number_of_stages(arguments["image_shape"], len(stages))
    base = tuple(side // 2 ** len(stages) for side in size)
    heights = [base[0] * 2 ** (stage + 1) for stage in range(len(stages))]
    check_attention(arguments["attention"], heights)
    epsilon, spectral_epsilon = arguments["epsilons"]
    spectral = Spectral(spectral_epsilon)
    shared = shared_embedding(arguments["num_classes"], arguments["shared_dim"])(labels)
    condition = layers.Concatenate(name="condition")([shared, latents])
    first = stages[0][0]
    x = spectral.dense(base[0] * base[1] * first, "linear")(condition)
    x = layers.Reshape((*base, first))(x)  # (N, h, w, C)
    for stage, blocks in enumerate(stages):
        for k, filters in enumerate(blocks):
            doubles = k == len(blocks) - 1
            x = UpBlock(filters, doubles, spectral, epsilon, f"block{stage}_{k}")(x, condition)
        if heights[stage] in arguments["attention"]:
            x = spectral.attention(f"block{stage}_attention")(x)
    return to_images(x, channels, spectral)


def shared_embedding(num_classes, width):
    """The embedding of labels that all normalizations share; it is not spectrally normalized."""
    return layers.Embedding(num_classes, width, embeddings_initializer="orthogonal", name="shared")


class UpBlock:
    """Layers of a bottleneck block with `filters` output channels, at most its input's (figure 16b).

    Args:
        filters: int.
        doubles: bool, whether height and width are doubled.
        spectral: `Spectral`.
        epsilon: float, of the normalizations.
        name: str, of the block.
    """

    def __init__(self, filters, doubles, spectral, epsilon, name):
        self._filters, self._doubles, self._spectral = filters, doubles, spectral
        self._epsilon, self._name = epsilon, name

    def __call__(self, x, condition):
        inner = _quarter(x.shape[-1], self._name)
        h = self._convolved(self._active(x, condition, 1), inner, 1, 1)
        h = self._convolved(self._resized(self._active(h, condition, 2)), inner, 3, 2)
        h = self._convolved(self._active(h, condition, 3), inner, 3, 3)
        h = self._convolved(self._active(h, condition, 4), self._filters, 1, 4)
        kept = x if x.shape[-1] == self._filters else x[..., : self._filters]
        return layers.Add()([h, self._resized(kept)])

    def _active(self, x, condition, k):
        normalize = self._spectral.normalization(self._epsilon, f"{self._name}_bn{k}")
        return layers.ReLU()(normalize([x, condition]))

    def _convolved(self, x, filters, size, k):
        return self._spectral.convolution(filters, size, f"{self._name}_conv{k}")(x)

    def _resized(self, x):
        return layers.UpSampling2D(2)(x) if self._doubles else x


def _quarter(channels, name):
    if channels < BOTTLENECK:
        raise ValueError(
            f"A bottleneck has a quarter of a block's channels, which must be at least {BOTTLENECK}: make `width` "
            f"larger. Received: {channels} channels in {name}"
        )
    return channels // BOTTLENECK


@keras.saving.register_keras_serializable("tfgan_kit")
class BigGANDeepDiscriminator(Network):
    """Images and labels to logits, by bottleneck blocks and a projection of the label.

    `logits = w . h + b + embedding[label] . h` with h the sum of the last features over all pixels. A block's shortcut
    keeps its channels and adds projected ones, where there are more.

    Args:
        image_shape, width, num_classes, attention, spectral_epsilon: as in `BigGANDiscriminator`.
        depth: int >= 1, blocks a stage; the first of them changes the channels and halves the image.

    Call arguments:
        inputs: `[images float32 (N, H, W, channels) in [-1, 1], labels int32 (N,)]`.

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: sizes that do not fit, or attention where no stage ends.

    Example:
        >>> discriminator = BigGANDeepDiscriminator((16, 16, 3), width=4, num_classes=10, attention=())
        >>> discriminator([keras.ops.zeros((2, 16, 16, 3)), keras.ops.array([3, 7])]).shape
        TensorShape([2, 1])

    Reference: arXiv:1809.11096, figure 16 and tables 7 to 9.
    """

    rows_are_independent = True

    def __init__(
        self,
        image_shape=(128, 128, 3),
        width=128,
        num_classes=1000,
        attention=(64,),
        depth=2,
        spectral_epsilon=1e-12,
        **kwargs,
    ):
        check_sizes(width=width, num_classes=num_classes, depth=depth)
        arguments = dict(
            image_shape=list(image_shape), width=width, num_classes=num_classes, attention=list(attention), depth=depth,
            spectral_epsilon=spectral_epsilon,
        )  # fmt: skip
        num_stages = number_of_stages(image_shape)
        with precision(kwargs.pop("dtype", None)) as policy:
            images = keras.Input(tuple(image_shape), name="images")
            labels = keras.Input((), dtype="int32", name="labels")
            spectral = Spectral(spectral_epsilon)
            x = _features(images, num_stages, width, attention, depth, spectral)
            logits = to_logits(x, labels, num_classes, spectral)
        super().__init__([images, labels], logits, arguments, policy, **kwargs)


def _features(x, num_stages, width, attention, depth, spectral):
    """The last block's output."""
    first, *multiples = _DISCRIMINATOR.get(num_stages, (4, 4, 4, 4))
    halvings = num_stages if num_stages > 3 else min(num_stages, 2)
    downsamples = [stage < halvings for stage in range(len(multiples))]
    heights = discriminator_heights(x.shape[1], downsamples)
    check_attention(attention, heights)
    x = spectral.convolution(first * width, 3, "from_images")(x)
    for stage, multiple in enumerate(multiples):
        for k in range(depth):
            halved = downsamples[stage] and k == 0
            x = _down_block(x, multiple * width, halved, spectral, f"block{stage}_{k}")
        if heights[stage] in attention:
            x = spectral.attention(f"block{stage}_attention")(x)
    return x


def _down_block(x, filters, halved, spectral, name):
    """A bottleneck block, which may halve height and width (figure 16c)."""

    def resized(x):
        return layers.AveragePooling2D(2)(x) if halved else x

    inner = _quarter(filters, name)
    h = spectral.convolution(inner, 1, f"{name}_conv1")(layers.ReLU()(x))
    h = spectral.convolution(inner, 3, f"{name}_conv2")(layers.ReLU()(h))
    h = spectral.convolution(inner, 3, f"{name}_conv3")(layers.ReLU()(h))
    h = spectral.convolution(filters, 1, f"{name}_conv4")(resized(layers.ReLU()(h)))
    shortcut = resized(x)
    if x.shape[-1] != filters:
        added = spectral.convolution(filters - x.shape[-1], 1, f"{name}_conv_sc")(shortcut)
        shortcut = layers.Concatenate()([shortcut, added])
    return layers.Add()([h, shortcut])
