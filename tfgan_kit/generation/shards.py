"""Any number of generated images, written as shards by seed range in constant memory."""

import contextlib
import errno
import hashlib
import pathlib
import time
import zipfile

from tfgan_kit.files import drop_leftovers, flush_folder, read_json, whole, write_json
from tfgan_kit.generation.seeds import image_seeds

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfgan_kit_client.pictures import encode_png

BATCH = 64
MANIFEST = "shards.json"
_MOST_MANIFEST_BYTES = 2**28  # it holds the labels


def write_shards(gan, output, num_images, seed=0, labels=None, format="png", shard_size=10_000, truncation_psi=None):
    """Writes the images of `image_seeds(seed, num_images)` as shards; finished shards are not written again.

    A shard is written under a temporary name, flushed to the disk, then renamed, so that an interrupted run
    resumes at the first missing shard. Memory does not grow with `num_images`.

    Args:
        gan: a `GAN`, or a `GenerativeModel`.
        output: folder; `shard-00000-of-00100.zip` (PNG images named `SEED.png`, or
            `LABEL/SEED.png` for a conditional model) or `.tfrecord` (features `image` PNG bytes,
            `seed`, `label`), and `shards.json` with the arguments.
        num_images: int >= 1.
        seed: int, see `GAN.generate`.
        labels: integers, cycled over the images; None draws each from its seed.
        format: "png" or "tfrecord".
        shard_size: int >= 1, images in a shard.
        truncation_psi: positive float, where the generator's family defines truncation; None: without.

    Raises:
        ValueError: the folder holds shards of another model or of other arguments.
        OSError: a shard cannot be written; the error names it, and the finished ones stay.
    """
    output = pathlib.Path(output)
    _check_images(gan, labels, truncation_psi)
    drop_leftovers(output)
    count = -(-num_images // shard_size)
    _check_manifest(
        output,
        {
            "weights": _weights_hash(gan),
            "num_images": num_images,
            "seed": seed,
            "labels": None if labels is None else np.asarray(labels).tolist(),
            "format": format,
            "shard_size": shard_size,
            "truncation_psi": truncation_psi,
            "noise_mode": getattr(gan.generative_model.generator, "noise_mode", None),
        },
    )
    suffix, write = ("zip", _write_zip) if format == "png" else ("tfrecord", _write_tfrecord)
    done, started = 0, time.monotonic()
    # Without a terminal (disable=None) only the last line reports the rate.
    with tqdm(total=num_images, unit=" images", smoothing=0.05, disable=None) as progress:
        for k in range(count):
            path = output / f"shard-{k:05d}-of-{count:05d}.{suffix}"
            first, last = k * shard_size, min((k + 1) * shard_size, num_images)
            if path.exists():
                progress.total -= last - first
                continue
            with whole(path) as temporary:
                write(temporary, _rows(gan, seed, range(first, last), labels, truncation_psi, progress))
            flush_folder(output)
            done += last - first
    seconds = time.monotonic() - started
    if done:
        print(f"{done} images in {seconds:.1f} s, {done / seconds:.0f} images/s")


def _check_images(gan, labels, truncation_psi):
    """Refuses invalid arguments before anything is written."""
    if len(gan.image_shape) != 3:
        raise ValueError(
            "Shards hold images, and this GAN generates points; use gan.generate in Python. "
            f"Received: a GAN with samples of shape {gan.image_shape}"
        )
    gan.generate(labels=labels, num_images=None if labels is not None else 1, truncation_psi=truncation_psi)


def _rows(gan, seed, images, labels, truncation_psi, progress):
    """Yields (seed, label or None, PNG bytes) of the images, a range."""
    for start in images[::BATCH]:
        seeds = image_seeds(seed, min(BATCH, images.stop - start), start)
        if labels is None:
            rows = gan.labels_of(seeds)
        else:
            rows = np.asarray(labels)[np.arange(start, start + len(seeds)) % len(labels)]
        for k, image in enumerate(gan.generate(seeds=seeds, labels=rows, truncation_psi=truncation_psi)):
            yield int(seeds[k]), None if rows is None else int(rows[k]), encode_png(image)
        progress.update(len(seeds))


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


def _weights_hash(gan):
    digest = hashlib.sha256()
    for weight in gan.generative_model.generator.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


def _check_manifest(output, wanted):
    path = output / MANIFEST
    if not path.exists():
        write_json(path, wanted)
        return
    try:
        found = read_json(path, most=_MOST_MANIFEST_BYTES)
    except ValueError as error:
        raise ValueError(
            f"{path} does not say of what the shards beside it are ({error}); give another folder, or remove both. "
            f"Received: output={output}"
        ) from error
    for name, value in wanted.items():
        if found.get(name) != value:
            raise ValueError(
                f"{output} holds shards made with another {name}; give the same arguments to resume "
                f"them, or another folder. Received: {name}={value}, found: {found.get(name)}"
            )
