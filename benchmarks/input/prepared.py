"""Prepared data larger than memory: opened, iterated over, trained on, against the same bytes in memory.

    python -m benchmarks.input.prepared [--num_images 1000000] [--output FOLDER]

A synthetic set of 64-pixel colour images is prepared by `tfgan_kit.data.prepare` in a temporary folder (or --output,
where it stays), about 8 kB an image. Then a new process opens it, takes batches of 64 in the random order of training,
and reports seconds and memory; and in turns with it the same decoder, threads and batch read the same bytes in memory.
One epoch of --train_images images is trained with DCGAN's networks of width 16, and the share of the time that a step
waits for its batch is reported.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from tfgan_kit import data, presets
from tfgan_kit.data.decode import decode_image
from tfgan_kit.data.records import Records
from tfgan_kit.data.resize import fit_images
from tfgan_kit.data.source import Source, parallelism
from tfgan_kit.presets.dcgan import dcgan_networks

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.alternate import alternate, ratio

FLAGS = flags.FLAGS
flags.DEFINE_integer("num_images", 1_000_000, "Images that are prepared.", lower_bound=10_000)
flags.DEFINE_integer("train_images", 100_000, "Images of the trained epoch; 0 trains none.", lower_bound=0)
flags.DEFINE_integer("in_memory", 20_000, "Images whose bytes are held in memory.", lower_bound=1000)
flags.DEFINE_integer("rounds", 10, "Turns of each side.", lower_bound=2)
flags.DEFINE_integer("images_a_turn", 6400, "Taken in a turn.", lower_bound=640)
flags.DEFINE_string("output", None, "Folder that stays; goes on with one that exists.")
flags.DEFINE_string("child", None, "What this process measures, of the folder --output.")

SIZE, BATCH = 64, 64


class Synthetic(Source):
    """Pictures of two smooth waves and a little noise, drawn from their index."""

    def __init__(self, num_images):
        super().__init__("synthetic", num_images, (SIZE, SIZE, 3), f"synthetic {num_images}")

    def _read(self, rows, batch_size, flip, drop_remainder):
        ramp = tf.linspace(-1.0, 1.0, SIZE)

        def draw(indices, flips):
            del flips
            return tf.map_fn(image, indices, fn_output_signature=tf.TensorSpec(self.image_shape, tf.uint8))

        def image(index):
            numbers = tf.random.stateless_uniform([3, 4], tf.stack([index, 0]))  # (C, 4)
            angle, phase = 6.0 * numbers[:, :2], 6.28 * numbers[:, 2:]
            waves = tf.sin(angle[:, 0, None] * ramp + phase[:, 0, None])[:, :, None]  # (C, S, 1)
            waves += tf.sin(angle[:, 1, None] * ramp + phase[:, 1, None])[:, None, :]
            noise = tf.random.stateless_uniform([SIZE, SIZE, 3], tf.stack([index, 1]), -3.0, 3.0)
            return tf.cast(127.5 + 60.0 * tf.transpose(waves, [1, 2, 0]) + noise, tf.uint8)

        return rows.map(draw, num_parallel_calls=parallelism(), deterministic=True)


def resident_mib():
    """The most memory that this process has had, in MiB."""
    (line,) = (line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) / 1024


def iterate(folder):
    """Opens the set in this process, and takes --num_images / 10 images: seconds, memory, images a second."""
    before = resident_mib()
    started = time.perf_counter()
    source = data.open_source(f"prepared:{folder}")
    opened = time.perf_counter() - started
    batches = iter(source.training(BATCH, seed=1))
    next(batches)
    first = time.perf_counter() - started
    count = source.num_images // BATCH // 10
    started = time.perf_counter()
    for _ in range(count):
        next(batches)
    rate = count * BATCH / (time.perf_counter() - started)
    return {"opened_s": opened, "first_batch_s": first, "images_s": rate, "mib_beyond": resident_mib() - before}


def of_bytes_in_memory(contents):
    """The same decoder, threads and batch over bytes in memory, in a random order."""
    strings = tf.constant(contents, tf.string)

    def load(index):
        image = decode_image(tf.gather(strings, index % len(contents)), False)
        return fit_images(tf.ensure_shape(image, (SIZE, SIZE, 3)), SIZE, 3)

    options = tf.data.Options()
    options.autotune.enabled = False
    rows = tf.data.Dataset.random(seed=1)
    images = rows.map(load, num_parallel_calls=parallelism(), deterministic=True)
    return images.batch(BATCH, drop_remainder=True).prefetch(2).with_options(options)


def against_memory(folder):
    """Prepared and in-memory sides in turns: the ratio of their rates."""
    source = data.open_source(f"prepared:{folder}")
    chosen = np.random.default_rng(0).permutation(source.num_images)[: FLAGS.in_memory]
    records = Records((path, 0, count) for path, _, count in source._records.parts)
    feature = {"image": tf.io.FixedLenFeature([], tf.string)}
    contents = tf.io.parse_example(records.read(np.sort(chosen)), feature)["image"].numpy()
    sides = {"prepared": iter(source.training(BATCH, seed=2)), "memory": iter(of_bytes_in_memory(contents))}

    def turn(batches):
        def take():
            for _ in range(FLAGS.images_a_turn // BATCH):
                next(batches)

        return take

    seconds = alternate({name: turn(batches) for name, batches in sides.items()}, FLAGS.rounds, warmup=1)
    return {
        "memory / prepared, seconds": ratio(seconds["memory"], seconds["prepared"]),
        "prepared_images_s": FLAGS.images_a_turn / float(np.median(seconds["prepared"])),
    }


def train(folder):
    """One epoch of DCGAN's steps: the share of the time in which a step waits for its batch."""
    source = data.open_source(f"prepared:{folder}")
    gan = presets.from_preset("dcgan_64", source.image_shape, networks=dcgan_networks(latent_dim=100, width=16))
    gan.make_train_function()
    batches = iter(source.training(BATCH, seed=3))
    gan.train_function(iter([next(batches)]))
    waited, started = 0.0, time.perf_counter()
    for _ in range(FLAGS.train_images // BATCH):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        gan.train_function(iter([batch]))
    total = time.perf_counter() - started
    return {"waiting_share": waited / total, "images_s": FLAGS.train_images / total}


CHILDREN = {"iterate": iterate, "against_memory": against_memory, "train": train}


def measure(folder, name):
    """A measurement in a process of its own, as a dict."""
    flags_given = [f"--{flag}={FLAGS[flag].value}" for flag in ("train_images", "in_memory", "rounds", "images_a_turn")]
    line = [sys.executable, "-m", "benchmarks.input.prepared", f"--output={folder}", f"--child={name}", *flags_given]
    told = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(told.splitlines()[-1])


def benchmark(folder):
    started = time.perf_counter()
    source = data.prepare(Synthetic(FLAGS.num_images), folder)
    seconds = time.perf_counter() - started
    size = sum(path.stat().st_size for path in pathlib.Path(folder).iterdir())
    print(f"{source.num_images} images, {size / 1e9:.2f} GB, prepared in {seconds:.0f} s", flush=True)
    for name in CHILDREN if FLAGS.train_images else ("iterate", "against_memory"):
        print(f"{name}: {measure(folder, name)}, load {os.getloadavg()[0]:.1f}", flush=True)


def main(_):
    if FLAGS.child:
        print(json.dumps(CHILDREN[FLAGS.child](FLAGS.output)))
    elif FLAGS.output:
        benchmark(FLAGS.output)
    else:
        with tempfile.TemporaryDirectory() as folder:
            benchmark(folder)


if __name__ == "__main__":
    app.run(main)
