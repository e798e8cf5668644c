"""TensorProto <-> NumPy, with the semantics of TensorFlow's `Tensor::FromProto` / `AsProtoField`."""

import math

import ml_dtypes
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

_MOST_DIMENSIONS = 254  # TensorFlow's
_FILLED_ELEMENTS = 2**20  # the most that a tensor of fewer values is filled up to

# The proto's field of each type; complex and quantised types are written as `tensor_content`
_FIELDS = {
    np.float32: "float_val",
    np.float64: "double_val",
    np.int8: "int_val",
    np.int16: "int_val",
    np.int32: "int_val",
    np.uint8: "int_val",
    np.uint16: "int_val",
    np.int64: "int64_val",
    np.uint32: "uint32_val",
    np.uint64: "uint64_val",
    np.bool_: "bool_val",
    np.object_: "string_val",
    np.float16: "half_val",
    ml_dtypes.bfloat16: "half_val",
}
_HALVES = (np.float16, ml_dtypes.bfloat16)
_LENGTH_DELIMITED = 2  # protobuf's wire type of a packed field
_PACKED_AS_THEY_ARE = (np.float32, np.float64)  # little-endian both in memory and in a message


def shape_of(proto) -> tuple[int, ...]:
    """The shape in a TensorProto. Raises ValueError if it is unknown, negative, or has too many dimensions."""
    if len(proto.tensor_shape.dim) > _MOST_DIMENSIONS:
        raise ValueError(f"a tensor has at most {_MOST_DIMENSIONS} dimensions")
    shape = tuple(dimension.size for dimension in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ValueError("the shape is unknown or negative")
    return shape


def decode(proto) -> np.ndarray:
    """TensorProto -> array; as in the runtime, no value means zeros, and a short list repeats its last value.

    `tf.make_ndarray` fails for an empty list, and trusts the shape: a small message that claims 10^12 elements would
    exhaust the server's memory. Here no more than 2^20 elements are filled in.

    Raises:
        ValueError: the bytes do not make the tensor.
    """
    shape, dtype = shape_of(proto), tf.dtypes.as_dtype(proto.dtype)
    if math.prod(shape) > max(_FILLED_ELEMENTS, proto.ByteSize()):  # a value takes at least a byte
        raise ValueError("the shape has many more elements than there are values")
    if proto.tensor_content:
        return np.frombuffer(proto.tensor_content, dtype.as_numpy_dtype).reshape(shape)
    try:
        value = tf.io.parse_tensor(proto.SerializeToString(), dtype).numpy()
    except tf.errors.OpError as error:
        raise ValueError(error.message) from error
    return np.asarray(value, object) if dtype == tf.string else value  # a scalar string is `bytes`


def encode(array: np.ndarray, proto: tensor_pb2.TensorProto, as_content: bool) -> None:
    """Writes an array into `proto`: typed fields, or `tensor_content` (strings never)."""
    kind = array.dtype.type
    proto.dtype = tf.dtypes.as_dtype(array.dtype).as_datatype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if kind not in _FIELDS or (as_content and kind is not np.object_):
        proto.tensor_content = array.tobytes()
    else:
        _extend(proto, array.ravel(), kind)


def _extend(proto, flat, kind) -> None:
    if kind is np.uint8:  # an image: one Python int per pixel would take four times as long
        proto.MergeFromString(_packed(_FIELDS[kind], byte_varints(flat)))
    elif kind in _PACKED_AS_THEY_ARE:
        proto.MergeFromString(_packed(_FIELDS[kind], flat.tobytes()))
    else:
        values = flat.view(np.uint16) if kind in _HALVES else flat
        getattr(proto, _FIELDS[kind]).extend(values.tolist())


def byte_varints(values: np.ndarray) -> bytes:
    """uint8 (N,) as protobuf's varints: one byte below 128, otherwise the byte and a 1.

    The first byte is 128 + v % 128, where 128 means that another byte follows, v // 128 = 1: v itself, then 1.
    """
    pairs, kept = np.ones((values.size, 2), np.uint8), np.ones((values.size, 2), bool)
    pairs[:, 0], kept[:, 1] = values, values > 127
    return np.compress(kept.ravel(), pairs.ravel()).tobytes()


def _packed(field: str, content: bytes) -> bytes:
    number = tensor_pb2.TensorProto.DESCRIPTOR.fields_by_name[field].number
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes(digits + bytes([value]))
