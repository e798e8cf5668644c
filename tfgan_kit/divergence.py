"""A divergence between checkpoints, data sets or their classes: `python -m tfgan_kit.divergence`."""

import pathlib

from tfgan_kit import choices, command_line

from absl import flags

FLAGS = flags.FLAGS
SMALLEST_GROUP = 4


def define_flags():
    command_line.define_ckpt(several=True)
    flags.DEFINE_multi_string(
        "dataset",
        [],
        f"Real images: {', '.join(choices.SPELLINGS)}; may be given several times. The first with "
        "labels trains the feature extractor on half of its images, which are then left out.",
    )
    flags.DEFINE_enum(
        "by",
        "source",
        ["source", "class"],
        "One group per checkpoint or data set, or one per "
        "class of each. An unconditional model's images get the classes that the extractor predicts.",
    )
    flags.DEFINE_enum(
        "divergence",
        "gaussian_w2",
        choices.DIVERGENCES,
        "gaussian_w2 (the Frechet distance, the root of "
        "fd_domain), gaussian_kl and nearest_neighbour_kl (nats), sliced_wasserstein; on the extractor's "
        "64 features, without labels on pixels in [0, 255].",
    )
    flags.DEFINE_integer(
        "num_images",
        1000,
        "Images of each checkpoint and data set, over all classes; at most the size of a data set.",
        lower_bound=SMALLEST_GROUP,
    )
    flags.DEFINE_integer("seed", 0, "Seed of the generated images and of the choice of real ones.", lower_bound=0)
    flags.DEFINE_string(
        "output", None, "The heat map, a .png file; the values are written beside it as .json.", required=True
    )


def check_flags():
    """Refuses what is missing, or unknown, before TensorFlow is imported.

    Raises:
        ValueError: it says what to give.
    """
    if not FLAGS.ckpt and not FLAGS.dataset:
        raise ValueError("There is nothing to compare: give --ckpt or --dataset, each any number of times.")
    command_line.check_data("dataset")
    if pathlib.Path(FLAGS.output).suffix != ".png":
        raise ValueError(f"A heat map is written as .png. Received: output={FLAGS.output}")


def main():
    check_flags()
    command_line.work("divergence")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
