"""The weights in a file of `torch.save`, read without PyTorch and without running what is in it, into a Keras model."""

import math
import pickle
import zipfile
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

EPSILON = 1e-3  # of every batch normalization, in the networks that came from TensorFlow
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # of files older than PyTorch 1.6
_LEGACY_PROTOCOL = 1001
_DTYPES = {
    "FloatStorage": np.float32, "DoubleStorage": np.float64, "HalfStorage": np.float16,
    "LongStorage": np.int64, "IntStorage": np.int32, "ShortStorage": np.int16, "CharStorage": np.int8,
    "ByteStorage": np.uint8, "BoolStorage": np.bool_,
}  # fmt: skip
_NAMES = [np.dtype(dtype).name for dtype in _DTYPES.values()]


class _Storage(NamedTuple):
    """What a tensor lies in, named before it is read: its dtype and its place in the file."""

    dtype: np.dtype
    key: str
    count: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


def read_state_dict(path):
    """The arrays of a state dict that `torch.save` wrote, in its zip format or the one before.

    Only tensors, containers and numbers are made: a file that asks for anything else is refused
    before it runs, unlike by `torch.load(weights_only=False)`.

    Args:
        path: the file, usually `.pth` or `.pt`.

    Returns:
        A dict, name -> array of the dtype that was saved.

    Raises:
        ValueError: no such file, a file of another kind, a damaged one, or one that holds other things.

    Example::

        read_state_dict("pt_inception-2015-12-05-6726825d.pth")["fc.weight"].shape  # (1008, 2048)
    """
    try:
        with open(path, "rb") as file:
            if zipfile.is_zipfile(file):
                return _read_zip(file)
            file.seek(0)
            return _read_legacy(file)
    except Exception as error:  # a damaged pickle or zip file can raise almost any
        raise ValueError(
            "This is no whole file of weights that torch.save wrote; fetch it again. "
            f"Received: {path} ({type(error).__name__}: {error})"
        ) from error


def _read_zip(file):
    with zipfile.ZipFile(file) as archive:
        roots = [name.removesuffix("data.pkl") for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise KeyError(f"a zip file with {len(roots) or 'no'} data.pkl")
        (root,) = roots
        if root + "byteorder" in archive.namelist() and archive.read(root + "byteorder") != b"little":
            raise KeyError("big-endian storages")
        with archive.open(root + "data.pkl") as pickled:
            found = _Unpickler(pickled).load()
        return _arrays(found, lambda storage: archive.read(f"{root}data/{storage.key}"))


def _read_legacy(file):
    if _first_numbers(file) != (_LEGACY_MAGIC, _LEGACY_PROTOCOL):
        raise KeyError("neither a zip file nor PyTorch's number at its beginning")
    _Unpickler(file).load()  # the writer's byte order and sizes of integers
    unpickler = _Unpickler(file)
    found = unpickler.load()
    contents = {}
    for key in _Unpickler(file).load():
        storage = unpickler.storages[key]
        count = int.from_bytes(file.read(8), "little")
        if count != storage.count:
            raise KeyError(f"a storage of {count} numbers in the place of {storage.count}")
        contents[key] = file.read(count * np.dtype(storage.dtype).itemsize)
    return _arrays(found, lambda storage: contents[storage.key])


def _first_numbers(file):
    """The two numbers that a file of PyTorch's older format begins with."""
    return _Unpickler(file).load(), _Unpickler(file).load()


def _arrays(found, content):
    """The arrays of unpickled tensors; `content(storage)` gives the bytes of a storage."""
    if not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__} and not a state dict, names of tensors")
    for name, value in found.items():
        if not isinstance(value, _Tensor):
            raise TypeError(f"under {name!r} lies a {type(value).__name__} and not a tensor: save the state dict alone")
    storages = {}
    for tensor in found.values():
        storage = tensor.storage
        if storage.key not in storages:
            storages[storage.key] = np.frombuffer(content(storage), storage.dtype, count=storage.count)
    return {name: _array(tensor, storages[tensor.storage.key]) for name, tensor in found.items()}


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
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides).copy()


def _rebuild_tensor(storage, offset, shape, strides, *_):
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    """Knows tensors, ordered dicts and nothing else."""

    _KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        **{("torch", name): np.dtype(dtype) for name, dtype in _DTYPES.items()},
    }

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        try:
            return self._KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it holds {module}.{name}, and only tensors of {', '.join(_NAMES)} are read"
            ) from None

    def persistent_load(self, identifier):
        kind, dtype, key, _, count, *view = identifier
        if kind != "storage" or any(view):  # views of storages ended with PyTorch 0.4
            raise pickle.UnpicklingError(f"it refers to a {kind} of an unknown kind")
        return self.storages.setdefault(key, _Storage(dtype, key, count))


def fill(network, path, arrays_of, title):
    """Sets the weights of every layer of a Keras model that has some.

    Args:
        network: the Keras model.
        path: a file that `torch.save` wrote of a state dict.
        arrays_of: callable (layer name, dict of arrays) -> the list for `layer.set_weights`.
        title: str, the network's name in errors.

    Raises:
        ValueError: a file without one of the weights, or with one of another shape.
    """
    weights = read_state_dict(path)
    for layer in network.layers:
        if layer.weights:
            try:
                layer.set_weights(arrays_of(layer.name, weights))
            except (KeyError, ValueError) as error:
                raise ValueError(
                    f"These are not the weights of {title}. Received: {path}, whose {layer.name} does not fit: {error}"
                ) from error


def folded(weights, convolution, norm, depthwise=False):
    """Kernel and bias of a convolution that does the batch normalization's work, too.

        gamma (K x - mean) / sqrt(variance + epsilon) + beta = (scale K) x + (beta - scale mean)

    Args:
        weights: dict of arrays, of the names and in the layout of PyTorch.
        convolution, norm: str, what their names begin with.
        depthwise: bool, whether each input channel has its own filters.

    Returns:
        [float64 (height, width, in, out), or (height, width, in, 1) when depthwise; float64 (out,)].

    Raises:
        KeyError: a name that is not among the weights.
    """
    kernel = np.asarray(weights[f"{convolution}.weight"], np.float64)  # (out, in, height, width)
    gamma, beta, mean, variance = (
        np.asarray(weights[f"{norm}.{part}"], np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    kernel = kernel.transpose(2, 3, 1, 0) * scale  # (height, width, in, out)
    return [kernel.swapaxes(2, 3) if depthwise else kernel, beta - scale * mean]
