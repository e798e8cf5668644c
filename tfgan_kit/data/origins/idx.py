"""The IDX format of MNIST and its successors, gzipped or plain."""

import gzip
import pathlib
import zlib

from tfgan_kit.data.arrays import ArraySource

import numpy as np

_UINT8 = 0x08
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
    images_path = _images_path(pathlib.Path(path).expanduser())
    labels_path = _labels_path(images_path)
    return _read(images_path, ranks=3), None if labels_path is None else _read(labels_path, ranks=1)


def _images_path(path):
    if path.is_file():
        return path
    found = [p for name in _IMAGE_FILES for p in (path / name, path / (name + ".gz")) if p.is_file()]
    if not found:
        there = sorted(p.name for p in path.iterdir())[:10] if path.is_dir() else "no such file or folder"
        raise ValueError(
            f"idx: takes a folder that contains {_IMAGE_FILES[0]} or {_IMAGE_FILES[0]}.gz, or the "
            f"path of an images file. Received: idx:{path} ({there})"
        )
    return found[0]


def _labels_path(images_path):
    name = images_path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    if name == images_path.name.removesuffix(".gz"):
        return None
    candidates = [images_path.with_name(name), images_path.with_name(name + ".gz")]
    return next((p for p in candidates if p.is_file()), None)


def _read(path, ranks):
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"This file cannot be read whole; fetch it again. Received: idx:{path} ({error})") from error
    header = 4 + 4 * ranks
    if len(content) < header or content[:4] != bytes([0, 0, _UINT8, ranks]):
        raise ValueError(
            f"An IDX file of {'images' if ranks == 3 else 'labels'} begins with the bytes 0, 0, "
            f"{_UINT8}, {ranks} (uint8, {ranks} axes). Received: idx:{path}, which begins with "
            f"{list(content[:4])}"
        )
    shape = np.frombuffer(content, ">u4", count=ranks, offset=4).astype(np.int64)
    if len(content) - header != shape.prod():
        raise ValueError(
            f"The header promises {shape.prod()} bytes of shape {shape.tolist()}; fetch the file "
            f"again. Received: idx:{path} with {len(content) - header} bytes"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
