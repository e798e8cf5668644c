"""Files that are there whole or not at all, whenever a process is killed or a disk is full.

Each is written under a temporary name, `.NAME-HOST-PID.SUFFIX`, then renamed; `drop_leftovers` knows by that name what
a process left that is no more.
"""

import contextlib
import hashlib
import os
import pathlib
import re
import socket

# Of this machine: on a shared file system another's process numbers say nothing.
_HERE = re.sub(r"\W", "_", socket.gethostname())
_TEMPORARY = re.compile(rf"\..+-{_HERE}-(\d+)(?:\.\w+)?")


def here(process=None):
    """A process of this machine (None: this one) in the name of a temporary file: HOST-PID."""
    return f"{_HERE}-{process or os.getpid()}"


@contextlib.contextmanager
def whole(path):
    """A temporary path to write to; renamed to `path` at the end, removed if that is not reached.

    Example:
        >>> with whole("grid.png") as temporary:
        ...     written = temporary.write_bytes(b"content")
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}-{here()}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path, content: bytes) -> None:
    """Writes bytes whole or not at all, into a folder that is made where it is missing."""
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        temporary.write_bytes(content)


def drop_leftovers(folder) -> None:
    """Removes temporary files of this machine's processes that are no more."""
    for path in pathlib.Path(folder).iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match and not os.path.exists(f"/proc/{match[1]}") and os.path.exists("/proc/self"):
            path.unlink(missing_ok=True)


def sha256(path) -> str:
    """The hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
