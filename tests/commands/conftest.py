"""Runs commands as `python -m` does, in this process: TensorFlow's import is paid once."""

import importlib

from tfgan_kit import command_line

import keras
import numpy as np
import pytest
from absl import flags


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A small labelled data set on disk: 96 grey images of 14 pixels, 3 classes."""
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    rng = np.random.default_rng(0)
    labels = np.arange(96) % 3
    images = rng.integers(0, 60, (96, 14, 14, 1)) + 60 * labels[:, None, None, None]
    np.savez(path, images=images.astype(np.uint8), labels=labels)
    return path


@pytest.fixture
def command(monkeypatch, capfd):
    """`command("train", "--steps=3", ...)` -> (exit code, stdout, stderr)."""

    def run(name, *arguments):
        module = importlib.import_module(f"tfgan_kit.{name}")
        if hasattr(module, "__path__"):  # a package runs its __main__
            module = importlib.import_module(f"tfgan_kit.{name}.__main__")
        known, policy = set(flags.FLAGS), keras.config.dtype_policy()
        module.define_flags()
        monkeypatch.setattr("sys.argv", [name, *map(str, arguments)])
        try:
            with pytest.raises(SystemExit) as exit_status:
                command_line.run(module.main)
        finally:
            keras.config.set_dtype_policy(policy)
            for flag in set(flags.FLAGS) - known:
                delattr(flags.FLAGS, flag)
        captured = capfd.readouterr()
        code = exit_status.value.code or 0
        return (code if isinstance(code, int) else 1), captured.out, captured.err

    return run


@pytest.fixture
def train(command, digits):
    """Trains the demo's preset on the small data set for a few steps."""

    def run(run_dir, *arguments, steps=4):
        return command(
            "train", "--preset=dcgan_mnist", f"--run_dir={run_dir}", f"--dataset=npz:{digits}",
            "--image_size=14", f"--steps={steps}", "--batch_size=8", "--checkpoint_every=2",
            "--num_samples=6", *arguments,
        )

    return run
