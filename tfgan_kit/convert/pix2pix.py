"""pix2pix (arXiv:1611.07004): the parameters of the authors' PyTorch networks, `latest_net_G.pth` and so on."""

from tfgan_kit.convert.layouts import CONVOLUTION, TRANSPOSED
from tfgan_kit.layers import BatchNormalization, Conv2D, Conv2DTranspose, InstanceNormalization
from tfgan_kit.networks.image_to_image import PatchGANDiscriminator, ResNetGenerator, UNetGenerator

_NORMALIZED = (BatchNormalization, InstanceNormalization)


def unused(name):
    """Whether it is a counter of batches."""
    return name.endswith(".num_batches_tracked")


def generator(state, input_nc=3, output_nc=3, ngf=64, netG="unet_256", norm="batch", use_dropout=True, image_size=None):
    """The Keras network of the authors' `define_G`.

    Args:
        state: a `State`.
        input_nc, output_nc, ngf, netG, norm, use_dropout: the authors'; netG may also be `unet_64`, `resnet_2blocks`
            and so on.
        image_size: side, or (height, width), of the images; None: a U-Net's own, and any of a ResNet.
    """
    kind, _, number = netG.partition("_")
    number = number.removesuffix("blocks")
    if kind not in ("unet", "resnet") or not number.isdecimal():
        raise ValueError(
            "The authors' generators are unet_256, unet_128, resnet_9blocks, resnet_6blocks, or others of their kinds. "
            f"Received: netG={netG!r}"
        )
    sizes = {"channels": output_nc, "input_channels": input_nc, "width": ngf, "dropout": use_dropout}
    if kind == "unet":
        downs = int(number).bit_length() - 1  # to one pixel
        names = _unet_names(downs)
        size = int(number) if image_size is None else image_size
        network = UNetGenerator(size, num_downs=downs, normalization=_normalization(state, norm, names), **sizes)
    else:
        names = _resnet_names(state, int(number), use_dropout)
        sizes["num_blocks"] = int(number)
        network = ResNetGenerator(image_size, normalization=_normalization(state, norm, names), **sizes)
    _fill(state, network, names)
    return network


def discriminator(state, input_nc=6, ndf=64, netD="basic", n_layers_D=3, norm="batch", image_size=None):
    """The Keras network of the authors' `define_D`, of images that lie behind the given ones: `input_nc` channels.

    Args:
        state: a `State`.
        input_nc, ndf, netD, n_layers_D, norm: the authors'; netD is "basic" or "n_layers".
        image_size: side, or (height, width), of the images; None: any.
    """
    if netD not in ("basic", "n_layers"):
        raise ValueError(f"The authors' discriminators of patches are basic, n_layers. Received: netD={netD!r}")
    count = 3 if netD == "basic" else n_layers_D
    convolutions = ["model.0", *(f"model.{3 * k - 1}" for k in range(1, count + 2))]
    names = convolutions, [f"model.{3 * k}" for k in range(1, count + 1)]
    network = PatchGANDiscriminator(image_size, input_nc, ndf, count, _normalization(state, norm, names))
    _fill(state, network, names)
    return network


def _normalization(state, norm, names):
    """Our name of a normalization; of instances it is with scales where the parameters have any."""
    if norm not in ("batch", "instance", "none"):
        raise ValueError(f"The authors' normalizations are batch, instance, none. Received: norm={norm!r}")
    return "affine_instance" if norm == "instance" and f"{names[1][0]}.weight" in state else norm


def _fill(state, network, names):
    """Fills convolutions and normalizations, each in the order in which they run, by their official names."""
    convolutions = [layer for layer in network.layers if isinstance(layer, (Conv2D, Conv2DTranspose))]
    normalizations = [layer for layer in network.layers if isinstance(layer, _NORMALIZED)]
    for layer, name in zip(convolutions, names[0], strict=True):
        layout = TRANSPOSED if isinstance(layer, Conv2DTranspose) else CONVOLUTION
        state.fill(layer.kernel, f"{name}.weight", layout)
        if layer.use_bias:
            state.fill(layer.bias, f"{name}.bias")
    for layer, name in zip(normalizations, names[1] if normalizations else (), strict=True):
        if isinstance(layer, BatchNormalization) or layer.affine:
            state.fill(layer.gamma, f"{name}.weight")
            state.fill(layer.beta, f"{name}.bias")
        statistics = {"running_mean": "moving_mean", "running_var": "moving_variance"}
        for official, ours in statistics.items():
            if isinstance(layer, BatchNormalization):
                state.fill(getattr(layer, ours), f"{name}.{official}")
            elif f"{name}.{official}" in state:  # of old PyTorch, whose instance normalization kept them without use
                state.take(f"{name}.{official}", (None,))


def _unet_names(downs):
    """(names of the convolutions, of the normalizations) from the outermost down, and up again."""
    prefixes = ["model.model", *("model.model.1.model" + ".3.model" * depth for depth in range(downs - 1))]
    down = [f"{prefixes[0]}.0", *(f"{prefix}.1" for prefix in prefixes[1:])]
    up = [f"{prefixes[-1]}.3", *(f"{prefix}.5" for prefix in reversed(prefixes[1:-1])), f"{prefixes[0]}.3"]
    norms = [f"{prefix}.2" for prefix in prefixes[1:-1]]
    norms += [f"{prefixes[-1]}.4", *(f"{prefix}.6" for prefix in reversed(prefixes[1:-1]))]
    return down + up, norms


def _resnet_names(state, count, use_dropout):
    """Likewise; the two convolutions of a block are `conv_block`'s, or `block`'s as in the package vintagify."""
    block = "block" if "model.10.block.1.weight" in state else "conv_block"
    second = 6 if use_dropout else 5
    places = [1, 4, 7], [2, 5, 8]
    first = 10 + count
    convolutions = [f"model.{k}" for k in places[0]]
    norms = [f"model.{k}" for k in places[1]]
    for k in range(10, first):
        convolutions += [f"model.{k}.{block}.1", f"model.{k}.{block}.{second}"]
        norms += [f"model.{k}.{block}.2", f"model.{k}.{block}.{second + 1}"]
    convolutions += [f"model.{first}", f"model.{first + 3}", f"model.{first + 7}"]
    return convolutions, [*norms, f"model.{first + 1}", f"model.{first + 4}"]
