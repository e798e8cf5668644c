"""Images of a checkpoint, written: what `python -m tfgan_kit.generate` does."""

import pathlib
import time

from tfgan_kit import command_line, commands
from tfgan_kit.callbacks.sample_grid import grid
from tfgan_kit.commands import generators
from tfgan_kit.files import drop_leftovers
from tfgan_kit.generation import workers
from tfgan_kit.generation.films import LatentFilm, StyleFilm
from tfgan_kit.generation.shards import ShardPlan, write_shards
from tfgan_kit.generation.styles import check_styles, has_styles, style_mixing
from tfgan_kit.runs.checkpoints import load_generative_model, resolve
from tfgan_kit.runs.run import Run

import numpy as np
from absl import flags
from tqdm import tqdm

from tfgan_kit_client import films
from tfgan_kit_client.class_names import parse_labels
from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS


def class_names(ckpt, which):
    """The names of the classes that a run was trained on; empty where its folder does not know them."""
    config = Run.of(resolve(ckpt, which)).read_config() or {}
    return config.get("dataset", {}).get("class_names") or ()


def main():
    command_line.import_modules(FLAGS.import_module)
    names = class_names(FLAGS.ckpt, FLAGS.which) if FLAGS.ckpt else ()
    labels = np.array(parse_labels(FLAGS.labels, names)) if FLAGS.labels else None
    output = pathlib.Path(FLAGS.output)
    is_film = output.suffix.lower() in films.SUFFIXES
    to_file = is_film or output.suffix == ".png"
    if "://" not in FLAGS.output:
        command_line.writable_folder(output.parent if to_file else output)
    if not to_file:
        _write_shards(labels)
        return
    gan = _with_precision(generators.with_noise(load_generative_model(FLAGS.ckpt, FLAGS.which), FLAGS.noise_mode))
    if is_film:
        _write_film(gan, output, labels)
    elif FLAGS.rows:
        _write_style_mixing(gan, output, labels)
    else:
        _write_grid(gan, output, labels)
    print(f"Wrote {output}")


def _with_precision(gan):
    """The model, whose precision's price was printed."""
    if hasattr(gan, "generator"):
        commands.tell_of_precision(gan.generator.dtype_policy.name)
    return gan


def _write_shards(labels):
    source = generators.chosen()
    if FLAGS.ray is None:
        sizes = FLAGS.format, FLAGS.shard_size, FLAGS.truncation_psi, FLAGS.mixed_processors
        write_shards(_with_precision(source()), FLAGS.output, FLAGS.num_images, FLAGS.seed, labels, *sizes)
    else:
        labels = None if labels is None else labels.tolist()
        plan = ShardPlan(
            FLAGS.num_images, FLAGS.seed, labels, FLAGS.format, FLAGS.shard_size, FLAGS.truncation_psi
        )  # fmt: skip
        with workers.cluster(FLAGS.ray) as ray:
            workers.write_shards(ray, source, FLAGS.output, plan, FLAGS.mixed_processors)
    print(f"{FLAGS.num_images} images in {FLAGS.output}")


def _write_grid(gan, output, labels):
    if labels is None:
        write_png(output, grid(gan, FLAGS.num_images, FLAGS.seed, FLAGS.truncation_psi))
    else:
        labels = np.resize(labels, FLAGS.num_images)
        images = gan.generate(FLAGS.num_images, seed=FLAGS.seed, labels=labels, truncation_psi=FLAGS.truncation_psi)
        write_png(output, tile(images))


def _write_film(gan, output, labels):
    generator = gan.generative_model.generator
    if FLAGS.interpolation == "w":
        check_styles(generator)
    kind = StyleFilm if FLAGS.interpolation != "z" and has_styles(generator) else LatentFilm
    sizes = FLAGS.keyframes, FLAGS.frames_per_keyframe, FLAGS.tiles
    film = kind(gan, *sizes, FLAGS.seed, labels, FLAGS.truncation_psi)
    drop_leftovers(output.parent)
    started = time.monotonic()
    # Without a terminal (disable=None) only the last line reports the rate.
    with tqdm(film, unit=" frames", smoothing=0.05, disable=None) as frames:
        films.write_film(output, frames, FLAGS.frames_per_second)
    seconds = time.monotonic() - started
    print(f"{len(film)} frames in {seconds:.1f} s, {len(film) / seconds:.0f} frames/s")


def _write_style_mixing(gan, output, labels):
    if labels is not None and len(labels) != 1:
        raise ValueError(f"A table of mixed styles is of one class: give one label. Received: labels={labels.tolist()}")
    psi = 1.0 if FLAGS.truncation_psi is None else FLAGS.truncation_psi
    table = style_mixing(gan, FLAGS.rows, FLAGS.cols, FLAGS.styles, None if labels is None else labels[0], psi)
    rows, columns = table.shape[:2]
    write_png(output, tile(table.reshape(rows * columns, *table.shape[2:]), columns))
