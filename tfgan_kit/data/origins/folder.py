"""A folder of images as a source: every file is decoded once when the folder is opened."""

import hashlib
import io
import warnings

from tfgan_kit.data.decode import needs_pillow
from tfgan_kit.data.encoded import EncodedImages, EncodedSource, fitted_shape, native_shape
from tfgan_kit.data.origins.folder_listing import Listing
from tfgan_kit.data.resize import check_fit
from tfgan_kit.files import cache_path, write_cache

import numpy as np
from tqdm import tqdm

# Part of the cache's key: increment it when decoding changes the result of `_examine`.
_FORMAT = 3


def open_folder(path, image_size=None, channels=None):
    """Opens a folder of .jpg, .jpeg, .png, .gif and .bmp files, its sub-folders included.

    Each first-level sub-folder is a class, in sorted order; images in the folder itself have none.
    Transparent images are composited on white, non-square ones cropped to their centre, all resized
    with antialiasing. Every file is read and decoded once here: damaged ones are left out with a
    warning that counts them. The result is cached until a file changes.

    Args:
        path: the folder.
        image_size: side of the images; None keeps their size, if all are square and of one
            size.
        channels: 1 or 3; None is 1 if every image is grey, else 3.

    Returns:
        An `EncodedSource` named `folder:PATH`.

    Raises:
        ValueError: the folder is missing, unreadable, or without an intact image, or the sizes
            differ and no image_size is given.
    """
    check_fit(image_size, channels)
    name = f"folder:{path}"
    listing = Listing(path)
    classes = listing.classes()
    images, found, content = _examine(listing)
    _warn(listing, found)
    shape = fitted_shape(name, found, image_size, channels)
    labels = class_names = None
    if classes is not None:
        class_names, labels = np.unique(np.array(classes)[found[:, 0]], return_inverse=True)
        class_names, labels = class_names.tolist(), labels.astype(np.int32)
    fingerprint = hashlib.sha256(f"{content} {shape}".encode()).hexdigest()
    return EncodedSource(name, images, shape, fingerprint, labels, class_names, native_shape(found))


def _examine(listing):
    """(the images that can be decoded, the `measure` of each, a hash of all names and files)."""
    files = [listing.root / name for name in listing.names]
    cached = cache_path("folders", f"{listing.state}-{_FORMAT}.npz")
    known = _read_cache(cached)
    if known is not None:
        through_pillow, found, content = known
        return EncodedImages([str(f) for f in files], through_pillow, are_paths=True).keep(found), found, content
    through_pillow, hashes = zip(*(_read(file) for file in _progress(files, "Reading")), strict=True)
    images = EncodedImages([str(f) for f in files], through_pillow, are_paths=True)
    found = images.measure(lambda rows: _progress(rows, "Decoding", len(files)))
    if not len(found):
        raise ValueError(
            f"None of the {len(files)} image files can be decoded, e.g. {listing.names[0]}. Are "
            f"they intact, and in the format of their suffix? Received: folder:{listing.root}"
        )
    content = hashlib.sha256("\n".join(map(" ".join, zip(hashes, listing.names, strict=True))).encode()).hexdigest()
    file = io.BytesIO()
    np.savez(file, through_pillow=through_pillow, found=found, content=content)
    write_cache(cached, file.getvalue())
    return images.keep(found), found, content


def _read_cache(path):
    try:
        with np.load(path) as known:
            return known["through_pillow"], known["found"], str(known["content"])
    except Exception:  # missing, or damaged in any way: the files are examined again
        return None


def _read(file):
    """(whether Pillow decodes it, the hash of its bytes)."""
    try:
        content = file.read_bytes()
    except OSError:  # the decoder will count it as damaged
        return False, ""
    return needs_pillow(content), hashlib.sha256(content).hexdigest()


def _progress(things, what, total=None):
    return tqdm(things, desc=what, total=total, unit=" images", delay=2, leave=False)


def _warn(listing, found):
    broken = sorted(set(range(len(listing.names))) - set(found[:, 0].tolist()))
    if broken:
        first = ", ".join(listing.names[i] for i in broken[:5])
        more = ", ..." if len(broken) > 5 else ""
        warnings.warn(
            f"Left out {len(broken)} of {len(listing.names)} images in {listing.root} that cannot "
            f"be decoded: {first}{more}",
            stacklevel=3,
        )
    if listing.unsupported:
        warnings.warn(f"{listing.root}:{listing.unsupported_note()}", stacklevel=3)
