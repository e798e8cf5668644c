"""Atomic writes of files (see `tfgan_kit_client.files`), JSON, and the cache folder.

JSON has no infinity and no NaN, so they are written as the strings "Infinity", "-Infinity" and "NaN", as in protobuf's
JSON: Python's `float`, JavaScript's `Number` and C's `strtod` convert these to the numbers.
"""

import contextlib
import errno
import fcntl
import json
import math
import os
import pathlib
import stat

from tfgan_kit_client.files import drop_leftovers, here, is_left, read_bytes, sha256, whole, write_bytes

__all__ = [
    "Locked", "append_lines", "cache_path", "drop_leftovers", "ends_cut", "flush_folder", "from_json", "here",
    "is_left", "locked", "read_bytes", "read_json", "sha256", "to_json", "whole", "write_bytes", "write_cache",
    "write_json", "write_text",
]  # fmt: skip

MOST_JSON_BYTES = 2**24  # parsed they may take twenty times as much memory

_NUMBERS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def to_json(value, indent=None):
    """The JSON of a value of dicts, lists, tuples, strings and numbers.

    Example:
        >>> to_json({"value": float("nan")})
        '{"value": "NaN"}'
    """
    return json.dumps(_each(_text, value), indent=indent, allow_nan=False)


def from_json(text):
    """The value of a text from `to_json`; the three strings become numbers wherever they are values.

    Raises:
        ValueError: the text is not valid JSON, or nested too deeply.
    """
    try:
        return _each(_number, json.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json(path, kind=dict, most=MOST_JSON_BYTES):
    """The value in a JSON file, which may come from a stranger; its strings stay strings.

    Args:
        path: the file.
        kind: type of the value that is expected, dict or list; object: any.
        most: int, bytes of the largest file that is read.

    Raises:
        OSError: it cannot be opened.
        ValueError: no regular file, a larger one, no JSON, nested too deeply, or a value of another type.
    """
    try:
        value = json.loads(read_bytes(path, most))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, kind):
        raise ValueError(f"it holds a {type(value).__name__} where a {kind.__name__} is expected")
    return value


def _each(change, value):
    if isinstance(value, dict):
        return {key: _each(change, part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_each(change, part) for part in value]
    return change(value)


def _text(value):
    return json.dumps(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value):
    return _NUMBERS.get(value, value) if isinstance(value, str) else value


def write_json(path, value):
    """Writes JSON atomically; infinities and NaN as strings."""
    write_text(path, to_json(value, indent=2) + "\n")


def write_text(path, text):
    """Writes a text atomically."""
    write_bytes(path, text.encode())


def append_lines(path, lines):
    """Appends lines (str, without line ends) to a file; if the process is killed, the last may be incomplete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        file.writelines(line + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def ends_cut(path):
    """Whether a file's last line is incomplete; False for a missing or empty file."""
    if not path.exists() or not path.stat().st_size:
        return False
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def flush_folder(path):
    """Flushes a folder to disk, without which a rename may not survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # unsupported by some file systems
            raise
    finally:
        os.close(descriptor)


class Locked(ValueError):
    """Another process holds a lock.

    Attributes:
        holder: str, HOST-PID of that process.
    """

    def __init__(self, path, holder):
        super().__init__(f"{path} is locked by {holder}")
        self.holder = holder


@contextlib.contextmanager
def locked(path):
    """A context that holds a lock file, which stays only where the folder holds something else at the end.

    Raises:
        Locked: another process holds it.
        ValueError: a link, a folder, a pipe or a device lies in its place.
    """
    with _open_lock(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Locked(path, file.read().strip()) from error
        file.truncate(0)
        file.write(here())
        file.flush()
        try:
            yield
        finally:
            if [beside.name for beside in path.parent.iterdir()] == [path.name]:  # nothing was written
                path.unlink()


def _open_lock(path):
    """The lock, for reading and appending; never what a link of its name leads to."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_nlink <= 1:
            return open(descriptor, "a+")
        os.close(descriptor)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise
    raise ValueError(
        f"A lock must be a file of its own, and here lies a link, a folder or a device: remove it. Received: {path}"
    )


def cache_path(*parts):
    """A path below `$TFGAN_KIT_CACHE`, or below ~/.cache/tfgan_kit if that is not set."""
    root = os.environ.get("TFGAN_KIT_CACHE") or pathlib.Path.home() / ".cache" / "tfgan_kit"
    return pathlib.Path(root).joinpath(*parts)


def write_cache(path, content):
    """Writes bytes atomically; an unwritable cache costs time, not correctness.

    Returns:
        Whether it was written.
    """
    try:
        write_bytes(path, content)
    except OSError:
        return False
    return True
