"""A NumPy archive of images."""

import pathlib
import zipfile
import zlib

import numpy as np

_KEYS = (("images", "labels"), ("x_train", "y_train"))


def npz_arrays(path):
    """Reads `images` (and `labels`), or `x_train` (and `y_train`), from a .npz file.

    Returns:
        (images, labels): the arrays as they are; labels None when the file has none.

    Raises:
        ValueError: when the file is missing, not a whole .npz, or lacks both keys.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"There is no such file; pass the path of a .npz file. Received: npz:{path}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return _pick(path, archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(
            "This is not a whole .npz file; write it again with np.savez(path, images=..., "
            f"labels=...). Received: npz:{path} ({error})"
        ) from error


def _pick(path, archive):
    names = getattr(archive, "files", None)  # a bare .npy loads as an array, which has none
    for images, labels in _KEYS:
        if names is not None and images in names:
            return archive[images], archive[labels] if labels in names else None
    raise ValueError(
        "A .npz file must hold `images` (and `labels`), or `x_train` (and `y_train`); write it "
        f"with np.savez(path, images=..., labels=...). Received: npz:{path} with {names}"
    )
