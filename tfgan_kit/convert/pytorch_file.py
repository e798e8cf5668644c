"""Files of `torch.save`, and pickles, read without PyTorch and without running what is in them: see `unpickler`."""

import math
import os
import zipfile

from tfgan_kit.convert import unpickler

import numpy as np

_MOST_REPEATED = 16  # how many times its file's size the parameters may have: some share storages


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
    return read_content(path, _state_dict)


class NoSuchNetworkError(ValueError):
    """A whole file without the network that was asked for."""


def read_content(path, choose):
    """The arrays of a part of a file.

    Args:
        path: the file.
        choose: callable, what the file holds, as inert data -> dict of `unpickler.Tensor`s and `Array`s; it may raise
            `NoSuchNetworkError`.

    Returns:
        A dict, the keys of `choose`'s -> arrays.

    Raises:
        ValueError: as of `read_state_dict`.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if zipfile.is_zipfile(file):
                return _read_zip(file, size, choose)
            file.seek(0)
            return _read_stream(file, size, choose)
    except NoSuchNetworkError:
        raise
    except Exception as error:  # a damaged pickle or zip file can raise almost any
        what = "no whole file of weights that torch.save wrote; fetch it again"
        if isinstance(error, unpickler.ForeignError):
            what = "a file of other things than weights, and nothing in it was run"
        raise ValueError(f"This is {what}. Received: {path} ({type(error).__name__}: {error})") from error


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
            found = unpickler.unpickled(pickled)[0]
        return _arrays(choose(found), size, lambda storage: archive.read(f"{root}data/{storage.key}"))


def _read_stream(file, size, choose):
    """PyTorch's older format, or one pickle of everything."""
    found, _ = unpickler.unpickled(file, whole=True)
    if found != unpickler.LEGACY_MAGIC:
        return _arrays(choose(found), size, lambda storage: storage.content)
    file.seek(0)
    found, contents = unpickler.legacy(file, size)
    return _arrays(choose(found), size, lambda storage: contents[storage.key])


def _state_dict(found):
    if isinstance(found, unpickler.Module):
        raise TypeError("it holds a module and not a state dict")
    if not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__} and not a state dict, names of tensors")
    for name, value in found.items():
        if not isinstance(value, unpickler.Tensor):
            raise TypeError(f"under {name!r} lies a {type(value).__name__} and not a tensor: save the state dict alone")
    return found


def _arrays(chosen, size, content):
    """The arrays of unpickled tensors and arrays; `content(storage)` gives the bytes of a storage."""
    total = sum(each.size() for each in chosen.values())
    if total > _MOST_REPEATED * size:
        raise KeyError(f"{total} bytes of tensors in a file of {size}")
    tensors = {key: each for key, each in chosen.items() if isinstance(each, unpickler.Tensor)}
    storages = {}
    for storage in {id(each.storage): each.storage for each in tensors.values()}.values():
        numbers = np.frombuffer(content(storage), unpickler.DTYPES[storage.kind], count=storage.count)
        storages[id(storage)] = numbers
    return {
        key: _array(each, storages[id(each.storage)]) if key in tensors else each.numbers().copy()
        for key, each in chosen.items()
    }


def _array(tensor, numbers):
    """A tensor's own part of its storage; a damaged stride must not read beyond it."""
    steps = [(size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True)]
    if 0 not in tensor.shape and tensor.offset + sum(steps) >= len(numbers):
        raise KeyError("a tensor larger than its storage")
    if math.prod(tensor.shape) > len(numbers):
        raise KeyError("a tensor of more numbers than its storage")
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    found = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides).copy()
    if tensor.storage.kind == unpickler.BFLOAT16:
        return (found.astype(np.uint32) << 16).view(np.float32)
    return found
