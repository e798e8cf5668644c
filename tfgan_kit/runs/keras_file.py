"""One `.keras` file: checks that it is intact, and loading of its model."""

import math
import os
import zipfile

import keras

_WEIGHTS = "model.weights.h5"
_MEMBERS = {"metadata.json", "config.json", _WEIGHTS}


class CheckpointError(ValueError):
    """A checkpoint that is missing, broken, or not what was asked for."""


def is_whole(path):
    """Whether a `.keras` file is intact: every member is present with the right checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _MEMBERS <= set(archive.namelist()) and archive.testzip() is None
    except (OSError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return False  # a damaged header may also claim a password or an unknown compression


def verify(path, model):
    """Flushes a new file to disk and verifies it before it replaces an intact one.

    Raises:
        OSError: it does not read back, or is too small for the variables of `model`.
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
    # The averaged generator may be the generator itself: each variable is counted once.
    return sum(v.value.dtype.size * math.prod(v.shape) for v in {id(v): v for v in variables}.values())


def check(path):
    """Refuses a file that is not intact.

    Raises:
        CheckpointError: a truncated or damaged file.
    """
    if not is_whole(path):
        raise CheckpointError(
            "This is no whole .keras file (cut short, damaged, or not a Keras archive). Another "
            f"checkpoint of the run may be whole: give its file. Received: ckpt={path}"
        )


def load(path):
    """The Keras model of an intact `.keras` file.

    Raises:
        CheckpointError: classes that are not registered with Keras.
    """
    try:
        return keras.saving.load_model(path)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise CheckpointError(
            "Keras cannot load this file. If it holds classes of your own, name their module with "
            f"--import_module. Keras says: {str(error)[:400]} Received: ckpt={path}"
        ) from error
