"""The requirements on every signature before it is published, so that TensorFlow Serving can batch it."""

import io

from tfgan_kit.export.session import reason
from tfgan_kit.export.verify.comparison import BYTES_SUFFIX, as_numbers, check_rows, distance, most_apart
from tfgan_kit.export.warmup import example_inputs

import tensorflow as tf
from PIL import Image

SIZES = (2, 5)  # of the two batches; the rows of the first are among those of the second


def check_batch_rule(signature, function):
    """Checks that every input and output has rank >= 1, with a free batch size N as its 0th dimension.

    TensorFlow Serving concatenates requests along it; without it a model works only until batching is on.

    Args:
        signature: str, its name, for the message.
        function: a concrete function with named inputs and outputs.

    Raises:
        ValueError: a scalar, or a 0th dimension with a fixed size.
    """
    _, inputs = function.structured_input_signature
    for kind, tensors in (("input", inputs), ("output", function.structured_outputs)):
        for name, tensor in tensors.items():
            shape = tensor.shape
            if shape.rank == 0 or shape.rank and shape[0] is not None:
                raise ValueError(
                    "TensorFlow Serving can batch a signature only if the 0th dimension of every input "
                    "and output is a free number of rows: a shape (None, ...). "
                    f"Received: {kind} {name!r} of shape {shape} in signature {signature!r}"
                )


def check_dtypes(signature, function):
    """Raises ValueError for a float16 or bfloat16 output, which TensorFlow Serving's REST cannot write."""
    for name, tensor in function.structured_outputs.items():
        if tensor.dtype in (tf.float16, tf.bfloat16):
            raise ValueError(
                "TensorFlow Serving's REST interface cannot write half-precision floats; let the model end in "
                "float32 (keras.layers.Activation('linear', dtype='float32')). "
                f"Received: output {name!r} of {tensor.dtype.name} in signature {signature!r}"
            )


def check_batches(signature, function, num_classes, precision="float32"):
    """Runs a signature at two batch sizes, with the rows of the smaller batch in the larger one.

    Args:
        signature: str, its name, for the messages.
        function: a concrete function.
        num_classes: int, or None for an unconditional generator.
        precision: `"float32"` or `"bfloat16"`, which decides by how much a row may differ between batches.

    Raises:
        ValueError: it fails at a batch size, does not give one row per input row, or a row's answer
            depends on the other rows.
    """
    inputs = example_inputs(function, max(SIZES), num_classes)
    small, large = (_run(signature, function, inputs, size) for size in SIZES)
    for output, value in small.items():
        part = large[output][: min(SIZES)]
        apart = distance(value, part)
        most = most_apart(value, precision)
        if not apart <= most:  # NaN fails, too
            raise ValueError(
                "A row's answer depends on its batch, so one caller's images would depend on another's "
                "request. Remove layers that look at the whole batch at inference. Received: "
                f"{output!r} of {signature!r} off by {apart:g} between batches of {SIZES[0]} and "
                f"{SIZES[1]}; at most {most:g} is allowed"
            )


def check_strings(signature, output, value):
    """Checks that a string output is a picture if its name ends in `_bytes`, and otherwise text.

    TensorFlow Serving's REST sends the former as base64, and writes the latter into JSON as it is, which
    breaks the JSON if it is not UTF-8.

    Args:
        signature, output: str, their names, for the messages.
        value: numpy array of bytes objects.

    Raises:
        ValueError: bytes that are not a picture, or not UTF-8.
    """
    for item in value.reshape(-1):
        try:
            if output.endswith(BYTES_SUFFIX):
                Image.open(io.BytesIO(item)).load()
            else:
                item.decode()
        except (OSError, SyntaxError, ValueError) as error:
            kind = "a picture (PNG, JPEG)" if output.endswith(BYTES_SUFFIX) else "UTF-8 text"
            raise ValueError(
                f"A string output must hold {kind}: name encoded pictures NAME{BYTES_SUFFIX}, and "
                f"nothing else. Received: {output!r} of {signature!r} that starts {item[:12]!r}"
            ) from error


def _run(signature, function, inputs, size):
    rows = {key: tf.constant(value[:size]) for key, value in inputs.items()}
    try:
        outputs = {name: value.numpy() for name, value in function(**rows).items()}
    except tf.errors.UnimplementedError as error:
        raise ValueError(
            "TensorFlow, and so a server, has no kernel on this processor for a part of the model; export with "
            f"optimisation, or remove the layer. Received: signature {signature!r} fails: {reason(error)}"
        ) from error
    except tf.errors.OpError as error:
        raise ValueError(
            "The model does not run at every batch size; nothing in it may have a fixed number of "
            f"rows (reshape with -1). Received: signature {signature!r} at batch size {size} fails: "
            f"{error.message[:200]}"
        ) from error
    for name, value in outputs.items():
        check_rows(signature, name, value, size)
        if value.dtype == object:
            check_strings(signature, name, value)
    return {name: as_numbers(name, value) for name, value in outputs.items()}
