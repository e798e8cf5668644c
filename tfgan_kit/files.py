"""JSON that every reader takes: it has no infinity and no NaN, so these stand as texts.

They are "Infinity", "-Infinity" and "NaN", as in protobuf's JSON: the texts that Python's `float`, JavaScript's
`Number`, C's `strtod` and their like read as the numbers.
"""

import errno
import json
import math
import os
import pathlib
import re
import socket
import tempfile

_NUMBERS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def to_json(value, indent=None):
    """The text of a value of dicts, lists, tuples, texts and numbers.

    Example:
        >>> to_json({"value": float("nan")})
        '{"value": "NaN"}'
    """
    return json.dumps(_each(_text, value), indent=indent, allow_nan=False)


def from_json(text):
    """The value of a text of `to_json`; the three texts are numbers again, wherever they stand as values.

    Raises:
        ValueError: a text that is no JSON.
    """
    return _each(_number, json.loads(text))


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
    write_text(path, to_json(value, indent=2) + "\n")


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


def cache_path(*parts):
    """A path below `$TFGAN_KIT_CACHE`, or below ~/.cache/tfgan_kit when that is not set."""
    root = os.environ.get("TFGAN_KIT_CACHE") or pathlib.Path.home() / ".cache" / "tfgan_kit"
    return pathlib.Path(root).joinpath(*parts)


def write_cache(path, content):
    """Writes bytes under a temporary name and renames, so that no reader ever sees half a file.

    A cache that cannot be written costs time, not correctness: then nothing is written.

    Returns:
        Whether it was written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
        return True
    except OSError:
        return False
    finally:
        if temporary and os.path.exists(temporary):  # Ctrl-C, too
            os.unlink(temporary)
