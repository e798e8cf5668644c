"""One `.keras` file: checks that it is intact, and loading of its model."""

import io
import math
import os
import zipfile
import zlib

from tfgan_kit.runs import other_formats

import h5py
import keras

_WEIGHTS = "model.weights.h5"
_TEXTS = ("metadata.json", "config.json")
_MEMBERS = {*_TEXTS, _WEIGHTS}
# Keras writes its members as they are, and weights hardly shrink; what unpacks to more than this is a bomb.
_MOST_TIMES, _LEAST_LIMIT = 20, 2**26
_CHECKED_BY_KERAS = 2**28  # Keras 3.15 refuses 4 GiB and more that are not in the file, 16 times this size
_MOST_TEXT = 2**24  # a layer takes about 1 kB of config.json


class CheckpointError(ValueError):
    """A checkpoint that is missing, broken, or not what was asked for."""


def is_whole(path):
    """Whether a `.keras` file is intact: every member is present with the right checksum, and none is a bomb."""
    return os.path.isfile(path) and _fault(path) is None


def _fault(path):
    """Why a file is no intact `.keras` file, in words; None if it is one. Bounded in time and memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist()}
            most = max(_LEAST_LIMIT, _MOST_TIMES * os.path.getsize(path))
            if (total := sum(member.file_size for member in archive.infolist())) > most:
                return f"it unpacks to {total} bytes, at most {most} are read"
            for name in _TEXTS:
                if sizes.get(name, 0) > _MOST_TEXT:
                    return f"its {name} has {sizes[name]} bytes, at most {_MOST_TEXT} are read"
            if missing := sorted(_MEMBERS - sizes.keys()):
                return f"damaged: it lacks {', '.join(missing)}"
            broken = archive.testzip()
            return None if broken is None else f"damaged: {broken}"
    except PermissionError as error:
        return f"it cannot be read ({error.strerror})"
    except (OSError, EOFError, NotImplementedError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error):
        return "cut short or damaged"  # a damaged header may also claim a password or an unknown compression


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
        CheckpointError: a truncated or damaged file, one that unpacks to far more than it holds, or one of another
            format, with the way to a `.keras` file.
    """
    if is_whole(path):
        return
    if other := other_formats.describe(path):
        raise CheckpointError(f"{other} Received: ckpt={path}")
    raise CheckpointError(
        f"This is no whole .keras file ({_fault(path)}). Another checkpoint of the run may be whole: give its "
        f"file. Received: ckpt={path}"
    )


def _check_weights(path):
    """Raises ValueError for weights of sizes that the file cannot hold, for which Keras would find memory."""
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(_WEIGHTS).file_size > _CHECKED_BY_KERAS:
            return
        content, sizes = io.BytesIO(archive.read(_WEIGHTS)), []
    with h5py.File(content, "r") as file:
        file.visititems(lambda _, item: sizes.append(getattr(item, "nbytes", 0)))
    most = max(_LEAST_LIMIT, _MOST_TIMES * os.path.getsize(path))
    if sum(sizes) > most:
        raise ValueError(f"the weights are said to have {sum(sizes)} bytes, at most {most} are read.")


def load(path):
    """The Keras model of an intact `.keras` file.

    Raises:
        CheckpointError: classes that are not registered with Keras; a configuration that is not Keras's; weights
            that are declared to be far larger than the file.
    """
    try:
        _check_weights(path)
        return keras.saving.load_model(path)
    except Exception as error:  # a configuration of another shape can raise almost any
        raise CheckpointError(
            "Keras cannot load this file. If it holds classes of your own, name their module with "
            f"--import_module. Keras says: {str(error)[:400]} Received: ckpt={path}"
        ) from error
