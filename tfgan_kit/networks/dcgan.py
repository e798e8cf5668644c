"""DCGAN (arXiv:1511.06434) for any image of 4 or 7 times a power of two, optionally class-conditional."""

from tfgan_kit.layers import BatchNormalization, ConditionalBatchNormalization, Conv2D, Conv2DTranspose
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


def _normalization(dtype):
    return BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True, dtype=dtype)


@keras.saving.register_keras_serializable("tfgan_kit")
class DCGANGenerator(keras.Model):
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
        base, n = stages(image_size)
        _check(channels, width, num_classes)
        check_sizes(latent_dim=latent_dim)
        dtype = keras.dtype_policies.get(kwargs.pop("dtype", None))
        latents = keras.Input((latent_dim,), name="latents")
        labels = keras.Input((), dtype="int32", name="labels") if num_classes else None

        def normalize(x):
            if num_classes is None:
                return _normalization(dtype)(x)
            return ConditionalBatchNormalization(num_classes, dtype=dtype)([x, labels])

        first = _channels(width, n - 1)
        x = layers.Dense(base * base * first, use_bias=False, kernel_initializer=_initializer(), dtype=dtype)(latents)
        x = layers.Reshape((base, base, first), dtype=dtype)(x)  # (N, base, base, C)
        x = layers.ReLU(dtype=dtype)(normalize(x))
        for stage in reversed(range(n - 1)):
            x = Conv2DTranspose(
                _channels(width, stage),
                4,
                strides=2,
                padding="same",
                use_bias=False,
                kernel_initializer=_initializer(),
                dtype=dtype,
            )(x)
            x = layers.ReLU(dtype=dtype)(normalize(x))
        x = Conv2DTranspose(channels, 4, strides=2, padding="same", kernel_initializer=_initializer(), dtype=dtype)(x)
        images = layers.Activation("tanh", dtype="float32", name="images")(x)

        inputs = latents if num_classes is None else [latents, labels]
        super().__init__(inputs=inputs, outputs=images, **kwargs)
        self.dtype_policy = dtype  # Keras 3.15: a functional model forgets it
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.width = width
        self.num_classes = num_classes

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "width": self.width,
            "num_classes": self.num_classes,
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }


@keras.saving.register_keras_serializable("tfgan_kit")
class DCGANDiscriminator(keras.Model):
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
        _, n = stages(image_size)
        _check(channels, width, num_classes)
        dtype = keras.dtype_policies.get(kwargs.pop("dtype", None))
        images = keras.Input((image_size, image_size, channels), name="images")
        x = images
        for stage in range(n):
            normalized = normalization and stage > 0  # as in the paper, not in the input layer
            x = Conv2D(
                _channels(width, stage),
                4,
                strides=2,
                padding="same",
                use_bias=not normalized,
                kernel_initializer=_initializer(),
                dtype=dtype,
            )(x)
            if normalized:
                x = _normalization(dtype)(x)
            x = layers.LeakyReLU(0.2, dtype=dtype)(x)
        h = layers.Flatten(dtype=dtype)(x)  # (N, base * base * C)
        logits = layers.Dense(1, kernel_initializer=_initializer(), dtype=dtype)(h)
        inputs = images
        if num_classes is not None:
            labels = keras.Input((), dtype="int32", name="labels")
            embedding = layers.Embedding(num_classes, h.shape[-1], embeddings_initializer=_initializer(), dtype=dtype)(
                labels
            )
            projection = layers.Dot(axes=1, dtype=dtype)([embedding, h])  # (N, 1)
            logits = layers.Add(dtype=dtype)([logits, projection])
            inputs = [images, labels]
        logits = layers.Activation("linear", dtype="float32", name="logits")(logits)

        super().__init__(inputs=inputs, outputs=logits, **kwargs)
        self.dtype_policy = dtype  # Keras 3.15: a functional model forgets it
        self.image_size = image_size
        self.channels = channels
        self.width = width
        self.num_classes = num_classes
        self.normalization = normalization

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "width": self.width,
            "num_classes": self.num_classes,
            "normalization": self.normalization,
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }
