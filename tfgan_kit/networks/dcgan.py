"""DCGAN (arXiv:1511.06434) for any image of 4 or 7 times a power of two, optionally class-conditional."""

from tfgan_kit.layers import BatchNormalization, ConditionalBatchNormalization, Conv2D, Conv2DTranspose
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.ranges import check_sizes

import keras
from keras import layers

# Section 4 of the paper: "initialized from a zero-centered Normal distribution with std 0.02".
INITIALIZER_STDDEV = 0.02
LARGEST_MULTIPLE = 8  # of `width`: 64 px images have the paper's 1024 = 8 * 128 channels at 4x4


def stages(image_size):
    """`(base, n)` with `image_size == base * 2**n` and base 4 or 7.

    Raises:
        ValueError: `image_size` is not of this form, or not from 8 to 256.
    """
    for base in (4, 7):
        n = (image_size // base).bit_length() - 1
        if 8 <= image_size <= 256 and n >= 1 and image_size == base * 2**n:
            return base, n
    raise ValueError(
        "A DCGAN's images are square, with a side of 4 or 7 times a power of two: 8, 14, 16, 28, 32, "
        f"56, 64, 112, 128, 224 or 256 pixels. Received: image_size={image_size}"
    )


def _channels(width, stage):
    return width * min(2**stage, LARGEST_MULTIPLE)


def _check(channels, width, num_classes):
    if channels < 1 or width < 1:
        raise ValueError(f"`channels` and `width` must be at least 1. Received: channels={channels}, width={width}")
    if num_classes is not None and num_classes < 1:
        raise ValueError(
            "`num_classes` must be at least 1, or None for an unconditional network. "
            f"Received: num_classes={num_classes}"
        )


def _initializer():
    return keras.initializers.RandomNormal(stddev=INITIALIZER_STDDEV)


def _normalization():
    return BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True)


@keras.saving.register_keras_serializable("tfgan_kit")
class DCGANGenerator(Network):
    """Latents to images by transposed convolutions, each followed by batch normalization and ReLU.

    A good first choice up to 64 pixels. With `num_classes` it takes `[latents, labels]` and its
    normalizations are conditional (arXiv:1802.05637, section 4).

    Args:
        image_size: int, 4 or 7 times a power of two, 8 to 256.
        channels: int, 1 for grey, 3 for colour.
        latent_dim: int >= 1, Z.
        width: int >= 1, channels of the last hidden layer; each layer before it has twice as many, up
            to 8 times `width`.
        num_classes: int, or None for an unconditional generator.

    Call arguments:
        inputs: latents float32 (N, Z), drawn from N(0, 1); or `[latents, labels int32 (N,)]`.

    Returns:
        images float32 (N, image_size, image_size, channels) in [-1, 1].

    Raises:
        ValueError: an `image_size` of another form, or a size below 1.

    Example:
        >>> generator = DCGANGenerator(image_size=32, latent_dim=64)
        >>> generator(keras.random.normal((2, 64))).shape
        TensorShape([2, 32, 32, 3])

    Reference: Radford, Metz, Chintala, arXiv:1511.06434, figure 1. Deviation: kernels are 4x4, not 5x5,
    as in the authors' Torch code, so that stride 2 divides them and makes no checkerboard.
    """

    def __init__(self, image_size=64, channels=3, latent_dim=100, width=64, num_classes=None, **kwargs):
        _check(channels, width, num_classes)
        check_sizes(latent_dim=latent_dim)
        arguments = dict(
            image_size=image_size, channels=channels, latent_dim=latent_dim, width=width, num_classes=num_classes
        )
        with precision(kwargs.pop("dtype", None)) as policy:
            latents = keras.Input((latent_dim,), name="latents")
            labels = keras.Input((), dtype="int32", name="labels") if num_classes else None
            images = _images(latents, labels, image_size, channels, width, num_classes)
        super().__init__(latents if labels is None else [latents, labels], images, arguments, policy, **kwargs)


def _images(latents, labels, image_size, channels, width, num_classes):
    def normalize(x):
        return _normalization()(x) if labels is None else ConditionalBatchNormalization(num_classes)([x, labels])

    base, n = stages(image_size)
    first = _channels(width, n - 1)
    x = layers.Dense(base * base * first, use_bias=False, kernel_initializer=_initializer())(latents)
    x = layers.Reshape((base, base, first))(x)  # (N, base, base, C)
    x = layers.ReLU()(normalize(x))
    for stage in reversed(range(n - 1)):
        x = _doubled(_channels(width, stage), use_bias=False)(x)
        x = layers.ReLU()(normalize(x))
    x = _doubled(channels)(x)
    return layers.Activation("tanh", dtype="float32", name="images")(x)


def _doubled(channels, use_bias=True):
    return Conv2DTranspose(channels, 4, strides=2, padding="same", use_bias=use_bias, kernel_initializer=_initializer())


@keras.saving.register_keras_serializable("tfgan_kit")
class DCGANDiscriminator(Network):
    """Images to logits by strided convolutions with batch normalization and leaky ReLU.

    With `num_classes` it takes `[images, labels]` and adds the inner product of the features with
    an embedding of the label: `logits = w . h + b + embedding[label] . h` (arXiv:1802.05637, eq. 3).

    Args:
        image_size: int, 4 or 7 times a power of two, 8 to 256.
        channels: int, 1 for grey, 3 for colour.
        width: int >= 1, channels of the first layer; each next layer has twice as many, up to 8 times
            `width`.
        num_classes: int, or None for an unconditional discriminator.
        normalization: bool. False leaves out batch normalization: gradient penalties assume that a
            row's logit depends on that row alone (arXiv:1704.00028, section 4).

    Call arguments:
        inputs: images float32 (N, image_size, image_size, channels) in [-1, 1]; or
            `[images, labels int32 (N,)]`.

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: an `image_size` of another form, or a size below 1.

    Example:
        >>> discriminator = DCGANDiscriminator(image_size=32)
        >>> discriminator(keras.ops.zeros((2, 32, 32, 3))).shape
        TensorShape([2, 1])

    Reference: arXiv:1511.06434, sections 3 and 4; the projection: Miyato & Koyama, arXiv:1802.05637.
    Deviation: h is the last features flattened, which the paper sum-pools.
    """

    def __init__(self, image_size=64, channels=3, width=64, num_classes=None, normalization=True, **kwargs):
        _check(channels, width, num_classes)
        arguments = dict(
            image_size=image_size, channels=channels, width=width, num_classes=num_classes, normalization=normalization
        )
        with precision(kwargs.pop("dtype", None)) as policy:
            images = keras.Input((image_size, image_size, channels), name="images")
            labels = None if num_classes is None else keras.Input((), dtype="int32", name="labels")
            logits = _logits(images, labels, stages(image_size)[1], width, num_classes, normalization)
        super().__init__(images if labels is None else [images, labels], logits, arguments, policy, **kwargs)


def _logits(images, labels, num_stages, width, num_classes, normalization):
    x = images
    for stage in range(num_stages):
        normalized = normalization and stage > 0  # as in the paper, not in the input layer
        x = Conv2D(
            _channels(width, stage), 4, strides=2, padding="same", use_bias=not normalized,
            kernel_initializer=_initializer(),
        )(x)  # fmt: skip
        x = layers.LeakyReLU(0.2)(_normalization()(x) if normalized else x)
    h = layers.Flatten()(x)  # (N, base * base * C)
    logits = layers.Dense(1, kernel_initializer=_initializer())(h)
    if labels is not None:
        embedding = layers.Embedding(num_classes, h.shape[-1], embeddings_initializer=_initializer())(labels)
        logits = layers.Add()([logits, layers.Dot(axes=1)([embedding, h])])  # (N, 1)
    return layers.Activation("linear", dtype="float32", name="logits")(logits)
