"""Measures a checkpoint, or what a server answers, against real images: `python -m tfgan_kit.evaluate`."""

import pathlib

from tfgan_kit import choices, command_line

from absl import flags

from tfgan_kit_client import connection_flags

FLAGS = flags.FLAGS


def define_flags():
    command_line.define_ckpt()
    names = ", ".join(command_line.metric_names())
    flags.DEFINE_list("metrics", None, f"Of {names}; default: all that the data and the extractor allow.")
    flags.DEFINE_string(
        "extractor",
        None,
        f"What features are of: {', '.join(choices.EXTRACTORS)}, a .keras file or the folder of a SavedModel (a "
        "program: take only one that you trust); default: domain, a classifier trained on half of the data, where it "
        "has labels.",
    )
    flags.DEFINE_string("weights", None, "File of the weights of inception or lite0; default: downloaded once.")
    flags.DEFINE_string(
        "resizer",
        None,
        "How inception's images are resized: tf1_bilinear, as FID was defined, "
        "the default; or clean, as clean-fid does.",
    )
    spellings = ", ".join(choices.SPELLINGS)
    flags.DEFINE_string("dataset", None, f"Real images: {spellings}; default: those the run was trained on.")
    flags.DEFINE_string("test_dataset", None, "Real images for the floor; default: a part of --dataset.")
    flags.DEFINE_integer(
        "num_images",
        None,
        "Generated images; default: as many as the test images, which makes value and floor comparable.",
        lower_bound=4,
    )
    flags.DEFINE_boolean(
        "quick",
        False,
        "A first look, at figures that are comparable only with each other: the domain classifier has 150 training "
        "steps, and 1,000 images are generated where there are as many test images. They are written to "
        "metrics_quick.json, and not into the run's history.",
    )
    flags.DEFINE_integer("seed", 0, "Names the images and splits the data.", lower_bound=0, upper_bound=2**31 - 1)
    flags.DEFINE_string(
        "target",
        None,
        "host:port of a server: what it answers is measured, and compared with --ckpt where that is given.",
    )
    flags.DEFINE_string("model_name", "default", "The model's name at --target.")
    connection_flags.define_tls_flags()
    flags.DEFINE_string(
        "baseline",
        None,
        "Run folder, or metrics.json, of another evaluation: prints the change from it; refuses another protocol.",
    )
    flags.DEFINE_string(
        "output",
        None,
        "JSON file; default: metrics.json in the run folder, with --target "
        "metrics_served.json. The report, one page of HTML, is written beside it.",
    )
    command_line.define_ray("Images are made, and their features extracted, by")
    flags.DEFINE_string("features", None, "A .npz file for the features of reference, test and generated images.")


def check_flags():
    """Refuses flags that lack others, and unknown names, before TensorFlow is imported.

    Raises:
        ValueError: it says what is missing, or known.
    """
    command_line.check_flags_of_a_server()
    if FLAGS.ckpt is None and FLAGS.target is None:
        raise ValueError("There is nothing to measure: give --ckpt, or --target for a server.")
    command_line.check_data("dataset")
    command_line.check_data("test_dataset")
    command_line.check_metrics("metrics")
    if FLAGS.extractor and not pathlib.Path(FLAGS.extractor).exists():
        command_line.check_one_of("extractor", (*choices.EXTRACTORS, "a .keras file", "a SavedModel's folder"))
    command_line.check_one_of("resizer", choices.RESIZERS)
    for name, suffix in (("output", ".json"), ("features", ".npz")):
        if FLAGS[name].value and pathlib.Path(FLAGS[name].value).suffix != suffix:
            raise ValueError(f"--{name} is a {suffix} file. Received: {name}={FLAGS[name].value}")


def main():
    check_flags()
    command_line.work("evaluate")


if __name__ == "__main__":
    define_flags()
    command_line.run(main)
