"""How a command starts: its flags come before TensorFlow, and TensorFlow's first messages are left out."""

import contextlib
import os
import re
import sys
import tempfile

COMMANDS = ("compare", "convert", "demo", "divergence", "evaluate", "export", "generate", "prepare", "serving", "train")


def starts_a_command(argv, orig_argv):
    """Whether Python runs `-m tfgan_kit.train` or another command, and no program or package of somebody else's.

    Args:
        argv, orig_argv: `sys.argv` and `sys.orig_argv` while Python looks for the module of `-m`, and imports the
            packages that it is in.
    """
    word = orig_argv[-len(argv)] if argv[:1] == ["-m"] else ""  # "-m" is in the module's place
    return bool(re.fullmatch(rf"(-\w*m)?tfgan_kit\.({'|'.join(COMMANDS)})", word))


IS_COMMAND = starts_a_command(sys.argv, sys.orig_argv)


def is_parsing():
    """Whether a command has yet to parse its flags: until then packages import nothing that needs TensorFlow.

    It ends when `tfgan_kit.commands` is imported, which executes these packages again.
    """
    return IS_COMMAND and "tfgan_kit.commands" not in sys.modules


# TensorFlow's start-up messages, which its C++ writes to stderr regardless of any setting (2.21):
# "I0000 00:00:1796063606.725798   30584 cudart_stub.cc:31] Could not find cuda drivers", and absl's line before it.
_START_UP = re.compile(rb"I\d{4} .*\] |WARNING: All log messages before absl::InitializeLog\(\) is called")


@contextlib.contextmanager
def silenced():
    """A context that buffers standard error and, at its end, writes all of it but the start-up messages."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            os.write(2, b"".join(line for line in held if not _START_UP.match(line)))
