"""Images prepared for random access: `prepared:DIR`, a folder that `python -m tfgan_kit.prepare` wrote.

prepared.json                                what the folder holds; written last: a folder without it is unfinished
images-train.array_record-00000-of-00010     ArrayRecord files of `tf.train.Example`: `image`, `name`, and `label`
labels.npy                                   int32 (N,), where the images have labels
dataset_info.json features.json              the same for TensorFlow Datasets: `tfds.builder_from_directory(DIR)`
"""

import hashlib
import os
import pathlib

from tfgan_kit.data.arrays import check_labels
from tfgan_kit.data.origins.paths import expanded, printable, what_lies_at
from tfgan_kit.data.records import Records, RecordSource
from tfgan_kit.data.resize import check_fit
from tfgan_kit.files import read_json, to_json

import numpy as np

MANIFEST, LABELS, PROGRESS = "prepared.json", "labels.npy", "progress.jsonl"
FORMAT = 1
ENCODINGS = ("png", "webp", "jpeg")
KEYS = "image", "label"
_MOST_MANIFEST_BYTES = 2**26  # a shard is 120 bytes


def shard_name(k, count):
    """The file of shard k of `count`, as TFDS names it."""
    return f"images-train.array_record-{k:05d}-of-{count:05d}"


def fingerprint_of(manifest):
    """The sha256 of what a manifest says of the images; a manifest that was edited has another."""
    said = {key: value for key, value in manifest.items() if key not in ("fingerprint", "made_of")}
    return hashlib.sha256(to_json(said).encode()).hexdigest()


def open_prepared(path, image_size=None, channels=None):
    """Opens a folder of `python -m tfgan_kit.prepare` in under a second, whatever its size.

    Args:
        path: the folder.
        image_size: None, or the side that the images have: they are not resized again.
        channels: 1 or 3; None is what they have.

    Returns:
        A `RecordSource` named `prepared:PATH`, of which only the labels are in memory.

    Raises:
        ValueError: no prepared folder, one that is unfinished, or whose files are missing, cut short or edited; another
            image_size.
    """
    check_fit(image_size, channels)
    name, root = f"prepared:{path}", expanded(path)
    manifest = _manifest(root, name)
    *sides, stored_channels = manifest["image_shape"]
    if image_size is not None and [image_size, image_size] != sides:
        raise ValueError(
            f"{name} holds images of {sides[0]} x {sides[1]} pixels: leave image_size out, or prepare them again with "
            f"--image_size {image_size} in another folder. Received: image_size={image_size}"
        )
    shape = (*sides, channels or stored_channels)
    fingerprint = manifest["fingerprint"]
    if shape[-1] != stored_channels:
        fingerprint = hashlib.sha256(f"{fingerprint} {shape}".encode()).hexdigest()
    is_webp = manifest["encoding"] == "webp"
    shards = manifest["shards"]
    records = Records(
        (root / shard_name(k, len(shards)), 0, shard["count"]) for k, shard in enumerate(shards) if shard["count"]
    )
    return RecordSource(
        name,
        records,
        shape,
        fingerprint,
        KEYS,
        class_names=manifest["class_names"],
        labels=_labels(root, manifest, name),
        native_shape=manifest["native_shape"],
        through_pillow=is_webp,
        decoded_shape=(*sides, None if is_webp else stored_channels),
    )


def _manifest(root, name):
    """What `prepared.json` says, once it was compared with the files beside it."""
    path = root / MANIFEST
    if not path.is_file():
        if (root / PROGRESS).is_file():
            raise ValueError(
                f"{printable(root)} is not finished: run the same `python -m tfgan_kit.prepare ... --output "
                f"{printable(root)}` again, which goes on where it was stopped. Received: {name}"
            )
        what = f"this folder has no {MANIFEST}" if root.is_dir() else f"this is {what_lies_at(root, 'folder')}"
        raise ValueError(
            f"A prepared folder is made by `python -m tfgan_kit.prepare --dataset ... --output DIR`; {what}. "
            f"Received: {name}"
        )
    try:
        manifest = read_json(path, most=_MOST_MANIFEST_BYTES)
        if manifest["format"] > FORMAT:
            raise ValueError(f"it has the format {manifest['format']} of a later release: update tfgan_kit")
        if manifest["fingerprint"] != fingerprint_of(manifest):
            raise ValueError("it was edited")
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(
            f"{printable(path)} does not say what lies beside it ({error}): prepare the images again, or copy the "
            f"folder again. Received: {name}"
        ) from error
    _check_shards(root, manifest["shards"], name)
    return manifest


def _check_shards(root, shards, name):
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(root)}
    for k, shard in enumerate(shards):
        file = shard_name(k, len(shards))
        if (found := sizes.get(file)) != shard["bytes"]:
            what = "is missing" if found is None else f"has {found} bytes in place of {shard['bytes']}"
            raise ValueError(
                f"{printable(root / file)} {what}: copy it again, or remove the folder and prepare the images again. "
                f"Received: {name}"
            )


def _labels(root, manifest, name):
    if manifest["class_names"] is None:
        return None
    try:
        content = pathlib.Path(root / LABELS).read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest["labels_sha256"]:
            raise ValueError("it was edited, or cut short")
        labels = np.load(root / LABELS)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{printable(root / LABELS)} does not hold the labels ({error}): copy it again, or prepare the images "
            f"again. Received: {name}"
        ) from error
    return check_labels(name, labels, manifest["num_images"], manifest["class_names"])
