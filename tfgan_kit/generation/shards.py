"""Any number of generated images, written as shards by seed range in constant memory."""

import contextlib
import dataclasses
import errno
import hashlib
import json
import time
import zipfile

from tfgan_kit import processor
from tfgan_kit.files import to_json
from tfgan_kit.generation.seeds import image_seeds
from tfgan_kit.generation.storage import open_storage

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfgan_kit_client.pictures import encode_png

BATCH = 64
MANIFEST = "shards.json"
_MOST_MANIFEST_BYTES = 2**28  # it holds the labels
_SUFFIXES = {"png": "zip", "tfrecord": "tfrecord"}


@dataclasses.dataclass(frozen=True)
class ShardPlan:
    """Which images are in which shard: all that decides the shards, but for the model.

    Args:
        num_images: int >= 1.
        seed: int, see `GAN.generate`.
        labels: list of int, cycled over the images; None draws each from its seed.
        format: "png" or "tfrecord".
        shard_size: int >= 1, images in a shard.
        truncation_psi: positive float, where the generator's family defines truncation; None: without.

    Attributes: the arguments.

    Example:
        >>> plan = ShardPlan(num_images=25, shard_size=10)
        >>> plan.name(2), plan.images(2)
        ('shard-00002-of-00003.zip', range(20, 25))
    """

    num_images: int
    seed: int = 0
    labels: list | None = None
    format: str = "png"
    shard_size: int = 10_000
    truncation_psi: float | None = None

    @property
    def count(self):
        """The number of shards."""
        return -(-self.num_images // self.shard_size)

    def name(self, shard):
        """The file's name of a shard, an int."""
        return f"shard-{shard:05d}-of-{self.count:05d}.{_SUFFIXES[self.format]}"

    def images(self, shard):
        """The range of a shard's images, of `image_seeds(seed, num_images)`."""
        return range(shard * self.shard_size, min((shard + 1) * self.shard_size, self.num_images))

    def missing(self, names):
        """The shards, ints, that are not among the names of files."""
        return [shard for shard in range(self.count) if self.name(shard) not in names]


def write_shards(
    gan, output, num_images, seed=0, labels=None, format="png", shard_size=10_000, truncation_psi=None,
    mixed_processors=False,
):  # fmt: skip
    """Writes the images of `image_seeds(seed, num_images)` as shards; finished shards are not written again.

    A shard is written under a temporary name, flushed to the disk, then renamed, so that an interrupted run
    resumes at the first missing shard. Memory does not grow with `num_images`.

    Args:
        gan: a `GAN`, a `GenerativeModel`, or what generates as they do, see `tfgan_kit.export.generators`.
        output: folder, or an fsspec address such as `s3://bucket/prefix`, where each shard is one upload;
            `shard-00000-of-00100.zip` (PNG images named `SEED.png`, or
            `LABEL/SEED.png` for a conditional model) or `.tfrecord` (features `image` PNG bytes,
            `seed`, `label`), and `shards.json` with the arguments and the processor's kind.
        num_images: int >= 1.
        seed: int, see `GAN.generate`.
        labels: integers, cycled over the images; None draws each from its seed.
        format: "png" or "tfrecord".
        shard_size: int >= 1, images in a shard.
        truncation_psi: positive float, where the generator's family defines truncation; None: without.
        mixed_processors: bool, whether shards may be added on another kind of processor, or with oneDNN switched
            otherwise: their pixels are then at most a level apart from those of the first kind, and
            `SHARD.processor.json` beside each says its kind.

    Raises:
        ValueError: the folder holds shards of another model, of other arguments, or of another kind of processor.
        OSError: a shard cannot be written; the error names it, and the finished ones stay.
    """
    labels = None if labels is None else np.asarray(labels).tolist()
    plan = ShardPlan(num_images, seed, labels, format, shard_size, truncation_psi)
    check_images(gan, plan)
    storage = open_storage(output)
    storage.drop_leftovers()
    manifest = agree(storage, manifest_of(gan, plan), mixed_processors)
    missing = plan.missing(storage.names())
    with Progress(plan, missing) as progress:
        for shard in missing:
            write_shard(gan, storage, plan, shard, manifest, progress.update)


class Progress:
    """One bar for the images of the shards that are still to be written, and at the end a line with the rate.

    Args:
        plan: the `ShardPlan`.
        missing: list of int, those shards.
    """

    def __init__(self, plan, missing):
        self._total, self._started = sum(len(plan.images(shard)) for shard in missing), time.monotonic()
        # Without a terminal (disable=None) only the last line reports the rate.
        self._bar = tqdm(total=self._total, unit=" images", smoothing=0.05, disable=None)
        self.update = self._bar.update

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._bar.close()
        seconds = time.monotonic() - self._started
        if kind is None and self._total:
            print(f"{self._total} images in {seconds:.1f} s, {self._total / seconds:.0f} images/s")


def write_shard(gan, storage, plan, shard, manifest, update=lambda count: None):
    """Writes one shard, whole or not at all.

    Args:
        gan: as for `write_shards`.
        storage: a `Folder` or an `ObjectStore`.
        plan: the `ShardPlan`.
        shard: int.
        manifest: dict, what `agree` returned.
        update: called with the number of images that were made since the last call.
    """
    kind, name = kind_of(gan), plan.name(shard)
    beside = f"{name.partition('.')[0]}.processor.json"
    if manifest.get("mixed_processors"):
        storage.remove(beside) if kind == manifest["processor"] else storage.write(beside, to_json(kind).encode())
    write = _write_zip if plan.format == "png" else _write_tfrecord
    with storage.whole(name) as temporary:
        write(temporary, _rows(gan, plan, plan.images(shard), update))


def kind_of(gan):
    """What determines the last bits of a model's images: a JSON object; None of one that a server runs.

    Example:
        >>> kind_of(gan)["onednn"] in (True, False)
        True
    """
    if not getattr(gan, "runs_here", True):
        return None
    devices = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return processor.record() | ({"gpu": devices[0].get("device_name", "")} if devices else {})


def check_images(gan, plan):
    """Refuses what a model cannot make, before anything is written.

    Raises:
        ValueError: a model of points, labels out of range, truncation where there is none.
    """
    if len(gan.image_shape) != 3:
        raise ValueError(
            "Shards hold images, and this GAN generates points; use gan.generate in Python. "
            f"Received: a GAN with samples of shape {gan.image_shape}"
        )
    count = None if plan.labels is not None else 1
    gan.generate(labels=plan.labels, num_images=count, truncation_psi=plan.truncation_psi)


def _rows(gan, plan, images, update):
    """Yields (seed, label or None, PNG bytes) of the images, a range."""
    for start in images[::BATCH]:
        seeds = image_seeds(plan.seed, min(BATCH, images.stop - start), start)
        if plan.labels is None:
            rows = gan.labels_of(seeds)
        else:
            rows = np.asarray(plan.labels)[np.arange(start, start + len(seeds)) % len(plan.labels)]
        for k, image in enumerate(gan.generate(seeds=seeds, labels=rows, truncation_psi=plan.truncation_psi)):
            yield int(seeds[k]), None if rows is None else int(rows[k]), encode_png(image)
        update(len(seeds))


def _write_zip(path, rows):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for seed, label, png in rows:
            # A fixed date, so that the same images give the same bytes.
            name = f"{seed}.png" if label is None else f"{label}/{seed}.png"
            archive.writestr(zipfile.ZipInfo(name), png)


def _write_tfrecord(path, rows):
    def ints(value):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for seed, label, png in rows:
            features = {"image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[png])), "seed": ints(seed)}
            if label is not None:
                features["label"] = ints(label)
            example = tf.train.Example(features=tf.train.Features(feature=features))
            with _errors_of_the_disk(path):
                writer.write(example.SerializeToString())
        with _errors_of_the_disk(path):
            writer.close()


@contextlib.contextmanager
def _errors_of_the_disk(path):
    """A context in which TensorFlow's errors of a file are Python's, with its path."""
    try:
        yield
    except tf.errors.OpError as error:
        full = isinstance(error, tf.errors.ResourceExhaustedError)
        raise OSError(errno.ENOSPC if full else errno.EIO, error.message, str(path)) from error


def manifest_of(gan, plan):
    """What `shards.json` holds of a model's shards: all that decides their bytes, a JSON object."""
    return {
        "weights": getattr(gan, "identity", None) or _weights_hash(gan),
        **dataclasses.asdict(plan),
        "noise_mode": getattr(getattr(getattr(gan, "generative_model", None), "generator", None), "noise_mode", None),
        "processor": kind_of(gan),
    }


def _weights_hash(gan):
    digest = hashlib.sha256()
    for weight in gan.generative_model.generator.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


def agree(storage, wanted, mixed_processors=False):
    """Writes the manifest, or checks that the one that is there is of the same shards.

    Args:
        storage: a `Folder` or an `ObjectStore`.
        wanted: dict, of `manifest_of`.
        mixed_processors: as for `write_shards`.

    Returns:
        The manifest as it is now.

    Raises:
        ValueError: it is of other shards, of another kind of processor, or tells nothing.
    """
    if MANIFEST not in storage.names():
        _write_manifest(storage, wanted)
        return wanted
    found = read_manifest(storage)
    for name, value in wanted.items():
        if name != "processor" and found.get(name) != value:
            raise ValueError(
                f"{storage.address} holds shards made with another {name}; give the same arguments to resume "
                f"them, or another folder. Received: {name}={value}, found: {found.get(name)}"
            )
    kind, first = wanted["processor"], found.get("processor")
    if first is None or kind in (first, None):  # of a release that did not record it, or a server's
        return found
    if not (mixed_processors or found.get("mixed_processors")):
        raise ValueError(
            f"{storage.address} holds shards made on another kind of processor, from which these may differ by a level "
            "of 255: resume on that kind, or allow both with --mixed_processors. "
            f"Received: {json.dumps(kind)}, found: {json.dumps(first)}"
        )
    if not found.get("mixed_processors"):
        found |= {"mixed_processors": True}
        _write_manifest(storage, found)
    return found


def read_manifest(storage):
    """The manifest beside the shards, a dict.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        found = json.loads(storage.read(MANIFEST, _MOST_MANIFEST_BYTES))
        if not isinstance(found, dict):
            raise ValueError(f"it holds a {type(found).__name__}")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{storage.address}/{MANIFEST} does not say of what the shards beside it are ({error}); give another "
            f"folder, or remove both. Received: output={storage.address}"
        ) from error
    return found


def _write_manifest(storage, manifest):
    storage.write(MANIFEST, (to_json(manifest, indent=2) + "\n").encode())
