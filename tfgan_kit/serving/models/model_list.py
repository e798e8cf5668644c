"""The models of a server, their version labels, and the replacement of the list."""

import itertools
import os
import pathlib
import threading
import time

from tfgan_kit.serving.models.load_retries import LoadRetries
from tfgan_kit.serving.models.versions import Versions, not_found, version_folders
from tfgan_kit.serving.protocol.errors import RequestError, invalid

import grpc
from tensorflow_serving.config import model_server_config_pb2 as config_pb2

_TENSORFLOW = "tensorflow"  # the platform
_QUOTED_FILES = 5
_LONGEST_NAME = 256


def one_model(name: str, base_path) -> config_pb2.ModelServerConfig:
    """The config for `--model_name` and `--model_base_path`."""
    config = config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=str(base_path), model_platform=_TENSORFLOW)
    return config


class Models:
    """`Versions` by model name, and labels; `reload` replaces the list, `poll` looks for new versions on disk.

    A model that is no longer listed keeps its status, in which its versions are END.

    Args:
        load: see `Versions`.
        options: `ServerOptions`.
        listed: callable, receives the name of every listed model.
    """

    def __init__(self, load, options, listed=lambda name: None):
        self._load = load
        self._tell = listed
        self._options = options
        self._changing = threading.Lock()  # held by one reload or poll at a time
        self._listed = config_pb2.ModelConfigList()
        self._versions: dict[str, Versions] = {}
        self._labels: dict[str, dict[str, int]] = {}

    def use(self, spec):
        """A context with the loaded model of a `ModelSpec`. Raises RequestError."""
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        version = self._version(spec)
        if spec.name not in self._versions:
            raise not_found(spec.name, version)
        return self._versions[spec.name].use(version)

    def _version(self, spec) -> int | None:
        if spec.HasField("version_label"):
            labels = self._labels.get(spec.name, {})
            if spec.version_label not in labels:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
            return labels[spec.version_label]
        return spec.version.value if spec.HasField("version") else None

    def statuses(self, name: str) -> list:
        """See `Versions.statuses`; none for a model that was never listed."""
        return self._versions[name].statuses() if name in self._versions else []

    def listed(self) -> list[Versions]:
        """The listed models, in the list's order."""
        return [self._versions[model.name] for model in self._listed.config]

    def reload(self, config) -> None:
        """Makes `config` the list of models, and returns once each has been tried.

        The config is refused as a whole, and nothing changes, if TensorFlow Serving would refuse it, and also if a
        new model has no folder or no version, for which TensorFlow Serving would wait indefinitely.

        Args:
            config: `ModelServerConfig`.

        Raises:
            RequestError: the config is refused, or a new model did not become available.
        """
        with self._changing:
            _check(config)
            listed = config.model_config_list
            labels = self._checked_labels(listed)
            known = {model.name: model.base_path for model in self._listed.config}
            new = [model for model in listed.config if known.get(model.name) != model.base_path]
            for model in new:
                _check_folder(model)
            self._replace(listed, labels)
            self._poll()
            self._check_available([model.name for model in new if model.name not in known])

    def _checked_labels(self, listed) -> dict:
        labels = {model.name: dict(model.version_labels) for model in listed.config}
        for name, versions in labels.items():
            for label, version in versions.items():
                if not self._may_label(name, label, version):
                    text = f"Label {label} is for version {version} of model {name}, which is not available."
                    raise RequestError(grpc.StatusCode.FAILED_PRECONDITION, text)
        return labels

    def _may_label(self, name: str, label: str, version: int) -> bool:
        if name in self._versions and self._versions[name].available(version):
            return True
        old = self._labels.get(name, {}).get(label, version)
        return self._options.allow_version_labels_for_unavailable_models and old == version

    def _replace(self, listed, labels) -> None:
        names = {model.name for model in listed.config}
        gone = [model.name for model in self._listed.config if model.name not in names]
        versions = dict(self._versions)
        for model in listed.config:
            self._tell(model.name)
            one = versions.setdefault(model.name, self._new(model.name))
            one.follow(pathlib.Path(model.base_path), model.model_version_policy)
        self._versions, self._labels = versions, labels
        self._listed = config_pb2.ModelConfigList()
        self._listed.CopyFrom(listed)
        for name in gone:
            versions[name].withdraw()

    def _new(self, name: str) -> Versions:
        seconds = self._options.load_retry_interval_micros / 1e6
        return Versions(name, self._load, LoadRetries(self._options.max_num_load_retries, seconds))

    def _check_available(self, names) -> None:
        missing = [self._versions[name] for name in names if self._versions[name].current is None]
        if missing:
            reasons = "; ".join(map(_reason, missing))
            raise RequestError(grpc.StatusCode.UNKNOWN, f"{len(missing)} model(s) did not become available: {reasons}")

    def poll(self) -> None:
        """Looks for new versions of every model. Raises RuntimeError with the errors of those for which it fails."""
        with self._changing:
            troubles = self._poll()
        if troubles:
            raise RuntimeError("; ".join(troubles))

    def _poll(self) -> list[str]:
        troubles = []
        for versions in self.listed():
            try:
                versions.poll()
            except Exception as error:  # of any kind: the other models go on
                troubles.append(f"cannot look for versions in {versions.base_path}: {error}")
        return troubles

    def drained(self, timeout: float) -> bool:
        """Waits until no call runs on any model, for up to `timeout` seconds; see `Versions`."""
        end = time.monotonic() + timeout
        return all([one.drained(max(0.0, end - time.monotonic())) for one in self._versions.values()])


def _check_folder(model) -> None:
    """Raises RequestError unless the base path of a `ModelConfig` exists and contains versions."""
    path = pathlib.Path(model.base_path)
    try:
        if version_folders(path):
            return
        found = sorted(entry.name for entry in itertools.islice(path.iterdir(), _QUOTED_FILES))
        is_version = (path / "saved_model.pb").is_file()
    except OSError as error:
        raise invalid(
            f"Could not find base path {path} for servable {model.name}: {error.strerror}. Export a model there first"
        ) from error
    hint = f" It is a version; the base path is the folder above it: {path.parent}." if is_version else ""
    raise invalid(
        f"No versions of servable {model.name} found under base path {path}.{hint} A version is a folder named by an "
        f"integer, such as {path}/1 (found: {', '.join(found) or 'nothing'}). Export a model there first"
    )


def _reason(versions: Versions) -> str:
    for one in versions.statuses():
        if one.status.error_code:
            return f"{versions.name} version {one.version}: {one.status.error_message}"
    return f"{versions.name}: no version is wanted by its policy"


def _check(config) -> None:
    """Raises RequestError if a `ModelServerConfig` cannot be served."""
    if config.WhichOneof("config") != "model_config_list":
        raise invalid("The config has no model_config_list, the only kind that is supported.")
    seen = set()
    for model in config.model_config_list.config:
        for name in (model.name, *model.version_labels):
            _check_name(name)
        if model.name in seen:
            raise invalid(f"Model {model.name} is listed twice.")
        if not os.path.isabs(model.base_path):
            raise invalid(f"Model {model.name} needs an absolute path. Received: base_path={model.base_path}")
        in_old_configs = _TENSORFLOW if model.model_type == config_pb2.TENSORFLOW else ""
        platform = model.model_platform or in_old_configs
        if platform != _TENSORFLOW:
            raise invalid(f"Model {model.name} needs model_platform: {_TENSORFLOW!r}. Received: {platform!r}")
        seen.add(model.name)


def _check_name(name: str) -> None:
    if not (0 < len(name) <= _LONGEST_NAME and name.isprintable()):
        raise invalid(
            f"The name of a model, and of a label, has 1 to {_LONGEST_NAME} printable characters. "
            f"Received: name={name[:_LONGEST_NAME]!r}"
        )
