"""Layers of torch-mimicry 0.1.16, by their names: what its SNGAN and SAGAN share.

Most of its spectral norms are `torch.nn.utils.spectral_norm` (weight_orig, weight_u, weight_v), some its own (weight,
sn_u, and sn_sigma, which nothing reads).
"""

from tfgan_kit.convert.layouts import AS_IS, CONVOLUTION, DENSE, Columns, Row, dense_to_pixels, vector_of_pixels
from tfgan_kit.layers import ConditionalBatchNormalization, SpectralNormalization

import keras


def unused(name):
    """Whether it is a buffer that no network needs."""
    return name.endswith((".num_batches_tracked", ".sn_sigma"))


def widths(kind, resolution, shifts, most):
    """Channels by resolution: `most` shifted right, as the official classes do.

    Raises:
        ValueError: a resolution that has no official class.
    """
    if resolution not in shifts:
        raise ValueError(
            f"torch-mimicry has {kind} for {', '.join(map(str, shifts))} pixels. Received: resolution={resolution}"
        )
    return tuple(most >> shift for shift in shifts[resolution])


def fill_generator(state, network, bottom_width):
    """The parameters of a generator, but for its attention."""
    count = len(network.widths)  # official blocks are numbered from 2 to `count`
    pixels = (bottom_width, bottom_width)
    _fill(state, network.get_layer("dense"), "l1", dense_to_pixels(*pixels), pixels)
    for number in range(1, count):
        ours, theirs = f"block{number}", f"block{number + 1}"
        for place in (1, 2):
            _fill_normalization(state, network.get_layer(f"{ours}_norm{place}"), f"{theirs}.b{place}")
            _fill(state, network.get_layer(f"{ours}_conv{place}"), f"{theirs}.c{place}", CONVOLUTION)
        _fill(state, network.get_layer(f"{ours}_shortcut"), f"{theirs}.c_sc", CONVOLUTION)
    _fill_normalization(state, network.get_layer("norm"), f"b{count + 1}")
    _fill(state, network.get_layer("to_image"), f"c{count + 1}", CONVOLUTION)


def fill_discriminator(state, network, last):
    """The parameters of a discriminator, but for its attention; `last` is the official name of its dense layer."""
    layers = {layer.name: layer for layer in network.layers}
    for number in range(1, len(network.widths) + 1):
        for ours, theirs in (("conv1", "c1"), ("conv2", "c2"), ("shortcut", "c_sc")):
            if (name := f"block{number}_{ours}") in layers:
                _fill(state, layers[name], f"block{number}.{theirs}", CONVOLUTION)
    _fill(state, layers["logit"], last, DENSE)
    if "embedding" in layers:
        _fill(state, layers["embedding"], "l_y", AS_IS)


def fill_attention(state, network):
    """The parameters of the one attention layer."""
    attention = network.get_layer("attention")
    for name in ("theta", "phi", "g", "o"):
        _fill(state, getattr(attention, name), f"attn_block.{name}", CONVOLUTION)
    state.fill(attention.gamma, "attn_block.gamma")


def _fill(state, layer, name, layout, pixels=(1, 1)):
    """A layer's kernel, bias, and u and v of its spectral norm; `pixels`, of outputs that are reshaped to maps."""
    inner = layer.layer if isinstance(layer, SpectralNormalization) else layer
    embedding = isinstance(inner, keras.layers.Embedding)
    kernel = inner.embeddings if embedding else inner.kernel
    if inner is layer:
        state.fill(kernel, f"{name}.weight", layout)
    elif layer.inference == "stored":
        state.fill(kernel, f"{name}.weight_orig", layout)
        state.fill(layer.u, f"{name}.weight_u", Row(pixels))
        state.fill(layer.v, f"{name}.weight_v", Row(getattr(inner, "kernel_size", (1, 1))))
    else:
        state.fill(kernel, f"{name}.weight", layout)
        state.fill(layer.u, f"{name}.sn_u")
    if not embedding and inner.use_bias:
        state.fill(inner.bias, f"{name}.bias", vector_of_pixels(*pixels))


def _fill_normalization(state, layer, name):
    if isinstance(layer, ConditionalBatchNormalization):
        for number, variable in enumerate((layer.gamma, layer.beta)):
            state.fill(variable, f"{name}.embed.weight", Columns(number, 2))
        layer, name = layer.normalization, f"{name}.bn"
    else:
        state.fill(layer.gamma, f"{name}.weight")
        state.fill(layer.beta, f"{name}.bias")
    state.fill(layer.moving_mean, f"{name}.running_mean")
    state.fill(layer.moving_variance, f"{name}.running_var")
