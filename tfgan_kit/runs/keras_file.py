"""One `.keras` file: whether it is whole, whether it holds a model, and the model it loads to."""

import math
import os
import zipfile

import keras

_WEIGHTS = "model.weights.h5"
_MEMBERS = {"metadata.json", "config.json", _WEIGHTS}


class CheckpointError(ValueError):
    """A checkpoint that is missing, broken, or not what was asked for."""


def is_whole(path):
    """Whether a `.keras` file reads back to its last byte: every member there, its checksum right."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _MEMBERS <= set(archive.namelist()) and archive.testzip() is None
    except (OSError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return False  # damaged headers ask for passwords and unknown compressions, too


def verify(path, model):
    """Flushes a file just written to its disk, then proves it before it takes a good one's place.

    Raises:
        OSError: it does not read back, or is too small for the numbers that `model` is made of.
    """
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    if not is_whole(path):
        raise OSError(f"{path} was written, but does not read back.")
    with zipfile.ZipFile(path) as archive:
        held = archive.getinfo(_WEIGHTS).file_size
    if held < (needed := _num_bytes(model)):
        raise OSError(f"{path} was written, but its weights take {held} bytes, not {needed}.")


def _num_bytes(model):
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer is not None else ())]
    # The average may be the generator itself: each variable is counted once.
    return sum(v.value.dtype.size * math.prod(v.shape) for v in {id(v): v for v in variables}.values())


def check(path):
    """Refuses a file that does not read back to its last byte.

    Raises:
        CheckpointError: a truncated or damaged file.
    """
    if not is_whole(path):
        raise CheckpointError(
            "This is no whole .keras file (cut short, damaged, or not a Keras archive). Another "
            f"checkpoint of the run may be whole: give its file. Received: ckpt={path}"
        )


def load(path):
    """The Keras model of a `.keras` file that is whole.

    Raises:
        CheckpointError: classes that Keras does not know.
    """
    try:
        return keras.saving.load_model(path)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise CheckpointError(
            "Keras cannot load this file. If it holds classes of your own, name their module with "
            f"--import_module. Keras says: {str(error)[:400]} Received: ckpt={path}"
        ) from error
