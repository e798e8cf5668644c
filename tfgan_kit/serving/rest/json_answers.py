"""Answers as JSON that parses to the same values as TensorFlow Serving's, with the fewest digits."""

import base64
import json

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import invalid
from tfgan_kit.serving.rest.json_requests import ROW

import numpy as np
import orjson
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

_BYTES_SUFFIX = "_bytes"  # an output with this suffix is written as {"b64": ...}
_WRITABLE = "object float32 float64 int8 uint8 int16 int32 int64 uint32 uint64 bool".split()


def predictions(response, form: str) -> bytes:
    """A PredictResponse as {"predictions": rows} or {"outputs": columns}.

    Args:
        response: `PredictResponse`.
        form: `json_requests.ROW` or `COLUMN`.

    Raises:
        RequestError: INVALID_ARGUMENT, an output without a JSON form, or without rows.
    """
    arrays = {alias: _array(alias, response.outputs[alias]) for alias in sorted(response.outputs)}
    if not arrays:
        raise invalid("The answer has no output.")
    if form == ROW:
        _check_rows(arrays)
    values = {alias: _values(alias, array) for alias, array in arrays.items()}
    if len(values) == 1:
        (values,) = values.values()
    elif form == ROW:
        values = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return _text({"predictions" if form == ROW else "outputs": values}, arrays.values())


def classifications(response) -> bytes:
    """A ClassificationResponse as {"results": [[[label, score], ...], ...]}."""
    rows = [[[one.label, np.float32(one.score)] for one in row.classes] for row in response.result.classifications]
    return _text({"results": rows}, [score for row in rows for _, score in row])


def regressions(response) -> bytes:
    """A RegressionResponse as {"results": [value, ...]}."""
    values = np.float32([one.value for one in response.result.regressions])
    return _text({"results": values}, [values])


def error_body(text: str) -> bytes:
    """{"error": text}."""
    return orjson.dumps({"error": text.encode("utf-8", "replace").decode()}, option=orjson.OPT_INDENT_2)


def status_body(response) -> bytes:
    """A GetModelStatusResponse."""
    return orjson.dumps(_fields(response), option=orjson.OPT_INDENT_2)


def metadata_body(response) -> bytes:
    """A GetModelMetadataResponse as an object of two messages."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    document = {"model_spec": _fields(response.model_spec), "metadata": {"signature_def": _fields(signatures)}}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _fields(message) -> dict:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _array(alias, proto) -> np.ndarray:
    array = tensors.decode(proto)
    if array.dtype.name not in _WRITABLE:
        raise invalid(f"JSON does not carry the type {array.dtype} of output {alias}; gRPC does.")
    return array


def _check_rows(arrays: dict) -> None:
    sizes = {alias: len(array) if array.ndim else None for alias, array in arrays.items()}
    if None in sizes.values() or len(set(sizes.values())) > 1:
        raise invalid(f"The outputs have no rows, or not equally many: {sizes}. Ask in columns, by 'inputs'.")


def _values(alias, array):
    """What orjson writes for an array; it takes no scalar as an array."""
    if array.dtype != object:
        return array if array.ndim else array[()]
    return _strings(array.tolist(), alias)


def _strings(value, alias):
    if isinstance(value, list):
        return [_strings(item, alias) for item in value]
    if alias.endswith(_BYTES_SUFFIX):
        return {"b64": base64.b64encode(value).decode()}
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise invalid(
            f"Output {alias} is no UTF-8 text, which JSON needs: name it {alias}_bytes and it is "
            "sent as base64, or ask over gRPC"
        ) from error


def _text(document, arrays) -> bytes:
    """A document of arrays, which are given once more: for what is not finite orjson would write null."""
    if all(array.dtype.kind != "f" or np.isfinite(array).all() for array in arrays):
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps(document, default=_listed, ensure_ascii=False).encode()


def _listed(array):
    array = np.asarray(array)
    if array.dtype.kind == "f":  # by way of its text: a float32 has more digits as a double
        array = array.astype(str).astype(float)
    return array.tolist()
