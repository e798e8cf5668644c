"""Versions of a model folder: written under a name that no server reads, then renamed to an integer."""

import contextlib
import errno
import os
import pathlib
import shlex
import shutil
import tempfile
import time

from tfgan_kit.export.contract import COMMON_BATCHING_FILE
from tfgan_kit.export.profile import LARGEST_VERSION, NEXT
from tfgan_kit.files import flush_folder, here, is_left

WRITING = "writing-"  # prefix of a version that is being written
DELETING = "deleting-"  # prefix of a version that is being deleted
LEFTOVERS = (WRITING, DELETING, f".{COMMON_BATCHING_FILE}-")
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)
# Younger ones may belong to an exporter that is running on another machine.
SECONDS_OF_A_LEFTOVER = 24 * 3600


def version_folders(base):
    """The versions of a model folder, oldest first: a dict int -> Path. `007` is version 7."""
    base = pathlib.Path(base)
    if not base.is_dir():
        return {}
    found = {}
    for path in sorted(base.iterdir()):
        number = path.name.isascii() and path.name.isdigit() and int(path.name)
        if number is not False and number <= LARGEST_VERSION and path.is_dir():
            found[number] = path
    return dict(sorted(found.items()))


def versions(base):
    """The integers that name versions in a model folder, ascending."""
    return list(version_folders(base))


def check_version_is_free(base, version):
    """Raises ValueError if a version exists."""
    there = versions(base)
    if version in there:
        raise ValueError(
            "That version is already published, and a server that has loaded it would not notice a "
            f"change; give another number, or 'next'. There are {', '.join(map(str, there))} in "
            f"{base}. Received: version={version}"
        )


@contextlib.contextmanager
def unpublished(base):
    """A folder to write a version into, removed afterwards unless `publish` has renamed it.

    TensorFlow Serving loads a half-written version and unloads the good one (measured), but skips every
    name that is not an integer.
    """
    if (pathlib.Path(base) / "saved_model.pb").exists():
        raise ValueError(
            f"That folder is a version of a model; give its parent, which holds the versions. Received: output={base}"
        )
    pathlib.Path(base).mkdir(parents=True, exist_ok=True)
    remove_leftovers(base)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{WRITING}{here()}-", dir=base))
    folder.chmod(0o755)  # a server may run as another user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder, base, version=NEXT):
    """Renames a finished `folder` to a version of `base`; returns the new path.

    All its files are flushed to the disk before the rename, so that a power failure cannot leave half a
    version.

    Raises:
        ValueError: `version` exists.
    """
    base = pathlib.Path(base)
    _flush(folder)
    number = max(versions(base), default=0) + 1 if version == NEXT else version
    while True:
        try:
            if version != NEXT:
                check_version_is_free(base, number)
            os.rename(folder, base / str(number))
        except OSError as error:
            if error.errno not in _TAKEN or version != NEXT:
                raise
            number += 1  # another exporter has taken the number in the meantime
        else:
            flush_folder(base)
            return base / str(number)


def remove_old(base, keep, published):
    """Deletes all but the `keep` newest versions, and never `published`.

    Each is first renamed to a name that no server reads: half a version might be served.

    Args:
        base: folder of the model.
        keep: int >= 1, or None for all.
        published: path of the version that was just published, whose number may not be the newest.

    Returns:
        The numbers that were deleted, ascending.
    """
    folders = version_folders(base)
    old = [] if keep is None else list(folders)[:-keep]
    deleted = [number for number in old if folders[number] != pathlib.Path(published)]
    for number in deleted:
        gone = tempfile.mkdtemp(prefix=f"{DELETING}{number}-{here()}-", dir=base)
        with contextlib.suppress(FileNotFoundError):  # another exporter was first
            os.rename(folders[number], gone)
        shutil.rmtree(gone, ignore_errors=True)
    return deleted


def remove_leftovers(base):
    """Removes what killed exporters left behind: of this machine at once, of others after a day."""
    for path in pathlib.Path(base).iterdir():
        if path.name.startswith(LEFTOVERS) and (is_left(path.name) or _age(path) > SECONDS_OF_A_LEFTOVER):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)  # another exporter may remove it, too
            else:
                path.unlink(missing_ok=True)


def _age(folder):
    """Seconds since anything in a folder changed; 0 if it disappears meanwhile."""
    inside = [os.path.join(parent, name) for parent, folders, files in os.walk(folder) for name in (*folders, *files)]
    times = []
    for path in (folder, *inside):
        with contextlib.suppress(FileNotFoundError):
            times.append(os.lstat(path).st_mtime)
    return time.time() - max(times, default=time.time())


def _flush(folder):
    for directory, _, files in os.walk(folder):
        for name in files:
            descriptor = os.open(os.path.join(directory, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        flush_folder(directory)


def tensorflow_serving_lines(base):
    """The two usual commands to serve a model folder with TensorFlow Serving."""
    name, path, mount = map(shlex.quote, (base.name, str(base), f"{base}:/models/{base.name}"))
    return [
        f"  TF_ENABLE_ONEDNN_OPTS=1 tensorflow_model_server --model_name={name} --model_base_path={path} "
        "--port=8500 --rest_api_port=8501 --grpc_max_threads=64",
        f"  docker run --rm -p 8500:8500 -p 8501:8501 -v {mount} "
        f"-e MODEL_NAME={name} -e TF_ENABLE_ONEDNN_OPTS=1 tensorflow/serving --grpc_max_threads=64",
    ]
