"""A version's answers when it was exported, by which it can be checked without its checkpoint."""

import hashlib
import json
import pathlib

from tfgan_kit.export import contract as names
from tfgan_kit.export.verify.comparison import as_numbers, distance, most_apart
from tfgan_kit.export.warmup import replay
from tfgan_kit.files import read_json

import numpy as np

VALUES = 512  # kept per answer: enough to recognise another model, few enough for a small file


def write_answers(version, functions):
    """Records a version's answers to its own warmup requests, in `assets.extra`.

    For each answer it records a hash of all values, which is equal on the same machine, and some of the
    values, which another processor may round differently.

    Args:
        version: path of the version; its warmup file is there.
        functions: its signatures, a dict name -> concrete function.

    Raises:
        ValueError: a warmup request fails on the model.
    """
    recorded = [
        {"signature": name, "output": output, **_digest(as_numbers(output, value))}
        for name, _, outputs in replay(version, functions)
        for output, value in outputs.items()
    ]
    _path(version).write_text(json.dumps(recorded) + "\n")


def check_answers(version, functions, precision):
    """Runs a version's warmup requests again and compares the answers with the recorded ones.

    Args:
        version: path of the version.
        functions: its signatures as loaded now, a dict name -> concrete function.
        precision: `"float32"` or `"bfloat16"`, as exported.

    Returns:
        A dict signature -> (number of answers, how many are equal byte for byte, largest difference).

    Raises:
        ValueError: an answer differs from the recorded one, or the record cannot be read.
    """
    recorded, found = _recorded(version), {}
    given = [
        (name, output, as_numbers(output, value))
        for name, _, outputs in replay(version, functions)
        for output, value in outputs.items()
    ]
    asked = [(name, output) for name, output, _ in given]
    if asked != [(one["signature"], one["output"]) for one in recorded]:
        raise ValueError(
            f"{version} recorded the answers to other requests than its warmup file holds; export again. "
            f"Received: {len(recorded)} answers to {len(asked)} requests"
        )
    for (name, output, value), one in zip(given, recorded, strict=True):
        apart = _apart(value, one)
        if not apart <= most_apart(value, precision):
            raise ValueError(
                f"{version} does not answer as it did when it was exported; export again, or use the "
                f"TensorFlow that it was exported with. Received: {output!r} of {name!r} off by {apart:g}; "
                f"at most {most_apart(value, precision):g} is allowed"
            )
        count, equal, largest = found.get(name, (0, 0, 0.0))
        same = _digest(value)["sha256"] == one["sha256"]
        found[name] = (count + 1, equal + same, max(largest, apart))
    return found


def _recorded(version):
    """The recorded answers, a list of dicts of signature, output, sha256 and values."""
    path = _path(version)
    try:
        recorded = read_json(path, list)
        for one in recorded:
            one["signature"], one["output"], one["sha256"], one["values"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"The recorded answers cannot be read ({error}); export again. Received: {path}") from error
    return recorded


def _apart(value, one):
    thinned = _thinned(value)
    try:
        return distance(thinned, np.asarray(one["values"], thinned.dtype))
    except (ValueError, TypeError, OverflowError):  # no list of numbers of this kind
        return float("inf")


def _digest(value):
    return {"sha256": hashlib.sha256(value.tobytes()).hexdigest(), "values": _thinned(value).tolist()}


def _thinned(value):
    return value.reshape(-1)[:: max(1, value.size // VALUES)]


def _path(version):
    return pathlib.Path(version) / names.EXTRA_ASSETS / names.ANSWERS_FILE
