"""Files that are there whole or not at all, whenever a process is killed or a disk is full.

Each is written under a temporary name, `.NAME-HOST-PID`, then renamed; what a process left that is
no more is known by its name.
"""

import errno
import os
import pathlib
import re
import socket

from tfgan_kit import plain_json

# Of this machine: on a shared file system another's process numbers say nothing.
_HERE = re.sub(r"\W", "_", socket.gethostname())
_TEMPORARY = re.compile(rf"\.(?:writing|shard|config|metrics|step).*-{_HERE}-(\d+)(?:\.keras)?")


def here(process=None):
    """A process of this machine (None: this one) in the name of a temporary file: HOST-PID."""
    return f"{_HERE}-{process or os.getpid()}"


def drop_leftovers(folder):
    """Removes temporary files, `.NAME-HOST-PID`, of this machine's processes that are no more."""
    for path in folder.iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match and not os.path.exists(f"/proc/{match[1]}") and os.path.exists("/proc/self"):
            path.unlink(missing_ok=True)


def write_json(path, value):
    """Writes JSON whole or not at all; infinities and NaN as texts (`plain_json`)."""
    write_text(path, plain_json.dumps(value, indent=2) + "\n")


def write_text(path, text):
    """Writes a text whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path, content):
    """Writes bytes whole or not at all: a temporary name, then a rename."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{here()}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            flush(file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def append_lines(path, lines):
    """Appends lines (str, without their ends) to a file; killed meanwhile, it may end in a cut one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        file.writelines(line + "\n" for line in lines)
        flush(file)


def ends_cut(path):
    """Whether a file's last line has no end; not so where there is no file, or an empty one."""
    if not path.exists() or not path.stat().st_size:
        return False
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def flush(file):
    """Puts what was written to an open file on its disk."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(path):
    """A rename outlasts a power cut only after its folder is on the disk, too."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot
            raise
    finally:
        os.close(descriptor)
