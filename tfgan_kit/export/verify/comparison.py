"""Comparing two answers to one request: as numbers, their difference, and the difference allowed."""

import io

import numpy as np
from PIL import Image

BYTES_SUFFIX = "_bytes"  # of the names of outputs that are encoded pictures, which REST sends as base64
# Levels of 255: for another batch or processor TensorFlow may use another algorithm, which rounds differently.
# A bfloat16 near 1 has an error of 2^-8, half a level; this allows eight such roundings.
MOST_LEVELS = {"float32": 1.0, "bfloat16": 4.0}
MOST_SCORE = {"float32": 1e-3, "bfloat16": 2**-5}  # relative to a score's size


def check_rows(signature, output, value, count):
    """Checks that an answer has one row per input row.

    Args:
        signature, output: str, their names, for the message.
        value: numpy array, the answer.
        count: int, number of input rows.

    Raises:
        ValueError: it has another number of rows.
    """
    if value.ndim < 1 or len(value) != count:
        raise ValueError(
            "An output needs one row per input row, or TensorFlow Serving cannot split a "
            f"batch. Received: {output!r} of shape {value.shape} for {count} rows in {signature!r}"
        )


def as_numbers(output, value):
    """An answer as numbers: encoded pictures are decoded to uint8 (N, H, W, C).

    Raises:
        ValueError: what should be a picture is none, or they are of different sizes.
    """
    if not output.endswith(BYTES_SUFFIX):
        return value
    try:
        pixels = np.stack([np.asarray(Image.open(io.BytesIO(item))) for item in value])
    except (OSError, SyntaxError, TypeError, Image.DecompressionBombError) as error:
        raise ValueError(f"{output!r} holds what is no picture: {error}") from error
    return pixels.reshape(*pixels.shape[:3], -1)  # Pillow drops a single channel


def distance(a, b):
    """The largest difference of two arrays; infinite if their shapes, or strings, differ."""
    if a.shape != b.shape:
        return float("inf")
    if a.dtype == object:
        return 0.0 if np.array_equal(a, b) else float("inf")
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0.0))


def most_apart(value, precision):
    """The allowed difference of two answers: in levels of 255, or relative to the scores' size."""
    if value.dtype == object:
        return 0.0
    if value.dtype == np.uint8:
        return MOST_LEVELS[precision]
    return MOST_SCORE[precision] * (1.0 + float(np.abs(value).max(initial=0.0)))
