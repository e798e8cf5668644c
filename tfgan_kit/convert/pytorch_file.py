"""Files of `torch.save` and pickles of modules, read without PyTorch and without running what is in them.

A pickle names functions to call. Here only a list of names is known, and each stands for a piece of inert data; a file
that names anything else is refused before any of it is used.
"""

import io
import math
import os
import pickle
import pickletools
import typing
import zipfile
from collections import OrderedDict

import numpy as np

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # of files older than PyTorch 1.6, and of storages in a pickle
_LEGACY_PROTOCOL = 1001
_BFLOAT16 = "BFloat16Storage"  # NumPy has no such dtype: read as the upper half of float32
_DTYPES = {
    "FloatStorage": np.float32, "DoubleStorage": np.float64, "HalfStorage": np.float16, _BFLOAT16: np.uint16,
    "LongStorage": np.int64, "IntStorage": np.int32, "ShortStorage": np.int16, "CharStorage": np.int8,
    "ByteStorage": np.uint8, "BoolStorage": np.bool_,
}  # fmt: skip
_NAMES = [np.dtype(dtype).name for name, dtype in _DTYPES.items() if name != _BFLOAT16] + ["bfloat16"]
# Modules whose classes stand for a network or a part of one: PyTorch's layers, and the code of R3GAN's files.
_OF_MODULES = ("torch.nn.modules.", "training.networks", "R3GAN.", "BaselineGAN.")
# Values that no parameter depends on.
_IGNORED = {("torch", name) for name in ("float32", "float16", "bfloat16", "device", "Size")} | {
    (f"numpy{part}", name)
    for part in ("", ".core.multiarray", "._core.multiarray")
    for name in ("dtype", "ndarray", "scalar", "_reconstruct")
}
_MOST_NAMES = 100_000  # of parameters; modules that refer to each other could have any number
_MOST_REPEATED = 16  # how many times its file's size the parameters may have: some share storages
_MOST_MEMO = 2**24  # objects that a pickle refers back to: Python reserves memory by the number it is told


class _Storage(typing.NamedTuple):
    """What a tensor lies in, named before it is read: its kind and its place in the file, or its bytes."""

    kind: str
    key: str
    count: int
    content: bytes | None = None


class _Tensor(typing.NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


class _Module:
    """What stands for an object of a class of `_OF_MODULES`: its attributes, as data."""

    def __setstate__(self, state):
        self.parts = state if isinstance(state, dict) else {}


class _Ignored:
    """What stands for a value that is not needed."""

    def __new__(cls, *_, **__):
        return super().__new__(cls)

    def __setstate__(self, state):
        pass


class _Attributes(dict):
    """`dnnlib.util.EasyDict`."""

    def __setstate__(self, state):
        pass


def read_state_dict(path):
    """The arrays of a state dict that `torch.save` wrote, in its zip format or the one before.

    Only tensors, containers and numbers are made: a file that asks for anything else is refused
    before it runs, unlike by `torch.load(weights_only=False)`.

    Args:
        path: the file, usually `.pth` or `.pt`.

    Returns:
        A dict, name -> array of the dtype that was saved; bfloat16 as float32.

    Raises:
        ValueError: no such file, a file of another kind, a damaged one, or one that holds other things.

    Example::

        read_state_dict("pt_inception-2015-12-05-6726825d.pth")["fc.weight"].shape  # (1008, 2048)
    """
    return _read(path, lambda found, _: _state_dict(found))


def read(path, network=None):
    """The parameters of a network in an official checkpoint, as arrays, for `load`.

    Reads what `torch.save` wrote of a state dict, also one among other things ({"netG_state_dict": ..., "epoch": 5}),
    and pickles of modules, such as R3GAN's `.pkl`. Nothing in the file is run: see `read_state_dict`.

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
    return _read(path, lambda found, path: _named(_networks(found), path, network))


def networks(path):
    """The names of the networks in a file; None is that of a file that is a state dict itself.

    Raises:
        ValueError: as of `read_state_dict`.

    Example::

        tfgan_kit.convert.networks("cifar10.pkl")  # ["G", "D", "G_ema"]
    """
    names = []

    def choose(found, _):
        names.extend(_networks(found))
        return {}

    _read(path, choose)
    return names


class _NoSuchNetworkError(ValueError):
    """A whole file without the network that was asked for."""


def _read(path, choose):
    """The arrays of what `choose(content, path)` takes of a file: a dict, name -> `_Tensor`."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if zipfile.is_zipfile(file):
                return _read_zip(file, size, lambda found: choose(found, path))
            file.seek(0)
            return _read_stream(file, size, lambda found: choose(found, path))
    except _NoSuchNetworkError:
        raise
    except Exception as error:  # a damaged pickle or zip file can raise almost any
        raise ValueError(
            "This is no whole file of weights that torch.save wrote; fetch it again. "
            f"Received: {path} ({type(error).__name__}: {error})"
        ) from error


def _read_zip(file, size, choose):
    with zipfile.ZipFile(file) as archive:
        roots = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise KeyError(f"a zip file with {len(roots) or 'no'} data.pkl")
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise KeyError("a zip file that is compressed, which torch.save's never are")
        (root,) = roots
        if root + "byteorder" in archive.namelist() and archive.read(root + "byteorder") != b"little":
            raise KeyError("big-endian storages")
        with archive.open(root + "data.pkl") as pickled:
            found = _unpickled(pickled)[0]
        return _arrays(choose(found), size, lambda storage: archive.read(f"{root}data/{storage.key}"))


def _read_stream(file, size, choose):
    """PyTorch's older format, or one pickle of everything."""
    found, _ = _unpickled(file, storages_inside=True)
    if found != _LEGACY_MAGIC:
        return _arrays(choose(found), size, lambda storage: storage.content)
    file.seek(0)
    found, contents = _legacy(file, size)
    return _arrays(choose(found), size, lambda storage: contents[storage.key])


def _legacy(file, size):
    """What a stream of PyTorch's older format holds, and its storages' bytes by key."""
    if [_unpickled(file)[0] for _ in range(2)] != [_LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise KeyError("neither a zip file nor PyTorch's number at its beginning")
    _unpickled(file)  # the writer's byte order and sizes of integers
    found, storages = _unpickled(file)
    contents = {}
    for key in _unpickled(file)[0]:
        storage = storages[key]
        count = int.from_bytes(file.read(8), "little")
        if count != storage.count:
            raise KeyError(f"a storage of {count} numbers in the place of {storage.count}")
        bytes_ = count * np.dtype(_DTYPES[storage.kind]).itemsize
        if bytes_ > size:
            raise KeyError("a storage larger than the file")
        contents[key] = file.read(bytes_)
    return found, contents


def _state_dict(found):
    if isinstance(found, _Module):
        raise TypeError("it holds a module and not a state dict")
    if not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__} and not a state dict, names of tensors")
    for name, value in found.items():
        if not isinstance(value, _Tensor):
            raise TypeError(f"under {name!r} lies a {type(value).__name__} and not a tensor: save the state dict alone")
    return found


def _networks(found):
    """Name -> tensors by their names, of each network; the name None, if the whole is one."""
    if _is_network(found):
        return {None: _tensors(found)}
    if not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__} and no network")
    return {name: _tensors(each) for name, each in found.items() if isinstance(name, str) and _is_network(each)}


def _is_network(found):
    if isinstance(found, dict):
        return bool(found) and all(isinstance(k, str) and isinstance(v, _Tensor) for k, v in found.items())
    return isinstance(found, _Module)


def _tensors(network):
    tensors = dict(network) if isinstance(network, dict) else dict(_of_module(network, "", [_MOST_NAMES]))
    if tensors and all(name.startswith("module.") for name in tensors):  # of `torch.nn.DataParallel`
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    return tensors


def _of_module(module, prefix, left):
    """Names and tensors of a module and those in it, as `state_dict` has them."""
    parts = getattr(module, "parts", {})
    absent = parts.get("_non_persistent_buffers_set") or ()
    for kind in ("_parameters", "_buffers"):
        for name, tensor in (parts.get(kind) or {}).items():
            if isinstance(tensor, _Tensor) and not (kind == "_buffers" and name in absent):
                yield f"{prefix}{name}", tensor
    for name, inner in (parts.get("_modules") or {}).items():
        left[0] -= 1
        if left[0] < 0 or prefix.count(".") > 50:
            raise KeyError("modules without end")
        if isinstance(inner, _Module):
            yield from _of_module(inner, f"{prefix}{name}.", left)


def _named(known, path, network):
    names = [name for name in known if name is not None]
    listed = ", ".join(names) if names else "one state dict without a name" if known else "none"
    if network is None and len(known) == 1:
        return next(iter(known.values()))
    if network is None or network not in known:
        raise _NoSuchNetworkError(
            f"Name one of the networks in the file: {listed}. Received: network={network!r}, {path}"
        )
    return known[network]


def _arrays(tensors, size, content):
    """The arrays of unpickled tensors; `content(storage)` gives the bytes of a storage."""
    total = sum(math.prod(each.shape) * np.dtype(_DTYPES[each.storage.kind]).itemsize for each in tensors.values())
    if total > _MOST_REPEATED * size:
        raise KeyError(f"{total} bytes of tensors in a file of {size}")
    storages = {}
    for storage in {id(each.storage): each.storage for each in tensors.values()}.values():
        numbers = np.frombuffer(content(storage), _DTYPES[storage.kind], count=storage.count)
        storages[id(storage)] = numbers
    return {name: _array(tensor, storages[id(tensor.storage)]) for name, tensor in tensors.items()}


def _array(tensor, numbers):
    """A tensor's own part of its storage; a damaged stride must not read beyond it."""
    steps = [(size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True)]
    if min([tensor.offset, *tensor.strides], default=0) < 0 or min(tensor.shape, default=1) < 0:
        raise KeyError("a tensor of negative sizes")
    if 0 not in tensor.shape and tensor.offset + sum(steps) >= len(numbers):
        raise KeyError("a tensor larger than its storage")
    if math.prod(tensor.shape) > len(numbers):
        raise KeyError("a tensor of more numbers than its storage")
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    found = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides).copy()
    if tensor.storage.kind == _BFLOAT16:
        return (found.astype(np.uint32) << 16).view(np.float32)
    return found


def _unpickled(file, storages_inside=False):
    """The next pickle of a stream, and the storages by key that it refers to.

    Args:
        file: binary stream that can be sought.
        storages_inside: whether storages may lie in the pickle, as bytes; those inside of one may not.
    """
    start = file.tell()
    for opcode, argument, _ in pickletools.genops(file):
        if "PUT" in opcode.name and argument > _MOST_MEMO:
            raise pickle.UnpicklingError(f"it refers to object {argument} of itself")
    file.seek(start)
    unpickler = _Unpickler(file, storages_inside)
    return unpickler.load(), unpickler.storages


def _rebuild_tensor(storage, offset, shape, strides, *_):
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("it holds a tensor without a storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _from_bytes(content):
    """The storage in a stream of its own, PyTorch's older format, inside of a pickle."""
    storage, contents = _legacy(io.BytesIO(content), len(content))
    return storage._replace(content=contents[storage.key])


class _Unpickler(pickle.Unpickler):
    """Knows tensors, containers and the stand-ins above, and nothing else."""

    _KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("builtins", "set"): set,
        ("__builtin__", "set"): set,  # of protocol 2
        ("dnnlib.util", "EasyDict"): _Attributes,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        **{("torch", name): name for name in _DTYPES},
        **dict.fromkeys(_IGNORED, _Ignored),
    }

    def __init__(self, file, storages_inside):
        super().__init__(file)
        self.storages = {}
        self._storages_inside = storages_inside

    def find_class(self, module, name):
        if (module, name) in self._KNOWN:
            return self._KNOWN[module, name]
        if self._storages_inside and (module, name) == ("torch.storage", "_load_from_bytes"):
            return _from_bytes
        if self._storages_inside and f"{module}.".startswith(_OF_MODULES) and name.isidentifier():
            return _Module
        raise pickle.UnpicklingError(f"it holds {module}.{name}, and only tensors of {', '.join(_NAMES)} are read")

    def persistent_load(self, identifier):
        kind, dtype, key, _, count, *view = identifier
        if kind != "storage" or any(view) or dtype not in _DTYPES:  # views of storages ended with PyTorch 0.4
            raise pickle.UnpicklingError(f"it refers to a {kind} of an unknown kind")
        return self.storages.setdefault(key, _Storage(dtype, key, count))
