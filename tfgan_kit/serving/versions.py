"""The versions of a model: what the disk offers, what is served, what became of each."""

import contextlib
import gc
import logging
import pathlib
import threading

import grpc
from tensorflow_serving.apis import get_model_status_pb2

from tfgan_kit.serving.calls import RequestError, status_of

_LOGGER = logging.getLogger(__name__)
_STATUS = get_model_status_pb2.ModelVersionStatus
_MAX_VERSION = 2**63 - 1
_RETIRE_SECONDS = 30.0  # a call that has not ended by then no longer holds up the next version


def version_folders(base_path: pathlib.Path) -> dict[int, pathlib.Path]:
    """The sub-folders whose names are integers, newest first; everything else is not a version."""
    folders = {}
    for path in sorted(base_path.iterdir()):
        if path.name.isdecimal() and int(path.name) <= _MAX_VERSION and path.is_dir():
            if int(path.name) in folders:
                _LOGGER.warning("%s and %s are one version", folders[int(path.name)], path)
            folders[int(path.name)] = path
    return dict(sorted(folders.items(), reverse=True))


class Versions:
    """Serves the newest version that loads; the old one stays until the new one is warm.

    A version that does not load is refused with a log line, whatever served before goes on, and
    it is tried again when its files have changed (someone was still copying them).

    Args:
        name: the model's name.
        base_path: the folder of version folders.
        load: version folder -> a loaded, warmed model with a `version`. Whatever it raises
            refuses the version.
        retire_seconds: how long the calls that run on a replaced version are waited for.
    """

    def __init__(self, name: str, base_path: pathlib.Path, load, retire_seconds=_RETIRE_SECONDS):
        self.name = name
        self.base_path = base_path
        self._load = load
        self._retire_seconds = retire_seconds
        self._changed = threading.Condition()  # guards what follows
        self._current = None
        self._users: dict[int, int] = {}
        self._statuses: dict[int, _STATUS] = {}
        self._refused: dict[pathlib.Path, tuple] = {}

    def poll(self) -> None:
        """Brings what is served in line with the disk. One thread calls it."""
        folders = version_folders(self.base_path)
        for version, path in folders.items():
            if self._current is not None and self._current.version == version:
                return
            model = self._try(version, path)
            if model is not None:
                self._replace(model)
                return
        if not folders and self._current is not None:
            self._replace(None)

    def _try(self, version, path):
        files = _fingerprint(path)
        if self._refused.get(path) == files:
            return None
        self._mark(version, _STATUS.LOADING)
        try:
            model = self._load(path)
        except Exception as error:  # a stranger's model may raise anything; nothing is hidden
            self._refused[path] = files
            self._mark(version, _STATUS.END, error)
            _LOGGER.error("%s is refused: %s", path, self._statuses[version].status.error_message)
            return None
        self._refused.pop(path, None)
        return model

    def _replace(self, model) -> None:
        with self._changed:
            old, self._current = self._current, model
            if model is not None:
                self._users.setdefault(model.version, 0)  # a call may hold it from earlier
                self._mark(model.version, _STATUS.AVAILABLE)
                _LOGGER.info("%s: version %d is served", self.name, model.version)
        if old is not None:
            version = old.version
            del old  # nothing but the calls that still run holds it now
            self._retire(version)

    def _retire(self, version: int) -> None:
        self._mark(version, _STATUS.UNLOADING)
        with self._changed:
            idle = self._changed.wait_for(lambda: not self._users[version], self._retire_seconds)
        if not idle:
            _LOGGER.warning(
                "%s: version %d still runs calls after %g s; it stays in memory until they end",
                self.name, version, self._retire_seconds,
            )  # fmt: skip
        gc.collect()  # a loaded model is full of cycles, and large
        self._mark(version, _STATUS.END)
        _LOGGER.info("%s: version %d is unloaded", self.name, version)

    def _mark(self, version, state, error: Exception | None = None) -> None:
        status = _STATUS(version=version, state=state)
        if error is not None:
            code, text = status_of(error)
            status.status.error_code, status.status.error_message = code.value[0], text
        with self._changed:
            self._statuses[version] = status

    @contextlib.contextmanager
    def use(self, spec):
        """The loaded model that a ModelSpec means; it is not unloaded while in use."""
        model = self._take(spec)
        try:
            yield model
        finally:
            with self._changed:
                self._users[model.version] -= 1
                self._changed.notify_all()

    def _take(self, spec):
        wanted = spec.version.value if spec.HasField("version") else None
        with self._changed:
            model = self._current
            if model is None or wanted not in (None, model.version):
                which = "Latest({})" if wanted is None else "Specific({}, {})"
                raise RequestError(
                    grpc.StatusCode.NOT_FOUND,
                    f"Servable not found for request: {which.format(self.name, wanted)}",
                )
            self._users[model.version] += 1
            return model

    def statuses(self) -> list:
        """The `ModelVersionStatus` of every version since the start, newest first."""
        with self._changed:
            return [status for _, status in sorted(self._statuses.items(), reverse=True)]

    def drained(self, timeout: float) -> bool:
        """Waits until no call runs, for up to `timeout` seconds; says whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._users.values()), timeout)

    @property
    def current(self):
        """The model that is served, or None."""
        return self._current


def _fingerprint(path: pathlib.Path) -> tuple:
    files = []
    for file in sorted(path.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # it was renamed while we looked
            status = file.stat()
            files.append((str(file), status.st_size, status.st_mtime_ns))
    return tuple(files)
