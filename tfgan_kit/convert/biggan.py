"""BigGAN of ajbrock/BigGAN-PyTorch: the parameters of its `BigGAN.Generator` and `BigGAN.Discriminator`."""

import re

from tfgan_kit.convert.layouts import AS_IS, CONVOLUTION, DENSE, dense_to_pixels, row_of_pixels, vector_of_pixels
from tfgan_kit.layers import Conv2D, SelfAttention, SpectralNormalization
from tfgan_kit.networks.biggan import BigGANDiscriminator, BigGANGenerator, FlatBigGANGenerator, generator_channels

import keras

STAGES = {32: 3, 64: 4, 128: 5, 256: 6, 512: 7}  # by the official `resolution`
_UNUSED = re.compile(r"(^|\.)(sv\d+|u[1-9]\d*|accumulation_counter)$")


def unused(name):
    """Singular values, which are written for logs; the second u and further ones; counters of standing statistics."""
    return _UNUSED.search(name) is not None


def generator(
    state,
    G_ch=64,  # noqa: N803, the official names
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
    check_generator(resolution, num_G_SV_itrs, cross_replica, G_activation, norm_style)
    stages = STAGES[resolution]
    if hier and not G_shared:
        raise ValueError(
            "The official generator fails with hierarchical latents and no shared embedding: give G_shared=True or "
            "hier=False. Received: hier=True, G_shared=False"
        )
    side = bottom_width * 2**stages
    network = (BigGANGenerator if hier else FlatBigGANGenerator)(
        image_shape=(side, side, 3),
        latent_dim=dim_z // (stages + 1) * (stages + 1) if hier else dim_z,
        width=generator_channels((resolution, resolution, 3), G_ch),
        num_classes=n_classes,
        shared_dim=(shared_dim if shared_dim > 0 else dim_z) if G_shared else None,
        attention=generator_attention(G_attn, stages, bottom_width),
        epsilons=(BN_eps, SN_eps if G_param == "SN" else None),
    )
    names = {"last_normalization": "output_layer.0", "to_images": "output_layer.2"}
    fill(state, network, names, lambda stage, block: f"blocks.{stage}.{1 if block is None else block}", mybn)
    fill_first(state, network.get_layer("linear"), (bottom_width, bottom_width))
    return network


def discriminator(
    state,
    D_ch=64,  # noqa: N803
    D_wide=True,  # noqa: N803
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
    """The discriminator. `D_kernel_size`, `D_init`, `skip_init` and `num_D_SVs` change no logit."""
    check_discriminator(resolution, num_D_SV_itrs, D_activation, output_dim, D_param)
    stages = STAGES[resolution]
    network = BigGANDiscriminator(
        image_shape=(resolution, resolution, 3),
        width=D_ch,
        num_classes=n_classes,
        attention=discriminator_attention(D_attn, stages, stages + 1),
        wide=D_wide,
        spectral_epsilon=SN_eps,
    )
    fill(state, network, {"embedding": "embed"}, lambda stage, block: f"blocks.{stage}.{1 if block is None else block}")
    fill_layer(state, network.get_layer("linear"), "linear")
    return network


def check_generator(resolution, iterations, cross_replica, activation, norm_style, largest=512):
    """Refuses official arguments of a generator that are not supported; `largest` is the largest resolution.

    Raises:
        ValueError: it names the argument.
    """
    _check(resolution, iterations, activation, largest)
    if norm_style != "bn":
        raise ValueError(f"Only batch normalization is supported, norm_style='bn'. Received: norm_style={norm_style!r}")
    if cross_replica:
        raise ValueError(
            "Official generators with cross_replica=True add their gains at inference instead of multiplying by them: "
            "only cross_replica=False is supported. Received: cross_replica=True"
        )


def check_discriminator(resolution, iterations, activation, output_dim, parametrization):
    """As `check_generator`, of a discriminator."""
    _check(resolution, iterations, activation, largest=256)
    if output_dim != 1:
        raise ValueError(f"A discriminator has one logit a row, output_dim=1. Received: output_dim={output_dim}")
    if parametrization != "SN":
        raise ValueError(
            f"The official discriminator has spectral normalization only, D_param='SN'. Received: "
            f"D_param={parametrization!r}"
        )


def _check(resolution, iterations, activation, largest):
    resolutions = [known for known in STAGES if known <= largest]
    if resolution not in resolutions:
        raise ValueError(
            f"The official resolutions are {', '.join(map(str, resolutions))}. Received: resolution={resolution}"
        )
    if iterations != 1:
        raise ValueError(
            "Official networks make their further power iterations in training only: 1 is supported. "
            f"Received: num_SV_itrs={iterations}"
        )
    if activation not in ("relu", "inplace_relu", "ir"):
        raise ValueError(
            f"The official activations are ReLUs: 'relu', 'inplace_relu' or 'ir'. Received: activation={activation!r}"
        )


def _places(text):
    """Resolutions from the official form, such as '32_64'."""
    try:
        return {int(part) for part in str(text).split("_")}
    except ValueError:
        raise ValueError(
            f"Attention is placed by resolutions joined by _, such as '64' or '32_64'; '0' is none. Received: {text!r}"
        ) from None


def generator_attention(text, stages, bottom_width):
    """Heights of the feature maps with attention; official resolutions are as of a base of 4."""
    official = [8 * 2**stage for stage in range(stages)]
    return [place * bottom_width // 4 for place in official if place in _places(text)]


def discriminator_attention(text, stages, blocks):
    """Heights of the feature maps with attention.

    At 32 pixels the authors' table says 16 for the output of every block, though all but the first are of 8.
    """
    places = _places(text)
    if stages == 3:
        return [16, 8] if 16 in places else []
    official = [2 ** (stages + 1 - k) for k in range(stages)] + [4] * (blocks - stages)
    return [place for place in dict.fromkeys(official) if place in places]


_BLOCK = re.compile(r"block(\d+)_(\d+|attention)(?:_(\w+))?")


def fill(state, network, names, of_block, inner_normalization=False):
    """Gives all layers of a network but `linear` their official parameters.

    Args:
        state: `State`.
        network: Keras model.
        names: dict, layer name -> official name, where it is another.
        of_block: callable, stage (int) and block (int, or None for attention) -> official prefix.
        inner_normalization: bool, whether statistics are in a module `bn`, as with the official mybn=True.
    """
    for layer in network.layers:
        if not layer.weights or layer.name == "linear":
            continue
        name = names.get(layer.name, layer.name)
        if found := _BLOCK.fullmatch(layer.name):
            stage, block, part = found.groups()
            name = ".".join(
                [of_block(int(stage), None if block == "attention" else int(block)), *([part] if part else [])]
            )
        fill_layer(state, layer, name, ".bn" if inner_normalization else "")


def fill_first(state, layer, base):
    """Gives the first layer, whose outputs are pixels, its official parameters."""
    spectral = isinstance(layer, SpectralNormalization)
    inner = layer.layer if spectral else layer
    state.fill(inner.kernel, "linear.weight", dense_to_pixels(*base))
    state.fill(inner.bias, "linear.bias", vector_of_pixels(*base))
    if spectral:
        state.fill(layer.u, "linear.u0", row_of_pixels(*base))


def fill_layer(state, layer, name, statistics=""):
    """Gives a layer its official parameters, which start with `name`."""
    if isinstance(layer, SpectralNormalization):
        fill_layer(state, layer.layer, name)
        state.fill(layer.u, f"{name}.u0")
    elif isinstance(layer, Conv2D | keras.layers.Dense):
        state.fill(layer.kernel, f"{name}.weight", CONVOLUTION if isinstance(layer, Conv2D) else DENSE)
        if layer.use_bias:
            state.fill(layer.bias, f"{name}.bias")
    elif isinstance(layer, keras.layers.Embedding):
        state.fill(layer.embeddings, f"{name}.weight", AS_IS)
    elif isinstance(layer, SelfAttention):
        state.fill(layer.gamma, f"{name}.gamma")
        for part in ("theta", "phi", "g", "o"):
            fill_layer(state, getattr(layer, part), f"{name}.{part}")
    else:
        _fill_normalization(state, layer, name, statistics)


def _fill_normalization(state, layer, name, statistics):
    inner = getattr(layer, "normalization", layer)
    if inner is layer:
        state.fill(layer.gamma, f"{name}.gain")
        state.fill(layer.beta, f"{name}.bias")
    else:
        fill_layer(state, layer.gain, f"{name}.gain")
        fill_layer(state, layer.bias, f"{name}.bias")
    state.fill(inner.moving_mean, f"{name}{statistics}.stored_mean")
    state.fill(inner.moving_variance, f"{name}{statistics}.stored_var")
