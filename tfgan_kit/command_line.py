"""What every command shares: flags in, a mistake of the user's out as one line."""

import importlib
import os
import sys

from tfgan_kit.runs.non_finite import NonFiniteError
from tfgan_kit.training import half_precision

import tensorflow as tf
from absl import flags

from tfgan_kit_client import command_line
from tfgan_kit_client.command_line import writable_folder as writable_folder


def define_import_module():
    flags.DEFINE_multi_string(
        "import_module", [], "Module to import first, for classes and presets of your own; may be given several times."
    )


def define_ckpt(several=False, required=True):
    """`--ckpt` and what goes with it, for every command that loads a checkpoint, or any number."""
    if several:
        flags.DEFINE_multi_string("ckpt", [], "A .keras file, or a run folder; several times for several.")
    else:
        flags.DEFINE_string("ckpt", None, "A .keras file, or a run folder.", required=required)
    flags.DEFINE_enum(
        "which",
        "newest",
        ["newest", "best"],
        "Which checkpoint of a run folder; best is the one "
        "with the best value of the metric that was monitored, else with the lowest distance that was measured.",
    )
    define_import_module()


def import_modules(names):
    """Imports the modules of `--import_module`, which may lie in the current folder.

    Raises:
        ValueError: a module that does not import.
    """
    sys.path.insert(0, os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ValueError(
                f"--import_module names a module that does not import ({error}); give its dotted "
                f"name, from the current folder or installed. Received: import_module={name}"
            ) from error


def tell_of_precision(policy):
    """Prints what half precision gains or loses on this machine, measured; nothing in float32."""
    if told := half_precision.expectation(policy):
        print(told, flush=True)


def verbosity():
    """`verbose` of Keras: a moving bar on a terminal, a line an epoch elsewhere."""
    return 1 if sys.stdout.isatty() else 2


def run(main):
    """Runs `main()` under absl; a mistake of the user's is one line on stderr and exit code 1."""
    # absl shows a module's own flags under --help; these are every command's own.
    for flag in flags.FLAGS.flags_by_module_dict().get(__name__, []):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    command_line.run(main, (ValueError, TypeError, OSError, NonFiniteError, tf.errors.OpError))
