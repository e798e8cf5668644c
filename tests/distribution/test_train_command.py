"""`python -m tfgan_kit.train --strategy ...`: the same run, by processes that may be killed."""

import subprocess
import sys

from tfgan_kit.runs.run import Run

import numpy as np
import pytest

ARGUMENTS = ["tfgan_kit.train", "--preset=mlp_mixture", "--dataset=ring8", "--batch_size=64", "--checkpoint_every=20"]


@pytest.mark.slow
def test_mirrored_on_logical_cpus_trains_the_run_of_one_device(tmp_path):
    for name, more in (("one", []), ("two", ["--strategy=mirrored", "--logical_cpus=2"])):
        line = [sys.executable, "-m", *ARGUMENTS, "--steps=1", f"--run_dir={tmp_path / name}", *more]
        answer = subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)
        assert answer.returncode == 0, answer.stderr[-2000:]
    assert "on 2 replicas" in answer.stdout
    one, two = (Run(tmp_path / name).read_metrics() for name in ("one", "two"))
    assert [line["metric"] for line in two] == [line["metric"] for line in one]
    values = [[line["value"] for line in lines] for lines in (two, one)]
    # Of one step: after it rounding decides on ReLUs, where R2 jumps, and on signs, which are Adam's first update.
    np.testing.assert_allclose(*values, rtol=5e-6, atol=5e-6)


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
