"""JSON that every reader takes: it has no infinity and no NaN, so these stand as texts.

They are "Infinity", "-Infinity" and "NaN", as in protobuf's JSON: the texts that Python's `float`, JavaScript's
`Number`, C's `strtod` and their like read as the numbers.
"""

import json
import math

_NUMBERS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def dumps(value, indent=None):
    """The text of a value of dicts, lists, tuples, texts and numbers.

    Example:
        >>> dumps({"value": float("nan")})
        '{"value": "NaN"}'
    """
    return json.dumps(_each(_text, value), indent=indent, allow_nan=False)


def loads(text):
    """The value of a text of `dumps`; the three texts are numbers again, wherever they stand as values.

    Raises:
        ValueError: a text that is no JSON.
    """
    return _each(_number, json.loads(text))


def _each(change, value):
    if isinstance(value, dict):
        return {key: _each(change, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_each(change, part) for part in value]
    return change(value)


def _text(value):
    return json.dumps(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value):
    return _NUMBERS.get(value, value) if isinstance(value, str) else value
