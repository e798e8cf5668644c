"""Images from a checkpoint, as a grid or as shards: `python -m tfgan_kit.generate`."""

import pathlib

from tfgan_kit import command_line
from tfgan_kit.callbacks.sample_grid import grid
from tfgan_kit.generation.shards import write_shards
from tfgan_kit.runs.checkpoints import load_generative_model, resolve
from tfgan_kit.runs.run import Run

import numpy as np
from absl import flags

from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS
LARGEST_GRID = 1024


def define_flags():
    command_line.define_ckpt()
    flags.DEFINE_integer("num_images", 64, "Number of images.", lower_bound=1, upper_bound=2**32)
    flags.DEFINE_integer("seed", 0, "Determines the images; see image_seeds.", lower_bound=0, upper_bound=2**31 - 1)
    flags.DEFINE_list(
        "labels",
        None,
        "Classes of a conditional model, ids or (of a run's checkpoint) names, cycled over the images; default: drawn "
        "from each image's seed.",
    )
    flags.DEFINE_string(
        "output", None, "A file that ends in .png is one grid; any other path is a folder of shards.", required=True
    )
    flags.DEFINE_enum(
        "format",
        "png",
        ["png", "tfrecord"],
        "Format of shards: zip files of PNG images named by their seeds, or TFRecord of tf.train.Example.",
    )
    flags.DEFINE_integer("shard_size", 10_000, "Images in a shard.", lower_bound=1)


def parse_labels(texts, names):
    """The class ids of `--labels`, int64 (K,).

    Args:
        texts: ids, or names of classes.
        names: the names, by id; empty where they are not known.

    Raises:
        ValueError: neither an integer nor one of the names.
    """
    ids = {name: k for k, name in enumerate(names)}
    try:
        return np.array([ids[text] if text in ids else int(text) for text in texts])
    except ValueError:
        known = f", or names among {', '.join(names)}" if names else ""
        raise ValueError(
            f"--labels are class ids separated by commas{known}. Received: labels={','.join(texts)}"
        ) from None


def class_names(ckpt, which):
    """The names of the classes that a run was trained on; empty where its folder does not know them."""
    config = Run.of(resolve(ckpt, which)).read_config() or {}
    return config.get("dataset", {}).get("class_names") or ()


def main():
    command_line.import_modules(FLAGS.import_module)
    labels = parse_labels(FLAGS.labels, class_names(FLAGS.ckpt, FLAGS.which)) if FLAGS.labels else None
    output = pathlib.Path(FLAGS.output)
    to_grid = output.suffix == ".png"
    if output.suffix.lower() in (".jpg", ".jpeg", ".gif", ".bmp", ".webp"):
        raise ValueError(f"A grid is written as .png. Received: output={output}")
    if to_grid and FLAGS.num_images > LARGEST_GRID:
        raise ValueError(
            f"A grid holds at most {LARGEST_GRID} images; give a folder as --output for shards. "
            f"Received: num_images={FLAGS.num_images}"
        )
    command_line.writable_folder(output.parent if to_grid else output)
    gan = load_generative_model(FLAGS.ckpt, FLAGS.which)
    command_line.tell_of_precision(gan.generator.dtype_policy.name)
    if not to_grid:
        write_shards(gan, output, FLAGS.num_images, FLAGS.seed, labels, FLAGS.format, FLAGS.shard_size)
        print(f"{FLAGS.num_images} images in {output}")
        return
    if labels is None:
        write_png(output, grid(gan, FLAGS.num_images, FLAGS.seed))
    else:
        images = gan.generate(FLAGS.num_images, seed=FLAGS.seed, labels=np.resize(labels, FLAGS.num_images))
        write_png(output, tile(images))
    print(f"Wrote {output}")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
