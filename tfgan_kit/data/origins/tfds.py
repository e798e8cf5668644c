"""Data sets of TensorFlow Datasets: ArrayRecord files are read by index, small TFRecord files are kept in memory."""

import difflib
import hashlib
import io
import os
import re
import threading
import urllib.error
import urllib.request
import warnings

from tfgan_kit.data.arrays import ArraySource, check_labels
from tfgan_kit.data.decode import Header, decode_image, needs_pillow, read_header
from tfgan_kit.data.encoded import HEADERS, EncodedImages, EncodedSource, as_row, fitted_shape, native_shape
from tfgan_kit.data.python_calls import numpy_function
from tfgan_kit.data.records import Records, RecordSource
from tfgan_kit.data.resize import check_fit, fit_images
from tfgan_kit.data.source import Source, parallelism

import numpy as np
import tensorflow as tf
from tqdm import tqdm

_MOST_BYTES_IN_MEMORY = 2**30
# TFDS retries a download for 204 s without a network; this probe takes a few seconds.
_PROBE_URL = "https://storage.googleapis.com"
_PROBE_SECONDS = 4


def open_spelled(name_and_split, image_size=None, channels=None):
    """`open_tfds` of NAME[/CONFIG][:SPLIT]; a version is part of the name, as in mnist:3.0.1."""
    pattern = r"([^:]*(?::[\d*]+\.[\d*]+\.[\d*]+)?)(?::(.+))?"
    name, split = re.fullmatch(pattern, name_and_split).groups()
    return open_tfds(name, split or "train", image_size, channels)


def open_tfds(name, split="train", image_size=None, channels=None, data_dir=None):
    """Opens a data set of TensorFlow Datasets, downloading and preparing it if necessary.

    Data of TFDS's file format ArrayRecord are read by index when they are needed, and memory does not grow with them.
    Other formats have no random access: their images stay encoded in memory up to 1 GiB; larger ones can only be
    prepared, by `python -m tfgan_kit.prepare`.

    The image is the data set's only image feature, or the one called `image`; the label is the second of its
    supervised keys, or otherwise `label`, if that is a class label. Images of uint16 are shown by their upper 8 bits,
    those of float32 must lie in [0, 1], which is the range of float images in `tf.image`. If all labels are withheld
    (-1), the source has none.

    Args:
        name: as TFDS spells it: `mnist`, `imagenet_resized/64x64`, `mnist:3.0.1`.
        split: as TFDS spells it: `train`, `train[:80%]`, `train+test`.
        image_size: side of the images; None keeps their size, if all are square and of one size.
        channels: 1 or 3; None is 1 if all images are grey, else 3.
        data_dir: the data folder of TFDS; None means $TFDS_DATA_DIR or ~/tensorflow_datasets.

    Returns:
        A `Source` named `tfds:NAME:SPLIT`.

    Raises:
        ValueError: an unknown data set or split, one without images, one whose images are no pictures of a known
            range, one with labels of which some are withheld, or one that is not prepared on this machine and cannot
            be downloaded.
    """
    import tensorflow_datasets as tfds  # the import takes seconds

    check_fit(image_size, channels)
    spelling = f"tfds:{name}:{split}"
    builder = _builder(tfds, name, spelling, data_dir)
    features = builder.info.features
    image_key = _image_key(tfds, features, spelling)
    label_key = _label_key(tfds, builder.info, spelling)
    _prepare(builder, name, spelling)
    encoded = isinstance(features[image_key], tfds.features.Image)
    part = _part(builder, name, split, spelling)
    pictures = encoded and part is not None and features[image_key].np_dtype != np.float32
    if pictures and builder.info.file_format == tfds.core.FileFormat.ARRAY_RECORD:
        return _random_access(builder, part, spelling, (image_key, label_key), image_size, channels)
    if pictures and _num_bytes(builder, part) > _MOST_BYTES_IN_MEMORY:
        return _streamed(builder, split, part, spelling, (image_key, label_key), image_size, channels)
    decoders = {image_key: tfds.decode.SkipDecoding()} if encoded else None
    try:
        examples = builder.as_dataset(split=split, decoders=decoders)
    except Exception as error:  # TFDS raises many types
        raise ValueError(f"{name} cannot be read ({_first_line(error)}). Received: {spelling}") from error
    rows = [
        (example[image_key], example[label_key] if label_key else 0)
        for example in _progress(examples.as_numpy_iterator(), "Reading")
    ]
    images, labels = zip(*rows, strict=True)
    class_names = features[label_key].names if label_key else None
    if label_key is None or set(labels) == {-1}:  # TFDS marks withheld labels in this way
        labels = class_names = None
    elif -1 in labels:
        raise ValueError(
            f"{labels.count(-1)} of {len(labels)} labels, the feature {label_key!r}, are withheld (-1): name a split "
            f"whose images all have one. Received: {spelling}"
        )
    labels = check_labels(spelling, labels, len(images), class_names)
    if not encoded:
        return ArraySource(spelling, _stacked(images, image_key, spelling), labels, class_names, image_size, channels)
    if features[image_key].np_dtype == np.float32:
        images = [_as_png(image, image_key, spelling) for image in images]
    kept, headers = _headers(images, features[image_key].shape)
    if len(kept) < len(rows):
        warnings.warn(
            f"{spelling}: left out {len(rows) - len(kept)} of {len(rows)} images that are none, "
            "or have more than PIL.Image.MAX_IMAGE_PIXELS pixels",
            stacklevel=2,
        )
    shape = fitted_shape(spelling, headers, image_size, channels)
    labels = None if labels is None else labels[kept]
    with tf.device("CPU:0"):
        contents = tf.constant([images[k] for k in kept])
    images = EncodedImages(lambda index: tf.gather(contents, index), headers)
    return EncodedSource(spelling, images, shape, _fingerprint(rows, shape), labels, class_names, native_shape(headers))


def _part(builder, name, split, spelling):
    """What TFDS knows of a split, or of a slice of one; None where it has no files, as `tfds.testing.mock_data` has."""
    if not builder.info.splits:
        return None
    try:
        part = builder.info.splits[split]
        empty = part.num_examples == 0
    except Exception as error:  # TFDS raises many types for a split that it cannot read
        raise ValueError(
            f"{name} has no split {split!r}, only {sorted(builder.info.splits)} and their slices. "
            f"Received: {spelling} ({_first_line(error)})"
        ) from error
    if empty:
        raise ValueError(f"This split is empty: name another one. Received: {spelling}")
    return part


def _num_bytes(builder, part):
    """About how many bytes a part of the data has."""
    total = sum(split.num_examples for split in builder.info.splits.values())
    return builder.info.dataset_size * part.num_examples / max(total, 1)


def _random_access(builder, part, spelling, keys, image_size, channels):
    """The source of a part of a data set in ArrayRecord files."""
    image_key, label_key = keys
    features = builder.info.features
    parts = [
        (each.filename, each.skip, each.take if each.take >= 0 else each.examples_in_shard - each.skip)
        for each in part.file_instructions
    ]
    records = Records(parts)
    class_names = features[label_key].names if label_key else None
    if label_key and _first_label(records, label_key) == -1:  # TFDS marks withheld labels in this way
        class_names = None
    shape, native = _shape_of_feature(features[image_key].shape, spelling, image_size, channels)
    fingerprint = _fingerprint_of_files(builder, parts, shape)
    stored = (*features[image_key].shape[:2], None)
    return RecordSource(
        spelling, records, shape, fingerprint, keys, class_names, native_shape=native, decoded_shape=stored
    )


def _first_label(records, key):
    (record,) = records.read(np.array([0]))
    return tf.train.Example.FromString(record).features.feature[key].int64_list.value[0]


def _shape_of_feature(shape, spelling, image_size, channels):
    """(the shape that images are fitted to, the one that all have before or None), from what TFDS knows of them."""
    height, width, stored_channels = shape
    channels = channels or (1 if stored_channels in (1, 2) else 3)
    if image_size is None and (height is None or height != width):
        raise ValueError(
            f"The images of {spelling} are not all squares of one size: pass image_size, e.g. image_size=64, to crop "
            "each to its central square and resize it. Received: image_size=None"
        )
    native = None if None in shape else (height, width, channels)
    return (image_size or height, image_size or height, channels), native


def _fingerprint_of_files(builder, parts, shape):
    """The hash of a data set's name and version, and of which records of which files, by their sizes."""
    lines = [
        f"{builder.info.full_name} {shape}",
        *(f"{os.path.basename(path)} {os.stat(path).st_size} {first} {count}" for path, first, count in parts),
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _streamed(builder, split, part, spelling, keys, image_size, channels):
    """The source of a part of a data set that is too large for memory, and has no random access."""
    image_key, label_key = keys
    features = builder.info.features
    shape, native = _shape_of_feature(features[image_key].shape, spelling, image_size, channels)
    files = [(each.filename, each.skip, each.take) for each in part.file_instructions]
    fingerprint = _fingerprint_of_files(builder, files, shape)
    class_names = features[label_key].names if label_key else None

    def examples():
        import tensorflow_datasets as tfds

        rows = builder.as_dataset(split=split, decoders={image_key: tfds.decode.SkipDecoding()}, shuffle_files=False)
        return rows.map(lambda row: (row[image_key], tf.cast(row[label_key], tf.int32) if label_key else -1))

    return StreamedSource(spelling, examples, part.num_examples, shape, fingerprint, class_names, native)


class StreamedSource(Source):
    """A source whose images can only be read in order, from the first on: enough to prepare them.

    Args:
        name: the spelling that opens it.
        examples: callable that returns a `tf.data.Dataset` of (encoded image, int32 label or -1).
        num_images, image_shape, fingerprint, class_names, native_shape: see `Source`.
    """

    def __init__(self, name, examples, num_images, image_shape, fingerprint, class_names, native_shape):
        super().__init__(name, num_images, image_shape, fingerprint, None, class_names, native_shape)
        self._examples = examples

    def intact(self, start=0):
        """See `Source.intact`; what lies before `start` is read, and not decoded."""
        size, _, channels = self.image_shape

        def load(index, row):
            content, label = row
            judged = tf.ensure_shape(numpy_function(needs_pillow, [content], tf.bool), [])
            image = fit_images(decode_image(content, judged), size, channels)
            return index, tf.ensure_shape(image, self.image_shape), label

        rows = self._examples().skip(start).enumerate(start)
        return rows.map(load, num_parallel_calls=parallelism(), deterministic=True).ignore_errors()

    def _read(self, rows, batch_size, flip, drop_remainder):
        raise ValueError(
            f"{self.name} has no random access, and more than {_MOST_BYTES_IN_MEMORY / 2**30:g} GiB: prepare it once "
            f"by `python -m tfgan_kit.prepare --dataset {self.name} --output DIR`, and train on prepared:DIR; or make "
            'TFDS write file_format="array_record".'
        )


def _stacked(images, key, spelling):
    """Images that TFDS stores as plain tensors, as one array."""
    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        raise ValueError(
            f"The images of the feature {key!r} are plain tensors of {len(shapes)} different sizes, {shapes[0]} to "
            f"{shapes[-1]}: write them as files for folder:. Received: {spelling}"
        )
    return np.stack(images)


def _as_png(encoded, key, spelling):
    """A float32 image of TFDS, which is a PNG whose four channels are the bytes of a number, as a grey PNG."""
    levels = tf.io.decode_png(encoded, channels=4).numpy().view(np.float32)  # (H, W, 1)
    low, high = levels.min(), levels.max()
    if not (low >= 0 and high <= 1):  # NaN is neither
        raise ValueError(
            f"The float32 images of the feature {key!r} must lie in [0, 1], as those of tf.image: nothing says which "
            "of these numbers are black and white. Scale them, and pass uint8 arrays to "
            f"tfgan_kit.data.from_arrays or write them for npz:. Received: {spelling}, an image with numbers from "
            f"{low} to {high}"
        )
    return tf.io.encode_png(np.round(255 * levels).astype(np.uint8)).numpy()


def _builder(tfds, name, spelling, data_dir):
    try:
        return tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # an unknown name, config or version each raises another type
        known = tfds.list_builders(with_community_datasets=False)
        close = difflib.get_close_matches(re.split("[/:]", name)[0], known, n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(
            f"TensorFlow Datasets cannot open {name!r}.{hint} The names are listed at "
            f"https://www.tensorflow.org/datasets/catalog. "
            f"Received: {spelling} ({_first_line(error)})"
        ) from error


def _image_key(tfds, features, spelling):
    keys = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    if not keys:  # images stored as plain tensors
        keys = [k for k, f in features.items() if f.np_dtype == np.uint8 and len(f.shape) == 3]
    if "image" not in keys and len(keys) != 1:
        raise ValueError(
            "The data set must have one image feature that is not nested in another, or one called `image`; this one "
            f"has {keys} among {_described(features)}. Name another data set, or write its images as files for "
            f"folder:. Received: {spelling}"
        )
    return "image" if "image" in keys else keys[0]


def _label_key(tfds, info, spelling):
    supervised = info.supervised_keys[1] if info.supervised_keys else None
    for key in (supervised, "label"):
        is_name = isinstance(key, str) and key in info.features
        if is_name and isinstance(info.features[key], tfds.features.ClassLabel):
            return key
    passed_over = {
        key: feature
        for key, feature in info.features.items()
        if (key in (supervised, "label") and not isinstance(feature, tfds.features.Image))
        or isinstance(getattr(feature, "feature", feature), tfds.features.ClassLabel)  # of a sequence, or itself
    }
    if passed_over:
        warnings.warn(
            f"{spelling} is opened without labels: none of {_described(passed_over)} is one class an image and the "
            "second of the data set's supervised keys, or called `label`.",
            stacklevel=3,
        )
    return None


def _described(features, within=""):
    """Each feature with its kind, one of TFDS, such as "objects/mask: LabeledImage"."""
    return ", ".join(
        _described(feature, f"{within}{key}/")
        if hasattr(feature, "items")
        else f"{within}{key}: {type(feature).__name__}"
        for key, feature in sorted(features.items())
    )


def _prepare(builder, name, spelling):
    if builder.is_prepared():
        return
    way_out = (
        f"Prepare it where there is a network, with tfds.builder({name!r}).download_and_prepare(), "
        f"and point TFDS_DATA_DIR (or data_dir) at a copy of its folder; or use folder:, npz: or "
        f"idx:. Received: {spelling}"
    )
    if not _network_is_there():
        raise ValueError(
            f"{name} is not prepared in {builder.data_dir}, and there is no network to fetch it "
            f"({_PROBE_URL} does not answer). {way_out}"
        )
    try:
        builder.download_and_prepare()
    except Exception as error:  # any exception of the download or the parser
        raise ValueError(f"{name} could not be downloaded and prepared: {_first_line(error)}. {way_out}") from error


def _network_is_there():
    answered = threading.Event()

    def probe():
        try:
            urllib.request.urlopen(_PROBE_URL, timeout=_PROBE_SECONDS).close()
            answered.set()
        except urllib.error.HTTPError:  # still an answer
            answered.set()
        except (OSError, ValueError):  # no route, an unknown host, or an invalid proxy setting
            pass

    thread = threading.Thread(target=probe, daemon=True)  # a DNS look-up has no timeout
    thread.start()
    thread.join(_PROBE_SECONDS)
    return answered.is_set()


def _headers(contents, shape):
    """(indices of the images with a header, HEADERS of these)."""
    if None in shape:
        found = [_header(content) for content in contents]
    else:  # TFDS checked this shape when it prepared the data set
        by_pillow = [needs_pillow(content) for content in contents]
        found = [Header(*shape[:2], shape[-1] == 1, None if pillow else shape[-1], pillow) for pillow in by_pillow]
    kept = [k for k, header in enumerate(found) if header is not None]
    return kept, np.array([as_row(found[k]) for k in kept], HEADERS)


def _header(content):
    try:
        return read_header(io.BytesIO(content))
    except ValueError:
        return None


def _progress(things, what):
    return tqdm(things, desc=what, unit=" images", delay=2, leave=False, disable=None)


def _fingerprint(rows, shape):
    digest = hashlib.sha256(str(shape).encode())
    for content, label in rows:
        digest.update(content)
        digest.update(str(label).encode())
    return digest.hexdigest()


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]
