"""JSON text -> Python values."""

import json
import math
import reprlib

from tfgan_kit.serving.protocol.errors import invalid

import orjson

_LONGEST_INT = 20  # characters of an int64 or uint64


def parse_object(body: bytes, most_values: int) -> dict:
    """Reads a request's body.

    NaN, Infinity and -Infinity are numbers; an integer past 64 bits is a double. Text after the object
    is ignored. Depth is bounded.

    Args:
        body: the text, `bytes` or `bytearray`.
        most_values: int, the most values, lists and objects. They are counted by commas and opening brackets before
            anything is parsed: 3 bytes of text may take 80 bytes in memory.

    Raises:
        RequestError: INVALID_ARGUMENT; it is not JSON, not an object, or too many values.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > most_values:
        raise invalid(
            f"JSON Parse error: more than {most_values} values: send fewer rows, encoded images in place of lists, or "
            "raise --rest_api_max_json_values"
        )
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _parse(body)
    if not isinstance(document, dict):
        raise invalid(f"JSON Value: {reprlib.repr(document)} is not an object")
    return document


def _parse(body: bytes):
    """Parses what orjson refuses: numbers that are not finite, a byte order mark, text after the document."""
    try:
        document, _ = _DECODER.raw_decode(body.decode("utf-8-sig").lstrip())
        orjson.dumps(document)  # refuses lone surrogates, and deep nesting
    except RecursionError as error:
        raise invalid("JSON Parse error: nested too deep; a tensor has one level per dimension") from error
    except (ValueError, TypeError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    return document


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too big for a double")
    return number


def _integer(text: str) -> int | float:
    number = int(text) if len(text) <= _LONGEST_INT else _number(text)
    return number if -(2**63) <= number < 2**64 else float(number)


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_integer)
