"""A folder of images as a source: opened by the headers of its files."""

import concurrent.futures
import hashlib
import io
import itertools
import os
import warnings
import zipfile
import zlib

from tfgan_kit.data.decode import read_header
from tfgan_kit.data.encoded import HEADERS, EncodedImages, EncodedSource, as_row, fitted_shape, native_shape
from tfgan_kit.data.origins.archive import Archive
from tfgan_kit.data.origins.folder_listing import Folder, classes_note
from tfgan_kit.data.origins.label_files import stated_labels
from tfgan_kit.data.origins.paths import expanded, printable
from tfgan_kit.data.python_calls import numpy_function
from tfgan_kit.data.resize import check_fit
from tfgan_kit.files import cache_path, write_cache

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

# Part of the cache's key: increment it when the result of `_examine` changes.
_FORMAT = 5
# A file's fingerprint is of all its bytes, or, if they are more, of as many at its beginning and its end, and its size.
_WHOLE, _END = 2**16, 2**15
# The largest file that is read: four channels of 16 bits for Pillow's limit of pixels take 0.7 GB.
_MOST_BYTES = 2**30


def open_folder(path, image_size=None, channels=None):
    """Opens a folder, zip or tar of JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF, JPEG 2000 and PPM files, with sub-folders.

    Each first-level sub-folder is a class, in sorted order; images in the folder itself have none. Where `dataset.json`
    of StyleGAN's tool or a `metadata.csv` with columns `file_name` and `label` lies beside them, it states the labels.
    Pixels are those that an image viewer shows, but for colour profiles, which are not applied: turned by their
    orientation, transparent ones composited on white. Then they are cropped to their central square and resized
    with antialiasing. Of every file the beginning is read here, for its size and channels, and its end: files without
    the header of an image of at most `PIL.Image.MAX_IMAGE_PIXELS` pixels are left out, with a warning that counts them.
    The result is cached until a file changes. What turns out to be damaged when it is read is passed over, see
    `EncodedSource`.

    Args:
        path: the folder, or the archive, which is not unpacked.
        image_size: side of the images; None keeps their size, if all are square and of one
            size.
        channels: 1 or 3; None is 1 if every file is stored in grey, else 3.

    Returns:
        An `EncodedSource` named `folder:PATH`.

    Raises:
        ValueError: the folder is missing, unreadable, or without an image; its file of labels does not fit; or the
            sizes differ and no image_size is given.
    """
    check_fit(image_size, channels)
    name = f"folder:{path}"
    root = expanded(path)
    listing = Archive(root) if os.path.isfile(root) else Folder(root)
    values, *notes = _classes(listing)
    kept, headers, content = _examine(listing)
    names = [listing.names[i] for i in kept]
    labels = class_names = None
    if values is not None:
        values = [values[i] for i in kept]
        different = sorted(set(values), key=lambda value: value if isinstance(value, int) else os.fsencode(value))
        ids = {value: k for k, value in enumerate(different)}
        labels = np.array([ids[value] for value in values], np.int32)
        class_names = [printable(value) for value in different]
    if listing.label_files:
        content = hashlib.sha256(os.fsencode(f"{content} {values}")).hexdigest()
    elif class_names:
        notes.append(classes_note(listing.root, different))
    notes += [_left_out_note(listing, kept), listing.unsupported_note()]
    for note in filter(None, notes):
        warnings.warn(f"folder:{printable(listing.root)}: {note}", stacklevel=2)
    shape = fitted_shape(name, headers, image_size, channels)
    fingerprint = hashlib.sha256(f"{content} {shape}".encode()).hexdigest()
    images = EncodedImages(_fetch(listing, names), headers)
    native = native_shape(headers)
    return EncodedSource(name, images, shape, fingerprint, labels, class_names, native, lambda i: printable(names[i]))


def _classes(listing):
    """(the class of each image, or None; a note)."""
    stated = stated_labels(listing)
    return (listing.classes(), "") if stated is None else stated


def _fetch(listing, names):
    """A function of an index, int64 scalar, that returns the content of that file, a string scalar."""
    if isinstance(listing, Folder):
        with tf.device("CPU:0"):
            paths = tf.constant([listing.path(name) for name in names])
        return lambda index: tf.io.read_file(tf.gather(paths, index))

    def read(index):
        try:
            return listing.read(names[index], _MOST_BYTES)
        except Exception:  # of a damaged archive; TensorFlow would log it with its traceback
            return b""

    return lambda index: tf.ensure_shape(numpy_function(read, [index], tf.string), [])


def _examine(listing):
    """(indices of the files with the header of an image, HEADERS of these, a hash of all names and files)."""
    cached = cache_path("folders", f"{listing.state}-{_FORMAT}-{Image.MAX_IMAGE_PIXELS}.npz")
    known = _read_cache(cached)
    if known is not None:
        return known
    with warnings.catch_warnings(), concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        warnings.simplefilter("ignore")  # Pillow's, of large images and damaged EXIF
        found = threads.map(lambda names: [_look(listing, name) for name in names], _parts(listing.names))
        found = list(itertools.chain.from_iterable(_progress(found, listing.names)))
    kept = np.array([k for k, (_, header) in enumerate(found) if header is not None], np.int64)
    if not len(kept):
        raise ValueError(
            f"None of the {len(found)} image files can be decoded, e.g. {printable(listing.names[0])}. Are "
            f"they intact, and of at most {Image.MAX_IMAGE_PIXELS} pixels (PIL.Image.MAX_IMAGE_PIXELS)? "
            f"Received: folder:{printable(listing.root)}"
        )
    headers = np.array([as_row(found[k][1]) for k in kept], HEADERS)
    lines = [f"{digest} {name}" for (digest, _), name in zip(found, listing.names, strict=True)]
    content = hashlib.sha256(os.fsencode("\n".join(lines))).hexdigest()
    file = io.BytesIO()
    np.savez(file, kept=kept, headers=headers, content=content)
    write_cache(cached, file.getvalue())
    return kept, headers, content


def _read_cache(path):
    try:
        with np.load(path) as known:
            return known["kept"], known["headers"], str(known["content"])
    except Exception:  # missing, or damaged in any way: the files are looked at again
        return None


def _look(listing, name):
    """(a hash of a file, or of its ends if it is large; its `Header`, or None), or ("", None) for what is left out."""
    try:
        size = listing.size(name)
        if size > _MOST_BYTES:
            return "", None
        with listing.open(name) as file:
            content = file.read(_WHOLE)
            if size <= _WHOLE:
                digest = hashlib.sha256(content)
            else:
                file.seek(-_END, os.SEEK_END)
                digest = hashlib.sha256(b"%d " % size + content[:_END] + file.read(_END))
                file.seek(0)
            try:
                return digest.hexdigest(), read_header(io.BytesIO(content) if size < _WHOLE else file)
            except ValueError:
                return digest.hexdigest(), None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return "", None


def _parts(names, size=256):
    return [names[start : start + size] for start in range(0, len(names), size)]


def _progress(parts, names):
    """The parts, with a bar of the names that are in them."""
    with tqdm(desc="Reading", total=len(names), unit=" images", delay=2, leave=False, disable=None) as bar:
        for part in parts:
            yield part
            bar.update(len(part))


def _left_out_note(listing, kept):
    broken = sorted(set(range(len(listing.names))) - set(kept.tolist()))
    if not broken:
        return ""
    first = ", ".join(printable(listing.names[i]) for i in broken[:5])
    more = ", ..." if len(broken) > 5 else ""
    return (
        f"Left out {len(broken)} of {len(listing.names)} images that cannot be decoded, or have more than "
        f"{Image.MAX_IMAGE_PIXELS} pixels (PIL.Image.MAX_IMAGE_PIXELS): {first}{more}"
    )
