"""StyleGAN3 (arXiv:2106.12423): a generator whose details move with the image, not with the pixels."""

import math

from tfgan_kit.layers import row_draws
from tfgan_kit.layers.filtered_leaky_relu import Signal
from tfgan_kit.layers.style_convolution import StyleToImages
from tfgan_kit.layers.stylegan3 import AliasFreeConv2D, FourierInput, add_magnitude
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.networks.style_mapping import StyleMapping, checked_ws
from tfgan_kit.networks.stylegan2 import check_clamp
from tfgan_kit.ranges import check_not_negative, check_sizes, is_int

import keras
import numpy as np
import tensorflow as tf
from keras import layers

# Equivariant to translation; to translation and rotation. What is not given is the configuration's.
CONFIGURATIONS = {
    "T": dict(channel_base=32768, channel_max=512, conv_kernel=3, use_radial_filters=False),
    "R": dict(channel_base=65536, channel_max=1024, conv_kernel=1, use_radial_filters=True),
}
HALF_RATES = 16  # layers of more than a sixteenth of the images' rate follow a half precision, as in the authors' code


@keras.saving.register_keras_serializable("tfgan_kit")
class StyleGAN3Generator(Network):
    """Latents to images in two halves: `mapping` to styles ws (N, num_ws, w_dim), and `synthesis` of images from them.

    Use it for converted checkpoints: images, films (`synthesis(ws, transform=...)` moves and turns them), directions,
    export. It has gradients; but `magnitude`, the mean square of each layer's inputs, which the authors' training
    follows, stays as it is, and training it from the start is not claimed. Images are linear in the last maps: they
    are clipped where they become pixels.

    Args:
        image_size: int >= 8, height and width; any.
        channels: int >= 1, of the images.
        latent_dim, w_dim: ints >= 1, Z and D.
        num_classes: int >= 1, or None for an unconditional generator.
        mapping_layers: int >= 1.
        configuration: "T" (moves with a translation) or "R" (and with a rotation): the defaults of the next four.
        channel_base, channel_max: ints >= 1: maps have `min(channel_base / 2 / cutoff, channel_max)` channels.
        conv_kernel: odd int, of the convolutions.
        use_radial_filters: bool, of all but the critically sampled layers.
        num_layers: int >= 2, without input and last layer; there are two more styles.
        num_critical: int in [1, num_layers), layers at the end that are sampled critically.
        first_cutoff: float > 0, frequencies of the first maps, in waves an image; the last cutoff is
            `image_size / 2`, those between grow by a constant factor.
        first_stopband: float > first_cutoff, from where on the first maps hold nothing.
        last_stopband_rel: float > 1, the last stopband against the last cutoff.
        margin_size: int >= 0, pixels around the image.
        output_scale: float, factor of the images.
        filter_size: int >= 1, taps of a low-pass filter for each sample of the lower rate.
        lrelu_upsampling: int >= 1, the rate of the leaky ReLU against the maps'.
        conv_clamp: float > 0 or None: maps are clipped to [-conv_clamp, conv_clamp].
        w_avg_decay: float in [0, 1).

    Call arguments:
        inputs: latents float32 (N, Z), drawn from N(0, 1); or `[latents, labels int32 (N,)]`.
        training: bool, whether `mapping.w_avg` moves.

    Returns:
        images float32 (N, image_size, image_size, channels), not bounded.

    Raises:
        ValueError: another configuration, numbers out of range.

    Example:
        >>> generator = StyleGAN3Generator(16, latent_dim=8, w_dim=8, channel_base=64, num_layers=4)
        >>> ws = generator.mapping(keras.random.normal((2, 8)), truncation_psi=0.7)
        >>> ws.shape, generator.synthesis(ws).shape
        (TensorShape([2, 6, 8]), TensorShape([2, 16, 16, 3]))

    Reference: Karras et al., arXiv:2106.12423, section 3 and appendices C and D. The authors' code scales styles by
    their root mean square over the batch, here it is a row's own: see `AliasFreeConv2D`.
    """

    ends_without_bounds = True  # pixels outside of [-1, 1] are clipped, not a mistake
    rows_are_independent = True

    def __init__(
        self,
        image_size=256,
        channels=3,
        latent_dim=512,
        w_dim=512,
        num_classes=None,
        mapping_layers=2,
        configuration="T",
        channel_base=None,
        channel_max=None,
        conv_kernel=None,
        use_radial_filters=None,
        num_layers=14,
        num_critical=2,
        first_cutoff=2.0,
        first_stopband=2.0**2.1,
        last_stopband_rel=2.0**0.3,
        margin_size=10,
        output_scale=0.25,
        filter_size=6,
        lrelu_upsampling=2,
        conv_clamp=256.0,
        w_avg_decay=0.998,
        **kwargs,
    ):
        given = dict(
            channel_base=channel_base, channel_max=channel_max, conv_kernel=conv_kernel,
            use_radial_filters=use_radial_filters,
        )  # fmt: skip
        of_layers = _completed(configuration, given)
        of_signals = dict(
            image_size=image_size, num_layers=num_layers, num_critical=num_critical, first_cutoff=first_cutoff,
            first_stopband=first_stopband, last_stopband_rel=last_stopband_rel, margin_size=margin_size,
        )  # fmt: skip
        of_layers.update(filter_size=filter_size, lrelu_upsampling=lrelu_upsampling, conv_clamp=conv_clamp)
        check_clamp(conv_clamp)
        classes = {} if num_classes is None else {"num_classes": num_classes}
        check_sizes(channels=channels, latent_dim=latent_dim, w_dim=w_dim, **classes)
        arguments = dict(
            channels=channels, latent_dim=latent_dim, w_dim=w_dim, num_classes=num_classes,
            mapping_layers=mapping_layers, configuration=configuration, output_scale=output_scale,
            w_avg_decay=w_avg_decay, **of_layers, **of_signals,
        )  # fmt: skip
        num_ws = num_layers + 2
        with precision(kwargs.pop("dtype", None)) as policy:
            signals = signals_of(**of_signals)
            mapping = StyleMapping(latent_dim, w_dim, num_ws, num_classes, mapping_layers, w_avg_decay, name="mapping")
            synthesis = AliasFreeSynthesis(
                signals, channels, w_dim, num_critical, output_scale, of_layers, name="synthesis"
            )
            latents = keras.Input((latent_dim,), name="latents")
            labels = keras.Input((), dtype="int32", name="labels") if num_classes else None
            images = synthesis(mapping(latents, labels))
        super().__init__(latents if labels is None else [latents, labels], images, arguments, policy, **kwargs)
        self.mapping, self.synthesis, self.num_ws = mapping, synthesis, num_ws

    def noise_seeds_of(self, latents):
        """As of `StyleGAN2Generator`; nothing is drawn here."""
        return row_draws.seeds_of_latents(latents)

    @property
    def copied_by_average(self):
        """The weights that a moving average of the others copies: all that no gradient moves."""
        return [self.mapping.w_avg, *self.synthesis.non_trainable_weights]


class AliasFreeSynthesis(layers.Layer):
    """Styles to images, from waves in the plane on.

    Call arguments:
        ws: float32 (N, num_ws, w_dim).
        noise_mode, noise_seeds: as of StyleGAN2's; there is no noise here.
        transform: float32 (3, 3) or (N, 3, 3), the inverse of what the image does; see `FourierInput`.
    """

    rows_are_independent = True

    def __init__(self, signals, channels, w_dim, num_critical, output_scale, of_layers, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self._output_scale = output_scale
        self._image_shape = (signals[-1].size, signals[-1].size, channels)
        self._ws_shape = (len(signals) + 1, w_dim)
        widths = widths_of(signals, of_layers)
        first = signals[0]
        self.input_layer = FourierInput(widths[0], first.size, first.rate, first.cutoff, name="waves", dtype="float32")
        self.input_layer.build((None, w_dim))
        self.convolutions = []
        for number, after in enumerate(signals[:-1]):
            before, width = signals[max(0, number - 1)], widths[max(0, number - 1)]
            layer = AliasFreeConv2D(
                widths[number], before, after, of_layers["conv_kernel"], of_layers["filter_size"],
                of_layers["lrelu_upsampling"],
                radial=of_layers["use_radial_filters"] and number < len(signals) - 1 - num_critical,
                clamp=of_layers["conv_clamp"], name=f"layer{number}",
                dtype=self.dtype_policy if after.rate * HALF_RATES > signals[-1].size else "float32",
            )  # fmt: skip
            layer.build([(None, before.size, before.size, width), (None, w_dim)])
            self.convolutions.append(layer)
        self.to_images = StyleToImages(channels, of_layers["conv_clamp"], name="to_images", dtype=self.dtype_policy)
        self.to_images.build([(*(None,) * 3, widths[-1]), (None, w_dim)])
        self.magnitude = add_magnitude(self, "magnitude")  # of the inputs of `to_images`
        self.built = True

    def call(self, ws, noise_mode="const", noise_seeds=None, transform=None):
        ws = checked_ws(ws, *self._ws_shape)
        first, *others, last = tf.unstack(ws, axis=1)  # num_ws times (N, D)
        x = self.input_layer(first, transform=transform)
        for layer, w in zip(self.convolutions, others, strict=True):
            x = layer([x, w])
        x = x * tf.cast(tf.math.rsqrt(tf.convert_to_tensor(self.magnitude)), x.dtype)
        return tf.cast(self.to_images([x, last]), tf.float32) * self._output_scale

    def compute_output_spec(self, ws, *args, **kwargs):
        return keras.KerasTensor((ws.shape[0], *self._image_shape), "float32")


def signals_of(
    image_size, num_layers=14, num_critical=2, first_cutoff=2.0, first_stopband=2.0**2.1, last_stopband_rel=2.0**0.3,
    margin_size=10,
):  # fmt: skip
    """The `Signal` of each layer's results, the last one's being the images.

    Cutoffs and stopbands grow by constant factors up to the critically sampled layers, whose cutoff is half of the
    images' size; a rate is the power of two that holds the stopband, or that of the images.

    Raises:
        ValueError: numbers that make no such growth.

    Example:
        >>> [signal.size for signal in signals_of(1024)]
        [36, 36, 52, 52, 84, 148, 148, 276, 276, 532, 1044, 1044, 1044, 1024, 1024]

    Reference: Karras et al., arXiv:2106.12423, section 3.2 and appendix D.1.
    """
    _check_growth(image_size, num_layers, num_critical, first_cutoff, first_stopband, last_stopband_rel)
    check_not_negative(margin_size=margin_size)
    last_cutoff = image_size / 2
    growth = np.minimum(np.arange(num_layers + 1) / (num_layers - num_critical), 1)
    cutoffs = first_cutoff * (last_cutoff / first_cutoff) ** growth
    stopbands = first_stopband * (last_cutoff * last_stopband_rel / first_stopband) ** growth
    rates = np.exp2(np.ceil(np.log2(np.minimum(2 * stopbands, image_size))))
    half_widths = np.maximum(stopbands, rates / 2) - cutoffs
    sizes = rates + 2 * margin_size
    sizes[-2:] = image_size
    return [
        Signal(int(size), int(rate), float(cutoff), float(half_width))
        for size, rate, cutoff, half_width in zip(sizes, rates, cutoffs, half_widths, strict=True)
    ]


def widths_of(signals, of_layers):
    """The channels of each layer's results but the images, all at least 1.

    Raises:
        ValueError: a `channel_base` that leaves a layer without channels.
    """
    base, most = of_layers["channel_base"], of_layers["channel_max"]
    widths = [int(np.rint(min(base / 2 / signal.cutoff, most))) for signal in signals[:-1]]
    if min(widths) < 1:
        raise ValueError(
            f"`channel_base` must be at least {math.ceil(signals[-1].cutoff)} at this size, for one channel in every "
            f"layer. Received: channel_base={base}"
        )
    return widths


# Arguments


def _completed(configuration, given):
    """The configuration's values of what is None."""
    if configuration not in CONFIGURATIONS:
        raise ValueError(
            f"`configuration` is one of {', '.join(CONFIGURATIONS)}. Received: configuration={configuration!r}"
        )
    defaults = CONFIGURATIONS[configuration]
    completed = {name: defaults[name] if value is None else value for name, value in given.items()}
    check_sizes(**{name: completed[name] for name in ("channel_base", "channel_max", "conv_kernel")})
    return completed


def _check_growth(image_size, num_layers, num_critical, first_cutoff, first_stopband, last_stopband_rel):
    if not is_int(image_size, 8, 2**16):
        raise ValueError(
            "`image_size` is the height and width of square images, an integer of at least 8. "
            f"Received: image_size={image_size!r}"
        )
    if not is_int(num_layers, 2, 2**10) or not is_int(num_critical, 1, num_layers - 1):
        raise ValueError(
            "`num_layers` is an integer of at least 2, and `num_critical` one from 1 to num_layers - 1. "
            f"Received: num_layers={num_layers!r}, num_critical={num_critical!r}"
        )
    last = image_size / 2 * last_stopband_rel
    if not (0 < first_cutoff < image_size / 2 and last_stopband_rel > 1 and first_cutoff < first_stopband <= last):
        raise ValueError(
            "Cutoffs must grow up to image_size / 2, each below its stopband, and stopbands must grow: "
            "0 < first_cutoff < image_size / 2, first_cutoff < first_stopband <= image_size / 2 * last_stopband_rel "
            f"and last_stopband_rel > 1. Received: first_cutoff={first_cutoff}, first_stopband={first_stopband}, "
            f"last_stopband_rel={last_stopband_rel}, image_size={image_size}"
        )
