"""StyleGAN2 (arXiv:1912.04958), with the training of StyleGAN2-ADA (arXiv:2006.06676)."""

import math

from tfgan_kit.layers import row_draws
from tfgan_kit.layers.equalized import EqualizedConv2D, EqualizedDense, add_weight
from tfgan_kit.layers.minibatch_deviation import MinibatchDeviation
from tfgan_kit.layers.resampling import BINOMIAL, FIRDownSampling2D, checked_filter, upsample
from tfgan_kit.layers.style_convolution import StyleConv2D, StyleToImages, check_noise_mode
from tfgan_kit.networks.network import Network, as_listed, precision
from tfgan_kit.networks.style_mapping import LabelMapping, StyleMapping, checked_ws
from tfgan_kit.ranges import check_not_negative, check_sizes, is_int

import keras
import tensorflow as tf
from keras import layers

ARCHITECTURES = ("skip", "resnet", "orig")
HALF_LEVELS = 4  # of the finest ones follow a half precision, as in the authors' code
ROOT_OF_HALF = math.sqrt(0.5)  # the sum of two branches of unit variance has unit variance
_NOISE, _SECOND_LATENTS, _MIXING = 0, 1, 2  # what is drawn from a row's seed


@keras.saving.register_keras_serializable("tfgan_kit")
class StyleGAN2Generator(Network):
    """Latents to images in two halves: `mapping` to styles ws (N, num_ws, w_dim), and `synthesis` of images from them.

    Use it with `StyleGAN2Discriminator`, "non_saturating", `R1` and path length regularization. Its images are linear
    in the last maps: they are in [-1, 1] by training alone, and are clipped where they become pixels.

    In training the noise is drawn, with probability `style_mixing` a row has the styles of other latents from a
    random one on, and `mapping.w_avg` moves. Each row's draws come from its own latents: whoever repeats the latents
    repeats the images, in any batch.

    Args:
        image_size: int, or (height, width): each a whole number, the base, times 2 to the number of doublings; the
            smaller base is 4, the paper's, to 7. 8 to 1024 in the paper.
        channels: int >= 1, of the images.
        latent_dim, w_dim: ints >= 1, Z and D.
        num_classes: int >= 1, or None for an unconditional generator.
        mapping_layers: int >= 1.
        channel_base, channel_max: ints >= 1: maps of a level have `min(channel_base // r, channel_max)` channels, r 4
            at the base, 8 after it.
        architecture: "skip" (the paper's choice: images of all levels are added up), "resnet" or "orig".
        conv_clamp: float or None: maps are clipped to [-conv_clamp, conv_clamp]; 256 goes with half precision, which
            the four finest levels then have.
        style_mixing: float in [0, 1], probability in training; the paper's is 0.9.
        noise_mode: "const" (the noise kept in the layers), "none" or "random", in inference.
        w_avg_decay: float in [0, 1).
        resampling_filter: numbers along one axis, see `FIRUpSampling2D`.

    Call arguments:
        inputs: latents float32 (N, Z), drawn from N(0, 1); or `[latents, labels int32 (N,)]`.
        training: bool.

    Returns:
        images float32 (N, height, width, channels), not bounded.

    Raises:
        ValueError: sizes that do not fit, another architecture or noise mode, numbers out of range.

    Example:
        >>> generator = StyleGAN2Generator((16, 24), latent_dim=8, w_dim=8, channel_base=64)
        >>> ws = generator.mapping(keras.random.normal((2, 8)), truncation_psi=0.7)
        >>> ws.shape, generator.synthesis(ws).shape
        (TensorShape([2, 6, 8]), TensorShape([2, 16, 24, 3]))

    Reference: Karras et al., arXiv:1912.04958, figure 2 and appendix B; one cutoff of mixed styles a row, in the place
    of one a batch.
    """

    ends_without_bounds = True  # pixels outside of [-1, 1] are clipped, not a mistake
    rows_are_independent = True

    def __init__(
        self,
        image_size=32,
        channels=3,
        latent_dim=512,
        w_dim=512,
        num_classes=None,
        mapping_layers=8,
        channel_base=32768,
        channel_max=512,
        architecture="skip",
        conv_clamp=None,
        style_mixing=0.0,
        noise_mode="const",
        w_avg_decay=0.995,
        resampling_filter=BINOMIAL,
        **kwargs,
    ):
        _check(architecture, conv_clamp, channels=channels, latent_dim=latent_dim, w_dim=w_dim)
        _check_classes(num_classes)
        check_noise_mode(noise_mode)
        _check_style_mixing(style_mixing)
        arguments = dict(
            image_size=as_listed(image_size), channels=channels, latent_dim=latent_dim, w_dim=w_dim,
            num_classes=num_classes, mapping_layers=mapping_layers, channel_base=channel_base, channel_max=channel_max,
            architecture=architecture, conv_clamp=conv_clamp, style_mixing=style_mixing, noise_mode=noise_mode,
            w_avg_decay=w_avg_decay, resampling_filter=checked_filter(resampling_filter),
        )  # fmt: skip
        levels = levels_of(image_size, channel_base, channel_max)
        num_ws = 2 * len(levels)
        with precision(kwargs.pop("dtype", None)) as policy:
            mapping = StyleMapping(
                latent_dim, w_dim, num_ws, num_classes, mapping_layers, w_avg_decay, name="mapping"
            )  # fmt: skip
            synthesis = Synthesis(
                levels, channels, w_dim, architecture, conv_clamp, arguments["resampling_filter"], name="synthesis"
            )
            latents = keras.Input((latent_dim,), name="latents")
            labels = keras.Input((), dtype="int32", name="labels") if num_classes else None
            images = synthesis(mapping(latents, labels))
        super().__init__(latents if labels is None else [latents, labels], images, arguments, policy, **kwargs)
        self.mapping, self.synthesis, self.num_ws = mapping, synthesis, num_ws

    def call(self, inputs, training=False, mask=None):
        latents, labels = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        latents = tf.cast(latents, tf.float32)
        ws = self.mapping(latents, labels, training=training)
        seeds = self.noise_seeds_of(latents)
        ws = self.mixed(ws, labels, seeds, training)
        return self.synthesis(ws, noise_mode="random" if training else self.noise_mode, noise_seeds=seeds)

    def noise_seeds_of(self, latents):
        """The seed of a row's draws: a hash of its latents, float32 (N, Z), rounded to 1/16; int64 (N,)."""
        return row_draws.seeds_of_latents(latents)

    @property
    def copied_by_average(self):
        """The weights that a moving average of the others copies: `w_avg` and the constant noise."""
        return [self.mapping.w_avg, *(layer.noise for layer in self.synthesis.style_layers)]

    def mixed(self, ws, labels, seeds, training=True):
        """In training, some rows with the styles of second latents from a drawn one on: arXiv:1812.04948, section 3.1.

        Args:
            ws: float32 (N, num_ws, w_dim).
            labels: int32 (N,), or None.
            seeds: int64 (N,), of `noise_seeds_of`.
            training: bool; False returns `ws`.
        """
        if not (training and self.style_mixing):
            return ws
        # Explicitly not in training, which Keras would pass on: they do not move `w_avg`.
        second = self.mapping(row_draws.normals(seeds, _SECOND_LATENTS, self.latent_dim), labels, training=False)
        coin, place = tf.unstack(row_draws.uniforms(seeds, _MIXING, 2), axis=1)  # (N,)
        cutoff = 1 + tf.cast(place * (self.num_ws - 1), tf.int32)  # 1 to num_ws - 1
        cutoff = tf.where(coin < self.style_mixing, cutoff, self.num_ws)
        own = tf.range(self.num_ws) < cutoff[:, None]  # (N, num_ws)
        return tf.where(own[..., None], ws, second)


class Synthesis(layers.Layer):
    """Styles to images, from learned constant maps at the base up.

    Call arguments:
        ws: float32 (N, num_ws, w_dim).
        noise_mode: "const", "none" or "random".
        noise_seeds: int64 (N,), of random noise; None: the bits of a row's ws.
    """

    rows_are_independent = True

    def __init__(self, levels, channels, w_dim, architecture, clamp, resampling_filter, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self._shape, self._image_shape = (2 * len(levels), w_dim), (*levels[-1][0], channels)
        self._architecture, self._filter = architecture, resampling_filter
        self.layers_by_name = {}
        self.const = add_weight(self, "const", (*levels[0][0], levels[0][1]))
        for number, (size, width) in enumerate(levels):
            options = dict(clamp=clamp, dtype=_precision_of(number, len(levels), self.dtype_policy))
            below = levels[number - 1][1]
            gain = ROOT_OF_HALF if architecture == "resnet" and number else 1.0
            styled = dict(resampling_filter=resampling_filter, noise_shape=size, **options)
            if number:
                self._add(number, "conv0", StyleConv2D, below, w_dim, filters=width, up=True, **styled)
            self._add(number, "conv1", StyleConv2D, width, w_dim, filters=width, gain=gain, **styled)
            if number and architecture == "resnet":
                self._add(
                    number, "skip", EqualizedConv2D, below, None, filters=width, kernel_size=1, resampling="up",
                    resampling_filter=resampling_filter, activation=None, gain=ROOT_OF_HALF, dtype=options["dtype"],
                )  # fmt: skip
            if architecture == "skip" or number == len(levels) - 1:
                self._add(number, "to_images", StyleToImages, width, w_dim, channels=channels, **options)
        self.num_levels = len(levels)
        self.built = True

    def _add(self, number, name, make, maps, w_dim, **arguments):
        name = f"level{number}_{name}"
        layer = make(name=name, **arguments)
        shape = (None, None, None, maps)
        layer.build(shape if w_dim is None else [shape, (None, w_dim)])
        self.layers_by_name[name] = layer

    def layer(self, number, name):
        """The layer conv0, conv1, skip or to_images of a level, from 0 at the base; None if it has none."""
        return self.layers_by_name.get(f"level{number}_{name}")

    @property
    def style_layers(self):
        """The convolutions that have noise, from the base up."""
        return [layer for layer in self.layers_by_name.values() if isinstance(layer, StyleConv2D)]

    def call(self, ws, noise_mode="const", noise_seeds=None):
        ws = checked_ws(ws, *self._shape)
        styles = tf.unstack(ws, axis=1)  # num_ws times (N, D)
        noises = self._noises(ws, noise_mode, noise_seeds)
        x, images = tf.convert_to_tensor(self.const)[None], None  # (1, base, C)
        for number in range(self.num_levels):
            x, images = self._level(number, x, images, styles, noises)
        return images

    def _level(self, number, x, images, styles, noises):
        """Maps and images of one level from those of the level below."""
        first = max(0, 2 * number - 1)  # a level's image has the next level's first style
        skip = self.layer(number, "skip")
        shortcut = None if skip is None else skip(tf.cast(x, skip.compute_dtype))
        for name in ("conv0", "conv1") if number else ("conv1",):
            x = self.layer(number, name)([x, styles[first]], noise=noises[first])
            first += 1
        x = x if shortcut is None else shortcut + x
        if images is not None:
            images = upsample(images, self._filter)
        to_images = self.layer(number, "to_images")
        if to_images is not None:
            y = tf.cast(to_images([x, styles[first]]), tf.float32)
            images = y if images is None else images + y
        return x, images

    def _noises(self, ws, mode, seeds):
        """What each convolution's `noise` is; all layers' noise of a row is one draw."""
        check_noise_mode(mode)
        if mode != "random":
            return [{"const": "const", "none": None}[mode]] * len(self.style_layers)
        seeds = row_draws.seeds_of_bits(ws) if seeds is None else tf.convert_to_tensor(seeds, tf.int64)
        if len(seeds.shape) != 1:
            raise ValueError(
                f"`noise_seeds` is one int64 a row, (N,). Received: noise_seeds of shape {tuple(seeds.shape)}"
            )
        shapes = [layer.noise_shape for layer in self.style_layers]
        counts = [math.prod(shape) for shape in shapes]
        drawn = tf.split(row_draws.normals(seeds, _NOISE, sum(counts)), counts, axis=1)
        return [tf.reshape(noise, (-1, *shape)) for noise, shape in zip(drawn, shapes, strict=True)]

    def compute_output_spec(self, ws, *args, **kwargs):
        return keras.KerasTensor((ws.shape[0], *self._image_shape), "float32")


@keras.saving.register_keras_serializable("tfgan_kit")
class StyleGAN2Discriminator(Network):
    """Images to logits by equalised convolutions, with the deviation of a minibatch before the last of them.

    With `num_classes` it takes `[images, labels]`: labels pass a mapping of their own to c (N, cmap_dim), and
    `logit = h . c / sqrt(cmap_dim)`.

    Rows depend on each other but with `mbstd_channels=0`: real and generated images take passes of their own.

    Args:
        image_size, channels, num_classes, channel_base, channel_max, resampling_filter: as in `StyleGAN2Generator`.
        architecture: "resnet" (the paper's choice), "skip" or "orig".
        mbstd_group: int >= 1, rows of a group, see `MinibatchDeviation`.
        mbstd_channels: int >= 0, channels that it appends; 0: none.
        conv_clamp: float or None: maps are clipped to [-conv_clamp, conv_clamp]; 256 goes with half precision, which
            the four finest levels then have.
        mapping_layers: int >= 0, of labels after their embedding; 0 is what TensorFlow's StyleGAN2-ADA has.
        cmap_dim: int >= 1, or None: the channels at the base.
        frozen_layers: int >= 0: the first layers, in the order from_images, conv0, conv1, skip of each level from the
            finest on, do not train (freeze-D, arXiv:2002.10964).

    Call arguments:
        inputs: images float32 (N, height, width, channels); or `[images, labels int32 (N,)]`.

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: as `StyleGAN2Generator`; a `cmap_dim` without classes, more frozen layers than there are.

    Example:
        >>> discriminator = StyleGAN2Discriminator((16, 24), channel_base=64)
        >>> discriminator(keras.ops.zeros((4, 16, 24, 3))).shape
        TensorShape([4, 1])

    Reference: as `StyleGAN2Generator`, appendix B; labels as in arXiv:2006.06676.
    """

    def __init__(
        self,
        image_size=32,
        channels=3,
        num_classes=None,
        channel_base=32768,
        channel_max=512,
        architecture="resnet",
        mbstd_group=4,
        mbstd_channels=1,
        conv_clamp=None,
        mapping_layers=8,
        cmap_dim=None,
        frozen_layers=0,
        resampling_filter=BINOMIAL,
        **kwargs,
    ):
        _check(architecture, conv_clamp, channels=channels, mbstd_group=mbstd_group)
        _check_classes(num_classes, cmap_dim)
        check_not_negative(mbstd_channels=mbstd_channels, mapping_layers=mapping_layers)
        arguments = dict(
            image_size=as_listed(image_size), channels=channels, num_classes=num_classes, channel_base=channel_base,
            channel_max=channel_max, architecture=architecture, mbstd_group=mbstd_group, mbstd_channels=mbstd_channels,
            conv_clamp=conv_clamp, mapping_layers=mapping_layers, cmap_dim=cmap_dim, frozen_layers=frozen_layers,
            resampling_filter=checked_filter(resampling_filter),
        )  # fmt: skip
        levels = levels_of(image_size, channel_base, channel_max)
        dim = 1 if num_classes is None else cmap_dim or levels[0][1]
        with precision(kwargs.pop("dtype", None)) as policy:
            images = keras.Input((*levels[-1][0], channels), name="images")
            labels = keras.Input((), dtype="int32", name="labels") if num_classes else None
            x = _features(images, levels, arguments, policy)
            h = EqualizedDense(dim, name="out", dtype="float32")(x)  # (N, dim)
            if labels is not None:
                c = LabelMapping(num_classes, dim, mapping_layers, name="mapping")(labels)
                h = layers.Dot(axes=1, dtype="float32")([h, c])
                h = layers.Rescaling(1.0 / math.sqrt(dim), dtype="float32")(h)
            logits = layers.Activation("linear", dtype="float32", name="logits")(h)
        super().__init__(images if labels is None else [images, labels], logits, arguments, policy, **kwargs)
        self._freeze()

    @property
    def rows_are_independent(self):
        """Whether a row's logit depends on that row alone."""
        return not self.mbstd_channels

    def _freeze(self):
        """Makes the first layers untrainable."""
        order = ("from_images", "conv0", "conv1", "skip")
        found = [layer for layer in self.layers if layer.name.startswith("level") and "level0" not in layer.name]
        found = [layer for layer in found if layer.name.partition("_")[2] in order]
        finest_first = sorted(
            found, key=lambda layer: (-int(layer.name[5:].partition("_")[0]), order.index(layer.name.partition("_")[2]))
        )  # fmt: skip
        if not is_int(self.frozen_layers, 0, len(finest_first)):
            raise ValueError(
                f"`frozen_layers` is an integer from 0 to the {len(finest_first)} layers above the base. "
                f"Received: frozen_layers={self.frozen_layers!r}"
            )
        for layer in finest_first[: self.frozen_layers]:
            layer.trainable = False


def _features(images, levels, arguments, policy):
    """The last features, float32 (N, C), of images."""
    architecture, clamp, filter = (arguments[name] for name in ("architecture", "conv_clamp", "resampling_filter"))
    x = None
    for number in range(len(levels) - 1, 0, -1):
        dtype = _precision_of(number, len(levels), policy)
        if x is None or architecture == "skip":
            y = _from_images(images, levels[number][1], number, dtype, clamp)
            x = y if x is None else layers.Add(dtype=dtype)([x, y])
        if architecture == "skip":
            images = FIRDownSampling2D(filter, name=f"level{number}_images", dtype="float32")(images)
        x = _level_down(x, levels[number][1], levels[number - 1][1], number, arguments, dtype)
    width = levels[0][1]
    if architecture == "skip":
        x = layers.Add(dtype="float32")([x, _from_images(images, width, 0, "float32", None)])
    if arguments["mbstd_channels"]:
        group, channels = arguments["mbstd_group"], arguments["mbstd_channels"]
        x = MinibatchDeviation(group, channels, name="deviation", dtype="float32")(x)
    x = EqualizedConv2D(width, clamp=clamp, name="level0_conv", dtype="float32")(x)
    x = layers.Flatten(dtype="float32")(x)
    return EqualizedDense(width, "leaky_relu", name="features", dtype="float32")(x)


def _from_images(images, width, number, dtype, clamp):
    return EqualizedConv2D(width, 1, clamp=clamp, name=f"level{number}_from_images", dtype=dtype)(images)


def _level_down(x, width, below, number, arguments, dtype):
    """Maps of a level to those of the level below."""
    architecture, clamp, filter = (arguments[name] for name in ("architecture", "conv_clamp", "resampling_filter"))
    residual = architecture == "resnet"
    down = dict(resampling="down", resampling_filter=filter, gain=ROOT_OF_HALF if residual else 1.0, dtype=dtype)
    y = EqualizedConv2D(width, clamp=clamp, name=f"level{number}_conv0", dtype=dtype)(x)
    y = EqualizedConv2D(below, clamp=clamp, name=f"level{number}_conv1", **down)(y)
    if not residual:
        return y
    skip = EqualizedConv2D(below, 1, activation=None, name=f"level{number}_skip", **down)(x)
    return layers.Add(dtype=dtype)([skip, y])


# What both are made of


def levels_of(image_size, channel_base, channel_max):
    """((height, width), channels) of each level, from the base up.

    Raises:
        ValueError: a size that is no base times a power of two, or too large a one for any channels.
    """
    sides = image_size if isinstance(image_size, list | tuple) else (image_size, image_size)
    if len(sides) != 2 or not all(is_int(side, 8, 2**20) for side in sides):
        raise ValueError(_sizes_allowed(image_size))
    doublings = int(math.log2(min(sides) // 4))
    if any(side % 2**doublings for side in sides):
        raise ValueError(_sizes_allowed(image_size))
    check_sizes(channel_base=channel_base, channel_max=channel_max)
    widths = [min(channel_base // (4 * 2**k), channel_max) for k in range(doublings + 1)]
    if not widths[-1]:
        raise ValueError(
            f"`channel_base` must be at least {4 * 2**doublings} at this size, for one channel at the finest level. "
            f"Received: channel_base={channel_base}, image_size={image_size}"
        )
    return [(tuple(int(side) // 2 ** (doublings - k) for side in sides), width) for k, width in enumerate(widths)]


def _sizes_allowed(image_size):
    return (
        "Height and width of a StyleGAN2's images are a base times the same power of two, at least 2, the base of the "
        "shorter side being 4 to 7: such as 256, (96, 128) or (160, 288). "
        f"Received: image_size={image_size}"
    )


def _precision_of(number, count, policy):
    """The dtype of a level, from 0 at the base: half precision is for the finest ones alone."""
    return policy if number and number >= count - HALF_LEVELS else "float32"


def _check(architecture, conv_clamp, **sizes):
    check_sizes(**sizes)
    if architecture not in ARCHITECTURES:
        raise ValueError(
            f"`architecture` is one of {', '.join(ARCHITECTURES)}. Received: architecture={architecture!r}"
        )
    check_clamp(conv_clamp)


def check_clamp(conv_clamp):
    """Refuses bounds of maps that are none.

    Raises:
        ValueError: it says what they may be.
    """
    if conv_clamp is not None and not conv_clamp > 0:
        raise ValueError(f"`conv_clamp` is a positive number, or None. Received: conv_clamp={conv_clamp}")


def _check_classes(num_classes, cmap_dim=None):
    if num_classes is not None:
        check_sizes(num_classes=num_classes, **({} if cmap_dim is None else {"cmap_dim": cmap_dim}))
    elif cmap_dim is not None:
        raise ValueError(
            f"A `cmap_dim` is of labels: give `num_classes`, or leave it out. Received: cmap_dim={cmap_dim}"
        )


def _check_style_mixing(style_mixing):
    if not 0 <= style_mixing <= 1:
        raise ValueError(f"`style_mixing` is a probability, from 0 to 1. Received: style_mixing={style_mixing}")
