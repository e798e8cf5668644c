"""Runs commands as `python -m` does, in this process: TensorFlow's import is paid once."""

import contextlib
import importlib

from tfgan_kit import command_line

import keras
import pytest
from absl import app, flags

app.define_help_flags()  # absl does it once a process: they must not be among a command's own


@contextlib.contextmanager
def flags_and_policy_kept():
    """What a command defines and sets is gone after it."""
    known, policy = set(flags.FLAGS), keras.config.dtype_policy()
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        for flag in set(flags.FLAGS) - known:
            delattr(flags.FLAGS, flag)


def exit_code(name, *arguments):
    """Runs a command to its end; what it prints goes where the caller's output goes."""
    name = name if "." in name else f"tfgan_kit.{name}"
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):  # a package runs its __main__
        module = importlib.import_module(f"{name}.__main__")
    with flags_and_policy_kept(), pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as exit_status:
        module.define_flags()
        patch.setattr("sys.argv", [name, *map(str, arguments)])
        command_line.run(module.main, *([True] if name.endswith(".compare") else []))
    code = exit_status.value.code or 0
    return code if isinstance(code, int) else 1


@pytest.fixture
def command(capfd):
    """`command("train", "--steps=3", ...)` -> (exit code, stdout, stderr)."""

    def run(name, *arguments):
        code = exit_code(name, *arguments)
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run
