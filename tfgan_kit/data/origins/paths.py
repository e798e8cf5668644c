"""Paths as users spell them and as file systems hold them: `~`, names that are no UTF-8, pipes."""

import os
import pathlib
import unicodedata


def expanded(path):
    """A `pathlib.Path` with `~` (and `~user`) replaced by the home folder."""
    return pathlib.Path(os.path.expanduser(path))


def printable(path):
    """A path or name as text for messages and class names: what is no UTF-8, or controls a terminal, is escaped.

    Example:
        >>> printable(os.fsdecode(b"caf\\xe9"))  # Latin-1
        'caf\\\\xe9'
    """
    text = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    controls = {c for c in text if unicodedata.category(c) in ("Cc", "Zl", "Zp")}
    return text.translate({ord(c): c.encode("unicode_escape").decode() for c in controls})


def what_lies_at(path, wanted):
    """Says what a path leads to that is no `wanted`, "file" or "folder", for the message that refuses it."""
    if not os.path.exists(path):
        return f"no such {wanted}"
    kind = "a file" if os.path.isfile(path) else "a pipe, a socket or a device"
    if os.path.isdir(path):
        try:
            kind = f"a folder of {[printable(name) for name in sorted(os.listdir(path))[:10]]}"
        except OSError:
            kind = "a folder that you may not read"
    return f"{kind}, not a {wanted}"
