"""Pickles of official checkpoints as inert data: nothing that is in them is run.

A pickle names functions to call. Here only a list of names is known, and each stands for a piece of inert data; a file
that names anything else is refused before any of it is used.
"""

import io
import math
import pickle
import pickletools
import typing
from collections import OrderedDict

import numpy as np

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C  # of files older than PyTorch 1.6, and of storages in a pickle
_LEGACY_PROTOCOL = 1001
BFLOAT16 = "BFloat16Storage"  # NumPy has no such dtype: read as the upper half of float32
DTYPES = {
    "FloatStorage": np.float32, "DoubleStorage": np.float64, "HalfStorage": np.float16, BFLOAT16: np.uint16,
    "LongStorage": np.int64, "IntStorage": np.int32, "ShortStorage": np.int16, "CharStorage": np.int8,
    "ByteStorage": np.uint8, "BoolStorage": np.bool_,
}  # fmt: skip
_NAMES = [np.dtype(dtype).name for name, dtype in DTYPES.items() if name != BFLOAT16] + ["bfloat16"]
_CODES = {np.dtype(dtype).str[1:] for name, dtype in DTYPES.items() if name != BFLOAT16}  # NumPy's names: f4, i8
# Modules whose classes stand for a network or a part of one: PyTorch's layers, and the code of R3GAN's files.
_OF_MODULES = ("torch.nn.modules.", "training.networks", "R3GAN.", "BaselineGAN.")
# Values that no parameter depends on.
_IGNORED = {("torch", name) for name in ("float32", "float16", "bfloat16", "device", "Size")}
_MOST_MEMO = 2**24  # objects that a pickle refers back to: Python reserves memory by the number it is told
_MOST_TUPLES = 40_000  # Python looks into a tuple in a tuple by recursion, and ends above 100,000 of them
_MOST_AXES = 32


class ForeignError(pickle.UnpicklingError):
    """A name that stands for nothing here, and so a file of something else."""


class Storage(typing.NamedTuple):
    """What a tensor lies in, named before it is read: its kind and its place in the file, or its bytes."""

    kind: str
    key: str
    count: int
    content: bytes | None = None


class Tensor(typing.NamedTuple):
    """A part of a storage."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple

    def size(self):
        """Bytes of its numbers."""
        return math.prod(self.shape) * np.dtype(DTYPES[self.storage.kind]).itemsize


class _Parts:
    """An object of which its attributes are kept, as data.

    Attributes:
        parts: dict, attribute -> data.
    """

    parts = {}

    def __setstate__(self, state):
        self.parts = state if isinstance(state, dict) else {}


class Module(_Parts):
    """What stands for a network or a part of one.

    Attributes:
        class_name: str, of an object of `torch_utils.persistence`, the pickles of StyleGAN2-ADA and StyleGAN3.
    """

    class_name = None


class TensorFlowNetwork(_Parts):
    """What stands for a `dnnlib.tflib.network.Network`, of StyleGAN2's pickles of TensorFlow."""


class Dtype:
    """`numpy.dtype`: its code, such as "f4", and its byte order."""

    code = order = None

    def __new__(cls, code=None, *_):
        made = super().__new__(cls)
        made.code = code if isinstance(code, str) else None
        return made

    def __setstate__(self, state):
        self.order = state[1]

    def known(self):
        """The NumPy dtype of a number; None of anything else."""
        if self.code not in _CODES or self.order not in (None, *"<>|="):
            return None
        return np.dtype((self.order or "") + self.code)


class Array:
    """`numpy.ndarray`, made of its bytes when `numbers` is asked for."""

    state = None

    def __new__(cls, *_):
        return super().__new__(cls)

    def __setstate__(self, state):
        self.state = state[1:]

    def numbers(self):
        """The array itself.

        Raises:
            UnpicklingError: no array of numbers, or as many bytes as it does not have.
        """
        shape, dtype, by_column, content = self.state or (None,) * 4
        known = dtype.known() if isinstance(dtype, Dtype) else None
        if known is None or not isinstance(content, bytes | bytearray):
            raise pickle.UnpicklingError(f"it holds an array of no dtype of {', '.join(_NAMES[:-1])}")
        if math.prod(_sizes(shape)) * known.itemsize != len(content):
            raise pickle.UnpicklingError(f"it holds an array {shape} of {len(content)} bytes")
        return np.frombuffer(content, known).reshape(shape, order="F" if by_column else "C")

    def size(self):
        """Bytes of its numbers."""
        return len(self.state[3]) if self.state and isinstance(self.state[3], bytes | bytearray) else 0


class Ignored:
    """What stands for a value that is not needed."""

    def __new__(cls, *_, **__):
        return super().__new__(cls)

    def __setstate__(self, state):
        pass


class _Attributes(dict):
    """`dnnlib.util.EasyDict`."""

    def __setstate__(self, state):
        pass


def unpickled(file, whole=False):
    """The next pickle of a stream, and the storages by key that it refers to.

    Args:
        file: binary stream that can be sought.
        whole: whether it is the pickle of whole networks, whose storages lie in it as bytes; the pickle inside of a
            storage is not, nor are those of `torch.save`.
    """
    start, tuples = file.tell(), 0
    for opcode, argument, _ in pickletools.genops(file):
        tuples += "TUPLE" in opcode.name and opcode.name != "EMPTY_TUPLE"
        if "PUT" in opcode.name and argument > _MOST_MEMO:
            raise pickle.UnpicklingError(f"it refers to object {argument} of itself")
        if tuples > _MOST_TUPLES:
            raise pickle.UnpicklingError(f"it holds more than {_MOST_TUPLES} tuples")
    file.seek(start)
    unpickler = _Unpickler(file, whole)
    return unpickler.load(), unpickler.storages


def legacy(file, size):
    """What a stream of PyTorch's older format holds, and its storages' bytes by key."""
    if [unpickled(file)[0] for _ in range(2)] != [LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise KeyError("neither a zip file nor PyTorch's number at its beginning")
    unpickled(file)  # the writer's byte order and sizes of integers
    found, storages = unpickled(file)
    contents = {}
    for key in unpickled(file)[0]:
        storage = storages[key]
        count = int.from_bytes(file.read(8), "little")
        if count != storage.count:
            raise KeyError(f"a storage of {count} numbers in the place of {storage.count}")
        bytes_ = count * np.dtype(DTYPES[storage.kind]).itemsize
        if bytes_ > size:
            raise KeyError("a storage larger than the file")
        contents[key] = file.read(bytes_)
    return found, contents


def _sizes(shape):
    """A shape, or strides, if they are that."""
    if not isinstance(shape, tuple | list) or len(shape) > _MOST_AXES:
        raise pickle.UnpicklingError("it holds a tensor without a shape")
    if not all(isinstance(size, int) and 0 <= size < 2**48 for size in shape):
        raise pickle.UnpicklingError("it holds a tensor of negative or far too large sizes")
    return tuple(shape)


def _rebuild_tensor(storage, offset, shape, strides, *_):
    if not isinstance(storage, Storage):
        raise pickle.UnpicklingError("it holds a tensor without a storage")
    return Tensor(storage, *_sizes([offset]), _sizes(shape), _sizes(strides))


def _from_bytes(content):
    """The storage in a stream of its own, PyTorch's older format, inside of a pickle."""
    storage, contents = legacy(io.BytesIO(content), len(content))
    return storage._replace(content=contents[storage.key])


def _persistent(meta):
    """An object of `torch_utils.persistence`: its class's name and its attributes. Its source text stays text."""
    module = Module()
    module.__setstate__(meta["state"])
    module.class_name = str(meta["class_name"])
    return module


def _scalar(dtype, content=b"", *_):
    """A number of NumPy's, as Python's."""
    known = dtype.known() if isinstance(dtype, Dtype) else None
    return Ignored() if known is None else np.frombuffer(content, known, count=1)[0].item()


def _from_buffer(content, dtype, shape, order, *_):
    """An array in a pickle of protocol 5."""
    made = Array()
    made.state = shape, dtype, order == "F", content
    return made


def _encode(text, encoding=None):
    """Bytes in a pickle of protocol 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError("it holds bytes in an unknown encoding")
    return text.encode("latin1")


class _Function:
    """A function that a pickle may call, and not change."""

    __slots__ = ("_call",)

    def __init__(self, call):
        self._call = call

    def __call__(self, *arguments):
        return self._call(*arguments)

    def __setstate__(self, state):
        raise pickle.UnpicklingError("it changes a function")


class _Unpickler(pickle.Unpickler):
    """Knows tensors, arrays, containers and the stand-ins above, and nothing else."""

    _KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("builtins", "set"): set,
        ("__builtin__", "set"): set,  # of protocol 2
        ("_codecs", "encode"): _Function(_encode),
        ("dnnlib.util", "EasyDict"): _Attributes,
        ("torch._utils", "_rebuild_tensor_v2"): _Function(_rebuild_tensor),
        ("torch._utils", "_rebuild_parameter"): _Function(lambda tensor, *_: tensor),
        ("numpy", "dtype"): Dtype,
        ("numpy", "ndarray"): Array,
        **{
            (f"numpy.{core}.{module}", name): stand_in
            for core in ("core", "_core")
            for module, name, stand_in in (
                ("multiarray", "_reconstruct", _Function(lambda *_: Array())),
                ("multiarray", "scalar", _Function(_scalar)),
                ("numeric", "_frombuffer", _Function(_from_buffer)),
            )
        },
        **{("torch", name): name for name in DTYPES},
        **dict.fromkeys(_IGNORED, Ignored),
    }
    _OF_WHOLE = {
        ("torch.storage", "_load_from_bytes"): _Function(_from_bytes),
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): _Function(_persistent),
        ("dnnlib.tflib.network", "Network"): TensorFlowNetwork,
    }

    def __init__(self, file, whole):
        super().__init__(file)
        self.storages = {}
        self._whole = whole

    def find_class(self, module, name):
        known = {**self._KNOWN, **self._OF_WHOLE} if self._whole else self._KNOWN
        if (module, name) in known:
            return known[module, name]
        if self._whole and f"{module}.".startswith(_OF_MODULES) and name.isidentifier():
            return Module
        raise ForeignError(f"it holds {module}.{name}, and only tensors of {', '.join(_NAMES)} are read")

    def persistent_load(self, identifier):
        kind, dtype, key, _, count, *view = identifier
        if kind != "storage" or any(view) or dtype not in DTYPES:  # views of storages ended with PyTorch 0.4
            raise pickle.UnpicklingError(f"it refers to a {kind} of an unknown kind")
        return self.storages.setdefault(key, Storage(dtype, key, count))
