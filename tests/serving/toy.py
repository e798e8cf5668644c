"""A generator small enough to know by heart, exported with the signature contract."""

import contextlib
import pathlib
import shutil
import threading
import time

from tfgan_kit.export import contract

import numpy as np
import tensorflow as tf

SIZE = 8
SECONDS = 1.0  # that the signature `slow` takes


class Toy(tf.Module):
    """Pixel p of image s with label y is (scale * s + 16 * y + p) mod 256."""

    def __init__(self, scale):
        super().__init__()
        self.scale = tf.Variable(scale, dtype=tf.int64)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="seed")])
    def serving_default(self, seed):
        return {"images": self._images(seed)}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int64, name="seed"), tf.TensorSpec([None], tf.int32, name="label")]
    )
    def generate(self, seed, label):
        return {"images": self._images(seed, tf.cast(label, tf.int64))}

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="latents")])
    def from_latent(self, latents):
        return {"images": self._images(tf.cast(tf.reduce_sum(latents, axis=1), tf.int64))}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="seed")])
    def serving_default_png(self, seed):
        return {"png_bytes": _png(self._images(seed))}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int64, name="seed"), tf.TensorSpec([None], tf.int32, name="label")]
    )
    def generate_png(self, seed, label):
        return {"png_bytes": _png(self._images(seed, tf.cast(label, tf.int64)))}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="seed")])
    def slow(self, seed):
        kind = {"output_types": [tf.int64], "output_shapes": [[None]]}
        seeds = tf.raw_ops.TensorDataset(components=[seed], output_shapes=kind["output_shapes"])
        late = tf.raw_ops.SleepDataset(input_dataset=seeds, sleep_microseconds=round(5e5 * SECONDS), **kind)
        # It sleeps before the element and before the end, one request after the other: a loop would take a core.
        (seed,) = tf.raw_ops.DatasetToSingleElement(dataset=late, **kind)
        return {"images": self._images(seed)}

    def _images(self, seed, label=0):
        first = self.scale * seed + 16 * label  # (N,)
        pixels = first[:, None] + tf.range(SIZE * SIZE, dtype=tf.int64)  # (N, 64)
        return tf.reshape(tf.cast(pixels % 256, tf.uint8), [-1, SIZE, SIZE, 1])


def _png(images):
    return tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.string)


CONDITIONAL = ("serving_default", "generate", "from_latent", "slow")
CONDITIONAL += ("serving_default_png", "generate_png")
UNCONDITIONAL = ("serving_default", "from_latent")


def save(path, scale=1, names=CONDITIONAL) -> pathlib.Path:
    """Writes a version; its images are those of `expected` with that scale."""
    toy = Toy(scale)
    functions = {name: getattr(toy, name) for name in names}
    tf.saved_model.save(toy, str(path), signatures=functions)
    return pathlib.Path(path)


def expected(seeds, labels=0, scale=1) -> np.ndarray:
    """What a Toy answers, uint8 (N, 8, 8, 1), by the formula."""
    first = scale * np.asarray(seeds, np.int64) + 16 * np.asarray(labels, np.int64)
    pixels = first[:, None] + np.arange(SIZE * SIZE)
    return (pixels % 256).astype(np.uint8).reshape(-1, SIZE, SIZE, 1)


def publish(version, base_path, number) -> None:
    """Copies a version under a name that is no number, then renames it, as an exporter does."""
    shutil.copytree(version, base_path / f"tmp-{number}")
    (base_path / f"tmp-{number}").rename(base_path / str(number))


def write_warmup(version, records) -> None:
    """Writes serialised records as the version's warmup file."""
    folder = version / contract.EXTRA_ASSETS
    folder.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / contract.WARMUP_FILE)) as writer:
        for record in records:
            writer.write(record)


def until(condition, seconds=20) -> None:
    """Waits until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s in vain")
        time.sleep(0.01)


@contextlib.contextmanager
def callers(number, call):
    """call(0) ... call(number - 1) again and again, each in a thread of its own, for a `with` block.

    Yields:
        Two lists that grow: the answers, and the errors.
    """
    done, answers, errors = threading.Event(), [], []

    def run(k):
        while not done.is_set():
            try:
                answers.append(call(k))
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield answers, errors
    finally:
        done.set()
        for thread in threads:
            thread.join()


def at_once(number, call) -> list:
    """call(0) ... call(number - 1), each in a thread of its own; the first error is raised."""
    answers, errors = [None] * number, []

    def run(k):
        try:
            answers[k] = call(k)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return answers
