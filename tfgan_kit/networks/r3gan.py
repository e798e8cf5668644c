"""R3GAN (arXiv:2501.05441): a modern baseline without normalization, for any size, optionally class-conditional."""

import math
import typing

from tfgan_kit.layers.convolution import Conv2D
from tfgan_kit.layers.r3gan import R3GANBasis, R3GANBlock, check_block, normal
from tfgan_kit.layers.resampling import BINOMIAL, FIRDownSampling2D, FIRUpSampling2D
from tfgan_kit.networks.network import Network, as_listed, precision
from tfgan_kit.ranges import check_sizes, is_int

import keras
from keras import layers


class Stage(typing.NamedTuple):
    """The blocks of one resolution.

    Attributes:
        width: int >= 1, channels.
        cardinality: int >= 1, groups of a block's convolution; divides `expansion * width`.
        blocks: int >= 1.
        expansion: int >= 1, of the channels inside of a block.
        kernel_size: odd int, of a block's convolution.
    """

    width: int
    cardinality: int
    blocks: int = 2
    expansion: int = 2
    kernel_size: int = 3


CIFAR_10 = (Stage(768, 96),) * 4  # table 6 of the paper: 3/4 of 1024 channels, 16 a group


@keras.saving.register_keras_serializable("tfgan_kit")
class R3GANGenerator(Network):
    """Latents to images by residual blocks of grouped convolutions, without normalization.

    Use it with `R3GANDiscriminator`, the objective "relativistic_pairing" and `R1` and `R2` at every step; the presets
    `r3gan_...` have the whole recipe. Its images are linear in the last maps: they are in [-1, 1] by training alone,
    and are clipped where they become pixels.

    Args:
        image_size: int, or (height, width): each a whole number, the base, times `2 ** (len(stages) - 1)`; the paper's
            base is 4.
        channels: int >= 1, of the images.
        latent_dim: int >= 1, Z.
        stages: sequence of (width, cardinality, blocks=2, expansion=2, kernel_size=3), from the base up; see `Stage`.
        num_classes: int >= 1, or None for an unconditional generator.
        embedding_dim: int >= 1, of a label; None: `latent_dim`, as in the paper.
        resampling_filter: sequence of numbers, see `FIRUpSampling2D`.

    Call arguments:
        inputs: latents float32 (N, Z), drawn from N(0, 1); or `[latents, labels int32 (N,)]`.

    Returns:
        images float32 (N, height, width, channels).

    Raises:
        ValueError: a size below 1, an image size that the stages do not divide, a cardinality that does not divide
            its stage's channels, an even kernel, an `embedding_dim` without classes.

    Example:
        >>> generator = R3GANGenerator((16, 24), latent_dim=8, stages=[(16, 4), (16, 4, 1), (8, 2)])
        >>> generator(keras.random.normal((2, 8))).shape
        TensorShape([2, 16, 24, 3])

    Reference: Huang, Gokaslan, Kuleshov, Tompkin, arXiv:2501.05441, section 3; layers and initialization of the
    authors' code.
    """

    ends_without_bounds = True  # pixels outside of [-1, 1] are clipped, not a mistake

    def __init__(
        self,
        image_size=32,
        channels=3,
        latent_dim=64,
        stages=CIFAR_10,
        num_classes=None,
        embedding_dim=None,
        resampling_filter=BINOMIAL,
        **kwargs,
    ):
        check_sizes(channels=channels, latent_dim=latent_dim)
        stages, base = _checked_stages(stages), _base(image_size, len(stages))
        embedding_dim = _embedding_dim(num_classes, embedding_dim, latent_dim)
        arguments = dict(
            image_size=as_listed(image_size), channels=channels, latent_dim=latent_dim, stages=list(map(list, stages)),
            num_classes=num_classes, embedding_dim=embedding_dim, resampling_filter=list(resampling_filter),
        )  # fmt: skip
        with precision(kwargs.pop("dtype", None)) as policy:
            latents = keras.Input((latent_dim,), name="latents")
            labels = keras.Input((), dtype="int32", name="labels") if num_classes else None
            x = latents
            if labels is not None:
                embedded = _embedding(num_classes, embedding_dim)(labels)
                x = layers.Concatenate()([latents, embedded])  # (N, Z + E)
            x = _images(x, base, stages, channels, resampling_filter)
        super().__init__(latents if labels is None else [latents, labels], x, arguments, policy, **kwargs)


def _images(x, base, stages, channels, resampling_filter):
    x = R3GANBasis(*base, stages[0].width, name="basis")(x)  # (N, base, C)
    for number, stage in enumerate(stages):
        if number:
            x = _with_width(x, stage.width, f"stage{number}_width")
            x = FIRUpSampling2D(resampling_filter, name=f"stage{number}_up")(x)
        x = _blocks(x, number, stages)
    x = _pointwise(x, channels, "to_image")
    return layers.Activation("linear", dtype="float32", name="images")(x)


@keras.saving.register_keras_serializable("tfgan_kit")
class R3GANDiscriminator(Network):
    """Images to logits by the generator's blocks in the opposite order: no row depends on another.

    With `num_classes` it takes `[images, labels]`, and `logit = h . embedding[label]` (arXiv:1802.05637).

    Args:
        image_size, channels, resampling_filter: as in `R3GANGenerator`.
        stages: as in `R3GANGenerator`, but from the images down to the base.
        num_classes: int >= 1, or None for an unconditional discriminator.
        embedding_dim: int >= 1, of a label; None: the width at the base, as in the paper.

    Call arguments:
        inputs: images float32 (N, height, width, channels); or `[images, labels int32 (N,)]`.

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: as `R3GANGenerator`.

    Example:
        >>> discriminator = R3GANDiscriminator((16, 24), stages=[(8, 2), (16, 4, 1), (16, 4)])
        >>> discriminator(keras.ops.zeros((2, 16, 24, 3))).shape
        TensorShape([2, 1])

    Reference: as `R3GANGenerator`.
    """

    def __init__(
        self,
        image_size=32,
        channels=3,
        stages=CIFAR_10,
        num_classes=None,
        embedding_dim=None,
        resampling_filter=BINOMIAL,
        **kwargs,
    ):
        check_sizes(channels=channels)
        stages, base = _checked_stages(stages), _base(image_size, len(stages))
        embedding_dim = _embedding_dim(num_classes, embedding_dim, stages[-1].width)
        arguments = dict(
            image_size=as_listed(image_size), channels=channels, stages=list(map(list, stages)),
            num_classes=num_classes, embedding_dim=embedding_dim, resampling_filter=list(resampling_filter),
        )  # fmt: skip
        sides = [side * 2 ** (len(stages) - 1) for side in base]
        with precision(kwargs.pop("dtype", None)) as policy:
            images = keras.Input((*sides, channels), name="images")
            labels = keras.Input((), dtype="int32", name="labels") if num_classes else None
            h = _features(images, base, stages, embedding_dim or 1, resampling_filter)
            if labels is not None:
                gain = 1.0 / math.sqrt(embedding_dim)
                embedded = _embedding(num_classes, embedding_dim, gain, dtype="float32")(labels)
                h = layers.Dot(axes=1, dtype="float32")([h, embedded])  # (N, 1)
            logits = layers.Activation("linear", dtype="float32", name="logits")(h)
        super().__init__(images if labels is None else [images, labels], logits, arguments, policy, **kwargs)


def _features(images, base, stages, dim, resampling_filter):
    x = _pointwise(images, stages[0].width, "from_image")
    for number, stage in enumerate(stages):
        if number:
            x = FIRDownSampling2D(resampling_filter, name=f"stage{number}_down")(x)
            x = _with_width(x, stage.width, f"stage{number}_width")
        x = _blocks(x, number, stages)
    x = layers.DepthwiseConv2D(base, use_bias=False, depthwise_initializer=normal(math.prod(base)), name="basis")(x)
    x = layers.Flatten()(x)  # (N, C)
    # As in the authors' recipe, the coarsest maps' results are not of half precision.
    initializer = normal(x.shape[-1])
    return layers.Dense(dim, use_bias=False, kernel_initializer=initializer, name="features", dtype="float32")(x)


# What both are made of


def _blocks(x, number, stages):
    count, stage = sum(each.blocks for each in stages), stages[number]
    for k in range(stage.blocks):
        name = f"stage{number}_block{k}"
        x = R3GANBlock(stage.cardinality, stage.expansion, stage.kernel_size, count, name=name)(x)
    return x


def _with_width(x, width, name):
    return x if x.shape[-1] == width else _pointwise(x, width, name)


def _pointwise(x, filters, name):
    return Conv2D(filters, 1, use_bias=False, kernel_initializer=normal(x.shape[-1]), name=name)(x)


def _embedding(num_classes, dim, gain=1.0, dtype=None):
    """A linear function of one-hot labels, whose fan-in is their number."""
    initializer = normal(num_classes, gain)
    return layers.Embedding(num_classes, dim, embeddings_initializer=initializer, name="embedding", dtype=dtype)


# Arguments


def _checked_stages(stages):
    try:
        stages = [Stage(*stage) for stage in stages]
        if not all(is_int(number, -(2**63), 2**63 - 1) for stage in stages for number in stage):
            raise TypeError("no whole numbers")
    except TypeError as error:
        raise ValueError(
            "Each of `stages` is (width, cardinality) or (width, cardinality, blocks, expansion, kernel_size), "
            "integers. "
            f"Received: stages={stages!r}"
        ) from error
    if not stages:
        raise ValueError(f"`stages` must hold at least one stage. Received: stages={stages}")
    for stage in stages:
        check_sizes(blocks=stage.blocks)
        check_block(stage.width, stage.cardinality, stage.expansion, stage.kernel_size, divides=True)
    return stages


def _base(image_size, num_stages):
    """Height and width of the coarsest stage."""
    sides = image_size if isinstance(image_size, list | tuple) else (image_size, image_size)
    scale = 2 ** (num_stages - 1)
    if len(sides) != 2 or any(not is_int(side, scale, 2**31) or side % scale for side in sides):
        raise ValueError(
            f"Height and width of an R3GAN's images are whole multiples of 2 ** (stages - 1), here {scale}: give sizes "
            f"of that form, or another number of stages. Received: image_size={image_size}, {num_stages} stages"
        )
    return tuple(side // scale for side in sides)


def _embedding_dim(num_classes, embedding_dim, default):
    if num_classes is None:
        if embedding_dim is not None:
            raise ValueError(
                "An `embedding_dim` is of labels: give `num_classes`, or leave it out. "
                f"Received: num_classes=None, embedding_dim={embedding_dim}"
            )
        return None
    dim = default if embedding_dim is None else embedding_dim
    check_sizes(num_classes=num_classes, embedding_dim=dim)
    return dim
