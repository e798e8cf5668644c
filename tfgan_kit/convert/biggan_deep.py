"""BigGAN-deep of ajbrock/BigGAN-PyTorch: the parameters of its `BigGANdeep.Generator` and `.Discriminator`."""

from tfgan_kit.convert.biggan import (
    STAGES,
    check_discriminator,
    check_generator,
    discriminator_attention,
    fill,
    fill_first,
    fill_layer,
    generator_attention,
    unused,
)
from tfgan_kit.networks.biggan import generator_channels
from tfgan_kit.networks.biggan_deep import BigGANDeepDiscriminator, BigGANDeepGenerator, blocks_of

__all__ = ["discriminator", "generator", "unused"]


def generator(
    state,
    G_ch=64,  # noqa: N803, the official names
    G_depth=2,  # noqa: N803
    dim_z=128,
    bottom_width=4,
    resolution=128,
    G_kernel_size=3,  # noqa: N803
    G_attn="64",  # noqa: N803
    n_classes=1000,
    num_G_SVs=1,  # noqa: N803
    num_G_SV_itrs=1,  # noqa: N803
    G_shared=True,  # noqa: N803
    shared_dim=0,
    hier=False,
    cross_replica=False,
    mybn=False,
    G_activation="relu",  # noqa: N803
    BN_eps=1e-5,  # noqa: N803
    SN_eps=1e-12,  # noqa: N803
    G_init="ortho",  # noqa: N803
    skip_init=False,
    no_optim=False,
    G_param="SN",  # noqa: N803
    norm_style="bn",
):
    """The generator. `G_kernel_size`, `G_init`, `skip_init`, `no_optim` and `num_G_SVs` change no image."""
    check_generator(resolution, num_G_SV_itrs, cross_replica, G_activation, norm_style, largest=256)
    if not (hier and G_shared):
        raise ValueError(
            "The official BigGAN-deep generator runs with hier=True and G_shared=True only: give both. "
            f"Received: hier={hier}, G_shared={G_shared}"
        )
    check_depth(G_depth, resolution)
    stages = STAGES[resolution]
    side = bottom_width * 2**stages
    network = BigGANDeepGenerator(
        image_shape=(side, side, 3),
        latent_dim=dim_z,
        width=blocks_of(generator_channels((resolution, resolution, 3), G_ch), G_depth),
        num_classes=n_classes,
        shared_dim=shared_dim if shared_dim > 0 else dim_z,
        attention=generator_attention(G_attn, stages, bottom_width),
        epsilons=(BN_eps, SN_eps if G_param == "SN" else None),
    )

    def of_block(stage, block):
        return f"blocks.{stage * G_depth + (G_depth - 1 if block is None else block)}.{int(block is None)}"

    names = {"last_normalization": "output_layer.0", "to_images": "output_layer.2"}
    fill(state, network, names, of_block, mybn)
    fill_first(state, network.get_layer("linear"), (bottom_width, bottom_width))
    return network


def discriminator(
    state,
    D_ch=64,  # noqa: N803
    D_wide=True,  # noqa: N803
    D_depth=2,  # noqa: N803
    resolution=128,
    D_kernel_size=3,  # noqa: N803
    D_attn="64",  # noqa: N803
    n_classes=1000,
    num_D_SVs=1,  # noqa: N803
    num_D_SV_itrs=1,  # noqa: N803
    D_activation="relu",  # noqa: N803
    SN_eps=1e-12,  # noqa: N803
    output_dim=1,
    D_init="ortho",  # noqa: N803
    skip_init=False,
    D_param="SN",  # noqa: N803
):
    """The discriminator. `D_wide`, `D_kernel_size`, `D_init`, `skip_init` and `num_D_SVs` change no logit."""
    check_discriminator(resolution, num_D_SV_itrs, D_activation, output_dim, D_param)
    stages = STAGES[resolution]
    network = BigGANDeepDiscriminator(
        image_shape=(resolution, resolution, 3),
        width=D_ch,
        num_classes=n_classes,
        attention=discriminator_attention(D_attn, stages, stages),
        depth=D_depth,
        spectral_epsilon=SN_eps,
    )
    names = {"embedding": "embed", "from_images": "input_conv"}
    fill(state, network, names, lambda stage, block: f"blocks.{stage}.{D_depth if block is None else block}")
    fill_layer(state, network.get_layer("linear"), "linear")
    return network


def check_depth(depth, resolution):
    """Refuses depths of a generator at which the official class cannot run.

    Raises:
        ValueError: another depth than 2 where the channels change.
    """
    if depth != 2 and resolution != 32:
        raise ValueError(
            "The official BigGAN-deep generator fails at other depths than 2 where its channels change, at all "
            f"resolutions but 32. Received: G_depth={depth}, resolution={resolution}"
        )
