"""Atomic writes: a file is complete or does not exist, even if a process is killed or the disk is full.

Each file is written under a temporary name, `.NAME-HOST-PID.SUFFIX`, then renamed; from that name `is_left`
knows the files of processes that have ended.
"""

import contextlib
import errno
import hashlib
import os
import pathlib
import re
import socket
import stat

# The host name, since process ids of other machines on a shared file system are meaningless here.
_HERE = re.sub(r"\W", "_", socket.gethostname())
_TEMPORARY = re.compile(rf".+-{_HERE}-(\d+)(?:[.-][\w-]+)?")
# Errors of the disk, which the system reports without the file that was being written.
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


def here(process=None):
    """HOST-PID, the part of a temporary file's name for a process of this machine (None: this process)."""
    return f"{_HERE}-{process or os.getpid()}"


@contextlib.contextmanager
def whole(path):
    """A context with a temporary path, which is renamed to `path` at the end, or removed after an error.

    Raises:
        OSError: it cannot be written; a full disk, too, is reported with `path`.

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
    except OSError as error:
        if error.errno in _OF_THE_DISK and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path, content: bytes) -> None:
    """Writes bytes atomically; creates the folder if it is missing."""
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as temporary:
        temporary.write_bytes(content)


def read_bytes(path, most: int) -> bytes:
    """The bytes of a file that may come from a stranger: a pipe or a device is not waited for.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no regular file, or is larger than `most` bytes.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path} is not a regular file")
        if status.st_size > most:
            raise ValueError(f"{path} has {status.st_size} bytes, at most {most} are read")
        return file.read(most)


def drop_leftovers(folder) -> None:
    """Removes temporary files of processes of this machine that have ended."""
    for path in pathlib.Path(folder).iterdir():
        if path.name.startswith(".") and is_left(path.name):
            path.unlink(missing_ok=True)


def is_left(name: str) -> bool:
    """Whether a temporary name, `...-HOST-PID` with `.x` or `-x` behind, is of a process here that has ended."""
    match = _TEMPORARY.fullmatch(name)
    return bool(match) and not os.path.exists(f"/proc/{match[1]}") and os.path.exists("/proc/self")


def sha256(path) -> str:
    """The hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
