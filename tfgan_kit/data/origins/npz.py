"""A NumPy archive of images."""

import math
import os
import zipfile

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.origins.paths import expanded, printable, what_lies_at

import numpy as np

_KEYS = (("images", "labels"), ("x_train", "y_train"))
# Deflate, which np.savez_compressed uses, makes a byte of at most 1032 (https://zlib.net/zlib_tech.html).
_MOST_EXPANSION = 1032
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def open_npz(path, image_size=None, channels=None):
    """The arrays as an `ArraySource` named `npz:PATH`: see `npz_arrays`."""
    return ArraySource(f"npz:{path}", *npz_arrays(path), image_size=image_size, channels=channels)


def npz_arrays(path):
    """Reads `images` (and `labels`), or `x_train` (and `y_train`), from a .npz file.

    An array is read if its header and the archive agree about its size, and the archive can hold as much.

    Returns:
        (images, labels): the arrays unchanged; labels None if the file has none.

    Raises:
        ValueError: the file is missing, is not a complete .npz, or has neither pair of keys.
    """
    path = expanded(path)
    received = f"Received: npz:{printable(path)}"
    if not os.path.isfile(path):
        raise ValueError(f"Pass the path of a .npz file: this is {what_lies_at(path, 'file')}. {received}")
    try:
        found = _read(path)
    except Exception as error:  # of a damaged archive NumPy and zipfile raise many kinds
        reason = str(error) or type(error).__name__
        raise ValueError(
            "This is not a whole .npz file of plain arrays; write it again with np.savez(path, "
            f"images=..., labels=...). {received} ({reason})"
        ) from error
    if isinstance(found, list):
        raise ValueError(
            "A .npz file must hold `images` (and `labels`), or `x_train` (and `y_train`); write it "
            f"with np.savez(path, images=..., labels=...). {received} with {found[:10]}"
        )
    return found


def _read(path):
    """(images, labels), or the list of the names in the file."""
    with open(path, "rb") as file:
        if file.read(6) == b"\x93NUMPY":
            raise ValueError("a single array, as np.save writes it")
    with zipfile.ZipFile(path) as archive:
        members = {m.filename.removesuffix(".npy"): m for m in archive.infolist() if m.filename.endswith(".npy")}
        for images, labels in _KEYS:
            if images in members:
                return tuple(_array(archive, members[key]) if key in members else None for key in (images, labels))
        return list(members)


def _array(archive, member):
    most = _MOST_EXPANSION * min(member.compress_size, os.path.getsize(archive.filename))
    if member.file_size > most:
        raise ValueError(f"{member.filename} cannot hold the {member.file_size} bytes that the archive promises")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:  # of structured arrays alone
            raise ValueError(f"{member.filename} is of version {version}")
        shape, _, dtype = _HEADERS[version](file)
        promised, held = math.prod(shape) * dtype.itemsize, member.file_size - file.tell()
        if promised != held and not dtype.hasobject:
            raise ValueError(f"{member.filename} promises {promised} bytes, for shape {shape}, and holds {held}")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
