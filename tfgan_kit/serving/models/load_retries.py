"""Versions that could not be loaded, and when to try again."""

import contextlib
import dataclasses
import itertools
import pathlib
import time

_LOADED = ("saved_model.pb", "variables/*", "assets/*", "assets.extra/*", "batching_params.pbtxt")
_MOST_FILES = 1000  # of a pattern


class LoadRetries:
    """Records the files of versions that could not be loaded, and the number of attempts.

    TensorFlow Serving retries a version `max_num_load_retries` times, then not until it has been removed and added
    again. Here a changed file is another reason, since the version may have been incomplete.

    Args:
        retries: int >= 0, how often an unchanged version is tried again. Default 0.
        seconds: time between two attempts. Default 60.
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
        """The names, sizes and times of the files that are about to be loaded; other files are not looked at."""
        files = []
        for pattern in _LOADED:
            for file in sorted(itertools.islice(path.glob(pattern), _MOST_FILES)):
                with contextlib.suppress(OSError):  # it has been renamed meanwhile, or cannot be read
                    status = file.stat()
                    files.append((str(file), status.st_size, status.st_mtime_ns))
        return tuple(files)

    def add(self, path: pathlib.Path, files: tuple) -> bool:
        """Records that the version with these `files` could not be loaded; True if it will be retried unchanged."""
        last = self._failed.get(path)
        tries = last.tries + 1 if last is not None and last.files == files else 1
        self._failed[path] = _Failure(files, tries, time.monotonic() + self._seconds)
        return tries <= self._retries

    def keep(self, paths) -> None:
        """Forgets all other versions, so that one that was removed and added again is new."""
        kept = set(paths)
        self._failed = {path: one for path, one in self._failed.items() if path in kept}


@dataclasses.dataclass(frozen=True)
class _Failure:
    files: tuple
    tries: int
    again: float
