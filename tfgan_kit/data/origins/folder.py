"""A folder of images as a source: every file is decoded once when the folder is opened."""

import hashlib
import io
import os
import stat
import warnings

from tfgan_kit.data.decode import needs_pillow
from tfgan_kit.data.encoded import EncodedImages, EncodedSource, fitted_shape, native_shape
from tfgan_kit.data.origins.folder_listing import Listing, classes_note
from tfgan_kit.data.origins.paths import printable
from tfgan_kit.data.resize import check_fit
from tfgan_kit.files import cache_path, write_cache

import numpy as np
from PIL import Image
from tqdm import tqdm

# Part of the cache's key: increment it when decoding changes the result of `_examine`.
_FORMAT = 4
# The largest file that is read: four channels of 16 bits for Pillow's limit of pixels take 0.7 GB.
_MOST_BYTES = 2**30


def open_folder(path, image_size=None, channels=None):
    """Opens a folder of JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF, JPEG 2000 and PPM files, its sub-folders included.

    Each first-level sub-folder is a class, in sorted order; images in the folder itself have none.
    Pixels are those that an image viewer shows, but for colour profiles, which are not applied: turned by their
    orientation, transparent ones composited on white. Then they are cropped to their central square and resized
    with antialiasing. Every file is read and decoded once here: those that are damaged, or have more than
    `PIL.Image.MAX_IMAGE_PIXELS` pixels, are left out with a warning that counts them. The result is cached until a
    file changes.

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
    notes = [_left_out_note(listing, found), listing.unsupported_note()]
    labels = class_names = None
    if classes is not None:
        classes = [classes[i] for i in found[:, 0]]
        class_names = sorted(set(classes), key=os.fsencode)
        ids = {class_name: k for k, class_name in enumerate(class_names)}
        labels = np.array([ids[c] for c in classes], np.int32)
        notes.append(classes_note(listing.root, class_names))
        class_names = [printable(class_name) for class_name in class_names]
    for note in filter(None, notes):
        warnings.warn(f"folder:{printable(listing.root)}: {note}", stacklevel=2)
    shape = fitted_shape(name, found, image_size, channels)
    fingerprint = hashlib.sha256(f"{content} {shape}".encode()).hexdigest()
    return EncodedSource(name, images, shape, fingerprint, labels, class_names, native_shape(found))


def _examine(listing):
    """(the images that can be decoded, the `measure` of each, a hash of all names and files)."""
    files = [os.fsencode(os.path.join(listing.root, name)) for name in listing.names]
    cached = cache_path("folders", f"{listing.state}-{_FORMAT}-{Image.MAX_IMAGE_PIXELS}.npz")
    known = _read_cache(cached)
    if known is not None:
        through_pillow, found, content = known
        return EncodedImages(files, through_pillow, are_paths=True).keep(found), found, content
    through_pillow, hashes = zip(*(_read(file) for file in _progress(files, "Reading")), strict=True)
    readable = [file if digest else b"" for file, digest in zip(files, hashes, strict=True)]
    images = EncodedImages(readable, through_pillow, are_paths=True)
    found = images.measure(lambda rows: _progress(rows, "Decoding", len(files)))
    if not len(found):
        raise ValueError(
            f"None of the {len(files)} image files can be decoded, e.g. {printable(listing.names[0])}. Are "
            f"they intact, and of at most {Image.MAX_IMAGE_PIXELS} pixels (PIL.Image.MAX_IMAGE_PIXELS)? "
            f"Received: folder:{printable(listing.root)}"
        )
    lines = [f"{digest} {name}" for digest, name in zip(hashes, listing.names, strict=True)]
    content = hashlib.sha256(os.fsencode("\n".join(lines))).hexdigest()
    file = io.BytesIO()
    np.savez(file, through_pillow=images.through_pillow, found=found, content=content)
    write_cache(cached, file.getvalue())
    return images.keep(found), found, content


def _read_cache(path):
    try:
        with np.load(path) as known:
            return known["through_pillow"], known["found"], str(known["content"])
    except Exception:  # missing, or damaged in any way: the files are examined again
        return None


def _read(file):
    """(whether Pillow decodes it, the hash of its bytes), or (False, "") for what is left out unread."""
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            return False, ""
        with open(file, "rb") as opened:
            content = opened.read()
    except OSError:
        return False, ""
    return needs_pillow(content), hashlib.sha256(content).hexdigest()


def _progress(things, what, total=None):
    return tqdm(things, desc=what, total=total, unit=" images", delay=2, leave=False)


def _left_out_note(listing, found):
    broken = sorted(set(range(len(listing.names))) - set(found[:, 0].tolist()))
    if not broken:
        return ""
    first = ", ".join(printable(listing.names[i]) for i in broken[:5])
    more = ", ..." if len(broken) > 5 else ""
    return (
        f"Left out {len(broken)} of {len(listing.names)} images that cannot be decoded, or have more than "
        f"{Image.MAX_IMAGE_PIXELS} pixels (PIL.Image.MAX_IMAGE_PIXELS): {first}{more}"
    )
