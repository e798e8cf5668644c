"""The networks in an official checkpoint: their names, their parameters, and the arguments they were built with."""

import typing

from tfgan_kit.convert import stylegan2_tensorflow, unpickler
from tfgan_kit.convert.pytorch_file import NoSuchNetworkError, read_content

import numpy as np

_MOST_NAMES = 100_000  # of parameters and attributes; modules that refer to each other could have any number
_MOST_LEVELS = 50
_NO_NETWORKS = ("AugmentPipe",)  # of StyleGAN2-ADA, beside its networks


class Official(typing.NamedTuple):
    """An official network, as a file holds it.

    Attributes:
        state: dict, official parameter name -> array.
        arguments: dict, those of the official class's constructor, under their official names, as far as the file
            says them; StyleGAN's pickles do.
        attributes: dict, dotted name -> number or text, of the network's parts, such as
            "synthesis.b4.conv1.conv_clamp".
        class_name: str, or None where the file does not say it.
    """

    state: dict
    arguments: dict
    attributes: dict
    class_name: str | None


def read(path, network=None):
    """The parameters of a network in an official checkpoint, as arrays, for `load`.

    Reads what `torch.save` wrote of a state dict, also one among other things ({"netG_state_dict": ..., "epoch": 5}),
    and pickles of networks: R3GAN's, StyleGAN2-ADA's and StyleGAN3's, and StyleGAN2's of TensorFlow, whose parameters
    get the names they have in PyTorch. Nothing in the file is run: see `read_state_dict`.

    Args:
        path: the file: `.pth`, `.pt`, `.tar`, `.pkl`.
        network: str, the name of the network in the file, such as "G_ema"; None: the only one.

    Returns:
        A dict, official parameter name -> array.

    Raises:
        ValueError: as of `read_state_dict`; several networks and none named, or none of that name: they are listed.

    Example::

        state = tfgan_kit.convert.read("cifar10.pkl", network="G_ema")
    """
    (found,) = read_networks(path, [network]).values()
    return found.state


def networks(path):
    """The names of the networks in a file; None is that of a file that is a state dict itself.

    Raises:
        ValueError: as of `read_state_dict`.

    Example::

        tfgan_kit.convert.networks("cifar10.pkl")  # ["G", "D", "G_ema"]
    """
    names = []

    def choose(found):
        names.extend(_networks(found))
        return {}

    read_content(path, choose)
    return names


def read_networks(path, names=None):
    """Networks of an official checkpoint, with what the file says of how they were built; the file is read once.

    Args:
        path: as of `read`.
        names: list of names, of which None is the only one; None: all.

    Returns:
        A dict, name -> `Official`.

    Raises:
        ValueError: as of `read`.

    Example::

        read_networks("ffhq.pkl")["G_ema"].arguments["z_dim"]  # 512
    """
    described = {}

    def choose(found):
        known = _networks(found)
        for name in known if names is None else names:
            described[name] = named(known, path, name)
        return {(name, key): each for name, network in described.items() for key, each in network.state.items()}

    arrays = read_content(path, choose)
    for name, network in described.items():
        state = {key: arrays[name, key] for key in network.state}
        described[name] = stylegan2_tensorflow.official(network._replace(state=state))
    return described


def named(known, path, network):
    """The network of that name in a file; None is the only one.

    Raises:
        ValueError: several and none named, or none of that name: they are listed.
    """
    names = [name for name in known if name is not None]
    listed = ", ".join(names) if names else "one state dict without a name" if known else "none"
    if network is None and len(known) == 1:
        return next(iter(known.values()))
    if network is None or network not in known:
        raise NoSuchNetworkError(
            f"Name one of the networks in the file: {listed}. Received: network={network!r}, {path}"
        )
    return known[network]


def _networks(found):
    """Name -> `Official`, whose state's arrays are not made yet; the name None, if the whole is one."""
    if _is_network(found):
        return {None: _described(found)}
    if isinstance(found, tuple) and len(found) == 3 and all(map(_is_network, found)):  # of TensorFlow
        found = dict(zip(("G", "D", "G_ema"), found, strict=True))
    if not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__} and no network")
    return {name: _described(each) for name, each in found.items() if isinstance(name, str) and _is_network(each)}


def _is_network(found):
    if isinstance(found, dict):
        return bool(found) and all(isinstance(k, str) and isinstance(v, unpickler.Tensor) for k, v in found.items())
    if isinstance(found, unpickler.Module):
        return found.class_name not in _NO_NETWORKS
    return isinstance(found, unpickler.TensorFlowNetwork)


def _described(network):
    if isinstance(network, dict):
        return Official(_without_prefix(network), {}, {}, None)
    count = _Count()
    if isinstance(network, unpickler.TensorFlowNetwork):
        state, attributes = _of_tensorflow(network, count)
        arguments = _plain(network.parts.get("static_kwargs"), count)
        return Official(state, arguments, attributes, str(network.parts.get("build_func_name")))
    state, attributes = _of_module(network, count)
    arguments = _plain(network.parts.get("_init_kwargs"), count) or {}
    return Official(_without_prefix(state), arguments, attributes, network.class_name)


def _without_prefix(tensors):
    if tensors and all(name.startswith("module.") for name in tensors):  # of `torch.nn.DataParallel`
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


class _Count:
    """What was met so far: parts of a pickle that refer to each other could be met without end."""

    def __init__(self):
        self.met = 0

    def add(self, number, level):
        self.met += number
        if self.met > _MOST_NAMES or level > _MOST_LEVELS:
            raise KeyError("modules without end")


def _of_module(module, count, prefix="", level=0):
    """Tensors and plain attributes by their names, of a module and those in it, as `state_dict` has them."""
    parts = module.parts
    absent = parts.get("_non_persistent_buffers_set") or ()
    tensors, attributes = {}, {}
    for kind in ("_parameters", "_buffers"):
        for name, tensor in (parts.get(kind) or {}).items():
            if isinstance(tensor, unpickler.Tensor) and not (kind == "_buffers" and name in absent):
                tensors[f"{prefix}{name}"] = tensor
    for name, value in parts.items():
        if value is None or isinstance(value, int | float | str):
            attributes[f"{prefix}{name}"] = value
    count.add(1 + len(tensors) + len(attributes), level)
    for name, inner in (parts.get("_modules") or {}).items():
        if isinstance(inner, unpickler.Module):
            more = _of_module(inner, count, f"{prefix}{name}.", level + 1)
            tensors.update(more[0])
            attributes.update(more[1])
    return tensors, attributes


def _of_tensorflow(network, count, prefix="", level=0):
    """Variables by their names, and the version and the name of the function that built each network in it."""
    arrays = {}
    for name, value in network.parts["variables"]:
        arrays[f"{prefix}{name}"] = _Number(value) if isinstance(value, int | float) else value
    attributes = {f"{prefix}{name}": network.parts.get(name) for name in ("version", "build_func_name")}
    count.add(1 + len(arrays), level)
    for name, inner in (network.parts.get("components") or {}).items():
        more = _of_tensorflow(inner, count, f"{prefix}{name}/", level + 1)
        arrays.update(more[0])
        attributes.update(more[1])
    return arrays, attributes


class _Number(typing.NamedTuple):
    """A number in the place of an array, as TensorFlow returns scalars."""

    value: float

    def size(self):
        return 4

    def numbers(self):
        return np.float32(self.value)


def _plain(value, count, level=0):
    """What JSON could say: numbers, text, lists and dicts; None in the place of anything else."""
    if isinstance(value, dict):
        count.add(len(value), level)
        return {name: _plain(each, count, level + 1) for name, each in value.items() if isinstance(name, str)}
    if isinstance(value, list | tuple):
        count.add(len(value), level)
        return [_plain(each, count, level + 1) for each in value]
    return value if isinstance(value, int | float | str) else None
