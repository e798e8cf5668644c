"""A folder of images as a source: every file is looked at once, when the folder is opened."""

import hashlib
import io
import warnings

import numpy as np
from tqdm import tqdm

from tfgan_kit.data.cache import cache_path, write_cache
from tfgan_kit.data.decode import needs_pillow
from tfgan_kit.data.encoded import EncodedImages, EncodedSource
from tfgan_kit.data.listing import Listing

# Part of the cache's key: count up when decoding changes what `_examine` finds.
_FORMAT = 1


def open_folder(path, image_size=None, channels=None):
    """Opens a folder of .jpg, .jpeg, .png, .gif and .bmp files, its sub-folders included.

    Each first-level sub-folder is a class, in sorted order; images in the folder itself have none.
    Transparent images are laid on white, oblong ones cropped to their centre, all resized with
    antialiasing. Every file is decoded once
    here: broken ones are left out with a warning that counts them. The findings are cached until a
        file changes.

    Args:
        path: the folder.
        image_size: side of the images; None takes the size they have, if all are square and of one
            size.
        channels: 1 or 3; None takes 1 if every image is grey, else 3.

    Returns:
        An `EncodedSource` named `folder:PATH`.

    Raises:
        ValueError: when the folder is missing, unreadable, or without a whole image, or when the
            sizes differ and no image_size is given.
    """
    listing = Listing(path)
    classes = listing.classes()
    through_pillow, found = _examine(listing)
    _warn(listing, found)
    kept = found[:, 0]
    image_size = image_size or common_size(f"folder:{path}", found[:, 1:3])
    channels = channels or (1 if found[:, 3].all() else 3)
    files = [str(listing.root / listing.names[i]) for i in kept]
    labels = class_names = None
    if classes is not None:
        class_names, labels = np.unique(np.array(classes)[kept], return_inverse=True)
        labels = labels.astype(np.int32)
        class_names = class_names.tolist()
    images = EncodedImages(files, through_pillow[kept], are_paths=True)
    key = f"{listing.fingerprint} {image_size} {channels}"
    fingerprint = hashlib.sha256(key.encode()).hexdigest()
    return EncodedSource(f"folder:{path}", images, (image_size, image_size, channels), fingerprint, labels, class_names)


def common_size(name, sizes):
    """The side of the images when all are square and alike; sizes: int [N, 2], heights and widths."""
    distinct = np.unique(sizes, axis=0)
    if len(distinct) == 1 and distinct[0, 0] == distinct[0, 1]:
        return int(distinct[0, 0])
    low, high = sizes.min(axis=0), sizes.max(axis=0)
    what = "not square" if len(distinct) == 1 else f"of {len(distinct)} different sizes"
    raise ValueError(
        f"The images of {name} are {what}, {low[1]} to {high[1]} wide and {low[0]} to {high[0]} "
        "high: pass image_size, e.g. image_size=64, to crop each to its central square and resize "
        "it. Received: image_size=None"
    )


def _examine(listing):
    cached = cache_path("folders", f"{listing.fingerprint}-{_FORMAT}.npz")
    try:
        with np.load(cached) as known:
            return known["through_pillow"], known["found"]
    except Exception:  # absent or damaged in any way: look again
        pass
    files = [listing.root / name for name in listing.names]
    through_pillow = np.array([_needs_pillow(file) for file in _progress(files, "Reading")])
    images = EncodedImages([str(file) for file in files], through_pillow, are_paths=True)
    found = images.measure(lambda rows: _progress(rows, "Decoding", len(files)))
    if not len(found):
        raise ValueError(
            f"None of the {len(files)} image files can be decoded, e.g. {listing.names[0]}. Are "
            f"they whole, and of the kind their names say? Received: folder:{listing.root}"
        )
    content = io.BytesIO()
    np.savez(content, through_pillow=through_pillow, found=found)
    write_cache(cached, content.getvalue())
    return through_pillow, found


def _needs_pillow(file):
    try:
        return needs_pillow(file.read_bytes())
    except OSError:  # the decoder will say so, and count it
        return False


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
