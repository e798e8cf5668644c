"""Files that are there whole or not at all (see `tfgan_kit_client.files`), JSON, and the cache folder.

JSON has no infinity and no NaN, so these stand as the texts "Infinity", "-Infinity" and "NaN", as in protobuf's JSON:
Python's `float`, JavaScript's `Number` and C's `strtod` read them as the numbers.
"""

import errno
import json
import math
import os
import pathlib

from tfgan_kit_client.files import drop_leftovers, here, sha256, whole, write_bytes

__all__ = [
    "append_lines", "cache_path", "drop_leftovers", "ends_cut", "flush_folder", "from_json", "here", "sha256",
    "to_json", "whole", "write_bytes", "write_cache", "write_json", "write_text",
]  # fmt: skip

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


def write_json(path, value):
    """Writes JSON whole or not at all; infinities and NaN as texts."""
    write_text(path, to_json(value, indent=2) + "\n")


def write_text(path, text):
    """Writes a text whole or not at all."""
    write_bytes(path, text.encode())


def append_lines(path, lines):
    """Appends lines (str, without their ends) to a file; killed meanwhile, it may end in a cut one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        file.writelines(line + "\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def ends_cut(path):
    """Whether a file's last line has no end; not so where there is no file, or an empty one."""
    if not path.exists() or not path.stat().st_size:
        return False
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


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
    """Writes bytes whole or not at all; a cache that cannot be written costs time, not correctness.

    Returns:
        Whether it was written.
    """
    try:
        write_bytes(path, content)
    except OSError:
        return False
    return True
