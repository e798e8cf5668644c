"""The parity certificate: how far the saved model's answers are from the model's in memory."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgan_kit.export import signatures as names
from tfgan_kit.export.warmup import example_inputs

BATCH_SIZES = (1, 2, 3, 7, 16, 33)


def certify(in_memory, reloaded):
    """Compares every signature before saving and after loading, and alone against batched.

    Args:
        in_memory, reloaded: dicts signature name -> concrete function.

    Returns:
        A dict signature name -> {"output", "rows", "reloaded_max_difference",
        "batched_max_difference"}; images in levels of 255, scores in their own unit.

    Raises:
        ValueError: a signature that breaks the batch rule, whose output has not one row an input row.
    """
    return {
        name: _certify_one(name, in_memory[name], function) for name, function in reloaded.items()
    }


def _certify_one(name, in_memory, reloaded):
    inputs = example_inputs(reloaded, max(BATCH_SIZES))
    alone = np.concatenate([
        _answer(name, reloaded, {key: value[k : k + 1] for key, value in inputs.items()})
        for k in range(max(BATCH_SIZES))
    ])
    reload_difference = batch_difference = 0.0
    for size in BATCH_SIZES:
        rows = {key: value[:size] for key, value in inputs.items()}
        answer = _answer(name, reloaded, rows)
        reload_difference = max(reload_difference, _distance(answer, _answer(name, in_memory, rows)))
        batch_difference = max(batch_difference, _distance(answer, alone[:size]))
    return {
        "output": next(iter(reloaded.structured_outputs)),
        "rows": sum(BATCH_SIZES),
        "reloaded_max_difference": reload_difference,
        "batched_max_difference": batch_difference,
    }


def _answer(name, function, inputs):
    """One call's output as numbers; pictures are decoded to their pixels."""
    ((output, tensor),) = function(**{k: tf.constant(v) for k, v in inputs.items()}).items()
    value = tensor.numpy()
    count = len(next(iter(inputs.values())))
    if value.ndim < 1 or len(value) != count:
        raise ValueError(
            "A signature's outputs need one row for each input row, or TensorFlow Serving cannot "
            f"batch it. Received: {output} of shape {value.shape} for {count} rows in {name!r}"
        )
    if output == names.PNG_BYTES:
        value = np.stack([np.asarray(Image.open(io.BytesIO(png))) for png in value])
    return value


def _distance(a, b):
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64))))
