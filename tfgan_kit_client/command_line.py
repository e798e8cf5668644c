"""Shared by all commands: a user's error as one line and exit code 1, and checks of output folders."""

import io
import os
import pathlib
import shlex
import sys
import tempfile
import traceback
import warnings

from absl import app, flags, logging

TRACEBACK_VARIABLE = "TFGAN_KIT_TRACEBACK"


def run(main, mistakes=(ValueError, TypeError, OSError), takes_arguments=False):
    """Runs `main()` under absl; a warning raised as an error, or one of `mistakes`, is one line and exit code 1.

    A `~` at the beginning of a flag's value is the home folder, as a shell writes it only after a space. With
    `takes_arguments` what is no flag goes to `main`, as a list; otherwise it is refused.
    """

    def checked(argv):
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # paths may hold any bytes
        if len(argv) > 1 and not takes_arguments:
            _fail(f"Unknown argument {argv[1]!r}: every option is a --flag; see --help.")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)  # TensorFlow's saver reports every step at INFO
        logging.get_absl_handler().setFormatter(None)  # the message alone, without time, thread and line
        warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
        _expand_home()
        try:
            main(*([argv[1:]] if takes_arguments else []))
            print(end="", flush=True)
        except BrokenPipeError:  # `| head` has read enough
            _drop_output()
            sys.exit(1)
        except (Warning, *mistakes) as error:
            if os.environ.get(TRACEBACK_VARIABLE):
                traceback.print_exc()
            _fail(str(error))
        except KeyboardInterrupt:
            _fail("Interrupted; finished results are kept.")

    app.run(checked)


def _expand_home():
    for flag in (flags.FLAGS[name] for name in flags.FLAGS):
        if isinstance(flag.value, str):
            flag.value = _at_home(flag.value)
        elif isinstance(flag.value, list):
            flag.value = [_at_home(value) if isinstance(value, str) else value for value in flag.value]


def _at_home(value):
    return os.path.expanduser(value) if value.startswith("~") else value


def _fail(message):
    print(f"error: {message}", file=sys.stderr)
    try:
        print(end="", flush=True)
    except OSError:
        _drop_output()
    sys.exit(1)


def _drop_output():
    """Discards what could not be printed, which Python would try once more at its exit, with a traceback."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def command(module, *arguments, **values):
    """A command to be pasted into a shell, whatever its values hold.

    Args:
        module: str, for `python -m`.
        *arguments: words as they are.
        **values: of flags, by name; those that are None are left out.

    Example:
        >>> command("tfgan_kit.evaluate", ckpt="my runs/digits")
        "python -m tfgan_kit.evaluate --ckpt 'my runs/digits'"
    """
    words = ["python", "-m", module, *arguments]
    for name, value in values.items():
        if value is not None:
            words += [f"--{name}={value}"] if str(value).startswith("-") else [f"--{name}", str(value)]
    return shlex.join(words)


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
