"""Writes a source's images as ArrayRecord files of random access: what others call a dataset tool."""

import errno
import hashlib
import io
import json
import pathlib
import time
import typing

from tfgan_kit.data.arrays import check_labels
from tfgan_kit.data.origins.prepared import (
    ENCODINGS,
    FORMAT,
    KEYS,
    LABELS,
    MANIFEST,
    PROGRESS,
    fingerprint_of,
    open_prepared,
    shard_name,
)  # fmt: skip
from tfgan_kit.data.python_calls import numpy_function
from tfgan_kit.data.source import parallelism
from tfgan_kit.files import (
    Locked,
    append_lines,
    drop_leftovers,
    ends_cut,
    from_json,
    locked,
    read_json,
    to_json,
    whole,
    write_bytes,
    write_json,
)  # fmt: skip
from tfgan_kit.ranges import check_int

import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

SHARD_SIZE, MOST_SHARDS = 10_000, 256


class Shard(typing.NamedTuple):
    """A finished file: its images, its size, the hash of its records, their labels (-1 without)."""

    count: int
    bytes: int
    sha256: str
    labels: list


def prepare(source, output, encoding="png", quality=95, shard_size=None):
    """Writes every image of a source that can be decoded, at the source's size, for `prepared:OUTPUT`.

    A file is written under a temporary name, then renamed, and noted in `progress.jsonl`: a killed process is resumed
    by the same call. `prepared.json` is written last. Memory does not grow with the number of images.

    Args:
        source: a `tfgan_kit.data` source of images.
        output: folder.
        encoding: "png", "webp" (lossless) or "jpeg".
        quality: int 1 to 100, of JPEG.
        shard_size: int >= 1, images in a file; None: 10,000, or as many as make 256 files.

    Returns:
        The `Source` of `prepared:OUTPUT`.

    Raises:
        ValueError: points, an argument out of range; a folder that holds something else, or that another process is
            writing to.
        OSError: a file cannot be written; the finished ones stay.

    Example:
        >>> prepared = gk.data.prepare(source, "prepared_images", encoding="webp")
        32 of 32 images, ... images/s
        >>> prepared.num_images, prepared.image_shape
        (32, (8, 8, 1))
    """
    output = pathlib.Path(output)
    check(source, encoding, quality)
    if shard_size is None:
        shard_size = max(SHARD_SIZE, -(-source.num_images // MOST_SHARDS))
    check_int("shard_size", shard_size, 1)
    settings = {
        "format": FORMAT,
        "image_shape": list(source.image_shape),
        "native_shape": list(source.native_shape),
        "encoding": encoding,
        "quality": quality if encoding == "jpeg" else None,
        "class_names": source.class_names or (source.num_classes and [str(k) for k in range(source.num_classes)]),
        "shard_size": shard_size,
        "made_of": {"source": source.name, "fingerprint": source.fingerprint, "num_images": source.num_images},
    }
    output.mkdir(parents=True, exist_ok=True)
    try:
        with locked(output / ".lock"):
            if not _is_complete(output, settings):
                _write(source, output, settings)
    except OSError as error:
        way_out = "correct it and run the same again: what is finished stays"
        raise OSError(error.errno, f"{error.strerror} ({way_out})", error.filename) from error
    except Locked as error:
        raise ValueError(
            f"Another process ({error.holder}) is preparing images in this folder: wait for it, or choose another. "
            f"Received: output={output}"
        ) from error
    return open_prepared(str(output))


def check(source, encoding="png", quality=95):
    """Refuses what `prepare` does, before anything is written.

    Raises:
        ValueError: points, another encoding, a quality out of range.
    """
    if len(source.image_shape) != 3:
        raise ValueError(f"Images are prepared, and {source.name} holds points. Received: dataset={source.name}")
    if encoding not in ENCODINGS:
        raise ValueError(f"Images are encoded as one of {', '.join(ENCODINGS)}. Received: encoding={encoding!r}")
    check_int("quality", quality, 1)
    if quality > 100:
        raise ValueError(f"The quality of JPEG is 1 to 100. Received: quality={quality}")


def _is_complete(output, settings):
    """Whether the folder holds these images already; refuses one that holds others, or none of ours."""
    if (output / MANIFEST).is_file():
        _check_same(output, read_json(output / MANIFEST, most=2**26), settings)
        open_prepared(str(output))
        return True
    strange = sorted(path.name for path in output.iterdir() if not path.name.startswith("."))
    if strange and not (output / PROGRESS).is_file():
        raise ValueError(
            f"Prepared images have a folder of their own, and here lie {', '.join(strange[:3])}: give an empty one. "
            f"Received: output={output}"
        )
    return False


def _check_same(output, found, wanted):
    for name, value in wanted.items():
        if found.get(name) != value:
            what = "images of another source" if name == "made_of" else f"images that were prepared with another {name}"
            raise ValueError(
                f"{output} holds {what}: give the same flags to go on with them, or another folder. Received: "
                f"{name}={value}, found: {found.get(name)}"
            )


def _write(source, output, settings):
    shard_size = settings["shard_size"]
    count = -(-source.num_images // shard_size)
    done = _finished(output, settings)
    drop_leftovers(output)
    if not done and not (output / PROGRESS).is_file():
        append_lines(output / PROGRESS, [to_json(settings)])
    images = iter(_encoded(source, len(done) * shard_size, settings).as_numpy_iterator())
    pending = next(images, None)
    started, first = time.monotonic(), len(done) * shard_size
    # Without a terminal (disable=None) each file is a line.
    with tqdm(total=source.num_images, initial=first, unit=" images", smoothing=0.05, disable=None) as progress:
        for k in range(len(done), count):
            last = min((k + 1) * shard_size, source.num_images)
            with _Writer(output / shard_name(k, count)) as writer:
                while pending is not None and pending[0] < last:
                    writer.write(source.image_name(int(pending[0])), *pending[1:])
                    progress.update(pending[0] + 1 - progress.n)
                    pending = next(images, None)
            done.append(writer.shard)
            append_lines(output / PROGRESS, [to_json(writer.shard._asdict())])
            progress.update(last - progress.n)
            if progress.disable:
                rate = (last - first) / (time.monotonic() - started)
                print(f"{last} of {source.num_images} images, {rate:.0f} images/s", flush=True)
    _finish(output, settings, done)


def _finished(output, settings):
    """The `Shard`s that an earlier process finished, in order."""
    path = output / PROGRESS
    if not path.is_file():
        return []
    lines = path.read_text().splitlines()
    if ends_cut(path):
        lines = lines[:-1]
        write_bytes(path, "".join(line + "\n" for line in lines).encode())
    if not lines:
        path.unlink()
        return []
    _check_same(output, json.loads(lines[0]), settings)
    shards = [Shard(**from_json(line)) for line in lines[1:]]
    count = -(-settings["made_of"]["num_images"] // settings["shard_size"])
    for k, shard in enumerate(shards):
        file = output / shard_name(k, count)
        if not file.is_file() or file.stat().st_size != shard.bytes:
            raise ValueError(
                f"{file} is not what was written there: remove the folder, and prepare the images again. "
                f"Received: output={output}"
            )
    return shards


def _encoded(source, start, settings):
    """A data set of (index, encoded image, label) of the images from index `start` on that can be decoded."""

    def encode(index, image, label):
        if settings["encoding"] == "png":
            return index, tf.io.encode_png(image), label
        if settings["encoding"] == "jpeg":
            return index, tf.io.encode_jpeg(image, quality=settings["quality"], chroma_downsampling=False), label
        content = numpy_function(_webp, [image], tf.string)
        return index, tf.ensure_shape(content, []), label

    options = tf.data.Options()
    options.autotune.enabled = False
    images = source.intact(start).map(encode, num_parallel_calls=parallelism(), deterministic=True)
    return images.prefetch(64).with_options(options)


def _webp(image):
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("RGB").save(
        file, "WEBP", lossless=True, quality=50
    )
    return file.getvalue()


class _Writer:
    """A context that writes one file; `shard` says at its end what is in it."""

    def __init__(self, path):
        self._path = path
        self._digest, self._labels = hashlib.sha256(), []
        self.shard = None

    def __enter__(self):
        from array_record.python.array_record_module import ArrayRecordWriter

        self._whole = whole(self._path)
        temporary = self._whole.__enter__()
        self._writer = ArrayRecordWriter(str(temporary), "group_size:1,uncompressed")
        return self

    def write(self, name, content, label):
        features = {
            KEYS[0]: tf.train.Feature(bytes_list=tf.train.BytesList(value=[content])),
            "name": tf.train.Feature(bytes_list=tf.train.BytesList(value=[name.encode("utf-8", "surrogateescape")])),
        }
        if label >= 0:
            features[KEYS[1]] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
        example = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)
        self._digest.update(len(example).to_bytes(8))
        self._digest.update(example)
        self._labels.append(int(label))
        self._of_the_disk(self._writer.write, example)

    def __exit__(self, kind, error, trace):
        if kind is None:
            self._of_the_disk(self._writer.close)
        self._whole.__exit__(kind, error, trace)
        if kind is None:
            size = self._path.stat().st_size
            self.shard = Shard(len(self._labels), size, self._digest.hexdigest(), self._labels)

    def _of_the_disk(self, act, *arguments):
        """What a writer of ArrayRecord raises is a RuntimeError of any text; here it is the disk's."""
        try:
            act(*arguments)
        except RuntimeError as error:
            full = "No space left" in str(error)
            text = "No space left on device" if full else str(error).splitlines()[0]
            raise OSError(errno.ENOSPC if full else errno.EIO, text, str(self._path)) from error


def _finish(output, settings, shards):
    """Writes what makes the files a prepared folder; its manifest comes last."""
    num_images = sum(shard.count for shard in shards)
    if not num_images:
        raise ValueError(f"None of the images can be decoded. Received: dataset={settings['made_of']['source']}")
    manifest = settings | {
        "num_images": num_images,
        "left_out": settings["made_of"]["num_images"] - num_images,
        "shards": [{"count": s.count, "bytes": s.bytes, "sha256": s.sha256} for s in shards],
    }
    labels = np.concatenate([np.array(shard.labels, np.int32) for shard in shards])
    if (labels == -1).all():  # none are known, or TFDS's are withheld
        manifest["class_names"] = None
    else:
        check_labels(settings["made_of"]["source"], labels, num_images, settings["class_names"])
        file = io.BytesIO()
        np.save(file, labels)
        write_bytes(output / LABELS, file.getvalue())
        manifest["labels_sha256"] = hashlib.sha256(file.getvalue()).hexdigest()
    _describe_to_tfds(output, manifest)
    write_json(output / MANIFEST, manifest | {"fingerprint": fingerprint_of(manifest)})
    (output / PROGRESS).unlink()


def _describe_to_tfds(output, manifest):
    """Writes what `tfds.builder_from_directory` reads, for PNG and JPEG, which it decodes."""
    if manifest["encoding"] == "webp":
        return
    import tensorflow_datasets as tfds  # the import takes seconds

    shape, names = manifest["image_shape"], manifest["class_names"]
    features = {
        "image": tfds.features.Image(shape=shape, encoding_format=manifest["encoding"]),
        "name": tfds.features.Text(),
    }
    if names is not None:
        features["label"] = tfds.features.ClassLabel(names=names)
    template = tfds.core.ShardedFileTemplate(
        data_dir=output, dataset_name="images", split="train", filetype_suffix="array_record"
    )
    split = tfds.core.SplitInfo(
        name="train",
        shard_lengths=[shard["count"] for shard in manifest["shards"]],
        num_bytes=sum(shard["bytes"] for shard in manifest["shards"]),
        filename_template=template,
    )
    tfds.folder_dataset.write_metadata(
        data_dir=output, features=features, split_infos=[split], filename_template=template, check_data=False
    )
