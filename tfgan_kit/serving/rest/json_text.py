"""JSON text -> Python values, with RapidJSON's errors, which are TensorFlow Serving's."""

import math
import re

from tfgan_kit.serving.protocol.errors import RequestError

import grpc
import orjson
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


_INDENT = " " * 4


_MOST = 256  # bytes, as in TensorFlow Serving; the token that crosses the limit is still written


class _EnoughError(Exception):
    pass


class _Excerpt:
    """Writes token by token, so that a value of many megabytes costs no more than its start."""

    def __init__(self):
        self._parts, self._size = [], 0

    def text(self) -> str:
        return "".join(self._parts)

    def put(self, text: str, token: bool = True) -> None:
        if token and self._size >= _MOST:
            raise _EnoughError
        self._parts.append(text)
        self._size += len(text.encode())

    def value(self, value, level: int) -> None:
        if isinstance(value, dict):
            self._object(value, level)
        elif isinstance(value, list):
            self._array(value, level)
        else:
            self.put(_scalar(value))

    def _object(self, members, level):
        self.put("{")
        for position, (key, value) in enumerate(members.items()):
            comma = "," if position else ""
            self.put(f"{comma}\n{_INDENT * (level + 1)}{_string(key)}")
            self.put(": ", token=False)
            self.value(value, level + 1)
        self.put(f"\n{_INDENT * level}}}" if members else "}")

    def _array(self, values, level):
        self.put("[")
        for position, value in enumerate(values):
            if position:
                self.put(", ", token=False)
            self.value(value, level + 1)
        self.put("]")


def excerpt(value) -> str:
    """The first 256 bytes or a few more of a parsed JSON value; arrays on one line."""
    written = _Excerpt()
    try:
        written.value(value, 0)
    except _EnoughError:
        pass
    return written.text()


def type_name(value) -> str:
    """RapidJSON's name of a parsed value's type."""
    if isinstance(value, bool):
        return "True" if value else "False"
    names = {type(None): "Null", dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")


def _scalar(value) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return orjson.dumps(value).decode()


def _string(text: str) -> str:
    return orjson.dumps(text).decode()
