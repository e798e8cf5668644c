"""A NumPy archive of images."""

import pathlib
import zipfile
import zlib

from tfgan_kit.data.arrays import ArraySource

import numpy as np

_KEYS = (("images", "labels"), ("x_train", "y_train"))


def open_npz(path, image_size=None, channels=None):
    """The arrays as an `ArraySource` named `npz:PATH`: see `npz_arrays`."""
    return ArraySource(f"npz:{path}", *npz_arrays(path), image_size=image_size, channels=channels)


def npz_arrays(path):
    """Reads `images` (and `labels`), or `x_train` (and `y_train`), from a .npz file.

    Returns:
        (images, labels): the arrays unchanged; labels None if the file has none.

    Raises:
        ValueError: the file is missing, is not a complete .npz, or has neither pair of keys.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise ValueError(f"There is no such file; pass the path of a .npz file. Received: npz:{path}")
    try:
        found = _read(path)
    # NumPy raises ValueError for a file of another format and for pickled objects, which are not safe.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise ValueError(
            "This is not a whole .npz file of plain arrays; write it again with np.savez(path, "
            f"images=..., labels=...). Received: npz:{path} ({error})"
        ) from error
    if isinstance(found, list):
        raise ValueError(
            "A .npz file must hold `images` (and `labels`), or `x_train` (and `y_train`); write it "
            f"with np.savez(path, images=..., labels=...). Received: npz:{path} with {found}"
        )
    return found


def _read(path):
    """(images, labels), or the list of the names in the file."""
    with path.open("rb") as file:  # opened here, since np.load does not close a damaged file
        archive = np.load(file, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("a single array, as np.save writes it")
        for images, labels in _KEYS:
            if images in archive:
                return archive[images], archive[labels] if labels in archive else None
        return list(archive)
