"""Real processes, really killed: `benchmarks.training.kill_resume` in short, and a machine taken away."""

import shlex
import signal
import subprocess
import sys

from tfgan_kit.runs.run import Run

import numpy as np
import pytest

from benchmarks.training.kill_resume import ROOT, Training, differences, numbers, survive

pytestmark = pytest.mark.slow
STEPS, EVERY = 60, 5
WRITING_SECONDS = 0.1  # a checkpoint of the wide preset takes longer


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("whole") / "run")
    Training(run.path, STEPS, EVERY).finish()
    return run


def test_a_killed_run_ends_bit_equal_to_an_uninterrupted_one(uninterrupted, tmp_path):
    kills = survive(
        tmp_path / "run",
        ["writing", "anywhere", "writing"],
        np.random.default_rng(0),
        3.0,
        WRITING_SECONDS,
        STEPS,
        EVERY,
    )
    assert sum(kill.leftover is not None for kill in kills) >= 1
    assert [kill for kill in kills if not kill.went_on_from or kill.lost > EVERY] == []
    assert differences(Run(tmp_path / "run"), uninterrupted) == []


@pytest.mark.parametrize("moment", ["tracing", "writing"])
def test_sigterm_saves_exits_0_and_its_line_resumes_to_the_same_end(moment, uninterrupted, tmp_path):
    training = Training(tmp_path / "run", STEPS, EVERY)
    if moment == "tracing":
        training.wait_for(lambda: "Epoch 1/" in training.text())
    else:
        training.wait_for(training.half_written)
    training.process.send_signal(signal.SIGTERM)
    assert training.process.wait(timeout=120) == 0
    run = Run(tmp_path / "run")
    assert run.newest() and not list(run.checkpoints_dir.glob(".*"))
    (line,) = (line for line in training.text().splitlines() if line.startswith("Resume:"))
    words = shlex.split(line.removeprefix("Resume:"))
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0 and "Resuming" in done.stdout, done.stderr[-2000:]
    ours, theirs = numbers(run.newest()), numbers(uninterrupted.newest())
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name].tobytes() != theirs[name].tobytes()] == []
