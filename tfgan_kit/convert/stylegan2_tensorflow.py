"""StyleGAN2 of TensorFlow: its pickles' networks as those of StyleGAN2-ADA of PyTorch, which one family then loads.

Read are the networks of NVlabs/stylegan2, configurations E and F, and of NVlabs/stylegan2-ada. Kernels are
(h, w, in, out), those of layers that enlarge the maps are turned by 180 degrees, the bias of a style is one less, and
maps of noise are counted over the layers. What these files cannot have in PyTorch is refused by name.
"""

import re

import numpy as np

_BUILDERS = ("G_main", "D_main", "D_stylegan2")
_OTHERS = {
    "G_style": "a StyleGAN1, or StyleGAN2's configuration A",
    "D_basic": "a StyleGAN1, or StyleGAN2's configuration A",
    "G_synthesis_stylegan_revised": "StyleGAN2's configurations B to D, which grow",
    "D_stylegan": "StyleGAN2's configurations B to D, which grow",
    "G_paper": "a Progressive GAN",
    "D_paper": "a Progressive GAN",
}
# TensorFlow's argument: the one in PyTorch, its default.
_GENERATOR = {
    "latent_size": ("z_dim", 512), "label_size": ("c_dim", 0), "dlatent_size": ("w_dim", 512),
    "resolution": ("img_resolution", 1024), "num_channels": ("img_channels", 3),
    "mapping_layers": ("mapping_kwargs.num_layers", 8), "mapping_lrmul": ("mapping_kwargs.lr_multiplier", 0.01),
    "dlatent_avg_beta": ("mapping_kwargs.w_avg_beta", 0.995),
    "fmap_base": ("synthesis_kwargs.channel_base", 16384), "fmap_max": ("synthesis_kwargs.channel_max", 512),
    "conv_clamp": ("synthesis_kwargs.conv_clamp", None), "architecture": ("synthesis_kwargs.architecture", "skip"),
    "resample_kernel": ("synthesis_kwargs.resample_filter", [1, 3, 3, 1]),
}  # fmt: skip
_DISCRIMINATOR = {
    "label_size": ("c_dim", 0), "resolution": ("img_resolution", 1024), "num_channels": ("img_channels", 3),
    "architecture": ("architecture", "resnet"), "fmap_base": ("channel_base", 16384), "fmap_max": ("channel_max", 512),
    "conv_clamp": ("conv_clamp", None), "resample_kernel": ("block_kwargs.resample_filter", [1, 3, 3, 1]),
    "mapping_layers": ("mapping_kwargs.num_layers", 0), "mapping_lrmul": ("mapping_kwargs.lr_multiplier", 0.1),
    "mbstd_group_size": ("epilogue_kwargs.mbstd_group_size", 4),
    "mbstd_num_features": ("epilogue_kwargs.mbstd_num_channels", 1),
}  # fmt: skip
# Arguments that the shapes tell, that only training, speed or precision know, or that have one value in PyTorch.
_ONE_VALUE = {
    "fmap_decay": 1, "fmap_min": 1, "normalize_latents": True, "use_noise": True, "nonlinearity": "lrelu",
    "mapping_nonlinearity": "lrelu", "use_pagan": False, "score_max": 1, "use_spectral_norm": False,
    "adaptive_dropout": 0, "fmap_const": None,
}  # fmt: skip
_NOT_NEEDED = {
    "mapping_fmaps", "label_fmaps", "truncation_psi", "truncation_cutoff", "truncation_psi_val",
    "truncation_cutoff_val", "style_mixing_prob", "structure", "num_fp16_res", "dtype", "fused_modconv",
    "freeze_layers", "randomize_noise", "synthesis_func", "mapping_func", "func_name", "pagan_num", "pagan_fade",
    "augment_strength", "score_size",
}  # fmt: skip


def official(network):
    """The same network under the names of PyTorch; one that is not of TensorFlow stays as it is.

    Args:
        network: `checkpoint.Official`, as read.

    Raises:
        ValueError: a network of TensorFlow that has no converter; it says which it is.
    """
    if "version" not in network.attributes or "build_func_name" not in network.attributes:
        return network
    _check(network)
    state, given = network.state, network.arguments or {}
    player = _generator if network.class_name == "G_main" else _discriminator
    renamed, arguments = player(state, given)
    name = "Generator" if player is _generator else "Discriminator"
    return network._replace(state=renamed, arguments=arguments, attributes={}, class_name=name)


def _check(network):
    built_by = [value for name, value in network.attributes.items() if name.endswith("build_func_name")]
    what = next((_OTHERS[name] for name in built_by if name in _OTHERS), None)
    if what is None and network.class_name not in _BUILDERS:
        what = "of an unknown kind"
    if what is not None or network.attributes["version"] not in (4, 5):
        raise ValueError(
            f"This network of TensorFlow is {what or 'too old'}: read are StyleGAN2's configurations E and F, and "
            f"StyleGAN2-ADA. Received: build function {network.class_name}, version {network.attributes['version']}"
        )
    for name, value in (network.arguments or {}).items():
        if name in _ONE_VALUE and value != _ONE_VALUE[name]:
            raise ValueError(
                f"A StyleGAN2 of TensorFlow is read with {name}={_ONE_VALUE[name]!r} alone, which is its default. "
                f"Received: {name}={value!r}"
            )


def _arguments(given, table):
    """The official arguments of PyTorch."""
    unknown = [name for name in given if name not in table and name not in _ONE_VALUE and name not in _NOT_NEEDED]
    if unknown:
        raise ValueError(
            f"A StyleGAN2 of TensorFlow is read with its authors' arguments alone. Received: {', '.join(unknown)}"
        )
    found = {}
    for name, (place, default) in table.items():
        value = default if given.get(name) is None else given[name]
        group, _, argument = place.rpartition(".")
        (found.setdefault(group, {}) if group else found)[argument] = value
    return found


def _generator(state, given):
    arguments = _arguments(given, _GENERATOR)
    arguments["synthesis_kwargs"]["channel_base"] *= 2
    mapping = arguments["mapping_kwargs"]
    for name, place in (("LabelEmbed", "embed_features"), ("Dense0", "layer_features")):
        width = len(state.get(f"mapping/{name}/bias", ()))
        if width not in (0, arguments["w_dim"]):
            mapping[place] = width
    if "mapping/LabelConcat/weight" in state:
        raise ValueError(
            "A conditional StyleGAN2 of TensorFlow before ADA normalizes latents and label together, which the family "
            f"stylegan2 does not. Received: {arguments['c_dim']} classes"
        )
    renamed = {}
    for name, array in state.items():
        if name not in ("lod", "synthesis/lod"):
            new, turn = _generator_name(name)
            renamed[new] = turn(array)
    return renamed, arguments


def _discriminator(state, given):
    arguments = _arguments(given, _DISCRIMINATOR)
    arguments["channel_base"] *= 2
    if arguments["epilogue_kwargs"]["mbstd_group_size"] == 0:  # StyleGAN2 switches the layer off by it
        arguments["epilogue_kwargs"].update(mbstd_group_size=4, mbstd_num_channels=0)
    renamed = {}
    for name, array in state.items():
        if name != "lod":
            new, turn = _discriminator_name(name)
            renamed[new] = turn(array)
    if arguments["c_dim"] and "mapping.embed.weight" not in renamed:
        _score_of_each_class(renamed, arguments)
    if "mapping.embed.bias" in renamed:
        arguments["cmap_dim"] = len(renamed["mapping.embed.bias"])
    multiplier = arguments["mapping_kwargs"].pop("lr_multiplier")
    for name in renamed:
        if name.startswith("mapping.fc"):  # used are the stored numbers times the multiplier, which is 0.01 in PyTorch
            renamed[name] = renamed[name] * np.float32(multiplier / 0.01)
    return renamed, arguments


def _score_of_each_class(renamed, arguments):
    """StyleGAN2 before ADA has an output a class, of which the label chooses one: a projection on unit vectors."""
    classes = arguments["c_dim"]
    arguments["mapping_kwargs"]["num_layers"] = 0
    renamed["mapping.embed.weight"] = (np.sqrt(classes) * np.eye(classes)).astype(np.float32)  # at a gain of 1 / sqrt
    renamed["mapping.embed.bias"] = np.zeros(classes, np.float32)


def _as_it_is(array):
    return array


def _kernel(array):
    return array.transpose(3, 2, 0, 1)


def _turned_kernel(array):
    return array[::-1, ::-1].transpose(3, 2, 0, 1)


def _style_bias(array):
    return array + 1


def _generator_name(name):
    """The name in PyTorch, and what makes the array there."""
    if name == "dlatent_avg":
        return "mapping.w_avg", _as_it_is
    if match := re.fullmatch(r"mapping/(?:Dense(\d+)|LabelEmbed)/(weight|bias)", name):
        layer = "embed" if match[1] is None else f"fc{match[1]}"
        return f"mapping.{layer}.{match[2]}", np.transpose
    if name == "synthesis/4x4/Const/const":
        return "synthesis.b4.const", lambda array: array[0]
    if match := re.fullmatch(r"synthesis/noise(\d+)", name):  # 4 pixels have one, each other size two
        number = int(match[1])
        return f"synthesis.b{2 ** ((number + 5) // 2)}.conv{1 - number % 2}.noise_const", lambda array: array[0, 0]
    match = re.fullmatch(r"synthesis/(\d+)x\d+/(Conv|Conv0_up|Conv1|ToRGB|Skip)/(\w+)", name)
    if match is None:
        return name, _as_it_is  # `load` will list it
    layer = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}[match[2]]
    part, turn = {
        "weight": ("weight", _turned_kernel if layer in ("conv0", "skip") else _kernel),
        "mod_weight": ("affine.weight", np.transpose),
        "mod_bias": ("affine.bias", _style_bias),
    }.get(match[3], (match[3], _as_it_is))
    return f"synthesis.b{match[1]}.{layer}.{part}", turn


def _discriminator_name(name):
    """The name in PyTorch, and what makes the array there."""
    if match := re.fullmatch(r"(?:Mapping(\d+)|LabelEmbed)/(weight|bias)", name):
        layer = "embed" if match[1] is None else f"fc{match[1]}"
        return f"mapping.{layer}.{match[2]}", np.transpose
    if match := re.fullmatch(r"(?:4x4/Dense0|Output)/(weight|bias)", name):
        return f"b4.{'out' if name.startswith('Output') else 'fc'}.{match[1]}", np.transpose
    match = re.fullmatch(r"(\d+)x\d+/(FromRGB|Conv|Conv0|Conv1_down|Skip)/(weight|bias)", name)
    if match is None:
        return name, _as_it_is  # `load` will list it
    layer = {"FromRGB": "fromrgb", "Conv": "conv", "Conv0": "conv0", "Conv1_down": "conv1", "Skip": "skip"}[match[2]]
    return f"b{match[1]}.{layer}.{match[3]}", _kernel if match[3] == "weight" else _as_it_is
