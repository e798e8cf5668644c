"""Which modes of a known law a recipe covers: PacGAN's protocol (1712.04086), over seeds.

    python -m benchmarks.quality.mode_coverage --output /tmp/modes                       # our recipe, every mixture
    python -m benchmarks.quality.mode_coverage --output /tmp/modes --presets pacgan1 --datasets grid25 --seeds 2
    python -m benchmarks.quality.mode_coverage --output /tmp/modes --presets dcgan_mnist --datasets stacked:MNIST \\
        --seeds 1 --steps 30000 --checkpoints 15

Every run is a `python -m tfgan_kit.train` in a run folder of its own under `--output`, so that a killed
benchmark goes on where it was. Of the last iterate 2,500 points, or 26,000 stacks, are measured as in the
paper, and as many real ones beside; `--checkpoints` measures so many on the way, for curves.png.
Intervals are 95 % of Student's t over the seeds.
"""

import subprocess
import sys

from tfgan_kit import command_line, data, presets
from tfgan_kit.data.origins.mixtures import MIXTURES
from tfgan_kit.files import write_json
from tfgan_kit.metrics.image_set import gather, real_batches
from tfgan_kit.metrics.measures.mode_coverage import mode_counter
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run

import numpy as np
from absl import flags
from scipy import stats

from benchmarks.baselines import pacgan  # noqa: F401, registers presets and layers

FLAGS = flags.FLAGS
flags.DEFINE_string("output", None, "Folder of the runs, results.json, table.md, curves.png.", required=True)
flags.DEFINE_list("presets", ["mlp_mixture"], "Recipes: a preset of ours, or pacgan1 to pacgan4.")
flags.DEFINE_list("datasets", list(MIXTURES), "Sources that each is trained on: mixtures, stacked:PATH.")
flags.DEFINE_integer("seeds", 10, "Seeds 0 to this - 1 of each.", lower_bound=1)
flags.DEFINE_integer("steps", None, "Training steps; default: the preset's.", lower_bound=1)
flags.DEFINE_integer("checkpoints", 1, "How many of them are measured, the last one being one.", lower_bound=1)

COUNTS = {"mixture": 2_500, "digits": 26_000}  # what is measured, as in the paper
STEPS_PER_EXECUTION = 50

# 1712.04086, tables 1 and 2: modes and high quality, or modes and KL in nats.
PAPER = {
    ("pacgan1", "ring8"): "6.3 +- 0.5, 98.2 %", ("pacgan1", "grid25"): "17.3 +- 0.8, 94.8 %",
    ("pacgan2", "ring8"): "7.9, 95.6 %", ("pacgan2", "grid25"): "23.8, 91.3 %",
    ("pacgan3", "ring8"): "7.8, 97.7 %", ("pacgan3", "grid25"): "24.6, 94.2 %",
    ("pacgan4", "ring8"): "7.8, 95.9 %", ("pacgan4", "grid25"): "24.8 +- 0.2, 93.6 %",
    ("dcgan_mnist", "stacked"): "DCGAN 78.9 +- 6.5, 4.50; PacDCGAN2 1000, 0.06 (100,000 steps)",
}  # fmt: skip


def train(preset, dataset, seed, folder):
    """Trains, or goes on with, the run of one seed; its checkpoints are what is measured."""
    steps = FLAGS.steps or presets.get(preset).steps
    every = max(1, steps // max(FLAGS.checkpoints, 40) // STEPS_PER_EXECUTION) * STEPS_PER_EXECUTION
    command = [
        sys.executable, "-m", "tfgan_kit.train", f"--preset={preset}", f"--dataset={dataset}", f"--seed={seed}",
        f"--run_dir={folder}", f"--steps={steps}", f"--steps_per_execution={STEPS_PER_EXECUTION}",
        f"--checkpoint_every={every}", f"--keep={3 if FLAGS.checkpoints == 1 else 1000}",
        "--import_module=benchmarks.baselines.pacgan",
    ]  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    if steps not in Run(folder).checkpoints():
        with open(folder.with_suffix(".log"), "a") as log:
            if subprocess.run(command, stdout=log, stderr=log, check=False).returncode:
                raise RuntimeError(f"The training failed; its output is {log.name}. Received: {' '.join(command)}")
    there = {step: path for step, path in Run(folder).checkpoints().items() if step <= steps}
    wanted = np.linspace(0, max(there), FLAGS.checkpoints + 1)[1:]
    chosen = {min(there, key=lambda step, at=at: abs(step - at)) for at in wanted}
    return [there[step] for step in sorted(chosen)]


def interval(values):
    """Mean and half of the 95 % interval; of one value, no interval; nothing where none was measured."""
    if None in values:
        return ""
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return f"{values.mean():.3g}"
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3g} +- {half:.2g}"


def row(name, dataset, num_modes, runs):
    """The last iterate of each run."""
    last = [run[-1] for run in runs]
    all_modes = sum(found["modes"] == num_modes for found in last)
    numbers = [interval([found[key] for found in last]) for key in ("modes", "high_quality", "reverse_kl", "spread")]
    return [name, dataset, f"{all_modes} of {len(runs)}", *numbers, PAPER.get((name, dataset), "")]


def curves(results, path):
    """Modes and reverse KL of every run against its steps."""
    from matplotlib import pyplot

    figure, planes = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for (name, runs), color in zip(results.items(), pyplot.cm.tab10.colors, strict=False):
        for seed, run in enumerate(runs):
            for plane, key in zip(planes, ("modes", "reverse_kl"), strict=True):
                steps, values = [found["steps"] for found in run], [found[key] for found in run]
                plane.plot(steps, values, ".-", color=color, linewidth=0.8, label=None if seed else name)
    planes[0].set(xlabel="steps", ylabel="modes", ylim=(0, None))
    planes[1].set(xlabel="steps", ylabel="reverse KL in nats", yscale="log")
    planes[0].legend(fontsize=7)
    figure.savefig(path)


def main():
    output, results = command_line.writable_folder(FLAGS.output), {}
    table = [["recipe", "data", "all modes", "modes", "high quality", "reverse KL", "spread", "paper"]]
    for dataset in FLAGS.datasets:
        source, kind = data.open_source(dataset), dataset.partition(":")[0]
        counter = mode_counter(source)
        if counter is None:
            raise ValueError(f"The modes of a dataset must be known (ring8, stacked:PATH, ...). Received: {dataset}")
        count = COUNTS["mixture" if source.mixture else "digits"]
        real = []
        for seed in range(FLAGS.seeds):
            chosen = np.random.default_rng(seed).choice(source.num_images, count, replace=False)
            real.append([counter.count(gather(real_batches(source, chosen)).samples)._asdict()])
        table.append(row("real data", kind, counter.num_modes, real))
        for preset in FLAGS.presets:
            runs = results[f"{preset}, {kind}"] = []
            for seed in range(FLAGS.seeds):
                found = []
                for path in train(preset, dataset, seed, output / preset / kind / f"seed{seed}"):
                    gan = load_gan(path)
                    coverage = counter.count(gan.generate(count, seed=seed))
                    found.append({"seed": seed, "steps": gan.steps_trained} | coverage._asdict())
                    print(preset, kind, found[-1], flush=True)
                runs.append(found)
                write_json(output / "results.json", results)
            table.append(row(preset, kind, counter.num_modes, runs))
    text = "\n".join("| " + " | ".join(line) + " |" for line in [table[0], ["---"] * len(table[0]), *table[1:]])
    (output / "table.md").write_text(text + "\n")
    if FLAGS.checkpoints > 1:
        curves(results, output / "curves.png")
    print(text)


if __name__ == "__main__":
    command_line.run(main)
