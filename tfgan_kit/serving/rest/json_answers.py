"""Answers as JSON that parses to the same values as TensorFlow Serving's, on one line, with the fewest digits.

Numbers are written by NumPy and orjson, without Python code per value: a batch of images has a million of them.
"""

import base64
import re

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import invalid
from tfgan_kit.serving.rest.json_requests import ROW

import numpy as np
import orjson
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

_BYTES_SUFFIX = "_bytes"  # an output with this suffix is written as {"b64": ...}
_SMALL = re.compile(rb"\b0\.(0{4,})(\d)(\d*)\b")
_WRITABLE = "float32 float64 int8 uint8 int16 int32 int64 uint32 uint64 bool".split()


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
        raise invalid("Cannot convert empty tensor map to JSON")
    return _rows(arrays) if form == ROW else _columns(arrays)


def error_body(text: str) -> bytes:
    """{"error": text}, indented by four."""
    return b'{\n    "error": ' + _string(text) + b"\n}"


def status_body(response) -> bytes:
    """A GetModelStatusResponse, indented by one."""
    return _message(response)


def metadata_body(response) -> bytes:
    """A GetModelMetadataResponse as an object of two messages."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    spec, definitions = _message(response.model_spec), _message(signatures)
    return b'{\n"model_spec":%s,\n"metadata": {"signature_def": %s}\n}\n' % (spec, definitions)


def classifications(response) -> bytes:
    """A ClassificationResponse as {"results": [[[label, score], ...], ...]}."""
    if not response.result.classifications:
        raise invalid("Cannot convert empty ClassificationResults to JSON")
    rows = [
        _list(_list([_string(one.label), _numbers(np.float32(one.score))]) for one in row.classes)
        for row in response.result.classifications
    ]
    return b'{"results": %s}\n' % _list(rows)


def regressions(response) -> bytes:
    """A RegressionResponse as {"results": [value, ...]}."""
    if not response.result.regressions:
        raise invalid("Cannot convert empty RegressionResults to JSON")
    return b'{"results": %s}\n' % _numbers(np.float32([one.value for one in response.result.regressions]))


def _rows(arrays: dict) -> bytes:
    _check_rows(arrays)
    if len(arrays) == 1:
        return b'{"predictions": %s}\n' % _json(*next(iter(arrays.items())))
    rows = zip(*([_member(alias, row) for row in array] for alias, array in arrays.items()), strict=True)
    return b'{"predictions": %s}\n' % _list(b"{%s}" % b", ".join(row) for row in rows)


def _check_rows(arrays: dict) -> None:
    rows = None
    for alias, array in arrays.items():
        if not array.ndim:
            raise invalid(f"Tensor name: {alias} has no shape information ")
        if rows not in (None, len(array)):
            raise invalid(f"Tensor name: {alias} has inconsistent batch size: {len(array)} expecting: {rows}")
        rows = len(array)


def _columns(arrays: dict) -> bytes:
    if len(arrays) == 1:
        return b'{"outputs": %s}\n' % _json(*next(iter(arrays.items())))
    return b'{"outputs": {%s}}\n' % b", ".join(_member(alias, array) for alias, array in arrays.items())


def _member(alias: str, array) -> bytes:
    return b"%s: %s" % (_string(alias), _json(alias, array))


def _list(items) -> bytes:
    return b"[%s]" % b", ".join(items)


def _array(alias, proto) -> np.ndarray:
    array = tensors.decode(proto)
    if array.dtype != object and array.dtype.name not in _WRITABLE:
        raise invalid(f"Failed to write JSON value for tensor type: {tensors.data_type_name(proto.dtype)}")
    return array


def _json(alias, array) -> bytes:
    if not isinstance(array, bytes | str) and array.dtype != object:
        return _numbers(array)
    as_bytes = alias.endswith(_BYTES_SUFFIX)
    values = array.tolist() if isinstance(array, np.ndarray) else array
    return orjson.dumps(_strings(values, alias, as_bytes))


def _strings(value, alias, as_bytes):
    if isinstance(value, list):
        return [_strings(item, alias, as_bytes) for item in value]
    if as_bytes:
        return {"b64": base64.b64encode(value).decode()}
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise invalid(
            f"Output {alias} is no UTF-8 text, which JSON needs: name it {alias}_bytes and it is "
            "sent as base64, or ask over gRPC"
        ) from error


def _numbers(array) -> bytes:
    """A numeric array: floats with the fewest digits that read back exactly, whole numbers with .0."""
    array = np.ascontiguousarray(array).reshape(np.shape(array))  # orjson requires a contiguous array
    text = orjson.dumps(array if array.ndim else array[()], option=orjson.OPT_SERIALIZE_NUMPY)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        text = _with_non_finite(text, array)
    if array.dtype.kind == "f" and ((np.abs(array) < 1e-4) & (array != 0)).any():
        text = _SMALL.sub(_with_exponent, text)
    return text.replace(b",", b", ")


def _with_exponent(match) -> bytes:
    # An exponent below 1e-4, like C's %g, with which TensorFlow Serving writes floats
    zeros, first, rest = match.groups()
    return b"%s%se-%02d" % (first, rest and b"." + rest, len(zeros) + 1)


def _with_non_finite(text: bytes, array) -> bytes:
    # orjson has written `null` for each, in order
    odd = array[~np.isfinite(array)]
    names = np.where(np.isnan(odd), b"NaN", np.where(odd > 0, b"Infinity", b"-Infinity")).tolist()
    parts = text.split(b"null")
    return b"".join(x for pair in zip(parts, names, strict=False) for x in pair) + parts[-1]


def _string(text: str) -> bytes:
    return orjson.dumps(text.encode("utf-8", "replace").decode())


def _message(message) -> bytes:
    text = json_format.MessageToJson(
        message, indent=1, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return text.encode() + b"\n"
