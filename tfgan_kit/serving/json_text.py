"""JSON text -> Python values, with RapidJSON's errors, which are TensorFlow Serving's."""

import re

from tfgan_kit.serving.calls import RequestError
from tfgan_kit.serving.json_excerpt import excerpt

import grpc
import rapidjson

# Native: numbers past 64 bits become doubles, as there, not integers without end
_NUMBERS = rapidjson.NM_NATIVE | rapidjson.NM_NAN
_ERROR = re.compile(r"Parse error at offset (\d+): (.*?)\.?", re.S)
_NOT_ALONE = "The document root must not be followed by other values"
_MOST_LISTS = 2_000_000  # 3 bytes of text make an empty list of 80 in memory
_TOO_MANY = f"JSON Parse error: more than {_MOST_LISTS} lists and objects; send fewer rows"
_TOO_DEEP = "JSON Parse error: nested too deep (1000 levels); a tensor has one level a dimension"


def parse_object(body: bytes) -> dict:
    """Reads a request's body.

    NaN, Infinity and -Infinity are numbers. What follows the object is not looked at. Depth is
    bounded by the parser at 1,000 levels, the number of lists and objects at 2,000,000.

    Raises:
        RequestError: INVALID_ARGUMENT; it is not JSON, or not an object.
    """
    if body.count(b"[") + body.count(b"{") > _MOST_LISTS:
        raise invalid(_TOO_MANY)
    document = _parse(_text(body))
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {excerpt(document)} Is not object")
    return document


def invalid(text: str) -> RequestError:
    """INVALID_ARGUMENT with that text."""
    return RequestError(grpc.StatusCode.INVALID_ARGUMENT, text)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")  # RapidJSON's stream skips a byte order mark
    except UnicodeDecodeError as error:
        # RapidJSON's words; TensorFlow Serving itself lets such a string pass
        raise _parse_error("Invalid encoding in string", error.start) from error


def _parse(text: str):
    try:
        return rapidjson.loads(text, number_mode=_NUMBERS)
    except RecursionError as error:
        raise invalid(_TOO_DEEP) from error
    except rapidjson.JSONDecodeError as error:
        offset, reason = _ERROR.fullmatch(str(error)).groups()
        if reason == _NOT_ALONE:  # TensorFlow Serving stops where the first value ends
            return _parse(text.encode()[: int(offset)].decode())
        raise _parse_error(reason, int(offset)) from error


def _parse_error(reason: str, offset: int) -> RequestError:
    if reason == "The document is empty" and offset == 0:
        return invalid("JSON Parse error: The document is empty")
    return invalid(f"JSON Parse error: {reason}. at offset: {offset}")
