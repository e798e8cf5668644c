"""TensorProto <-> NumPy, with the semantics of TensorFlow's `Tensor::FromProto` / `AsProtoField`.

`tf.make_ndarray` is similar, but it fails where the runtime fills values in (an empty list is zeros) and trusts the
shape: a small message that claims 10^12 elements would exhaust the server's memory.
"""

import math

import ml_dtypes
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

_MAX_BYTES = 2**31 - 1  # the largest gRPC message

# The proto's field of each type; complex and quantised types are left to TensorFlow
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
_INT32_FIELDS = ("int_val", "half_val")  # narrower types use the low bits, as in the runtime
_LENGTH_DELIMITED = 2  # protobuf's wire type of a packed field
_PACKED_AS_THEY_ARE = (np.float32, np.float64)  # little-endian both in memory and in a message


def shape_of(proto) -> tuple[int, ...]:
    """The shape in a TensorProto. Raises ValueError if it is unknown or negative."""
    shape = tuple(dimension.size for dimension in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise ValueError("the shape is unknown or negative")
    return shape


def decode(proto) -> np.ndarray:
    """TensorProto -> array. Raises ValueError if the bytes do not make the tensor."""
    shape = shape_of(proto)
    dtype = tf.dtypes.as_dtype(proto.dtype).as_numpy_dtype
    if math.prod(shape) * np.dtype(dtype).itemsize > _MAX_BYTES:
        raise ValueError("the tensor is larger than 2 GiB")
    if proto.tensor_content:
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
    if dtype not in _FIELDS:
        return _rare(proto)
    return _fill(getattr(proto, _FIELDS[dtype]), dtype, shape)


def _rare(proto) -> np.ndarray:
    try:
        return tf.make_ndarray(proto)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _fill(values, dtype, shape) -> np.ndarray:
    # As in the runtime, no value means zeros, and a short list repeats its last value.
    if not values:
        return np.full(shape, b"", dtype) if dtype is np.object_ else np.zeros(shape, dtype)
    count = math.prod(shape)
    given = np.array(values[:count], np.int32 if _FIELDS[dtype] in _INT32_FIELDS else dtype)
    given = given.astype(np.uint16).view(dtype) if dtype in _HALVES else given.astype(dtype, copy=False)
    if len(given) < count:
        given = np.concatenate([given, np.repeat(given[-1:], count - len(given))])
    return given.reshape(shape)


def encode(array: np.ndarray, proto: tensor_pb2.TensorProto, as_content: bool) -> None:
    """Writes an array into `proto`: typed fields, or `tensor_content` (strings never)."""
    kind = array.dtype.type
    if kind not in _FIELDS or (as_content and kind is not np.object_):
        proto.CopyFrom(_content(array))
        return
    proto.dtype = tf.dtypes.as_dtype(array.dtype).as_datatype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
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


def _content(array: np.ndarray) -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(
        dtype=tf.dtypes.as_dtype(array.dtype).as_datatype_enum, tensor_content=array.tobytes()
    )
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    return proto
