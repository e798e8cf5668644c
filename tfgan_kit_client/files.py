"""Atomic writes: a file is complete or does not exist, even if a process is killed or the disk is full.

Each file is written under a temporary name, `.NAME-HOST-PID.SUFFIX`, then renamed; from that name `drop_leftovers`
knows the files of processes that have ended.
"""

import contextlib
import hashlib
import os
import pathlib
import re
import socket

# The host name, since process ids of other machines on a shared file system are meaningless here.
_HERE = re.sub(r"\W", "_", socket.gethostname())
_TEMPORARY = re.compile(rf"\..+-{_HERE}-(\d+)(?:\.\w+)?")


def here(process=None):
    """HOST-PID, the part of a temporary file's name for a process of this machine (None: this process)."""
    return f"{_HERE}-{process or os.getpid()}"


@contextlib.contextmanager
def whole(path):
    """A context with a temporary path, which is renamed to `path` at the end, or removed after an error.

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
    """Writes bytes atomically; creates the folder if it is missing."""
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        temporary.write_bytes(content)


def drop_leftovers(folder) -> None:
    """Removes temporary files of processes of this machine that have ended."""
    for path in pathlib.Path(folder).iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match and not os.path.exists(f"/proc/{match[1]}") and os.path.exists("/proc/self"):
            path.unlink(missing_ok=True)


def sha256(path) -> str:
    """The hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
