"""Two answers to one request: as numbers, how far apart, and how far they may be."""

import io

import numpy as np
from PIL import Image

BYTES_SUFFIX = "_bytes"  # an output's, of encoded pictures; TensorFlow Serving's REST sends it as base64
# Levels of 255: another batch, or processor, may take another algorithm, and round the other way.
# A bfloat16 near 1 is 2^-8 exact, half a level: eight roundings of it.
MOST_LEVELS = {"float32": 1.0, "bfloat16": 4.0}
MOST_SCORE = {"float32": 1e-3, "bfloat16": 2**-5}  # of a score's size


def check_rows(signature, output, value, count):
    """An answer has one row for each input row.

    Args:
        signature, output: str, their names, for the message.
        value: numpy array, the answer.
        count: int, the input's rows.

    Raises:
        ValueError: it has not.
    """
    if value.ndim < 1 or len(value) != count:
        raise ValueError(
            "An output needs one row for each input row, or TensorFlow Serving cannot take a "
            f"batch apart. Received: {output!r} of shape {value.shape} for {count} rows in {signature!r}"
        )


def as_numbers(output, value):
    """An answer as it can be compared: encoded pictures become their pixels, uint8 (N, H, W, C)."""
    if not output.endswith(BYTES_SUFFIX):
        return value
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(item))) for item in value])
    return pixels.reshape(*pixels.shape[:3], -1)  # Pillow drops a single channel


def distance(a, b):
    """The largest difference of two arrays; infinite where their shapes, or texts, differ."""
    if a.shape != b.shape:
        return float("inf")
    if a.dtype == object:
        return 0.0 if np.array_equal(a, b) else float("inf")
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0.0))


def most_apart(value, precision):
    """By how much two answers of one row may differ: levels of 255, or a part of the scores' size."""
    if value.dtype == object:
        return 0.0
    if value.dtype == np.uint8:
        return MOST_LEVELS[precision]
    return MOST_SCORE[precision] * (1.0 + float(np.abs(value).max(initial=0.0)))
