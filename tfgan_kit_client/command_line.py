"""Shared by all commands: a user's error as one line and exit code 1, and checks of output folders."""

import os
import pathlib
import sys
import tempfile
import traceback
import warnings

from absl import app, flags, logging

TRACEBACK_VARIABLE = "TFGAN_KIT_TRACEBACK"


def run(main, mistakes=(ValueError, TypeError, OSError)):
    """Runs `main()` under absl; an exception among `mistakes` is one line on stderr and exit code 1."""

    def checked(argv):
        if len(argv) > 1:
            _fail(f"Unknown argument {argv[1]!r}: every option is a --flag; see --help.")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TensorFlow's saver reports every step at INFO
        warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
        try:
            main()
        except mistakes as error:
            if os.environ.get(TRACEBACK_VARIABLE):
                traceback.print_exc()
            _fail(str(error))
        except KeyboardInterrupt:
            _fail("Interrupted; finished results are kept.")

    app.run(checked)


def _fail(message):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


def writable_folder(path):
    """Creates a folder and verifies that it can be written to.

    Raises:
        ValueError: it cannot be written to.
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
