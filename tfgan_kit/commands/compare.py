"""Runs side by side: what `python -m tfgan_kit.compare` does."""

import os
import pathlib

from tfgan_kit import command_line
from tfgan_kit.runs.checkpoints import load_generative_model
from tfgan_kit.runs.comparison import Comparison
from tfgan_kit.runs.run import Run

from absl import flags
from tqdm import tqdm

FLAGS = flags.FLAGS


def main(folders):
    command_line.import_modules(FLAGS.import_module)
    output = pathlib.Path(FLAGS.output)
    command_line.writable_folder(output.parent)
    runs = dict(zip(names_of(folders), map(Run, folders), strict=True))
    comparison = Comparison(runs)
    print(comparison.table(), flush=True)
    comparison.write_page(output, samples_of(runs) if FLAGS.num_samples else None)
    print(f"Wrote {output}")


def names_of(folders):
    """What the runs are called: their folders, without the part of the path that all share."""
    paths = [pathlib.Path(os.path.abspath(folder)) for folder in folders]
    shared = os.path.commonpath([path.parent for path in paths])
    return [str(path.relative_to(shared)) for path in paths]


def samples_of(runs):
    """Images of the same seeds of each run that has a checkpoint of images, by name."""
    samples = {}
    for name, run in tqdm(runs.items(), desc="Images", unit=" runs", delay=2, leave=False):
        if not run.checkpoints():
            continue
        model = load_generative_model(run.path, FLAGS.which)
        if len(model.image_shape) == 3:
            samples[name] = model.generate(FLAGS.num_samples, seed=FLAGS.seed)
    return samples
