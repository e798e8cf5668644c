"""Shared by all commands: common flags, and a user's error as one line."""

import importlib
import os
import sys

import tfgan_kit
from tfgan_kit.runs.non_finite import NonFiniteError
from tfgan_kit.training import half_precision

import tensorflow as tf
from absl import flags

from tfgan_kit_client import command_line
from tfgan_kit_client.command_line import writable_folder as writable_folder


def define_import_module():
    flags.DEFINE_multi_string(
        "import_module", [], "Module to import first, for custom classes and presets; may be given several times."
    )


def define_ckpt(several=False, required=True):
    """`--ckpt` and its related flags, for commands that load one checkpoint, or several."""
    if several:
        flags.DEFINE_multi_string("ckpt", [], "A .keras file, or a run folder; may be given several times.")
    else:
        flags.DEFINE_string("ckpt", None, "A .keras file, or a run folder.", required=required)
    flags.DEFINE_enum(
        "which",
        "newest",
        ["newest", "best"],
        "Which checkpoint of a run folder; best is the one "
        "with the best value of the monitored metric, otherwise with the lowest measured distance.",
    )
    define_import_module()


def import_modules(names):
    """Imports the modules of `--import_module`, which may be in the current folder.

    Raises:
        ValueError: a module that cannot be imported.
    """
    sys.path.insert(0, os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # whatever the module does
            raise ValueError(
                f"--import_module names a module that cannot be imported ({type(error).__name__}: {error}); give its "
                f"dotted name, from the current folder or installed. Received: import_module={name}"
            ) from error


def command(module, **values):
    """A command that can be pasted into a shell, with the `--import_module`s of this one, which it would need, too."""
    modules = [f"--import_module={name}" for name in flags.FLAGS.import_module]
    return command_line.command(f"tfgan_kit.{module}", *modules, **values)


def tell_of_precision(policy):
    """Prints the measured gain or loss of half precision on this machine; nothing in float32."""
    if told := half_precision.expectation(policy):
        print(told, flush=True)


def verbosity():
    """`verbose` of Keras: a progress bar on a terminal, otherwise a line per epoch."""
    return 1 if sys.stdout.isatty() else 2


def run(main):
    """Runs `main()` under absl, or prints the version; a user's error is one line on stderr and exit code 1."""
    if sys.argv[1:] == ["--version"]:
        print(f"tfgan_kit {tfgan_kit.__version__}")
        sys.exit(0)
    # --help of absl shows only the main module's flags; these belong to every command.
    for flag in flags.FLAGS.flags_by_module_dict().get(__name__, []):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    command_line.run(main, (ValueError, TypeError, OSError, NonFiniteError, tf.errors.OpError))
