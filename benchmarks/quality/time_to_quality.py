"""Frechet distance against seconds of training: the Keras guide's GAN, PyTorch's DCGAN, ours.

    python -m benchmarks.quality.time_to_quality --output /tmp/quality --torch_python /tmp/torchenv/bin/python

Fashion-MNIST's 60,000 training images (Debian: dataset-fashion-mnist). Every contestant trains in a
process of its own, as its own users train it; one runs at a time, in slices, so that a drifting
machine drifts for all alike. The clock counts a contestant's training steps and nothing else; its
first 3 steps, in which TensorFlow traces, are on nobody's clock. At fixed times, off the clock, each
hands over generated images, which this process scores by `metrics.evaluate`, for all against the same real images with
the same features: `fd_domain` and what else --metrics names. `--train_on 500` leaves the contestants that many images,
scores against the others, and notes the discriminators' overfitting gap.

`--output` takes a JSON file a run, sample grids, a plot, results.json and table.md; called again with
the same flags it goes on after the last finished seed. Recipes that are not asked for by default
(`--also`): see `benchmarks/quality/contestant.py`.
"""

import contextlib
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import time

from tfgan_kit import command_line, data
from tfgan_kit.files import write_json

import numpy as np
from absl import flags

from benchmarks.quality import report
from benchmarks.quality.contestant import MAIN, RECIPES
from benchmarks.quality.records import Records
from benchmarks.quality.scorer import Scorer
from benchmarks.quality.turns import Contestant, take_turns
from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS
flags.DEFINE_string("output", None, "Folder of all that is made; goes on with one that exists.", required=True)
flags.DEFINE_list("contestants", list(MAIN), "Who runs with every seed.")
flags.DEFINE_list("also", [], "Who runs beside them with the first --also_seeds seeds.")
flags.DEFINE_integer("seeds", 5, "Runs of each contestant.", lower_bound=1)
flags.DEFINE_integer("also_seeds", 1, "Runs of those in --also.", lower_bound=1)
flags.DEFINE_float("seconds", 180.0, "Of training a run; later checkpoints are left out.", lower_bound=1.0)
flags.DEFINE_list(
    "checkpoints",
    ["5", "15", "30", "60", "90", "120", "180"],
    "Seconds of training at which images are scored; --seconds is always one.",
)
flags.DEFINE_float("slice", 5.0, "Seconds one contestant trains before the next has its turn.", lower_bound=0.1)
flags.DEFINE_integer("num_images", 10_000, "Generated images a score.", lower_bound=100)
flags.DEFINE_integer(
    "metric_seed",
    1,
    "Of the classifier and the split of the real images; the recipes were looked for with 0.",
    lower_bound=0,
)
flags.DEFINE_string("dataset", "idx:/usr/share/datasets/fashion-mnist", "A source of images of the contestants' size.")
flags.DEFINE_integer("image_size", None, "To which its images are cropped and resized; default: as they are.")
flags.DEFINE_integer("train_on", None, "Images that are trained on, the others are scored against; default: all.")
flags.DEFINE_list("metrics", ["fd_domain"], "What is scored, metrics of which lower is better.")
flags.DEFINE_list("compared", ["guide", "preset"], "Two contestants: the answers are how much better the second is.")
flags.DEFINE_float("most_load", 1.5, "Of a quiet machine: a seed that begins at a higher one is not run.")
flags.DEFINE_string("torch_python", "/tmp/torchenv/bin/python", "A Python that has torch and numpy.")

ROOT = pathlib.Path(__file__).parents[2]
SECONDS_A_SCORE, SECONDS_A_START = 6.0, 10.0  # on 2 cores; only the estimate depends on them
GRID_IMAGES = 100


def checkpoint_times():
    """Seconds of training of the scores, ascending, the last one --seconds."""
    asked = {float(text) for text in FLAGS.checkpoints}
    return sorted({t for t in asked if 0 < t < FLAGS.seconds} | {FLAGS.seconds})


def names_of(seed):
    """Who runs with a seed."""
    return [*FLAGS.contestants, *(FLAGS.also if seed < FLAGS.also_seeds else [])]


def check_flags():
    """Before anything is trained.

    Raises:
        ValueError: an unknown contestant, no PyTorch for one that needs it, or no matplotlib.
    """
    names = [*FLAGS.contestants, *FLAGS.also]
    unknown = [name for name in names if name not in RECIPES]
    if unknown or len(set(names)) < len(names):
        raise ValueError(
            f"Contestants are named once each, out of: {', '.join(RECIPES)}. "
            f"Received: contestants={FLAGS.contestants}, also={FLAGS.also}"
        )
    if len(FLAGS.compared) != 2 or not set(FLAGS.compared) <= RECIPES.keys():
        raise ValueError(f"Two contestants are compared. Received: compared={FLAGS.compared}")
    if "pytorch" in names and shutil.which(FLAGS.torch_python) is None:
        raise ValueError(
            "PyTorch has a Python of its own: `python3.11 -m venv /tmp/torchenv && "
            "/tmp/torchenv/bin/pip install torch==2.13.0 numpy`, or leave `pytorch` out of "
            f"--contestants. Received: torch_python={FLAGS.torch_python}"
        )
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError("The curves are drawn by matplotlib: `pip install matplotlib`.")


def estimate(jobs, times):
    """Minutes that the given number of runs will take."""
    return jobs * (times[-1] + len(times) * SECONDS_A_SCORE + SECONDS_A_START) / 60


@contextlib.contextmanager
def contestants(names, seed, arrays, logs):
    """The processes, each started when the one before is ready; closed at the end."""
    with contextlib.ExitStack() as stack:
        started = []
        for name in names:
            python = FLAGS.torch_python if name == "pytorch" else sys.executable
            command = [python, "-m", "benchmarks.quality.contestant", name, str(seed), str(arrays)]
            contestant = Contestant(name, command, logs / f"{name}-seed{seed}.log", ROOT)
            stack.callback(contestant.close)
            contestant.wait_until_ready()
            started.append(contestant)
        yield started


def score(contestant, scorer, seed, output):
    """A point of the contestant's curve; its latest images are kept as a grid."""
    held_out = output / "held_out.npy"
    path = output / "images.npy"
    contestant.sample(path, FLAGS.num_images, seed)
    images = np.load(path)
    path.unlink()
    write_png(output / "samples" / f"{contestant.name}-seed{seed}.png", tile(images[:GRID_IMAGES]))
    point = {"seconds": contestant.seconds, "steps": contestant.steps} | scorer(images)
    return point | (contestant.overfitting(held_out) if held_out.exists() else {})


def run_seed(seed, names, times, scorer, records, output):
    """One run of each name, taking turns; written when all have finished."""
    load = os.getloadavg()[0]
    points = {name: [] for name in names}
    with contestants(names, seed, output / "arrays.npz", output / "logs") as runners:
        for until in times:
            take_turns(runners, until, FLAGS.slice)
            for runner in runners:
                points[runner.name].append(score(runner, scorer, seed, output))
            for metric in FLAGS.metrics:
                found = ", ".join(f"{name} {rows[-1][metric]:.3f}" for name, rows in points.items())
                print(f"seed {seed}, {until:g} s, {metric}: {found}", flush=True)
    for name in names:
        records.write(name, seed, points[name], beside=names, commit=commit(), load=load, load_after=os.getloadavg()[0])


def commit():
    """The commit of this file's repository, `-dirty` where something is not committed; or None."""
    line = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    answer = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def arrays_of(source):
    """The images and labels of a source; the labels are empty where it has none."""
    batches = [
        (batch, np.zeros(0, np.int32)) if source.labels is None else [part.numpy() for part in batch]
        for batch in source.ordered(1000)
    ]
    return [np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*batches, strict=True)]


def held_out_of(source, output):
    """Writes what the contestants are given; the source of the images that scores compare with.

    With --train_on these are the images that nobody is trained on, by an order that does not depend on any seed.
    """
    images, labels = arrays_of(source)
    if FLAGS.train_on is None:
        np.savez(output / "arrays.npz", images=images, labels=labels)
        return source
    order = np.random.default_rng(0).permutation(len(images))
    seen, unseen = order[: FLAGS.train_on], order[FLAGS.train_on :]
    np.savez(output / "arrays.npz", images=images[seen], labels=labels[seen] if len(labels) else labels)
    np.save(output / "held_out.npy", images[unseen])
    return data.ArraySource(f"{source.name} unseen", images[unseen], labels[unseen] if len(labels) else None)


def finish(records, times, floors, output):
    """Prints and writes what is there so far."""
    runs, names = records.read(), {name: text for name, (_, text) in RECIPES.items()}
    lines = []
    for metric, floor in floors.items():
        lines += [report.table(runs, times, names, metric), ""]
        lines += [*report.answers(runs, times, metric, *FLAGS.compared), f"real test images: {floor:.3f}", ""]
    if (output / "held_out.npy").exists():
        lines += [report.table(runs, times, names, "gap"), ""]
    (output / "table.md").write_text("\n".join(lines))
    write_json(output / "results.json", {"protocol": records.protocol, "floors": floors, "runs": runs})
    report.plot(output / "curves.png", runs, times, names, floors)
    print("\n".join(lines))
    print(f"Wrote {output}/table.md, results.json, curves.png and samples/ to look at.", flush=True)


def main():
    check_flags()
    output, times = command_line.writable_folder(FLAGS.output), checkpoint_times()
    for folder in ("logs", "samples"):
        (output / folder).mkdir(exist_ok=True)
    source = data.open_source(FLAGS.dataset, image_size=FLAGS.image_size)
    scorer = Scorer(held_out_of(source, output), FLAGS.metrics, FLAGS.metric_seed, FLAGS.num_images)
    records = Records(
        output,
        {
            "dataset": source.fingerprint,
            "train_on": FLAGS.train_on,
            "times": times,
            "slice": FLAGS.slice,
            "num_images": FLAGS.num_images,
            "metric_seed": FLAGS.metric_seed,
            "features": scorer.hashes,
        },
    )
    jobs = [(seed, records.missing(names_of(seed), seed)) for seed in range(FLAGS.seeds)]
    count = sum(len(names) for _, names in jobs)
    print(f"{count} runs to go, about {estimate(count, times):.0f} minutes", flush=True)
    started = time.monotonic()
    for seed, names in jobs:
        if names and os.getloadavg()[0] > FLAGS.most_load:
            print(f"seed {seed} is left for a quiet machine: load {os.getloadavg()[0]:.1f}", flush=True)
        elif names:
            run_seed(seed, names, times, scorer, records, output)
            print(f"{(time.monotonic() - started) / 60:.1f} minutes so far", flush=True)
    finish(records, times, scorer.floors, output)


if __name__ == "__main__":
    command_line.run(main)
