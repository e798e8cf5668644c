"""The body of a POST -> a request: `:predict` in row ("instances") or column ("inputs") form, or examples.

Reference: TensorFlow Serving's `g3doc/api_rest.md`; it refuses the same bodies as its `json_tensor.cc`.
"""

import base64
import itertools
import reprlib

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError, invalid
from tfgan_kit.serving.rest.json_text import parse_object

import grpc
import numpy as np
import tensorflow as tf

ROW, COLUMN = "instances", "inputs"
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
_KINDS = {bool: "int64_list", int: "int64_list", float: "float_list", str: "bytes_list", dict: "bytes_list"}
_INT64_MAX = 2**63 - 1


def parse(body: bytes, spec, most_values: int) -> dict:
    """A body's JSON object, whose optional `signature_name` is written into a `ModelSpec`. Raises RequestError."""
    document = parse_object(body, most_values)
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid(f"'signature_name' key must be a string value. Received: {reprlib.repr(name)}")
    spec.signature_name = name
    return document


def fill_inputs(request, document: dict, signatures: dict) -> str:
    """Writes a document's inputs into a request that already names model and signature.

    Args:
        request: `PredictRequest`.
        document: the result of `parse`.
        signatures: the model's `SignatureDef`s by name.

    Returns:
        `ROW` or `COLUMN`, which is also the form of the answer.

    Raises:
        RequestError: with TensorFlow Serving's status.
    """
    inputs = _inputs(signatures, request.model_spec.signature_name)
    form = _form(document)
    read = _rows if form == ROW else _columns
    for name, array in read(document[form], inputs).items():
        tensors.encode(array, request.inputs[name], as_content=True)
    return form


def _inputs(signatures, given: str) -> dict:
    name = given or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    if name not in signatures or not signatures[name].inputs:
        raise invalid(f"There is no signature {name}, or it has no input.")
    return {alias: tf.dtypes.as_dtype(info.dtype) for alias, info in sorted(signatures[name].inputs.items())}


def _form(document: dict) -> str:
    given = [key for key in (COLUMN, ROW) if key in document]
    if len(given) != 1:
        raise invalid(f"The body needs either '{COLUMN}' or '{ROW}'. Received: {given}")
    if given == [ROW]:
        _check_list(document, ROW)
    return given[0]


def _check_list(document: dict, key: str) -> None:
    if not isinstance(document[key], list) or not document[key]:
        raise invalid(f"'{key}' must be a list of at least one value. Received: {reprlib.repr(document[key])}")


def _columns(value, inputs: dict) -> dict:
    if not _is_named(value):
        _check_single(inputs, COLUMN)
        return {name: array_of(value, dtype) for name, dtype in inputs.items()}
    missing = inputs.keys() - value.keys()
    if missing:
        raise invalid(f"'{COLUMN}' lacks {', '.join(sorted(missing))}.")
    return {name: array_of(value[name], dtype) for name, dtype in inputs.items()}


def _rows(rows: list, inputs: dict) -> dict:
    named = _is_named(rows[0])
    if not named:
        _check_single(inputs, ROW)
    for position, row in enumerate(rows if dict in set(map(type, rows)) else ()):
        if _is_named(row) != named or named and row.keys() != inputs.keys():
            wanted = f"an object of exactly {', '.join(inputs)}" if named else "a value"
            raise invalid(f"Item {position} of '{ROW}' must be {wanted}. Received: {reprlib.repr(row)}")
    try:
        return {name: array_of([row[name] for row in rows] if named else rows, inputs[name]) for name in inputs}
    except RequestError as error:  # for rows TensorFlow Serving uses this code for all errors
        raise invalid(f"'{ROW}': {error}") from error


def _check_single(inputs: dict, key: str) -> None:
    if len(inputs) > 1:
        raise invalid(f"'{key}' must name the inputs {', '.join(inputs)}. Received: values without a name")


def _is_named(value) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def fill_examples(request, document: dict) -> None:
    """Writes a document's context and examples into a `ClassificationRequest` or `RegressionRequest`.

    Raises:
        RequestError: INVALID_ARGUMENT.
    """
    target = request.input.example_list
    if "context" in document:
        target = request.input.example_list_with_context
        _fill_example(target.context, document["context"])
    _check_list({"examples": None, **document}, "examples")
    for example in document["examples"]:
        _fill_example(target.examples.add(), example)


def _fill_example(example, value) -> None:
    if not isinstance(value, dict):
        raise invalid(f"An example is an object. Received: {reprlib.repr(value)}")
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add(feature, name, item)


def _add(feature, name: str, value) -> None:
    kind = _KINDS.get(type(value))
    right = kind is not None and (not isinstance(value, dict) or is_base64(value))
    if not right or feature.WhichOneof("kind") not in (None, kind) or kind == "int64_list" and value > _INT64_MAX:
        raise invalid(f"Feature {name} has int64s, or floats, or bytes. Received: {reprlib.repr(value)}")
    read = {"int64_list": int, "float_list": float, "bytes_list": decoded}[kind]  # a boolean is 0 or 1
    getattr(feature, kind).value.append(read(value))


def is_base64(value) -> bool:
    """True for the JSON form of bytes: {"b64": "..."} without other keys."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def array_of(value, dtype) -> np.ndarray:
    """Converts a parsed JSON value. Lists are joined level by level for NumPy, without Python code per value.

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
