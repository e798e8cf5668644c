"""The versions of a model: those on disk, those that are served, and the status of each."""

import contextlib
import gc
import logging
import os
import pathlib
import re
import threading
import time

from tfgan_kit.serving.models.load_retries import LoadRetries
from tfgan_kit.serving.protocol.errors import RequestError, status_of

import grpc
from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.config import file_system_storage_path_source_pb2 as source_pb2

Policy = source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy
_LOGGER = logging.getLogger(__name__)
_STATUS = get_model_status_pb2.ModelVersionStatus
_MAX_VERSION = 2**63 - 1
_VERSION = re.compile("0*[0-9]{1,19}")  # Python reads digits of every script as integers, too
_RETIRE_SECONDS = 30.0  # after which running calls no longer keep a version UNLOADING


def version_folders(base_path: pathlib.Path) -> dict[int, pathlib.Path]:
    """The sub-folders whose names are integers, newest first; everything else is not a version."""
    folders = {}
    for name in sorted(filter(_VERSION.fullmatch, os.listdir(base_path))):
        path, version = base_path / name, int(name)
        if version <= _MAX_VERSION and path.is_dir():
            if version in folders:
                _LOGGER.warning("%s and %s are one version", folders[version], path)
            folders[version] = path
    return dict(sorted(folders.items(), reverse=True))


def not_found(name: str, version: int | None) -> RequestError:
    """The error for a request of a version that is not served; `version` None is the newest."""
    which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    return RequestError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {which}")


def candidates(policy: Policy, versions: list[int]) -> tuple[list[int], int]:
    """The versions that may be served, and how many of them concurrently.

    Args:
        policy: `latest { num_versions }`, `all {}` or `specific { versions }`; none is the latest one, and so is
            `num_versions: 0`.
        versions: the versions on disk, newest first.

    Returns:
        (versions, newest first; how many of these are served). Under `latest` a version that cannot be loaded is
        replaced by the next older one.

    Example:

    ```python
    candidates(Policy(latest={"num_versions": 2}), [9, 8, 7])  # ([9, 8, 7], 2)
    ```
    """
    choice = policy.WhichOneof("policy_choice")
    if choice == "specific":
        versions = [version for version in versions if version in set(policy.specific.versions)]
    if choice in ("specific", "all"):
        return versions, len(versions)
    return versions, max(1, policy.latest.num_versions)


class Versions:
    """Serves the versions that the policy selects; old ones stay until a new one has been warmed up.

    A version that cannot be loaded is refused with a log line, and the loaded versions continue. As long as
    `LoadRetries` allows another attempt it is LOADING, as in TensorFlow Serving, then END; its status holds the error
    from the first attempt on.

    Args:
        name: the model's name.
        load: version folder -> a loaded, warmed model with a `version`. Any exception refuses the version.
        retries: `LoadRetries`; None: another attempt only after the files have changed.
        retire_seconds: how long to wait for the calls that run on a replaced version.
    """

    def __init__(self, name: str, load, retries=None, retire_seconds=_RETIRE_SECONDS):
        self.name = name
        self.base_path = None
        self._policy = Policy()
        self._load = load
        self._retries = retries or LoadRetries()
        self._retire_seconds = retire_seconds
        self._polling = threading.Lock()
        self._changed = threading.Condition()  # guards the attributes below
        self._served: dict[int, _Held] = {}
        self._retiring: list[_Held] = []
        self._statuses: dict[int, _STATUS] = {}

    def follow(self, base_path: pathlib.Path, policy=None):
        """Sets the folder of the versions and the policy, from the next `poll` on."""
        self.base_path = base_path
        self._policy = policy or Policy()
        return self

    def poll(self) -> None:
        """Loads and unloads versions according to the disk and the policy. Raises OSError."""
        with self._polling:
            folders = version_folders(self.base_path)
            self._retries.keep(folders.values())
            wanted, limit = candidates(self._policy, list(folders))
            self._announce(wanted[:limit])
            good, tried = set(), set()
            for version in wanted:
                if len(good) < limit:
                    tried.add(version)
                    if self._serves(version, folders[version]):
                        good.add(version)
            self._give_up(set(self._statuses) - tried)
            if good or not wanted:  # otherwise no version would be left
                self._take_down(set(self._served) - good)

    def withdraw(self) -> None:
        """Unloads all versions: the model is no longer served."""
        with self._polling:
            self._give_up(set(self._statuses))
            self._take_down(set(self._served))
            self._retries.keep(())  # if the model is listed again, its versions are new

    def _give_up(self, versions) -> None:
        """Marks versions that wait for another attempt as END; their errors stay."""
        with self._changed:
            for version in versions:
                status = self._statuses[version]
                if status.state == _STATUS.LOADING:
                    self._statuses[version] = _STATUS(version=version, state=_STATUS.END, status=status.status)

    def _announce(self, wanted) -> None:
        with self._changed:
            for version in wanted:
                if version not in self._statuses:
                    self._mark(version, _STATUS.START)

    def _serves(self, version: int, path: pathlib.Path) -> bool:
        if version in self._served:
            return True
        if not self._retries.may_try(path):
            return False
        model = self._try(version, path)
        if model is None:
            return False
        with self._changed:
            self._served[version] = _Held(model)
            self._mark(version, _STATUS.AVAILABLE)
        _LOGGER.info("%s: version %d is served", self.name, version)
        return True

    def _try(self, version, path):
        files = self._retries.before(path)
        self._mark(version, _STATUS.LOADING)
        try:
            return self._load(path)
        except Exception as error:  # a third-party model may raise anything; nothing is hidden
            again = self._retries.add(path, files)
            self._mark(version, _STATUS.LOADING if again else _STATUS.END, error)
            _LOGGER.error("%s is refused: %s", path, self._statuses[version].status.error_message)
            return None

    def _take_down(self, versions) -> None:
        for version in sorted(versions):
            with self._changed:
                held = self._served.pop(version)
                self._retiring.append(held)
                self._mark(version, _STATUS.UNLOADING)
            # In a thread, since a call that never ends must not delay the next version.
            held.retirement = threading.Thread(
                target=self._retire, args=(version, held), name=f"retire {version}", daemon=True
            )
            held.retirement.start()

    def _retire(self, version: int, held: "_Held") -> None:
        with self._changed:
            idle = self._changed.wait_for(lambda: not held.users, self._retire_seconds)
        if not idle:
            _LOGGER.warning(
                "%s: version %d still runs calls after %g s; it stays in memory until they end",
                self.name,
                version,
                self._retire_seconds,
            )
        model, held.model = held.model, None  # now only running calls hold a reference
        if idle:
            model.close()
        del model
        gc.collect()  # a loaded model has reference cycles, and is large
        with self._changed:
            if self._statuses[version].state == _STATUS.UNLOADING:  # it has not been loaded again meanwhile
                self._mark(version, _STATUS.END)
            if not held.users:
                self._retiring.remove(held)
        _LOGGER.info("%s: version %d is unloaded", self.name, version)

    def _mark(self, version, state, error: Exception | None = None) -> None:
        status = _STATUS(version=version, state=state)
        status.status.SetInParent()  # written whether it is OK or not
        if error is not None:
            code, text = status_of(error)
            status.status.error_code, status.status.error_message = code.value[0], text
        with self._changed:
            self._statuses[version] = status

    @contextlib.contextmanager
    def use(self, version: int | None = None):
        """A context with a served model, the newest or this version, which is not unloaded while in use."""
        with self._changed:
            wanted = max(self._served, default=None) if version is None else version
            held = self._served.get(wanted)
            if held is None:
                raise not_found(self.name, version)
            held.users += 1
            model = held.model
        try:
            yield model
        finally:
            del model
            with self._changed:
                held.users -= 1
                self._changed.notify_all()

    def available(self, version: int) -> bool:
        """True if this version is served now."""
        return version in self._served

    def statuses(self) -> list:
        """The `ModelVersionStatus` of every version since the start, newest first."""
        with self._changed:
            return [status for _, status in sorted(self._statuses.items(), reverse=True)]

    def drained(self, timeout: float) -> bool:
        """Waits for running calls for up to `timeout` seconds; True if none is left."""
        end = time.monotonic() + timeout
        with self._changed:
            idle = self._changed.wait_for(lambda: not self._running(), timeout)
            retirements = [held.retirement for held in self._retiring]
        for retirement in retirements:  # otherwise the process could end while TensorFlow frees memory
            retirement.join(max(0.0, end - time.monotonic()))
        return idle

    def _running(self) -> bool:
        return any(held.users for held in (*self._served.values(), *self._retiring))

    @property
    def current(self):
        """The newest served model, or None."""
        with self._changed:
            newest = max(self._served, default=None)
            return None if newest is None else self._served[newest].model


class _Held:
    def __init__(self, model):
        self.model = model
        self.users = 0  # calls that run on it
        self.retirement = None
