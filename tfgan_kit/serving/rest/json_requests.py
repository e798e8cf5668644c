"""The body of a POST -> a request: `:predict` in row ("instances") or column ("inputs") form, or examples.

Reference: TensorFlow Serving's `g3doc/api_rest.md`; it refuses the same bodies as its `json_tensor.cc`.
"""

import reprlib

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError, invalid
from tfgan_kit.serving.rest.json_arrays import array_of, decoded, is_base64
from tfgan_kit.serving.rest.json_text import parse_object

import tensorflow as tf

ROW, COLUMN = "instances", "inputs"
_KINDS = {bool: "int64_list", int: "int64_list", float: "float_list", str: "bytes_list", dict: "bytes_list"}
_READ = {"int64_list": int, "float_list": float, "bytes_list": decoded}  # a boolean is 0 or 1
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
    getattr(feature, kind).value.append(_READ[kind](value))
