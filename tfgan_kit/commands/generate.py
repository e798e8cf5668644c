"""Images of a checkpoint, written: what `python -m tfgan_kit.generate` does."""

import pathlib

from tfgan_kit import command_line, commands
from tfgan_kit.callbacks.sample_grid import grid
from tfgan_kit.generation.shards import write_shards
from tfgan_kit.runs.checkpoints import load_generative_model, resolve
from tfgan_kit.runs.run import Run

import numpy as np
from absl import flags

from tfgan_kit_client.class_names import parse_labels
from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS


def class_names(ckpt, which):
    """The names of the classes that a run was trained on; empty where its folder does not know them."""
    config = Run.of(resolve(ckpt, which)).read_config() or {}
    return config.get("dataset", {}).get("class_names") or ()


def main():
    command_line.import_modules(FLAGS.import_module)
    labels = np.array(parse_labels(FLAGS.labels, class_names(FLAGS.ckpt, FLAGS.which))) if FLAGS.labels else None
    output = pathlib.Path(FLAGS.output)
    to_grid = output.suffix == ".png"
    command_line.writable_folder(output.parent if to_grid else output)
    gan = load_generative_model(FLAGS.ckpt, FLAGS.which)
    commands.tell_of_precision(gan.generator.dtype_policy.name)
    if not to_grid:
        write_shards(
            gan, output, FLAGS.num_images, FLAGS.seed, labels, FLAGS.format, FLAGS.shard_size, FLAGS.truncation_psi
        )
        print(f"{FLAGS.num_images} images in {output}")
        return
    if labels is None:
        write_png(output, grid(gan, FLAGS.num_images, FLAGS.seed, FLAGS.truncation_psi))
    else:
        labels = np.resize(labels, FLAGS.num_images)
        images = gan.generate(FLAGS.num_images, seed=FLAGS.seed, labels=labels, truncation_psi=FLAGS.truncation_psi)
        write_png(output, tile(images))
    print(f"Wrote {output}")
