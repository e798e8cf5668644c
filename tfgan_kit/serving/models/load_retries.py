"""Versions that could not be loaded, and when they are worth another try."""

import contextlib
import dataclasses
import pathlib
import time


class LoadRetries:
    """Remembers what the files of a version that did not load were, and how often it was tried.

    TensorFlow Serving tries a version again `max_num_load_retries` times, then never until it is gone and comes back.
    Here a changed file is a reason too: someone was still copying.

    Args:
        retries: how often an unchanged version is tried again, from 0. Default 0.
        seconds: how long after the last try. Default 60.
    """

    def __init__(self, retries: int = 0, seconds: float = 60.0):
        self._retries = retries
        self._seconds = seconds
        self._failed: dict[pathlib.Path, _Failure] = {}

    def may_try(self, path: pathlib.Path) -> bool:
        """True if the version should be loaded now."""
        failure = self._failed.get(path)
        if failure is None or failure.files != self.before(path):
            return True
        return failure.tries <= self._retries and time.monotonic() >= failure.again

    def before(self, path: pathlib.Path) -> tuple:
        """What identifies the files that are about to be loaded."""
        files = []
        for file in sorted(path.rglob("*")):
            with contextlib.suppress(OSError):  # it was renamed while we looked, or cannot be read
                status = file.stat()
                files.append((str(file), status.st_size, status.st_mtime_ns))
        return tuple(files)

    def add(self, path: pathlib.Path, files: tuple) -> bool:
        """The version with these `files` did not load; True if it is tried again as it is."""
        last = self._failed.get(path)
        tries = last.tries + 1 if last is not None and last.files == files else 1
        self._failed[path] = _Failure(files, tries, time.monotonic() + self._seconds)
        return tries <= self._retries

    def keep(self, paths) -> None:
        """Forgets all but these versions: one that went and came back is new."""
        kept = set(paths)
        self._failed = {path: one for path, one in self._failed.items() if path in kept}


@dataclasses.dataclass(frozen=True)
class _Failure:
    files: tuple
    tries: int
    again: float
