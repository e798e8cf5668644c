"""Data sets of TensorFlow Datasets, kept encoded in memory."""

import difflib
import hashlib
import re
import threading
import urllib.error
import urllib.request

from tfgan_kit.data.arrays import ArraySource, check_labels
from tfgan_kit.data.decode import needs_pillow
from tfgan_kit.data.encoded import EncodedImages, EncodedSource, fitted_shape, native_shape
from tfgan_kit.data.resize import check_fit

import numpy as np
from tqdm import tqdm

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

    The image is the data set's only image feature, or the one called `image`; the label is the
    second of its supervised keys, or otherwise `label`, if that is a class label. Images stay encoded in
    memory.

    Args:
        name: as TFDS spells it: `mnist`, `imagenet_resized/64x64`, `mnist:3.0.1`.
        split: as TFDS spells it: `train`, `train[:80%]`, `train+test`.
        image_size: side of the images; None keeps their size, if all are square and of one size.
        channels: 1 or 3; None is 1 if all images are grey, else 3.
        data_dir: the data folder of TFDS; None means $TFDS_DATA_DIR or ~/tensorflow_datasets.

    Returns:
        A `Source` named `tfds:NAME:SPLIT`.

    Raises:
        ValueError: an unknown data set or split, one without images, or one that is not prepared on
            this machine and cannot be downloaded.
    """
    import tensorflow_datasets as tfds  # the import takes seconds

    check_fit(image_size, channels)
    spelling = f"tfds:{name}:{split}"
    builder = _builder(tfds, name, spelling, data_dir)
    features = builder.info.features
    image_key = _image_key(tfds, features, spelling)
    label_key = _label_key(tfds, builder.info)
    _prepare(builder, name, spelling)
    encoded = isinstance(features[image_key], tfds.features.Image)
    decoders = {image_key: tfds.decode.SkipDecoding()} if encoded else None
    try:
        examples = builder.as_dataset(split=split, decoders=decoders)
    except Exception as error:  # TFDS raises many types for a split that it cannot read
        raise ValueError(
            f"{name} has no split {split!r}, only {sorted(builder.info.splits)} and their slices. "
            f"Received: {spelling} ({_first_line(error)})"
        ) from error
    rows = [
        (example[image_key], example[label_key] if label_key else 0)
        for example in _progress(examples.as_numpy_iterator(), "Reading")
    ]
    if not rows:
        raise ValueError(f"This split is empty: name another one. Received: {spelling}")
    images, labels = zip(*rows, strict=True)
    class_names = features[label_key].names if label_key else None
    if label_key is None or set(labels) == {-1}:  # TFDS marks withheld labels in this way
        labels = class_names = None
    labels = check_labels(spelling, labels, len(images), class_names)
    if not encoded:
        images = np.stack(images)
        return ArraySource(spelling, images, labels, class_names, image_size, channels)
    found, images = _measure(images, features[image_key].shape)
    shape = fitted_shape(spelling, found, image_size, channels)
    labels = None if labels is None else labels[found[:, 0]]
    fingerprint = _fingerprint(rows, shape)
    return EncodedSource(spelling, images, shape, fingerprint, labels, class_names, native_shape(found))


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
            f"The data set must have one image feature, or one called `image`; this one has {keys} "
            f"among {sorted(features)}. Name another data set. Received: {spelling}"
        )
    return "image" if "image" in keys else keys[0]


def _label_key(tfds, info):
    supervised = info.supervised_keys[1] if info.supervised_keys else None
    for key in (supervised, "label"):
        is_name = isinstance(key, str) and key in info.features
        if is_name and isinstance(info.features[key], tfds.features.ClassLabel):
            return key
    return None


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


def _measure(contents, shape):
    count = len(contents)
    images = EncodedImages(contents, [needs_pillow(content) for content in contents], are_paths=False)
    if None in shape:
        found = images.measure(lambda rows: _progress(rows, "Decoding", count))
    else:  # TFDS checked this shape when it prepared the data set
        found = np.tile(np.array([0, *shape, shape[-1] == 1], np.int64), (count, 1))  # (N, 5)
        found[:, 0] = np.arange(count)
    return found, images.keep(found)


def _progress(things, what, total=None):
    return tqdm(things, desc=what, total=total, unit=" images", delay=2, leave=False)


def _fingerprint(rows, shape):
    digest = hashlib.sha256(str(shape).encode())
    for content, label in rows:
        digest.update(content)
        digest.update(str(label).encode())
    return digest.hexdigest()


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]
