"""Versions of a model folder: written under a name no server reads, then renamed to an integer."""

import contextlib
import os
import pathlib
import shutil


def versions(base):
    """The integers that name versions in a model folder, ascending."""
    base = pathlib.Path(base)
    if not base.is_dir():
        return []
    return sorted(int(path.name) for path in base.iterdir() if path.name.isdigit() and path.is_dir())


@contextlib.contextmanager
def unpublished(base):
    """A folder to write a version into; gone afterwards unless `publish` has renamed it.

    TensorFlow Serving loads a half-written version and drops the good one (measured), but skips
    every name that is no integer.
    """
    base = pathlib.Path(base)
    folder = base / f"writing-{os.getpid()}"
    try:
        folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder, base):
    """Renames a finished `folder` to the next version of `base`; returns the new path."""
    base = pathlib.Path(base)
    version = max(versions(base), default=0) + 1
    while True:
        try:
            os.rename(folder, base / str(version))
        except OSError:  # another exporter took the number meanwhile
            if not (base / str(version)).exists():
                raise
            version += 1
        else:
            return base / str(version)
