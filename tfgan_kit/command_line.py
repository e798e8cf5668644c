"""What every command shares: checked flags in, one clear line and exit code 1 on a mistake."""

import importlib
import os
import pathlib
import sys
import tempfile
import traceback
import warnings

from tfgan_kit.runs.non_finite import NonFiniteError
from tfgan_kit.training import half_precision

import tensorflow as tf
from absl import app, flags, logging

TRACEBACK_VARIABLE = "TFGAN_KIT_TRACEBACK"


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


def writable_folder(path):
    """Makes a folder and proves that it can be written to.

    Raises:
        ValueError: it cannot.
    """
    path = pathlib.Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ValueError(
            f"This folder cannot be written to ({error.strerror}); choose another. Received: {path}"
        ) from error
    return path


def run(main):
    """Runs `main()` under absl; a mistake of the user's is one line on stderr and exit code 1."""

    def checked(argv):
        if len(argv) > 1:
            _fail(f"Unknown argument {argv[1]!r}: every option is a --flag; see --help.")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TensorFlow's saver tells every step at INFO
        warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
        try:
            main()
        except (ValueError, TypeError, OSError, NonFiniteError, tf.errors.OpError) as error:
            if os.environ.get(TRACEBACK_VARIABLE):
                traceback.print_exc()
            _fail(str(error))
        except KeyboardInterrupt:
            _fail("Interrupted; what was finished stays.")

    # absl shows a module's own flags under --help; these are every command's own.
    for flag in flags.FLAGS.flags_by_module_dict().get(__name__, []):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    app.run(checked)


def _fail(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)
