"""`python -m tfgan_kit.train --strategy ...`: the same run, by processes that may be killed."""

import re
import subprocess
import sys
import time

from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run

import numpy as np
import pytest

ARGUMENTS = ["tfgan_kit.train", "--preset=mlp_mixture", "--dataset=ring8", "--batch_size=64", "--checkpoint_every=20"]


@pytest.mark.slow
def test_mirrored_on_logical_cpus_trains_the_run_of_one_device(tmp_path):
    for name, more in (("one", []), ("two", ["--strategy=mirrored", "--logical_cpus=2"])):
        line = [sys.executable, "-m", *ARGUMENTS, "--steps=2", f"--run_dir={tmp_path / name}", *more]
        answer = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
        assert answer.returncode == 0, answer.stderr[-2000:]
    assert "on 2 replicas" in answer.stdout
    one, two = (Run(tmp_path / name).read_metrics() for name in ("one", "two"))
    assert [line["metric"] for line in two] == [line["metric"] for line in one]
    values = [[line["value"] for line in lines] for lines in (two, one)]
    # A step enlarges rounding tenfold; of a distance of 50 it was 2e-5 on a processor with AVX2.
    np.testing.assert_allclose(*values, rtol=5e-5, atol=5e-5)


@pytest.mark.slow
def test_a_killed_worker_ends_the_other_and_a_relaunch_goes_on(launch, tmp_path):
    def line(steps):
        return lambda index: [
            *ARGUMENTS,
            f"--steps={steps}",
            f"--run_dir={tmp_path / 'run'}",
            "--strategy=multi_worker",
        ]

    first, second = launch(line(100_000))
    deadline = time.monotonic() + 240
    while not Run(tmp_path / "run").checkpoints() and time.monotonic() < deadline:
        assert first.poll() is None and second.poll() is None
        time.sleep(0.2)
    second.kill()
    output, _ = first.communicate(timeout=240)
    assert first.returncode != 0
    reached = load_gan(tmp_path / "run").steps_trained
    assert reached >= 20
    workers = launch(line(reached + 40))[2:]
    outputs = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    went_on = [int(re.search(r"Resuming .* from step (\d+)", text)[1]) for text in outputs]
    assert went_on == [reached, reached]
    assert load_gan(tmp_path / "run").steps_trained == reached + 40
    steps = [line["step"] for line in Run(tmp_path / "run").read_metrics() if line["metric"] == "d_loss"]
    assert steps == list(range(20, reached + 41, 20))


@pytest.mark.slow
def test_workers_with_other_flags_are_refused(launch, tmp_path):
    workers = launch(
        lambda index: [
            *ARGUMENTS,
            "--steps=40",
            f"--run_dir={tmp_path / 'run'}",
            "--strategy=multi_worker",
            f"--seed={index}",
        ]
    )
    outputs = [worker.communicate(timeout=240)[0] for worker in workers]
    assert all(worker.returncode for worker in workers)
    assert all("workers differ in their flags" in output for output in outputs)
