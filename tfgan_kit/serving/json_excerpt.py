"""The start of a JSON value, for an error text, as RapidJSON's pretty writer prints it."""

import math

import orjson

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
