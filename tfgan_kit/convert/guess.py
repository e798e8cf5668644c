"""Which official network a file holds, and with which arguments it was built, from names and shapes alone."""

import math
import re
import typing


class Guess(typing.NamedTuple):
    """What to give to `load`.

    Attributes:
        family: a name in `FAMILIES`.
        network: "generator" or "discriminator".
        arguments: dict, the official arguments that the shapes tell.
    """

    family: str
    network: str
    arguments: dict


def guess(state, family=None):
    """The official network whose parameters these are.

    Shapes do not tell everything: what they leave open has the official default.

    Args:
        state: dict, official names to arrays.
        family: a name in `FAMILIES`; None: that of the names.

    Returns:
        A `Guess`.

    Raises:
        ValueError: names of no known family, or not of the one that is given.

    Example::

        tfgan_kit.convert.guess(state)  # Guess(family="dcgan", network="generator", arguments={"nz": 100, ...})
    """
    shapes = {name: tuple(array.shape) for name, array in state.items()}
    for known, look in _KNOWN.items():
        if family in (None, known) and (found := look(shapes)) is not None:
            return Guess(known, *found)
    wanted = "a known family" if family is None else family
    raise ValueError(
        f"These are not the names of {wanted}; known are {', '.join(_KNOWN)}. "
        f"Received: {', '.join(list(shapes)[:5]) or 'no names'}, ..."
    )


def _dcgan(shapes):
    if len(shapes.get("main.0.weight", ())) != 4:
        return None
    kernels = [shape for name, shape in shapes.items() if re.fullmatch(r"main\.\d+\.weight", name) and len(shape) == 4]
    first, last = kernels[0], kernels[-1]
    sizes = {"image_size": (first if "main.1.weight" in shapes else last)[2] * 2 ** (len(kernels) - 1)}
    if "main.1.weight" in shapes:  # normalized at once: the generator
        return "generator", {"nz": first[0], "ngf": last[0], "nc": last[1], **sizes}
    return "discriminator", {"ndf": first[0], "nc": first[1], **sizes}


def _mimicry(shapes, with_attention):
    kernels = {name.removesuffix("_orig"): shape for name, shape in shapes.items()}  # of `spectral_norm`
    blocks = _numbers(shapes, r"block(\d+)\.c1\.bias")
    if not blocks or with_attention != ("attn_block.gamma" in shapes):
        return None
    if "l1.weight" in kernels:
        outputs, latent_dim = kernels["l1.weight"]
        after, width = kernels["block2.c1.weight"][:2]
        resolution = {3: 32 if after == width else 48, 4: 64, 5: 128}.get(len(blocks))
        classes = shapes.get("block2.b1.embed.weight", (0,))[0]
        arguments = {"nz": latent_dim, "ngf": width, "bottom_width": math.isqrt(outputs // width)}
        return "generator", {"resolution": resolution, "num_classes": classes, **arguments}
    (last,) = _numbers(shapes, r"l(\d+)\.bias")
    resolution = {4: 32, 5: 48 if last == 5 else 64, 6: 128}.get(len(blocks))
    classes = kernels.get("l_y.weight", (0,))[0]
    width = kernels[f"l{last}.weight"][1]
    return "discriminator", {"resolution": resolution, "num_classes": classes, "ndf": width}


def _sngan(shapes):
    return _mimicry(shapes, with_attention=False)


def _sagan(shapes):
    return _mimicry(shapes, with_attention=True)


_OUTPUT_MULTIPLE = {32: 4, 64: 2}  # of BigGAN's width in its last maps; 1 above


def _biggan(shapes, deep=False):
    if "blocks.0.0.conv1.weight" not in shapes or deep != ("blocks.0.0.conv4.weight" in shapes):
        return None
    blocks = _numbers(shapes, r"blocks\.(\d+)\.0\.conv1\.bias")
    if "output_layer.2.weight" not in shapes:
        return _biggan_discriminator(shapes, len(blocks), deep)
    stages = len(blocks) // 2 if deep else len(blocks)
    resolution = 4 * 2**stages
    attended = _numbers(shapes, r"blocks\.(\d+)\.1\.gamma")
    places = [8 * 2 ** (number // 2 if deep else number) for number in attended]
    first = shapes["blocks.0.0.conv1.weight"][1]
    arguments = {
        "resolution": resolution,
        "bottom_width": math.isqrt(shapes["linear.weight"][0] // first),
        "G_ch": shapes["output_layer.0.gain"][0] // _OUTPUT_MULTIPLE.get(resolution, 1),
        "G_attn": "_".join(map(str, places)) or "0",
    }
    taken, condition = shapes["linear.weight"][1], shapes["blocks.0.0.bn1.gain.weight"][1]
    if "shared.weight" not in shapes:
        arguments |= {"G_shared": False, "n_classes": shapes["blocks.0.0.bn1.gain.weight"][0], "dim_z": taken}
    else:
        classes, embedded = shapes["shared.weight"]
        hierarchical = condition > embedded
        dim_z = taken - embedded if deep and hierarchical else taken * (len(blocks) + 1) if hierarchical else taken
        arguments |= {"n_classes": classes, "shared_dim": embedded, "hier": hierarchical, "dim_z": dim_z}
    return "generator", arguments


def _biggan_discriminator(shapes, blocks, deep):
    """The number of blocks tells the resolution, but for 32 pixels, whose widths are equal."""
    halvings = blocks if deep else blocks - 1  # the deep one's blocks of a resolution share their number
    kernels = [shapes[f"blocks.{number}.0.conv1.weight"] for number in range(blocks)]
    equal = len({kernel[0] for kernel in kernels}) == 1
    resolution = 32 if equal and not deep else 4 * 2**halvings
    first = shapes["input_conv.weight"][0] if deep else kernels[0][0]
    attended = _numbers(shapes, r"blocks\.(\d+)\.\d+\.gamma")
    places = [resolution // 2 ** (1 + number) for number in attended]
    return "discriminator", {
        "resolution": resolution,
        "D_ch": first // 4 if resolution == 32 else first,
        "D_attn": "_".join(map(str, places)) or "0",
        "n_classes": shapes["embed.weight"][0],
    }


def _biggan_deep(shapes):
    return _biggan(shapes, deep=True)


def _r3gan(shapes):
    kernel = re.compile(r"Model\.MainLayers\.(\d+)\.Layers\.(\d+)\.LinearLayer2\.Layer\.weight")
    blocks = [(int(match[1]), shape) for name, shape in shapes.items() if (match := kernel.fullmatch(name))]
    if not blocks:
        return None
    stages = sorted({stage for stage, _ in blocks})
    inner = {stage: shape for stage, shape in blocks}  # (expanded, expanded / cardinality, k, k)
    narrow = {
        int(match[1]): shape[1]
        for name, shape in shapes.items()
        if (match := re.fullmatch(r"Model\.MainLayers\.(\d+)\.Layers\.\d+\.LinearLayer1\.Layer\.weight", name))
    }
    embedded, classes = shapes.get("Model.EmbeddingLayer.weight", (0, 0))
    arguments = {
        "WidthPerStage": [narrow[stage] for stage in stages],
        "CardinalityPerStage": [inner[stage][0] // inner[stage][1] for stage in stages],
        "BlocksPerStage": [sum(number == stage for number, _ in blocks) for stage in stages],
        "ExpansionFactor": inner[0][0] // narrow[0],
        "KernelSize": inner[0][2],
        "c_dim": classes,
        "ConditionEmbeddingDimension": embedded,
    }
    if "Model.AggregationLayer.Layer.weight" not in shapes:
        return "discriminator", arguments
    latent_dim = shapes["Model.MainLayers.0.Layers.0.LinearLayer.weight"][1] - embedded
    return "generator", {"NoiseDimension": latent_dim, **arguments}


def _hf_biggan_deep(shapes):
    if "embeddings.weight" not in shapes or "generator.gen_z.bias" not in shapes:
        return None
    return "generator", {"num_classes": shapes["embeddings.weight"][1]}


def _stylegan2(shapes):
    if "synthesis.b4.const" in shapes:
        return "generator", _stylegan2_generator(shapes)
    if "b4.fc.weight" in shapes and "b4.conv.weight" in shapes:
        return "discriminator", _stylegan2_discriminator(shapes)
    return None


def _stylegan2_generator(shapes):
    levels = _numbers(shapes, r"synthesis\.b(\d+)\.conv1\.weight")
    base = shapes["synthesis.b4.const"][1:]
    last = f"synthesis.b{levels[-1]}"
    widths = {level: shapes[f"synthesis.b{level}.conv1.weight"][0] for level in levels}
    has_skips = any(name.endswith("skip.weight") for name in shapes)
    architecture = "resnet" if has_skips else "skip" if "synthesis.b4.torgb.weight" in shapes else "orig"
    return {
        **_styles(shapes),
        "img_resolution": _resolution(base, levels[-1]),
        "img_channels": shapes[f"{last}.torgb.weight"][0],
        "synthesis_kwargs": {"architecture": architecture, **_channels(widths)},
    }


def _stylegan2_discriminator(shapes):
    levels = _numbers(shapes, r"b(\d+)\.conv0\.weight")
    widths = {level: shapes[f"b{level}.conv0.weight"][0] for level in levels}
    widths[4] = shapes["b4.conv.weight"][0]
    has_skips = any(name.endswith("skip.weight") for name in shapes)
    arguments = {
        "c_dim": shapes.get("mapping.embed.weight", (0, 0))[1],
        "img_channels": shapes[f"b{levels[-1]}.fromrgb.weight"][1],
        "architecture": "resnet" if has_skips else "skip" if "b4.fromrgb.weight" in shapes else "orig",
        **_channels(widths),
        "epilogue_kwargs": {"mbstd_num_channels": shapes["b4.conv.weight"][1] - widths[4]},
    }
    if shapes["b4.fc.weight"][1] == widths[4] * 4 * 4:  # of another base it says the area alone
        arguments["img_resolution"] = levels[-1]
    if arguments["c_dim"]:
        arguments["cmap_dim"] = shapes["b4.out.weight"][0]
        arguments["mapping_kwargs"] = {"num_layers": len(_numbers(shapes, r"mapping\.fc(\d+)\.weight"))}
    return arguments


def _stylegan3(shapes):
    if "synthesis.input.freqs" not in shapes:
        return None
    layers = {}
    for name in shapes:
        if match := re.fullmatch(r"synthesis\.L(\d+)_(\d+)_(\d+)\.weight", name):
            layers[int(match[1])] = int(match[2]), int(match[3])
    last = max(layers)
    resolution, channels = layers[last]
    widths = [layers[number][1] for number in range(last)]
    kernel = shapes[f"synthesis.L0_{layers[0][0]}_{layers[0][1]}.weight"][-1]
    return "generator", {
        **_styles(shapes),
        "img_resolution": resolution,
        "img_channels": channels,
        "num_layers": last,
        # The last layers' cutoff is half of the resolution: `channel_base / 2` over it is their width.
        "channel_base": widths[-1] * resolution,
        "channel_max": max(widths),
        "conv_kernel": kernel,
        "use_radial_filters": kernel == 1,  # as StyleGAN3-R has both
    }


def _styles(shapes):
    """Arguments of a StyleGAN's mapping."""
    embedded, classes = shapes.get("mapping.embed.weight", (0, 0))
    return {
        "z_dim": shapes["mapping.fc0.weight"][1] - embedded,
        "c_dim": classes,
        "w_dim": shapes["mapping.w_avg"][0],
        "mapping_kwargs": {"num_layers": len(_numbers(shapes, r"mapping\.fc(\d+)\.weight"))},
    }


def _channels(widths):
    """`channel_base` and `channel_max` of a StyleGAN2: a level r has min(channel_base // r, channel_max) channels."""
    return {"channel_base": max(level * width for level, width in widths.items()), "channel_max": max(widths.values())}


def _resolution(base, level):
    height, width = (side * level // 4 for side in base)
    return height if height == width else [height, width]


def _pix2pix(shapes):
    """The U-Net, and the discriminator of patches of pairs; a ResNet is taken for CycleGAN's."""
    if "model.model.0.weight" in shapes:
        first, last = shapes["model.model.0.weight"], shapes["model.model.3.weight"]
        downs = 2 + max(name.count(".3.model") for name in shapes)
        norm = "batch" if "model.model.1.model.2.running_mean" in shapes else "instance"
        if "model.model.1.model.1.bias" not in shapes:
            norm = "batch"
        sizes = {"input_nc": first[1], "output_nc": last[1], "ngf": first[0]}
        return "generator", {**sizes, "netG": f"unet_{2**downs}", "norm": norm}
    return _patches(shapes) if shapes.get("model.0.weight", (0, 0))[1] > 3 else None


def _cyclegan(shapes):
    if len(shapes.get("model.1.weight", ())) != 4:
        return _patches(shapes)
    blocks = _numbers(shapes, r"model\.(\d+)\.(?:conv_)?block\.1\.weight")
    if not blocks:
        return None
    first, last = shapes["model.1.weight"], shapes[f"model.{17 + len(blocks)}.weight"]
    return "generator", {
        "input_nc": first[1],
        "output_nc": last[0],
        "ngf": first[0],
        "netG": f"resnet_{len(blocks)}blocks",
        "norm": "instance" if "model.1.bias" in shapes else "batch",
        "use_dropout": any(re.fullmatch(r"model\.10\.(?:conv_)?block\.6\.weight", name) for name in shapes)
        and len(next(shapes[f"model.10.{b}.6.weight"] for b in _BLOCKS if f"model.10.{b}.6.weight" in shapes)) == 4,
    }


_BLOCKS = ("conv_block", "block")


def _patches(shapes):
    """A discriminator of patches: its convolutions of 4 pixels are number 0, 2, 5, 8 and so on."""
    kernels = _numbers(shapes, r"model\.(\d+)\.weight")
    kernels = [number for number in kernels if len(shapes[f"model.{number}.weight"]) == 4]
    if kernels != [0, *range(2, 3 * len(kernels) - 3, 3)] or shapes["model.0.weight"][2:] != (4, 4):
        return None
    first = shapes["model.0.weight"]
    norm = "instance" if f"model.{kernels[1]}.bias" in shapes else "batch"
    return "discriminator", {
        "input_nc": first[1],
        "ndf": first[0],
        "netD": "n_layers",
        "n_layers_D": len(kernels) - 2,
        "norm": norm,
    }


def _numbers(shapes, pattern):
    return sorted(int(match[1]) for name in shapes if (match := re.fullmatch(pattern, name)))


_KNOWN = {
    "biggan": _biggan,
    "biggan_deep": _biggan_deep,
    "cyclegan": _cyclegan,
    "dcgan": _dcgan,
    "hf_biggan_deep": _hf_biggan_deep,
    "pix2pix": _pix2pix,
    "r3gan": _r3gan,
    "sagan": _sagan,
    "sngan": _sngan,
    "stylegan2": _stylegan2,
    "stylegan3": _stylegan3,
}
