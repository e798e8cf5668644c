"""SAGAN (arXiv:1805.08318): SNGAN's residual networks, both spectrally normalized, with self-attention."""

from tfgan_kit.layers.self_attention import SelfAttention
from tfgan_kit.networks import sngan
from tfgan_kit.networks.network import Network, precision
from tfgan_kit.ranges import check_sizes

import keras


@keras.saving.register_keras_serializable("tfgan_kit")
class SAGANGenerator(Network):
    """SNGAN's generator with spectral normalization of every kernel, and self-attention after one block.

    Use it with `SAGANDiscriminator` and the objective "hinge", and a discriminator's learning rate four times the
    generator's (1e-4), one step each.

    Args:
        image_size, channels, latent_dim, widths, num_classes: as in `SNGANGenerator`.
        attention: int, height of the maps that attention is applied to, those of one of the blocks; the paper's is 32
            of 128 pixels.
        variant: "paper" or "mimicry", as in `SNGANDiscriminator`, of both networks.

    Call arguments:
        inputs: latents float32 (N, Z), drawn from N(0, 1); or `[latents, labels int32 (N,)]`.

    Returns:
        images float32 (N, height, width, channels) in [-1, 1].

    Raises:
        ValueError: as of `SNGANGenerator`; an `attention` that is the height of no block's maps.

    Example:
        >>> generator = SAGANGenerator((16, 24), latent_dim=8, widths=(16, 8, 8), attention=8)
        >>> generator(keras.random.normal((2, 8))).shape
        TensorShape([2, 16, 24, 3])

    Reference: Zhang et al., arXiv:1805.08318, section 4 and table 1; the blocks are those of `SNGANGenerator`.
    """

    def __init__(
        self,
        image_size=128,
        channels=3,
        latent_dim=128,
        widths=None,
        num_classes=None,
        attention=32,
        variant="paper",
        **kwargs,
    ):
        check_sizes(channels=channels, latent_dim=latent_dim)
        chosen = sngan.variant_of(variant)
        widths = sngan.checked_widths(widths, image_size, sngan.GENERATOR_WIDTHS)
        base = sngan.base_of(image_size, len(widths) - 1)
        _check_attention(attention, [base[0] * 2**number for number in range(1, len(widths))])
        arguments = dict(
            image_size=sngan.listed(image_size), channels=channels, latent_dim=latent_dim, widths=list(widths),
            num_classes=num_classes, attention=attention, variant=variant,
        )  # fmt: skip
        with precision(kwargs.pop("dtype", None)) as policy:
            latents, labels = keras.Input((latent_dim,), name="latents"), sngan.label_input(num_classes)
            blocks = sngan.GeneratorBlocks(labels, num_classes, chosen.upsampling, chosen.inference)
            x = blocks.first_maps(latents, base, widths[0])
            for number, width in enumerate(widths[1:], 1):
                x = blocks.block(x, width, number)
                if x.shape[1] == attention:
                    x = _attention(chosen)(x)
            images = blocks.images(x, channels)
        super().__init__(latents if labels is None else [latents, labels], images, arguments, policy, **kwargs)


@keras.saving.register_keras_serializable("tfgan_kit")
class SAGANDiscriminator(Network):
    """SNGAN's discriminator with self-attention after one block.

    Args:
        image_size, channels, widths, num_downsamplings, num_classes: as in `SNGANDiscriminator`.
        attention: int, height of the maps that attention is applied to: those of the first block that has it; the
            paper's is 32 of 128 pixels.
        variant: "paper" or "mimicry", as in `SNGANDiscriminator`, of both networks.

    Call arguments:
        inputs: images float32 (N, height, width, channels) in [-1, 1]; or `[images, labels int32 (N,)]`.

    Returns:
        logits float32 (N, 1).

    Raises:
        ValueError: as of `SNGANDiscriminator`; an `attention` that is the height of no block's maps.

    Example:
        >>> discriminator = SAGANDiscriminator((16, 24), widths=(8, 16), attention=8)
        >>> discriminator(keras.ops.zeros((2, 16, 24, 3))).shape
        TensorShape([2, 1])

    Reference: as `SAGANGenerator`.
    """

    def __init__(
        self,
        image_size=128,
        channels=3,
        widths=None,
        num_downsamplings=None,
        num_classes=None,
        attention=32,
        variant="paper",
        **kwargs,
    ):
        check_sizes(channels=channels)
        chosen = sngan.variant_of(variant)
        num_downsamplings = sngan.checked_downsamplings(num_downsamplings, widths, image_size)
        widths = sngan.checked_widths(widths, image_size, sngan.DISCRIMINATOR_WIDTHS)
        height, _ = sngan.base_of(image_size, 0)
        _check_attention(attention, [height // 2**number for number in range(1, num_downsamplings + 1)])
        arguments = dict(
            image_size=sngan.listed(image_size), channels=channels, widths=list(widths),
            num_downsamplings=num_downsamplings, num_classes=num_classes, attention=attention, variant=variant,
        )  # fmt: skip
        with precision(kwargs.pop("dtype", None)) as policy:
            images = keras.Input((*sngan.base_of(image_size, 0), channels), name="images")
            labels = sngan.label_input(num_classes)
            blocks = sngan.DiscriminatorBlocks(chosen)
            x = blocks.first(images, widths[0])
            attended = x.shape[1] == attention
            x = _attention(chosen)(x) if attended else x
            for number, width in enumerate(widths[1:], 2):
                x = blocks.block(x, width, number, number <= num_downsamplings)
                if x.shape[1] == attention and not attended:
                    x, attended = _attention(chosen)(x), True
            logits = blocks.logits(x, labels, num_classes)
        super().__init__(images if labels is None else [images, labels], logits, arguments, policy, **kwargs)


def _attention(variant):
    return SelfAttention(inference=variant.inference, kernel_initializer="glorot_uniform", name="attention")


def _check_attention(attention, heights):
    if attention not in heights:
        raise ValueError(
            f"`attention` must be the height of the maps of a block: {', '.join(map(str, heights))}. "
            f"Received: attention={attention}"
        )
