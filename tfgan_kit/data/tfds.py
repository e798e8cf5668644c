"""Data sets of TensorFlow Datasets, kept encoded in memory."""

import difflib
import hashlib
import os
import re
import threading
import urllib.error
import urllib.request

import numpy as np
from tqdm import tqdm

from tfgan_kit.data.arrays import ArraySource, check_labels
from tfgan_kit.data.decode import needs_pillow
from tfgan_kit.data.encoded import EncodedImages, EncodedSource
from tfgan_kit.data.folder import common_size

# TFDS retries a download for 204 s without a network; this answers in a few.
_PROBE_URL = "https://storage.googleapis.com"
_PROBE_SECONDS = 4


def open_tfds(name, split="train", image_size=None, channels=None, data_dir=None):
    """Opens a data set of TensorFlow Datasets, downloading and preparing it first if it is not there.

    The image is the data set's only image feature, or the one called `image`; the label is the
    second of its supervised keys, or a feature `label`, if that is a class label. Images stay
    encoded in memory.

    Args:
        name: as TFDS spells it: `mnist`, `celeb_a`, `imagenet_resized/64x64`, `mnist:3.0.1`.
        split: as TFDS spells it: `train`, `train[:80%]`, `train+test`.
        image_size: side of the images; None takes the size they have, if all are square and of one
            size.
        channels: 1 or 3; None takes 1 for grey, 3 for colour.
        data_dir: where TFDS keeps its data; None means $TFDS_DATA_DIR or ~/tensorflow_datasets.

    Returns:
        A `Source` named `tfds:NAME:SPLIT`.

    Raises:
        ValueError: when TFDS knows no such data set or split, it has no image, or it is not
            prepared here and cannot be downloaded.
    """
    import tensorflow_datasets as tfds  # slow to import, so only for those who ask for it

    spelling = f"tfds:{name}:{split}"
    builder = _builder(tfds, name, spelling, data_dir)
    image_key, label_key = _features(tfds, builder, spelling)
    _prepare(builder, name, spelling)
    encoded = isinstance(builder.info.features[image_key], tfds.features.Image)
    decoders = {image_key: tfds.decode.SkipDecoding()} if encoded else None
    try:
        examples = builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)
    except Exception as error:  # TFDS raises many kinds for a split it cannot read
        raise ValueError(
            f"Split {split!r} cannot be read; {name} has {sorted(builder.info.splits)}. Received: "
            f"{spelling} ({error})"
        ) from error
    examples = tqdm(examples.as_numpy_iterator(), desc="Reading", unit=" images", delay=2, leave=False)
    rows = [(e[image_key], e[label_key] if label_key else -1) for e in examples]
    if not rows:
        raise ValueError(f"This split is empty; name another one. Received: {spelling}")
    images, labels = zip(*rows, strict=True)
    class_names = builder.info.features[label_key].names if label_key else None
    labels = check_labels(spelling, labels, len(images), class_names) if label_key else None
    if not encoded:
        return ArraySource(spelling, np.stack(images), labels, class_names, image_size, channels)
    return _encoded_source(spelling, images, (image_size, channels), labels, class_names)


def _builder(tfds, name, spelling, data_dir):
    try:
        return tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # not only DatasetNotFoundError: a bad config or version has a kind of its own
        known = tfds.list_builders(with_community_datasets=False)
        close = difflib.get_close_matches(re.split("[/:]", name)[0], known, n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(
            f"TensorFlow Datasets cannot open {name!r}.{hint} The catalogue is at "
            f"https://www.tensorflow.org/datasets/catalog. Received: {spelling} "
            f"({str(error).strip().splitlines()[0]})"
        ) from error


def _features(tfds, builder, spelling):
    features = builder.info.features
    keys = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    keys = keys or [key for key, f in features.items() if len(f.shape or ()) == 3 and f.np_dtype == np.uint8]
    image_key = "image" if "image" in keys else (keys[0] if len(keys) == 1 else None)
    if image_key is None:
        raise ValueError(
            "This data set must have one image feature, or one called `image`. Received: "
            f"{spelling} with image features {keys} among {sorted(features)}"
        )
    supervised = (builder.info.supervised_keys or (None, None))[1]
    label_key = next((key for key in (supervised, "label") if isinstance(key, str) and key in features), None)
    if label_key and not isinstance(features[label_key], tfds.features.ClassLabel):
        label_key = None
    return image_key, label_key


def _prepare(builder, name, spelling):
    if builder.is_prepared():
        return
    way_out = (
        f"Prepare it where there is a network, with `tfds build {name}` or "
        f"tfds.builder({name!r}).download_and_prepare(), and point TFDS_DATA_DIR (or data_dir) at "
        f"a copy of that folder; or use folder:, npz: or idx:. Received: {spelling}"
    )
    if not _network_is_there():
        raise ValueError(f"{name} is not prepared in {builder.data_dir}, and there is no network to fetch it. {way_out}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever its download or its parser raised
        raise ValueError(f"{name} could not be downloaded and prepared: {error}. {way_out}") from error


def _network_is_there():
    answered = threading.Event()

    def probe():
        try:
            urllib.request.urlopen(_PROBE_URL, timeout=_PROBE_SECONDS).close()
            answered.set()
        except urllib.error.HTTPError:  # an answer all the same
            answered.set()
        except OSError:
            pass

    thread = threading.Thread(target=probe, daemon=True)  # a name look-up knows no timeout
    thread.start()
    thread.join(_PROBE_SECONDS)
    return answered.is_set()


def _encoded_source(spelling, contents, fit, labels, class_names):
    image_size, channels = fit
    images = EncodedImages(contents, np.array([needs_pillow(c) for c in contents]), are_paths=False)
    if image_size is None or channels is None:
        found = images.measure(lambda rows: tqdm(rows, "Decoding", len(contents), unit=" images", delay=2, leave=False))
        image_size = image_size or common_size(spelling, found[:, 1:3])
        channels = channels or (1 if found[:, 3].all() else 3)
    digest = hashlib.sha256(f"{image_size} {channels}".encode())
    for content in contents:
        digest.update(content)
    if labels is not None:
        digest.update(labels)
    shape = (image_size, image_size, channels)
    return EncodedSource(spelling, images, shape, digest.hexdigest(), labels, class_names)
