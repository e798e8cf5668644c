"""Runs side by side, values, curves and samples of the same seeds: `python -m tfgan_kit.compare runs/a runs/b`."""

import pathlib

from tfgan_kit import command_line

from absl import flags

FLAGS = flags.FLAGS


def define_flags():
    flags.DEFINE_string("output", "compare.html", "The page to write.")
    flags.DEFINE_integer(
        "num_samples", 36, "Images of each run, of the same seeds; 0: none, and no checkpoint is read.", lower_bound=0
    )
    flags.DEFINE_integer("seed", 0, "Determines the images; see image_seeds.", lower_bound=0, upper_bound=2**31 - 1)
    flags.DEFINE_enum("which", "newest", ["newest", "best"], "Which checkpoint of each run the images are of.")
    command_line.define_import_module()


def main(folders):
    """Refuses what is no list of run folders, before TensorFlow is imported."""
    if pathlib.Path(FLAGS.output).suffix != ".html":
        raise ValueError(f"--output is a file that ends in .html. Received: output={FLAGS.output}")
    if len(set(folders)) < 2:
        raise ValueError(
            f"Name two run folders or more, such as runs/a runs/b. Received: {', '.join(folders) or 'none'}"
        )
    for folder in folders:
        if (
            not (pathlib.Path(folder) / "config.json").exists()
            and not (pathlib.Path(folder) / "metrics.jsonl").exists()
        ):
            raise ValueError(
                f"A run folder holds config.json and metrics.jsonl, which `python -m tfgan_kit.train` writes. "
                f"Received: {folder}"
            )
    command_line.work("compare", list(dict.fromkeys(folders)))


if __name__ == "__main__":
    define_flags()
    command_line.run(main, takes_arguments=True)
