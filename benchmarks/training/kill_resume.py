"""Kills a real training run at random moments, and compares its end with an uninterrupted run's.

    python -m benchmarks.training.kill_resume --kills 20 --seed 0 [--mixed_precision mixed_float16]

Every kill is SIGKILL to `python -m tfgan_kit.train` on 5,000 real digits, after the first
checkpoint; every second one waits for a checkpoint to be half written, which its leftover proves.
"""

import contextlib
import dataclasses
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import zipfile

from tfgan_kit.files import here
from tfgan_kit.runs.run import Run

import h5py
import numpy as np
from absl import app, flags

ROOT = pathlib.Path(__file__).parents[2]
LARGE = 2**20  # bytes that only a file in the middle of its weights has
PATIENCE = 600.0  # seconds for a start to show a sign of life


@dataclasses.dataclass
class Kill:
    """One kill: what it hit, and where the next start went on."""

    aimed_at: str  # "writing" or "anywhere"
    leftover: int | None  # bytes of the half-written checkpoint, or None
    reached: int  # steps that the killed process had shown to be done
    went_on_from: int | None = None  # None: the next start did not go on

    @property
    def lost(self):
        return None if self.went_on_from is None else max(self.reached - self.went_on_from, 0)

    def survived(self, every):
        return bool(self.went_on_from) and self.lost <= every


class Training:
    """`python -m tfgan_kit.train` as a process of its own, its output in a file."""

    def __init__(self, run_dir, steps, every, *more):
        self.run, self.every = Run(run_dir), every
        self.output = pathlib.Path(f"{run_dir}.txt")
        line = [
            sys.executable,
            "-m",
            "tfgan_kit.train",
            "--import_module=benchmarks.training.wide_preset",
            "--preset=wide_mlp",
            "--noconditional",
            "--num_samples=4",
            f"--run_dir={run_dir}",
            f"--steps={steps}",
            f"--checkpoint_every={every}",
            *more,
        ]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
        with open(self.output, "wb") as file:
            self.process = subprocess.Popen(line, cwd=ROOT, env={**os.environ, **quiet}, stdout=file, stderr=file)

    def text(self):
        return self.output.read_text(errors="replace")

    def resumed_from(self):
        found = re.search(r"Resuming .* from step (\d+)\.", self.text())
        return int(found[1]) if found else None

    def reached(self):
        """The last step of a finished epoch, by the lines printed: at least that many are done."""
        shown = re.split(r"Epoch (\d+)/", self.text())
        if len(shown) < 3:
            return self.resumed_from() or 0
        batches = re.findall(rf"(\d+)/{self.every}\b", shown[-1])
        return (int(shown[-2]) - 1) * self.every + (int(batches[-1]) if batches else 0)

    def half_written(self, least=0):
        """The checkpoint that this very process is writing, of so many bytes at least, or None."""
        for path in self.run.checkpoints_dir.glob(f".step-*-{here(self.process.pid)}.keras"):
            with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
                if path.stat().st_size >= least:
                    return path
        return None

    def wait_for(self, condition):
        """Polls until a condition holds.

        Raises:
            RuntimeError: the process has ended, or nothing came.
        """
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Training ended too soon: give more --steps.\n{self.text()[-2000:]}")
            time.sleep(0.001)

    def finish(self):
        if status := self.process.wait():
            raise RuntimeError(f"Training failed with status {status}:\n{self.text()[-2000:]}")

    def kill(self, aimed_at, rng, window, writing_seconds):
        """SIGKILL at a random moment, or within the writing of the next checkpoint but some.

        Keras collects a checkpoint in memory while its file is still small, and then writes it in a
        moment: half of the kills wait for that moment.
        """
        if aimed_at == "writing":
            for _ in range(rng.integers(1, 4)):
                self.wait_for(lambda: not self.half_written())
                self.wait_for(self.half_written)
            if rng.random() < 0.5:
                self.wait_for(lambda: self.half_written(LARGE) or not self.half_written())
            else:
                time.sleep(rng.uniform(0, writing_seconds))
        else:
            time.sleep(rng.uniform(0, window))
        if self.process.poll() is not None:
            raise RuntimeError(f"Training ended before the kill: give more --steps.\n{self.text()[-2000:]}")
        self.process.kill()
        self.process.wait()
        leftover = self.half_written()
        return Kill(aimed_at, leftover and leftover.stat().st_size, self.reached())


def survive(run_dir, kills, rng, window, writing_seconds, *arguments):
    """Trains with SIGKILLs between, one an entry of `kills` ("writing", "anywhere"), to the end."""
    done = []
    training = Training(run_dir, *arguments)
    training.wait_for(lambda: training.run.checkpoints())
    for aimed_at in kills:
        done.append(training.kill(aimed_at, rng, window, writing_seconds))
        training = Training(run_dir, *arguments)
        try:
            training.wait_for(training.resumed_from)
        except RuntimeError as error:
            print(error)
            return done  # the last kill has lost the run: it has nothing that it went on from
        done[-1].went_on_from = training.resumed_from()
    training.finish()
    return done


def numbers(path):
    """Every array in a checkpoint by name: networks, average, optimizers, loss scales, step."""
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    found = {}
    with h5py.File(content) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if hasattr(item, "dtype") else None)
    return found


def differences(run, other):
    """What differs between the ends of two runs: names of arrays, and of files."""
    ours, theirs = numbers(run.newest()), numbers(other.newest())
    names = [
        name
        for name in sorted(ours.keys() | theirs.keys())
        if name not in ours or name not in theirs or ours[name].tobytes() != theirs[name].tobytes()
    ]
    if run.newest().name != other.newest().name:
        names.append(f"{run.newest().name} against {other.newest().name}")
    if (run.path / "metrics.jsonl").read_bytes() != (other.path / "metrics.jsonl").read_bytes():
        names.append("metrics.jsonl")
    return names


def table(kills, every):
    """One line a kill, and the count of survivors."""
    lines = ["kill  aimed at   half written      killed at  went on from  lost steps"]
    for k, kill in enumerate(kills, 1):
        size = "-" if kill.leftover is None else f"{kill.leftover / 1e3:,.0f} kB"
        lines.append(
            f"{k:4}  {kill.aimed_at:9}  {size:>12}  {kill.reached:13}  {kill.went_on_from or 0:12}  "
            f"{'-' if kill.lost is None else kill.lost:>10}"
        )
    survived = sum(kill.survived(every) for kill in kills)
    inside = sum(kill.leftover is not None for kill in kills)
    most = max((kill.lost for kill in kills if kill.lost is not None), default=0)
    return "\n".join(
        [
            *lines,
            f"survived {survived} / lost {len(kills) - survived}; {inside} inside the writing of a "
            f"checkpoint; at most {most} steps lost, one interval is {every}",
        ]
    )


def define_flags():
    flags.DEFINE_integer("kills", 20, "How often.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Of the moments.", lower_bound=0)
    flags.DEFINE_integer("steps", 1600, "Of the run in all.", lower_bound=1)
    flags.DEFINE_integer("checkpoint_every", 20, "Steps.", lower_bound=1)
    flags.DEFINE_float("window", 8.0, "Seconds after a start's first sign, for kills anywhere.")
    flags.DEFINE_float("writing_seconds", 0.25, "Longest wait inside a writing.")
    flags.DEFINE_string("mixed_precision", "float32", "As for tfgan_kit.train.")


def main(argv):
    del argv
    values = flags.FLAGS
    settings = values.steps, values.checkpoint_every, f"--mixed_precision={values.mixed_precision}"
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Run(f"{folder}/whole"), Run(f"{folder}/killed")
        Training(whole.path, *settings).finish()
        kills = survive(
            killed.path,
            [("writing", "anywhere")[k % 2] for k in range(values.kills)],
            np.random.default_rng(values.seed),
            values.window,
            values.writing_seconds,
            *settings,
        )
        print(table(kills, values.checkpoint_every))
        if not all(kill.survived(values.checkpoint_every) for kill in kills):
            sys.exit("A kill has lost more than one interval, or the run.")
        if values.kills >= 10 and sum(kill.leftover is not None for kill in kills) < 5:
            sys.exit("Fewer than 5 kills were inside the writing of a checkpoint: try another --seed.")
        found = differences(killed, whole)
        print(
            f"{len(numbers(whole.newest()))} arrays of the last checkpoint (networks, average, "
            f"optimizers, step) and {len(whole.read_metrics())} lines of metrics.jsonl: "
            + ("bit-equal to the uninterrupted run" if not found else f"DIFFERENT: {found}")
        )
        if found:
            sys.exit(1)


if __name__ == "__main__":
    define_flags()
    app.run(main)
