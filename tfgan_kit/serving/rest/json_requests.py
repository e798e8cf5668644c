"""The body of a `:predict` -> PredictRequest, in row ("instances") or column ("inputs") form.

Reference: TensorFlow Serving's `g3doc/api_rest.md`; its texts and their order are `json_tensor.cc`'s.
"""

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.rest.json_arrays import array_of, decoded, is_base64
from tfgan_kit.serving.rest.json_text import excerpt, invalid, parse_object, type_name

import tensorflow as tf

ROW, COLUMN = "instances", "inputs"


_RUN = 1024  # rows


def parse(body: bytes, spec) -> dict:
    """A body's JSON object, whose optional `signature_name` is written into a `ModelSpec`.

    Raises:
        RequestError: with TensorFlow Serving's status and text.
    """
    document = parse_object(body)
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid(
            f"JSON Value: {excerpt(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    spec.signature_name = name
    return document


def fill_inputs(request, document: dict, signatures: dict) -> str:
    """Writes a document's inputs into a request that names model and signature already.

    Args:
        request: `PredictRequest`.
        document: what `parse` gave.
        signatures: the model's `SignatureDef`s by name.

    Returns:
        `ROW` or `COLUMN`; the answer takes the same form.

    Raises:
        RequestError: with TensorFlow Serving's status and text.
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
    def wrong(text):
        return invalid(f"JSON Value: {excerpt(document)} {text}")

    if ROW in document and COLUMN in document:
        raise wrong(f"Not formatted correctly expecting only one of '{COLUMN}' or '{ROW}' keys to exist ")
    if ROW not in document and COLUMN not in document:
        raise invalid(f"Missing '{COLUMN}' or '{ROW}' key")
    if ROW in document and not isinstance(document[ROW], list):
        raise wrong(f"Expecting '{ROW}' to be an list/array")
    if ROW in document and not document[ROW]:
        raise wrong(f"No values in '{ROW}' array")
    return ROW if ROW in document else COLUMN


def _columns(value, inputs: dict) -> dict:
    if not isinstance(value, dict) or is_base64(value):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        return {name: array_of(value, dtype) for name, dtype in inputs.items()}
    arrays = {}
    for name, dtype in inputs.items():
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = array_of(value[name], dtype)
    return arrays


def _rows(rows: list, inputs: dict) -> dict:
    named = _is_named(rows[0])
    if not isinstance(rows[0], dict) and len(inputs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    if named and not all(_is_named(row) and row.keys() == inputs.keys() for row in rows):
        _refuse_rows(rows, inputs, named)
    try:
        return _all_rows(rows, inputs, named)
    except RequestError:
        _refuse_rows(rows, inputs, named)
        raise


def _is_named(row) -> bool:
    return isinstance(row, dict) and not is_base64(row)


def _all_rows(rows, inputs, named) -> dict:
    if not named:
        (name, dtype) = next(iter(inputs.items()))
        return {name: array_of(rows, dtype)}
    return {name: array_of([row[name] for row in rows], dtype) for name, dtype in inputs.items()}


def _refuse_rows(rows, inputs, named) -> None:
    """Raises for the first row that does not fit, in TensorFlow Serving's order and words."""
    first = {}
    for start in range(0, len(rows), _RUN):
        run = rows[start : start + _RUN]
        if start and _fit(run, inputs, named, first):
            continue
        for position, row in enumerate(run, start):
            _refuse_row(row, position, inputs, named, first)


def _fit(run, inputs, named, first) -> bool:
    """Whether all these rows are like the first one, without a look at each."""
    if any(named != _is_named(row) for row in run):
        return False
    if named and any(row.keys() != inputs.keys() for row in run):
        return False
    try:
        arrays = _all_rows(run, inputs, named)
    except RequestError:
        return False
    return all(array.shape[1:] == first[name].shape for name, array in arrays.items())


def _refuse_row(row, position, inputs, named, first) -> None:
    if named != _is_named(row):
        seen, wanted = ("list", "object") if named else ("object", "value/list")
        raise invalid(f"Expecting {wanted} but got {seen} at item {position} of input list")
    where = f"Failed to process element: {position}"
    if not named:
        _check_item(row, next(iter(inputs)), inputs, first, f"{where} of 'instances' list.")
        return
    for name, item in row.items():
        _check_item(item, name, inputs, first, f"{where} key: {name} of 'instances' list.")
    if row.keys() != inputs.keys():
        raise invalid(
            f"{where} of 'instances' list. JSON object: {excerpt(row)} keys must be equal to: {','.join(inputs)}"
        )


def _check_item(item, name, inputs, first, where) -> None:
    try:
        if name not in inputs:
            raise invalid(f"JSON object: does not have named input: {name}")
        array = array_of(item, inputs[name])
        _check_like_first(first.setdefault(name, array), array)
    except RequestError as error:
        raise invalid(f"{where} Error: {error.code.name}: {error}") from error


def _check_like_first(first, array) -> None:
    if first.size != array.size:
        raise invalid(f"Expecting tensor size: {first.size} but got: {array.size}")
    if first.shape != array.shape:
        raise invalid(f"Expecting shape {_sizes(first)} but got: {_sizes(array)}")


def _sizes(array) -> str:
    return f"[{','.join(map(str, array.shape))}]"


_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


_INT64_MAX = 2**63 - 1


def fill_examples(request, body: bytes) -> None:
    """Writes signature name, context and examples into a request whose model is named already.

    Args:
        request: `ClassificationRequest` or `RegressionRequest`.
        body: the JSON text.

    Raises:
        RequestError: INVALID_ARGUMENT, in TensorFlow Serving's words.
    """
    document = parse(body, request.model_spec)
    target = request.input.example_list
    if "context" in document:
        target = request.input.example_list_with_context
        _fill_example(target.context, document["context"])
    for example in _examples(document):
        _fill_example(target.examples.add(), example)


def _examples(document: dict) -> list:
    def wrong(text):
        return invalid(f"JSON Value: {excerpt(document)} {text}")

    if "examples" not in document:
        raise wrong("When method is classify, key 'examples' is expected and was not found")
    if not isinstance(document["examples"], list):
        raise wrong("Expecting 'examples' value to be an list/array")
    if not document["examples"]:
        raise wrong("'examples' value is an empty array")
    return document["examples"]


def _fill_example(example, value) -> None:
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {type_name(value)}")
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add(feature, name, item)


def _add(feature, name, value) -> None:
    if value is None or isinstance(value, list) or isinstance(value, dict) and not is_base64(value):
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")
    kind = _kind(value)
    already = feature.WhichOneof("kind")
    if already not in (None, kind):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {_KINDS[already]}")
    if kind == "int64_list" and value > _INT64_MAX:
        raise invalid(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    getattr(feature, kind).value.append(_READ[kind](value))


def _kind(value) -> str:
    if isinstance(value, int):  # bool too: 0 or 1
        return "int64_list"
    return "float_list" if isinstance(value, float) else "bytes_list"


_READ = {"int64_list": int, "float_list": float, "bytes_list": decoded}
