"""A fully convolutional pair with a grid of latents (arXiv:1611.08207): images of any height and width."""

from tfgan_kit.layers import BatchNormalization, Conv2D
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.ranges import check_sizes

import keras
from keras import layers, ops

LARGEST_MULTIPLE = 4  # of `width`, as channels of the first stage
STRIDE = 2


def _block(x, channels):
    x = Conv2D(channels, 3, use_bias=False, kernel_initializer="he_normal")(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True)(x)
    return layers.ReLU()(x)


@keras.saving.register_keras_serializable("tfgan_kit")
class SpatialGenerator(keras.Model):
    """A grid of latents to an image of corresponding size: for textures and surfaces.

    Trained on crops of one size with flat latents, like any generator. Afterwards a grid of another size
    gives an image of another size, and `tfgan_kit.generation.tiles.tiles` makes a huge one in pieces.
    A pixel depends only on the few latents around it, wherever it lies (no convolution is padded), so
    that an image has no composition: for faces take `DCGANGenerator`.

    Args:
        image_size: int >= 8, height and width of the images that it is trained on, in pixels.
        channels: int, 1 for grey, 3 for colour.
        latent_channels: int >= 1, numbers at each position of the grid.
        width: int >= 1, channels of the last hidden stage; each stage before it has twice as many, up
            to 4 times `width`.
        num_stages: int >= 1, doublings of the resolution: `2 ** num_stages` pixels per latent.

    Call arguments:
        inputs: latents float32 (N, Z), flat, for images of `image_size`; or (N, h, w,
            latent_channels), a grid with h and w at least 5.

    Returns:
        images float32 (N, image_size, image_size, channels) in [-1, 1]; of a grid (N,
        s (h - 4) + 4, s (w - 4) + 4, channels) with s = 2 ** num_stages.

    Raises:
        ValueError: `image_size` below 8, or another size below 1.

    Example:
        >>> generator = SpatialGenerator(image_size=32, latent_channels=8)
        >>> generator(keras.random.normal((2, generator.latent_dim))).shape
        TensorShape([2, 32, 32, 3])
        >>> generator(keras.random.normal((1, 8, 20, 8))).shape
        TensorShape([1, 36, 132, 3])

    Reference: Jetchev, Bergmann, Vollgraf, arXiv:1611.08207 (spatial GAN); unpadded convolutions, as
    in Lin et al., arXiv:2104.03963 (InfinityGAN), so that the border does not reveal the position.
    """

    def __init__(self, image_size=64, channels=3, latent_channels=16, width=32, num_stages=3, **kwargs):
        check_sizes(channels=channels, latent_channels=latent_channels, width=width, num_stages=num_stages)
        if image_size < 8:
            raise ValueError(f"`image_size` must be at least 8. Received: image_size={image_size}")
        with precision(kwargs.pop("dtype", None)) as policy:
            super().__init__(dtype=policy, **kwargs)
        self.image_size = image_size
        self.channels = channels
        self.latent_channels = latent_channels
        self.width = width
        self.num_stages = num_stages
        self.pixels_a_latent = STRIDE**num_stages
        self.side = self.latents_a_side(image_size)
        self.latent_dim = self.side**2 * latent_channels
        self.network = self._make_network()

    def latents_a_side(self, pixels):
        """The side of the grid that an image with a side of `pixels` needs.

        A stage doubles the side, and its two unpadded 3x3 convolutions take 4 off, so that a grid of side
        g gives s g - 4 (s - 1) pixels, s = 2 ** num_stages.
        """
        scale = self.pixels_a_latent
        return -(-(pixels + 4 * (scale - 1)) // scale)

    def _make_network(self):
        with precision(self.dtype_policy):
            x = grid = keras.Input((None, None, self.latent_channels), name="grid")
            for stage in reversed(range(self.num_stages)):
                x = layers.UpSampling2D(STRIDE)(x)
                for _ in range(2):
                    x = _block(x, self.width * min(2**stage, LARGEST_MULTIPLE))
            x = Conv2D(self.channels, 1)(x)
            return keras.Model(grid, layers.Activation("tanh", dtype="float32", name="images")(x))

    def build(self, input_shape=None):
        self.built = True  # `network` is built when it is made

    def call(self, latents, training=False):
        if len(latents.shape) == 4:
            return self.network(latents, training=training)
        grid = ops.reshape(latents, (-1, self.side, self.side, self.latent_channels))
        images = self.network(grid, training=training)
        return images[:, : self.image_size, : self.image_size]

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_channels": self.latent_channels,
            "width": self.width,
            "num_stages": self.num_stages,
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }


@keras.saving.register_keras_serializable("tfgan_kit")
class PatchDiscriminator(Network):
    """Images of any size to logits, each the mean of the logits of overlapping patches.

    It judges texture, not composition. Use it with `SpatialGenerator`.

    Args:
        channels: int, 1 for grey, 3 for colour.
        width: int >= 1, channels of the first layer; each next layer has twice as many, up to 4 times
            `width`.
        num_stages: int >= 1, halvings of the resolution; a patch has a side of `3 * 2 ** num_stages - 2`
            pixels.

    Call arguments:
        inputs: images float32 (N, H, W, channels) in [-1, 1], H and W at least 2 ** num_stages.

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: a size below 1.

    Example:
        >>> PatchDiscriminator(channels=1)(keras.ops.zeros((2, 40, 64, 1))).shape
        TensorShape([2, 1])

    Reference: Jetchev, Bergmann, Vollgraf, arXiv:1611.08207, section 2; patches: Isola et al.,
    arXiv:1611.07004, section 3.2.2.
    """

    def __init__(self, channels=3, width=32, num_stages=3, **kwargs):
        arguments = dict(channels=channels, width=width, num_stages=num_stages)
        check_sizes(**arguments)
        with precision(kwargs.pop("dtype", None)) as policy:
            x = images = keras.Input((None, None, channels), name="images")
            for stage in range(num_stages):
                maps = width * min(2**stage, LARGEST_MULTIPLE)
                x = Conv2D(maps, 4, strides=STRIDE, padding="same", kernel_initializer="he_normal")(x)
                x = layers.LeakyReLU(0.2)(x)
            patches = Conv2D(1, 1, dtype="float32", name="patches")(x)  # (N, H / s, W / s, 1)
            logits = layers.GlobalAveragePooling2D(dtype="float32", name="logits")(patches)
        super().__init__(images, logits, arguments, policy, **kwargs)
