"""Nested JSON lists -> an array. The lists are joined level by level for NumPy, without Python code per value."""

import base64
import itertools
import reprlib

from tfgan_kit.serving.protocol.errors import RequestError, invalid

import grpc
import numpy as np
import tensorflow as tf

_MOST_DIMENSIONS = 32
_INT32 = (-(2**31), 2**31 - 1)
# A smaller integer type accepts all values of int32, and wraps, as TensorFlow Serving does
_RANGES = {
    **dict.fromkeys((tf.int8, tf.uint8, tf.int16, tf.int32), _INT32),
    tf.int64: (-(2**63), 2**63 - 1),
    tf.uint32: (0, 2**32 - 1),
    tf.uint64: (0, 2**64 - 1),
}
_LEAVES = {
    **dict.fromkeys(_RANGES, {int}),
    **dict.fromkeys((tf.float32, tf.float64), {int, float}),
    tf.bool: {bool},
    tf.string: {str, dict},
}


def is_base64(value) -> bool:
    """True for the JSON form of bytes: {"b64": "..."} without other keys."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def array_of(value, dtype) -> np.ndarray:
    """Converts a parsed JSON value.

    Args:
        value: a number, string, bool, {"b64": ...}, or lists of lists of them of one shape.
        dtype: `tf.DType` of the input.

    Raises:
        RequestError: it is ragged, or holds values of another type; UNIMPLEMENTED for a type without a JSON form in
            TensorFlow Serving (float16 and others).
    """
    if dtype not in _LEAVES:
        raise RequestError(grpc.StatusCode.UNIMPLEMENTED, f"JSON does not carry the type {dtype.name}")
    leaves, shape = _flattened(value)
    for leaf in leaves if set(map(type, leaves)) - _LEAVES[dtype] else ():
        if type(leaf) not in _LEAVES[dtype]:
            raise invalid(f"JSON Value: {reprlib.repr(leaf)} is not of expected type: {dtype.name}")
    if dtype == tf.string:
        # None, removed again: an array of bytes alone would drop trailing zeros
        return np.array([*map(decoded, leaves), None], object)[:-1].reshape(shape)
    if dtype in _RANGES and leaves:
        _check_range(min(leaves), max(leaves), dtype)
    wide = np.float64 if dtype.is_floating else np.uint64 if dtype == tf.uint64 else np.int64
    with np.errstate(over="ignore"):  # beyond float32 is infinity, as in C++
        return np.array(leaves, wide).astype(dtype.as_numpy_dtype).reshape(shape)


def _flattened(value) -> tuple[list, tuple[int, ...]]:
    """All values in order, and the shape of the lists that hold them."""
    level, shape = [value], []
    while level and isinstance(level[0], list):
        if len(shape) == _MOST_DIMENSIONS:
            raise invalid(f"A tensor has at most {_MOST_DIMENSIONS} dimensions over REST")
        shape.append(len(level[0]))
        if set(map(type, level)) != {list} or set(map(len, level)) != {shape[-1]}:
            raise _ragged(len(shape))
        level = list(itertools.chain.from_iterable(level))
    if list in set(map(type, level)):
        raise _ragged(len(shape) + 1)
    return level, tuple(shape)


def _ragged(depth: int) -> RequestError:
    return invalid(f"The lists make no tensor: at level {depth} they differ in length, or stand beside values")


def _check_range(least: int, most: int, dtype) -> None:
    low, high = _RANGES[dtype]
    if least < low or most > high:
        bad = least if least < low else most
        raise invalid(f"JSON Value: {bad} is not of expected type: {dtype.name}")


def decoded(leaf) -> bytes:
    """The bytes of a JSON string, or of {"b64": ...}. Raises RequestError if that is not base64."""
    if isinstance(leaf, str):
        return leaf.encode()
    if not is_base64(leaf):
        raise invalid('JSON Value: an object is no string; bytes are {"b64": "..."}')
    text = "".join(leaf["b64"].split()).rstrip("=")  # padding may be left out, as in Abseil
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise invalid("Unable to base64 decode") from error
