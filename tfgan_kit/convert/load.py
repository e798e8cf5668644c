"""`load`: official parameters in, a Keras network out, the same way for every family."""

import importlib
import inspect

from tfgan_kit.convert.state import State

# Family: the module that knows it. It has a function `generator` and, where there is one, `discriminator`, each
# `(state, **official_arguments) -> Keras network`, whose variables it has given to `State.fill`; and
# `unused(name) -> bool`, whether a buffer holds nothing that the network needs.
FAMILIES = {
    "biggan": "tfgan_kit.convert.biggan",
    "biggan_deep": "tfgan_kit.convert.biggan_deep",
    "cyclegan": "tfgan_kit.convert.cyclegan",
    "dcgan": "tfgan_kit.convert.dcgan",
    "hf_biggan_deep": "tfgan_kit.convert.hf_biggan_deep",
    "pix2pix": "tfgan_kit.convert.pix2pix",
    "r3gan": "tfgan_kit.convert.r3gan",
    "sagan": "tfgan_kit.convert.sagan",
    "sngan": "tfgan_kit.convert.sngan",
    "stylegan2": "tfgan_kit.convert.stylegan2",
    "stylegan3": "tfgan_kit.convert.stylegan3",
}
NETWORKS = ("generator", "discriminator")


def load(family, state, network="generator", **official_arguments):
    """A Keras network with the parameters of an official PyTorch one.

    Args:
        family: str, a name in `FAMILIES`.
        state: dict, official parameter names to arrays: what `state_dict()` gives, as NumPy arrays. Constant buffers
            may be absent.
        network: "generator" or "discriminator".
        **official_arguments: those of the official class's constructor, under their official names; one that is left
            out has the official default.

    Returns:
        A Keras model. A generator maps latents float32 (N, Z), or `[latents, labels int32 (N,)]`, to images float32
        (N, H, W, C) in the paper's own range, or, of pix2pix and CycleGAN, images to images; a discriminator maps
        images, or `[images, labels]`, to logits float32 (N, 1), of patches (N, h, w, 1).

    Raises:
        ValueError: an unknown family, network or argument; arguments that do not fit the parameters; names that are
            missing or left over, which are listed.
        TypeError: a state that is no dict of names.

    Example::

        state = tfgan_kit.convert.read("G_ema.pth")
        generator = tfgan_kit.convert.load("biggan", state, resolution=128, G_ch=96, G_attn="64")
    """
    made, parameters = filled(family, network, official_arguments, lambda unused: State(state, unused))
    parameters.finish(f"{family}'s {network}")
    return made


def filled(family, network, official_arguments, state_of):
    """A Keras network, and the `State` that filled it as far as it fits.

    Args:
        family, network: as of `load`.
        official_arguments: dict.
        state_of: callable, the family's `unused` -> `State`.
    """
    module, make = _maker(family, network)
    _check_arguments(family, network, make, official_arguments)
    parameters = state_of(module.unused)
    return make(parameters, **official_arguments), parameters


def arguments_of(family, network="generator"):
    """The names of a family's official arguments.

    Args:
        family, network: as of `load`.
    """
    return list(_parameters(_maker(family, network)[1]))


def _maker(family, network):
    if family not in FAMILIES:
        raise ValueError(f"Unknown family; known are {', '.join(FAMILIES)}. Received: family={family!r}")
    module = importlib.import_module(FAMILIES[family])
    make = getattr(module, network, None) if network in NETWORKS else None
    if make is None:
        known = ", ".join(name for name in NETWORKS if hasattr(module, name))
        raise ValueError(f"The networks of {family} are {known}. Received: network={network!r}")
    return module, make


def _parameters(make):
    return dict(list(inspect.signature(make).parameters.items())[1:])


def _check_arguments(family, network, make, given):
    parameters = _parameters(make)
    known = list(parameters)
    if unknown := [name for name in given if name not in known]:
        raise ValueError(
            f"The official arguments of {family}'s {network} are {', '.join(known)}. Received: {', '.join(unknown)}"
        )
    if missing := [name for name, each in parameters.items() if each.default is each.empty and name not in given]:
        raise ValueError(
            f"{family}'s {network} cannot be built without these official arguments: {', '.join(missing)}. "
            f"Received: {', '.join(given) or 'none'}"
        )
