"""StyleGAN2 (arXiv:2006.06676): the parameters of NVlabs/stylegan2-ada-pytorch's `Generator` and `Discriminator`.

`num_fp16_res` says which levels the official networks compute in float16; here all are computed in float32.
"""

import re

from tfgan_kit.convert.layouts import AS_IS, CONVOLUTION, DENSE, Layout, pixels_to_dense
from tfgan_kit.networks.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator

_CONSTANT = Layout((1, 2, 0))  # (C, h, w) -> (h, w, C)
_UP = Layout((2, 3, 0, 1))  # (O, I, H, W) -> (H, W, O, I)
_FILTER = re.compile(r"(?:synthesis\.)?b\d+\.(?:\w+\.)?resample_filter")
_BINOMIAL = (1, 3, 3, 1)
_WHOLE_BATCH = 2**31 - 1  # rows of a group: `MinibatchDeviation` takes those that there are


def unused(name):
    """Whether it is a resampler's filter, which the arguments say."""
    return _FILTER.fullmatch(name) is not None


def generator(
    state, z_dim, c_dim, w_dim, img_resolution, img_channels, mapping_kwargs=None, synthesis_kwargs=None
):  # fmt: skip
    """The Keras network of an official `Generator`; `c_dim` is the number of classes, 0 for none."""
    mapping = taken("mapping_kwargs", mapping_kwargs, {"num_layers": 8, "w_avg_beta": 0.995}, _MAPPING)
    synthesis = taken("synthesis_kwargs", synthesis_kwargs, _SYNTHESIS, {"activation": "lrelu"})
    if mapping["w_avg_beta"] is None:
        raise ValueError(
            "A generator without `w_avg` has no truncation and is not known here: give mapping_kwargs the w_avg_beta "
            "that it was trained with. Received: w_avg_beta=None"
        )
    network = StyleGAN2Generator(
        img_resolution,
        img_channels,
        z_dim,
        w_dim,
        num_classes=c_dim or None,
        mapping_layers=mapping["num_layers"],
        channel_base=synthesis["channel_base"],
        channel_max=synthesis["channel_max"],
        architecture=synthesis["architecture"],
        conv_clamp=synthesis["conv_clamp"],
        w_avg_decay=mapping["w_avg_beta"],
        resampling_filter=synthesis["resample_filter"],
    )
    fill_mapping(state, network.mapping, "mapping")
    state.fill(network.mapping.w_avg, "mapping.w_avg", AS_IS)
    state.fill(network.synthesis.const, "synthesis.b4.const", _CONSTANT)
    for number in range(network.synthesis.num_levels):
        _fill_level(state, network.synthesis, number, synthesis["use_noise"])
    return network


_MAPPING = {"embed_features": None, "layer_features": None, "activation": "lrelu", "lr_multiplier": 0.01}
_SYNTHESIS = {
    "channel_base": 32768, "channel_max": 512, "architecture": "skip", "conv_clamp": None, "use_noise": True,
    "resample_filter": _BINOMIAL, "num_fp16_res": 0, "fp16_channels_last": False,
}  # fmt: skip


def discriminator(
    state, c_dim, img_resolution, img_channels, architecture="resnet", channel_base=32768, channel_max=512,
    num_fp16_res=0, conv_clamp=None, cmap_dim=None, block_kwargs=None, mapping_kwargs=None, epilogue_kwargs=None,
):  # fmt: skip
    """The Keras network of an official `Discriminator`."""
    blocks = {"freeze_layers": 0, "resample_filter": _BINOMIAL, "fp16_channels_last": False}
    block = taken("block_kwargs", block_kwargs, blocks, {"activation": "lrelu"})
    mapping = taken("mapping_kwargs", mapping_kwargs, {"num_layers": 8}, _MAPPING)
    last = {"mbstd_group_size": 4, "mbstd_num_channels": 1}
    epilogue = taken("epilogue_kwargs", epilogue_kwargs, last, {"activation": "lrelu"})
    network = StyleGAN2Discriminator(
        img_resolution,
        img_channels,
        c_dim or None,
        channel_base,
        channel_max,
        architecture,
        mbstd_group=epilogue["mbstd_group_size"] or _WHOLE_BATCH,
        mbstd_channels=epilogue["mbstd_num_channels"],
        conv_clamp=conv_clamp,
        mapping_layers=mapping["num_layers"],
        cmap_dim=cmap_dim if c_dim else None,
        frozen_layers=block["freeze_layers"],
        resampling_filter=block["resample_filter"],
    )
    for layer in network.layers:
        level, _, name = layer.name.partition("_")
        if level.startswith("level") and layer.weights and level != "level0":
            fill_convolution(state, layer, f"b{4 * 2 ** int(level[5:])}.{_OFFICIAL.get(name, name)}")
    _fill_epilogue(state, network)
    return network


_OFFICIAL = {"from_images": "fromrgb", "to_images": "torgb"}


def _fill_epilogue(state, network):
    known = {layer.name: layer for layer in network.layers}
    if "level0_from_images" in known:
        fill_convolution(state, known["level0_from_images"], "b4.fromrgb")
    fill_convolution(state, known["level0_conv"], "b4.conv")
    base = known["level0_conv"].output.shape[1:3]
    fill_dense(state, known["features"], "b4.fc", pixels_to_dense(*base))
    fill_dense(state, known["out"], "b4.out")
    if "mapping" in known:
        fill_mapping(state, known["mapping"], "mapping")


def fill_mapping(state, mapping, name):
    """A mapping's embedding of labels and its dense layers, which StyleGAN3 has, too."""
    if mapping.embed is not None:
        fill_dense(state, mapping.embed, f"{name}.embed")
    for number, dense in enumerate(mapping.dense):
        fill_dense(state, dense, f"{name}.fc{number}")


def _fill_level(state, synthesis, number, use_noise):
    name = f"synthesis.b{4 * 2**number}"
    for place in ("conv0", "conv1", "to_images"):
        layer = synthesis.layer(number, place)
        if layer is None:
            continue
        official = f"{name}.{_OFFICIAL.get(place, place)}"
        fill_convolution(state, layer, official, _UP if place == "conv0" else CONVOLUTION)
        fill_dense(state, layer.affine, f"{official}.affine")
        if use_noise and place != "to_images":  # a strength of 0, as it starts, is none
            state.fill(layer.noise_strength, f"{official}.noise_strength", AS_IS)
            state.fill(layer.noise, f"{official}.noise_const", AS_IS)
    if synthesis.layer(number, "skip") is not None:
        fill_convolution(state, synthesis.layer(number, "skip"), f"{name}.skip", _UP)


def fill_convolution(state, layer, name, layout=CONVOLUTION):
    state.fill(layer.kernel, f"{name}.weight", layout)
    if layer.bias is not None:
        state.fill(layer.bias, f"{name}.bias", AS_IS)


def fill_dense(state, layer, name, layout=DENSE):
    state.fill(layer.kernel, f"{name}.weight", layout)
    state.fill(layer.bias, f"{name}.bias", AS_IS)


def taken(title, given, known, fixed):
    """Nested official arguments with their defaults; of those in `fixed`, the default alone is known here.

    Raises:
        ValueError: another argument, or another value of a fixed one.
    """
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise ValueError(f"The official `{title}` is a dict. Received: {title}={given!r}")
    if unknown := [name for name in given if name not in known | fixed]:
        raise ValueError(f"The official {title} are {', '.join(known | fixed)}. Received: {', '.join(unknown)}")
    if other := {name: given[name] for name in fixed if name in given and given[name] != fixed[name]}:
        wanted = ", ".join(f"{name}={fixed[name]!r}" for name in other)
        found = ", ".join(f"{name}={value!r}" for name, value in other.items())
        raise ValueError(f"Of the official {title}, only {wanted} is known here. Received: {found}")
    return {**known, **{name: value for name, value in given.items() if name in known}}
