"""One entry a kind of source: small, written here, without a network. A kind of `ORIGINS` without one is a failure.

`SOURCES[name](path, patch)` prepares files in `path`, with what it has to replace in `patch` (a `MonkeyPatch`), and
returns `open(image_size=None)`.
"""

import functools
import gzip
import hashlib

from tfgan_kit.data import open_source, open_tfds, prepare
from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.origins import mnist5k, stacked_mnist

import numpy as np
from PIL import Image

from tests.fixtures.idx import write_idx

COUNT = 12
GREY = np.random.default_rng(1).integers(0, 256, (COUNT, 8, 8), np.uint8)
COLOUR = np.random.default_rng(2).integers(0, 256, (COUNT, 8, 8, 3), np.uint8)
LABELS = (np.arange(COUNT) % 3).astype(np.uint8)


def _spelled(spelling):
    return functools.partial(open_source, spelling)


def _arrays(path, patch):
    return lambda image_size=None: ArraySource("arrays", COLOUR, LABELS, image_size=image_size)


def _folder(path, patch):
    for k, pixels in enumerate(COLOUR):
        Image.fromarray(pixels).save(path / f"{k:02d}.png")
    return _spelled(f"folder:{path}")


def _folder_of_classes(path, patch):
    for k, pixels in enumerate(GREY):
        (path / "abc"[k % 3]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path / "abc"[k % 3] / f"{k}.png")
    return _spelled(f"folder:{path}")


def _tfds(path, patch):
    store(path, COLOUR, LABELS)
    return functools.partial(open_tfds, "tiny", data_dir=path)


def _tfds_of_random_access(path, patch):
    store(path, COLOUR, LABELS, file_format="array_record")
    return functools.partial(open_tfds, "tiny", data_dir=path)


def _prepared(path, patch):
    def open_(image_size=None):
        made = prepare(
            ArraySource("arrays", COLOUR, LABELS, image_size=image_size), path / str(image_size), shard_size=5
        )
        return open_source(made.name)

    return open_


def store(data_dir, images, labels=None, shape=(8, 8, 3), image_feature=None, file_format=None):
    """Prepares a data set of TFDS called `tiny` below data_dir; TFDS decides the order of its rows."""
    import tensorflow_datasets as tfds

    features = {"image": image_feature or tfds.features.Image(shape=shape)}
    rows = [{"image": image} for image in images]
    if labels is not None:
        features["label"] = tfds.features.ClassLabel(names=["cat", "dog", "fish"])
        rows = [{**row, "label": int(label)} for row, label in zip(rows, labels, strict=True)]
    store_rows(data_dir, features, rows, file_format)


def store_rows(data_dir, features, rows, file_format=None):
    """Prepares a data set of TFDS called `tiny` of any features."""
    import tensorflow_datasets as tfds

    tfds.dataset_builders.store_as_tfds_dataset(
        name="tiny",
        version="1.0.0",
        features=tfds.features.FeaturesDict(features),
        split_datasets={"train": list(enumerate(rows))},
        data_dir=data_dir,
        **({"file_format": file_format} if file_format else {}),
    )


def _npz(path, patch):
    np.savez(path / "a.npz", images=COLOUR, labels=LABELS)
    return _spelled(f"npz:{path}/a.npz")


def _idx(path, patch):
    write_idx(path, GREY, LABELS)
    return _spelled(f"idx:{path}")


def _stacked(path, patch):
    write_idx(path, GREY, LABELS)
    patch.setattr(stacked_mnist, "NUM_IMAGES", 2 * COUNT)
    return _spelled(f"stacked:{path}")


def _mnist5k(path, patch):
    """Its format, and other digits: 784 pixels and a label a row."""
    rows = np.concatenate(
        [np.kron(GREY, np.ones((4, 4), np.uint8))[:, 2:30, 2:30].reshape(COUNT, -1), LABELS[:, None]], 1
    )
    content = gzip.compress("\n".join(",".join(map(str, row)) for row in rows).encode())
    patch.setattr(mnist5k, "_SHA256", hashlib.sha256(content).hexdigest())
    patch.setattr(mnist5k, "_from_installed", lambda: content)
    return _spelled("mnist5k")


def _points(name):
    return lambda path, patch: _spelled(name)


SOURCES = {
    "arrays": _arrays,
    "folder": _folder,
    "folder of classes": _folder_of_classes,
    "tfds": _tfds,
    "tfds of random access": _tfds_of_random_access,
    "prepared": _prepared,
    "npz": _npz,
    "idx": _idx,
    "stacked": _stacked,
    "mnist5k": _mnist5k,
    **{name: _points(name) for name in ("ring8", "grid25", "skewed25")},
}
