"""Images from a checkpoint, as a grid or as shards: `python -m tfgan_kit.generate`."""

import pathlib

from tfgan_kit import command_line

from absl import flags

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
    flags.DEFINE_float(
        "truncation_psi",
        None,
        "Truncation, of families that define it (BigGAN: latents beyond it are drawn again); default: none.",
        lower_bound=1e-6,
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


def check_flags():
    """Refuses what is missing, or is no output, before TensorFlow is imported.

    Raises:
        ValueError: it says what to give.
    """
    if FLAGS.ckpt is None:
        raise ValueError("Give --ckpt, a .keras file or a run folder.")
    suffix = pathlib.Path(FLAGS.output).suffix
    if suffix.lower() in (".jpg", ".jpeg", ".gif", ".bmp", ".webp"):
        raise ValueError(f"A grid is written as .png. Received: output={FLAGS.output}")
    if suffix == ".png" and FLAGS.num_images > LARGEST_GRID:
        raise ValueError(
            f"A grid holds at most {LARGEST_GRID} images; give a folder as --output for shards. "
            f"Received: num_images={FLAGS.num_images}"
        )


def main():
    check_flags()
    command_line.work("generate")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
