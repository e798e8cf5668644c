"""Versions that could not be loaded, and when they are worth another try."""

import contextlib
import dataclasses
import pathlib
import time


class Refusals:
    """Remembers what the files of a refused version were, and how often it was tried.

    TensorFlow Serving tries a version again `max_num_load_retries` times, then never until it is
    gone and comes back. Here a changed file is a reason too: someone was still copying.

    Args:
        retries: how often an unchanged version is tried again, from 0. Default 0.
        seconds: how long after the last try. Default 60.
    """

    def __init__(self, retries: int = 0, seconds: float = 60.0):
        self._retries = retries
        self._seconds = seconds
        self._refused: dict[pathlib.Path, _Refusal] = {}

    def may_try(self, path: pathlib.Path) -> bool:
        """Whether the version should be loaded now."""
        refusal = self._refused.get(path)
        if refusal is None or refusal.files != self.before(path):
            return True
        return refusal.tries <= self._retries and time.monotonic() >= refusal.again

    def before(self, path: pathlib.Path) -> tuple:
        """What identifies the files that are about to be loaded."""
        files = []
        for file in sorted(path.rglob("*")):
            with contextlib.suppress(OSError):  # it was renamed while we looked, or cannot be read
                status = file.stat()
                files.append((str(file), status.st_size, status.st_mtime_ns))
        return tuple(files)

    def add(self, path: pathlib.Path, files: tuple) -> bool:
        """The version with these `files` did not load; whether it is tried again as it is."""
        last = self._refused.get(path)
        tries = last.tries + 1 if last is not None and last.files == files else 1
        self._refused[path] = _Refusal(files, tries, time.monotonic() + self._seconds)
        return tries <= self._retries

    def keep(self, paths) -> None:
        """Forgets all but these versions: one that went and came back is new."""
        kept = set(paths)
        self._refused = {path: one for path, one in self._refused.items() if path in kept}


@dataclasses.dataclass(frozen=True)
class _Refusal:
    files: tuple
    tries: int
    again: float
