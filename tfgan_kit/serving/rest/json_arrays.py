"""Nested JSON lists -> an array, in TensorFlow Serving's order of checks and words.

The good case costs no Python a value: the lists are joined level by level and given to NumPy. Only
what does not fit is walked through, to name the first value that does not.
"""

import base64
import itertools

from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.rest.json_text import excerpt, invalid, type_name

import grpc
import numpy as np
import tensorflow as tf

_MOST_DIMENSIONS = 32
_RUN = 1024  # values
_INT32 = (-(2**31), 2**31 - 1)
# A small integer type takes what an int32 holds, and wraps, as there
_RANGES = {
    tf.int8: _INT32, tf.uint8: _INT32, tf.int16: _INT32, tf.int32: _INT32,
    tf.int64: (-(2**63), 2**63 - 1), tf.uint32: (0, 2**32 - 1), tf.uint64: (0, 2**64 - 1),
}  # fmt: skip
_LEAVES = {
    **dict.fromkeys(_RANGES, {int}),
    tf.float32: {int, float}, tf.float64: {int, float}, tf.bool: {bool}, tf.string: {str, dict},
}  # fmt: skip
_NAMES = {"float32": "float", "float64": "double", "float16": "half"}


def data_type_name(dtype) -> str:
    """TensorFlow's `DataTypeString`: float, not float32."""
    return _NAMES.get(dtype.name, dtype.name)


def is_base64(value) -> bool:
    """Whether a value stands for bytes: {"b64": "..."} and nothing more."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def array_of(value, dtype) -> np.ndarray:
    """Converts a parsed JSON value.

    Args:
        value: a number, string, bool, {"b64": ...}, or lists of lists of them of one shape.
        dtype: `tf.DType` of the input.

    Raises:
        RequestError: it is ragged, or holds what the type does not take, in TensorFlow Serving's
            words; UNIMPLEMENTED for a type that JSON does not carry there (float16 and others).
    """
    shape = _shape(value)
    leaves = _leaves(value, shape)
    if leaves is None or not _fits(leaves, dtype):
        _refuse(value, 0, shape, dtype)
    if dtype == tf.string:
        leaves = [decoded(leaf) for leaf in leaves]
    return _packed(leaves, dtype).reshape(shape)


def _shape(value) -> tuple[int, ...]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if len(shape) > _MOST_DIMENSIONS:
            raise invalid(f"A tensor has at most {_MOST_DIMENSIONS} dimensions over REST")
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _leaves(value, shape):
    """All values in order, or None if the lists are not of that shape."""
    level = [value]
    for size in shape:
        if set(map(type, level)) - {list} or set(map(len, level)) - {size}:
            return None
        level = list(itertools.chain.from_iterable(level))
    return level


def _fits(leaves, dtype) -> bool:
    if set(map(type, leaves)) - _LEAVES.get(dtype, set()):
        return False
    if dtype in _RANGES and leaves:
        low, high = _RANGES[dtype]
        return low <= min(leaves) and max(leaves) <= high
    return dtype != tf.string or all(isinstance(leaf, str) or is_base64(leaf) for leaf in leaves)


def _packed(leaves, dtype) -> np.ndarray:
    if dtype == tf.string:
        return np.array([*leaves, None], object)[:-1]  # None: an array of bytes would drop zeros
    wide = {tf.int64: np.int64, tf.uint64: np.uint64}.get(dtype)
    if dtype in _RANGES and wide is None:
        wide = np.int64
    with np.errstate(over="ignore"):  # past float32 is infinity, as in C++
        return np.array(leaves, wide or np.float64).astype(dtype.as_numpy_dtype)


def decoded(leaf) -> bytes:
    """The bytes of a JSON string, or of {"b64": ...}. Raises RequestError if that is not base64."""
    if isinstance(leaf, str):
        return leaf.encode("utf-8", "surrogatepass")
    text = "".join(leaf["b64"].split()).rstrip("=")  # padding may be left out, as in Abseil
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise invalid("Unable to base64 decode") from error


def _refuse(value, level, shape, dtype) -> None:
    """Raises for the first value that does not fit, in the order of the document."""
    if not isinstance(value, list):
        _refuse_leaf(value, level, shape, dtype)
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in _first_misfits(value, shape[level + 1 :], dtype):
        _refuse(item, level + 1, shape, dtype)


def _first_misfits(items, shape, dtype) -> list:
    """The first run of items that does not fit; looking at each costs seconds a million."""
    for start in range(0, len(items), _RUN):
        run = items[start : start + _RUN]
        leaves = _leaves(run, (len(run), *shape))
        if leaves is None or not _fits(leaves, dtype):
            return run
    return []


def _refuse_leaf(value, level, shape, dtype):
    if level != len(shape):
        raise invalid(
            f"JSON Value: {excerpt(value)} found at incorrect level: {level + 1} in the JSON DOM. "
            f"Expected at level: {len(shape)}"
        )
    if isinstance(value, dict) and dtype == tf.string:
        if not is_base64(value):
            raise invalid(f"JSON Value: {excerpt(value)} not formatted correctly for base64 data")
        decoded(value)
    elif not isinstance(value, dict) and dtype not in _LEAVES:
        raise RequestError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {excerpt(value)} to type: {data_type_name(dtype)}",
        )
    elif not _fits([value], dtype):
        raise invalid(
            f"JSON Value: {excerpt(value)} Type: {type_name(value)} is not of expected type: {data_type_name(dtype)}"
        )
