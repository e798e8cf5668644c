"""A small data set, and runs that were trained on it."""

import contextlib
import io
import shutil

import numpy as np
import pytest

from tests.command import exit_code


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A small labelled data set on disk: 96 grey images of 14 pixels, 3 classes."""
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    rng = np.random.default_rng(0)
    labels = np.arange(96) % 3
    images = rng.integers(0, 60, (96, 14, 14, 1)) + 60 * labels[:, None, None, None]
    np.savez(path, images=images.astype(np.uint8), labels=labels)
    return path


def training(run_dir, digits, *arguments, steps):
    """Command line that trains the demo's preset on the small data set for a few steps."""
    return [
        "train",
        "--preset=dcgan_mnist",
        f"--run_dir={run_dir}",
        f"--dataset=npz:{digits}",
        "--image_size=14",
        f"--steps={steps}",
        "--batch_size=8",
        "--checkpoint_every=2",
        "--num_samples=6",
        *arguments,
    ]


@pytest.fixture
def train(command, digits):
    """`train(run_dir, "--keep=9", steps=4)` -> (exit code, stdout, stderr), of a run of the test's own."""

    def run(run_dir, *arguments, steps=4):
        return command(*training(run_dir, digits, *arguments, steps=steps))

    return run


def times_of_writing(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, digits):
    """`finished_run("--keep=9", steps=4)`: the folder of a run that is trained once for all tests, to read only.

    What the command printed is beside it, in `printed.txt`.
    """
    folders, written = {}, {}

    def run(*arguments, steps=4):
        if (arguments, steps) not in folders:
            folder = tmp_path_factory.mktemp("finished") / "run"
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                code = exit_code(*training(folder, digits, *arguments, steps=steps))
            assert code == 0, printed.getvalue()
            (folder.parent / "printed.txt").write_text(printed.getvalue())
            folders[arguments, steps], written[folder] = folder, times_of_writing(folder)
        return folders[arguments, steps]

    yield run
    assert {folder: times_of_writing(folder) for folder in written} == written, "A test wrote into a shared run."


@pytest.fixture(scope="session")
def run_of_points(tmp_path_factory):
    """The folder of a run on points, a step long, to read only."""
    folder = tmp_path_factory.mktemp("points") / "run"
    flags = ["--preset=mlp_mixture", "--dataset=ring8", "--steps=1", "--batch_size=16"]
    assert exit_code("train", f"--run_dir={folder}", *flags) == 0
    return folder


@pytest.fixture
def copied_run(finished_run, tmp_path):
    """`copied_run(steps=4)`: a copy of such a folder, to write into: `tmp_path / "run"`."""
    return lambda *arguments, steps=4: shutil.copytree(finished_run(*arguments, steps=steps), tmp_path / "run")
