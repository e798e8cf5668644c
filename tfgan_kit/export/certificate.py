"""The parity certificate: how far the saved model's answers are from the model's in memory."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgan_kit.export import signatures as names
from tfgan_kit.export.warmup import example_inputs

BATCH_SIZES = (1, 2, 3, 7, 16, 33)
MOST_LEVELS = 1.0  # of 255: another batch may take another algorithm, and round the other way
MOST_SCORE = 1e-3  # of a score's size, float32


def certify(in_memory, reloaded, num_classes):
    """Compares every signature before saving and after loading, and alone against batched.

    Args:
        in_memory: dict signature name -> callable with the signature's inputs by name, answering a
            dict of one output: the model as it was before it was saved.
        reloaded: dict signature name -> concrete function.
        num_classes: int, or None for an unconditional generator.

    Returns:
        A dict signature name -> {"output", "rows", "reloaded_max_difference",
        "batched_max_difference"}; images in levels of 255, scores in their own unit.

    Raises:
        ValueError: an answer that differs by more than a level (scores: a thousandth), that is not
            finite, or that has not one row an input row.
    """
    return {
        name: _certify_one(name, in_memory[name], function, num_classes)
        for name, function in reloaded.items()
    }


def _certify_one(name, in_memory, reloaded, num_classes):
    inputs = example_inputs(reloaded, max(BATCH_SIZES), num_classes)
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
    output = next(iter(reloaded.structured_outputs))
    most = MOST_LEVELS if output != names.SCORE else MOST_SCORE * (1 + np.abs(alone).max())
    if not (reload_difference <= most and batch_difference <= most):  # NaN fails, too
        raise ValueError(
            "The saved model does not answer as the model in memory does, or a row's answer depends "
            "on its batch; nothing was published. Leave out layers that look at the whole batch at "
            f"inference. Received: {name!r} with {output} off by {reload_difference:g} after "
            f"loading, by {batch_difference:g} between alone and batched; at most {most:g} is allowed"
        )
    return {
        "output": output,
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
