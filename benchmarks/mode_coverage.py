"""Which modes of a mixture a recipe covers: PacGAN's protocol (1712.04086), over seeds.

    python -m benchmarks.mode_coverage --output /tmp/modes                       # a preset of ours, every mixture
    python -m benchmarks.mode_coverage --output /tmp/modes --presets pacgan1 --mixtures grid25 --seeds 2

Every run is a `python -m tfgan_kit.train` in a run folder of its own under `--output`, so that a killed
benchmark goes on where it was; 2,500 points of the last iterate are measured, as in the paper, with
the same count of the mixture's own points beside. Intervals are 95 % of Student's t over the seeds.
"""

import pathlib
import subprocess
import sys

import numpy as np
from absl import flags
from scipy import stats

from benchmarks.baselines import pacgan  # noqa: F401, registers presets and layers
from tfgan_kit import command_line, presets
from tfgan_kit.checkpoint import load_gan
from tfgan_kit.data.points import MIXTURES
from tfgan_kit.metrics.mode_coverage import mode_coverage
from tfgan_kit.whole_files import write_json

FLAGS = flags.FLAGS
flags.DEFINE_string("output", None, "Folder of the runs, results.json and table.md.", required=True)
flags.DEFINE_list("presets", ["mlp_mixture"], "Recipes: a preset of ours, or pacgan1 to pacgan4.")
flags.DEFINE_list("mixtures", list(MIXTURES), "Mixtures that each is trained on.")
flags.DEFINE_integer("seeds", 10, "Seeds 0 to this - 1 of each.", lower_bound=1)
flags.DEFINE_integer("steps", None, "Training steps; default: the preset's.", lower_bound=1)
flags.DEFINE_integer("num_points", 2500, "Points that are measured.", lower_bound=100)

# 1712.04086, table 1, plain GAN and PacGAN, on ring and grid: modes, high quality.
PAPER = {
    ("pacgan1", "ring8"): "6.3 +- 0.5, 98.2 %", ("pacgan1", "grid25"): "17.3 +- 0.8, 94.8 %",
    ("pacgan2", "ring8"): "7.9, 95.6 %", ("pacgan2", "grid25"): "23.8, 91.3 %",
    ("pacgan3", "ring8"): "7.8, 97.7 %", ("pacgan3", "grid25"): "24.6, 94.2 %",
    ("pacgan4", "ring8"): "7.8, 95.9 %", ("pacgan4", "grid25"): "24.8 +- 0.2, 93.6 %",
}  # fmt: skip


def train(preset, mixture, seed, folder):
    steps = FLAGS.steps or presets.get(preset).steps
    command = [
        sys.executable, "-m", "tfgan_kit.train", f"--preset={preset}", f"--dataset={mixture}", f"--seed={seed}",
        f"--run_dir={folder}", f"--steps={steps}", "--steps_per_execution=50",
        f"--checkpoint_every={max(50, steps // 40 // 50 * 50)}", "--import_module=benchmarks.baselines.pacgan",
    ]  # fmt: skip
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".log"), "a") as log:
        if subprocess.run(command, stdout=log, stderr=log, check=False).returncode:
            raise RuntimeError(f"The training failed; its output is {log.name}. Received: {' '.join(command)}")


def interval(values):
    """Mean and half of the 95 % interval; of one value, no interval."""
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return f"{values.mean():.3g}"
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3g} +- {half:.2g}"


def row(preset, mixture, runs):
    all_modes = sum(run["modes"] == len(MIXTURES[mixture].means) for run in runs)
    numbers = [interval([run[name] for run in runs]) for name in ("modes", "high_quality", "reverse_kl", "spread")]
    return [preset, mixture, f"{all_modes} of {len(runs)}", *numbers, PAPER.get((preset, mixture), "")]


def real_row(mixture):
    runs = [
        mode_coverage(MIXTURES[mixture].draw(FLAGS.num_points, seed), MIXTURES[mixture])._asdict()
        for seed in range(FLAGS.seeds)
    ]
    return row("the mixture itself", mixture, runs)


def main():
    output, results = command_line.writable_folder(FLAGS.output), {}
    table = [["recipe", "mixture", "all modes", "modes", "high quality", "reverse KL", "spread", "paper"]]
    for mixture in FLAGS.mixtures:
        table.append(real_row(mixture))
        for preset in FLAGS.presets:
            runs = []
            for seed in range(FLAGS.seeds):
                folder = pathlib.Path(output) / preset / mixture / f"seed{seed}"
                train(preset, mixture, seed, folder)
                gan = load_gan(folder)
                found = mode_coverage(gan.generate(FLAGS.num_points, seed=seed), MIXTURES[mixture])
                runs.append(found._asdict() | {"seed": seed, "steps": gan.steps_trained})
                print(preset, mixture, runs[-1], flush=True)
                results[f"{preset}/{mixture}"] = runs
                write_json(output / "results.json", results)
            table.append(row(preset, mixture, runs))
    text = "\n".join("| " + " | ".join(line) + " |" for line in [table[0], ["---"] * len(table[0]), *table[1:]])
    (output / "table.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    command_line.run(main)
