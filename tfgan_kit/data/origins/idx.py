"""The IDX format of MNIST and its successors, gzipped or plain."""

import contextlib
import gzip
import math
import os
import zlib

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.origins.paths import expanded, printable, what_lies_at

import numpy as np

_UINT8 = 0x08
_MOST_EXPANSION = 1032  # a byte of gzip makes at most so many (https://zlib.net/zlib_tech.html)
_IMAGE_FILES = ("train-images-idx3-ubyte", "train-images.idx3-ubyte")


def open_idx(path, image_size=None, channels=None):
    """The arrays as an `ArraySource` named `idx:PATH`: see `idx_arrays`."""
    return ArraySource(f"idx:{path}", *idx_arrays(path), image_size=image_size, channels=channels)


def idx_arrays(path):
    """Reads images and, if their file is in the same folder, labels.

    Args:
        path: a folder that contains train-images-idx3-ubyte[.gz], or an images file. The labels file
            has the same name with `images` -> `labels` and `idx3` -> `idx1`, gzipped or not.

    Returns:
        (images uint8 (N, H, W), labels uint8 (N,) or None).

    Raises:
        ValueError: a file is missing, is not IDX, or has another length than its header states.
    """
    images_path = _images_path(expanded(path))
    labels_path = _labels_path(images_path)
    return _read(images_path, ranks=3), None if labels_path is None else _read(labels_path, ranks=1)


def _images_path(path):
    if os.path.isfile(path):
        return path
    found = [p for name in _IMAGE_FILES for p in (path / name, path / (name + ".gz")) if os.path.isfile(p)]
    if not found:
        raise ValueError(
            f"idx: takes a folder that contains {_IMAGE_FILES[0]} or {_IMAGE_FILES[0]}.gz, or the "
            f"path of an images file: this is {what_lies_at(path, 'file')}. Received: idx:{printable(path)}"
        )
    return found[0]


def _labels_path(images_path):
    name = images_path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    if name == images_path.name.removesuffix(".gz"):
        return None
    candidates = [images_path.with_name(name), images_path.with_name(name + ".gz")]
    return next((p for p in candidates if os.path.isfile(p)), None)


def _read(path, ranks):
    received = f"Received: idx:{printable(path)}"
    try:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(open(path, "rb"))
            most = os.fstat(file.fileno()).st_size
            if file.peek(2)[:2] == b"\x1f\x8b":
                file, most = stack.enter_context(gzip.open(file)), _MOST_EXPANSION * most
            return _parse(file, most, ranks, received)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"This file cannot be read whole; fetch it again. {received} ({error})") from error


def _parse(file, most, ranks, received):
    """The array of an open file, which holds at most `most` bytes."""
    beginning = file.read(4 + 4 * ranks)
    if len(beginning) < 4 + 4 * ranks or beginning[:4] != bytes([0, 0, _UINT8, ranks]):
        raise ValueError(
            f"An IDX file of {'images' if ranks == 3 else 'labels'} begins with the bytes 0, 0, "
            f"{_UINT8}, {ranks} (uint8, {ranks} axes). {received}, which begins with {list(beginning[:4])}"
        )
    shape = np.frombuffer(beginning, ">u4", offset=4).tolist()
    promised = math.prod(shape)
    content = file.read(promised + 1) if promised <= most else b""
    if len(content) != promised:
        held = f"{len(content)} bytes" if promised <= most else f"at most {most} bytes"
        raise ValueError(
            f"The header promises {promised} bytes of shape {shape}; fetch the file again. {received} with {held}"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
