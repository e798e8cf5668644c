"""Suppresses TensorFlow's start-up messages, which its C++ writes to stderr regardless of any setting (2.21)."""

import contextlib
import os
import re
import sys
import tempfile

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
