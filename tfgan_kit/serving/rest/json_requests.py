"""The body of a POST -> a request: `:predict` in row ("instances") or column ("inputs") form, or examples.

Reference: TensorFlow Serving's `g3doc/api_rest.md`; it refuses the same bodies as its `json_tensor.cc`.
"""

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError, invalid
from tfgan_kit.serving.rest.json_arrays import array_of, decoded, is_base64
from tfgan_kit.serving.rest.json_text import parse_object, quoted

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
        raise invalid(f"'signature_name' key must be a string value. Received: {quoted(name)}")
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
    if name not in signatures:
        raise invalid(f'Serving signature name: "{name}" not found in signature def')
    if not signatures[name].inputs:
        raise invalid(f"Failed to get input map for signature: {given or 'DEFAULT'}")
    return {alias: tf.dtypes.as_dtype(info.dtype) for alias, info in sorted(signatures[name].inputs.items())}


def _form(document: dict) -> str:
    given = [key for key in (COLUMN, ROW) if key in document]
    if not given:
        raise invalid(f"Missing '{COLUMN}' or '{ROW}' key")
    if len(given) > 1:
        raise invalid(f"Not formatted correctly expecting only one of '{COLUMN}' or '{ROW}' keys to exist")
    if given == [ROW]:
        _check_list(document, ROW)
    return given[0]


def _check_list(document: dict, key: str) -> None:
    if not isinstance(document[key], list):
        raise invalid(f"Expecting '{key}' to be an list/array. Received: {quoted(document[key])}")
    if not document[key]:
        raise invalid(f"No values in '{key}' array")


def _columns(value, inputs: dict) -> dict:
    if not _is_named(value):
        _check_single(inputs, COLUMN)
        return {name: array_of(value, dtype) for name, dtype in inputs.items()}
    for name in inputs:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: array_of(value[name], dtype) for name, dtype in inputs.items()}


def _rows(rows: list, inputs: dict) -> dict:
    named = _is_named(rows[0])
    if not named:
        _check_single(inputs, ROW)
    for position, row in enumerate(rows if dict in set(map(type, rows)) else ()):
        if _is_named(row) != named:
            raise invalid(f"Item {position} of '{ROW}' is {quoted(row)}, unlike the first: all are objects, or none")
        if named and row.keys() != inputs.keys():
            raise invalid(f"Item {position} of '{ROW}' must have exactly the inputs {', '.join(inputs)}")
    try:
        return {name: array_of([row[name] for row in rows] if named else rows, inputs[name]) for name in inputs}
    except RequestError as error:  # for rows TensorFlow Serving uses this code for all errors
        raise invalid(f"Failed to process '{ROW}' list. Error: {error.code.name}: {error}") from error


def _check_single(inputs: dict, key: str) -> None:
    if len(inputs) > 1:
        raise invalid(f"{key} is a plain value/list, but the signature has several inputs: {', '.join(inputs)}")


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
    if "examples" not in document:
        raise invalid("key 'examples' is expected and was not found")
    _check_list(document, "examples")
    for example in document["examples"]:
        _fill_example(target.examples.add(), example)


def _fill_example(example, value) -> None:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got {quoted(value)}")
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add(feature, name, item)


def _add(feature, name: str, value) -> None:
    kind = _KINDS.get(type(value))
    if kind is None or isinstance(value, dict) and not is_base64(value):
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {quoted(value)}")
    if feature.WhichOneof("kind") not in (None, kind):
        raise invalid(f"Feature: {name} has elements of several types; the first one decides")
    if kind == "int64_list" and value > _INT64_MAX:
        raise invalid(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    getattr(feature, kind).value.append(_READ[kind](value))
