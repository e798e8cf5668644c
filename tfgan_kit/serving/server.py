"""Something that a server does every so often, in a thread of its own, until it stops."""

import logging
import os
import pathlib
import threading
import time
from concurrent import futures

from tfgan_kit.serving.config_files import read_model_config, read_monitoring_config
from tfgan_kit.serving.grpc.gateway import GrpcGateway
from tfgan_kit.serving.models import model_list
from tfgan_kit.serving.models.batching import BatchingParameters
from tfgan_kit.serving.models.loading import Loader
from tfgan_kit.serving.models.model_list import Models
from tfgan_kit.serving.models.versions import Versions, version_folders
from tfgan_kit.serving.options import ServerOptions
from tfgan_kit.serving.prometheus import PROMETHEUS_PATH, Monitor
from tfgan_kit.serving.protocol.errors import RequestError, StartError
from tfgan_kit.serving.protocol.methods import ModelMethods
from tfgan_kit.serving.rest.gateway import RestGateway
from tfgan_kit.serving.rest_options import RestOptions

_LOGGER = logging.getLogger(__name__)


class Periodic:
    """Calls `action` every `seconds`; what it raises is one log line, until it changes.

    Args:
        seconds: between the end of a call and the next; 0: never.
        action: a function of nothing.
    """

    def __init__(self, seconds: float, action):
        self._seconds = seconds
        self._action = action
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=action.__name__, daemon=True)

    def start(self) -> None:
        """Begins, with a wait."""
        if self._seconds > 0:
            self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ends it; waits for the call that runs, for up to `timeout` seconds. Whether it ended."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last = None
        while not self._stopping.wait(self._seconds):
            trouble = None
            try:
                self._action()
            except Exception as error:  # whatever it is, the server goes on with what it has
                trouble = f"{error}" or repr(error)
            if trouble and trouble != last:
                _LOGGER.error("%s; what is served stays", trouble)
            last = trouble


class ModelServer:
    """Answers TensorFlow Serving's requests, over gRPC and REST, from this process.

    For a laptop, a test, a demo; in production run `tensorflow_model_server` on the same folder.
    Better than it on purpose: a half-written version is refused, a bad base path ends the start
    with its reason, a request of no rows is refused, and `stop` lets running calls finish.

    Args:
        model_base_path: folder of version folders (`models/digits`, not `models/digits/1`);
            None with `options.model_config_file`.
        model_name: the name that requests carry.
        port: 0 takes a free one; see `port`.
        batching: `BatchingParameters` to merge concurrent requests, each of at most
            `max_batch_size` rows; None: every request runs by itself, whatever its rows.
        grpc_max_threads: calls answered at one time, the rest is refused with RESOURCE_EXHAUSTED;
            None: TensorFlow Serving's 4 a core.
        file_system_poll_wait_seconds: how often the folder is looked at; 0: only at the start.
        enable_serialization_as_tensor_content: answers as raw bytes, not as typed fields.
        options: `ServerOptions`, for TLS, several models, and all else.

    Attributes:
        port: where it listens, once started.
        models: `Models`.
        methods: `ModelMethods`, for another transport of the same models.
        monitor: `Monitor`, what it counts.

    Example:

    ```python
    with ModelServer("/models/digits", "digits", port=0) as server:
        images = GeneratorClient(f"localhost:{server.port}", "digits").generate(16)
    ```
    """

    def __init__(
        self,
        model_base_path=None,
        model_name: str = "default",
        port: int = 8500,
        batching: BatchingParameters | None = None,
        grpc_max_threads: int | None = None,
        file_system_poll_wait_seconds: float = 1.0,
        enable_serialization_as_tensor_content: bool = False,
        options: ServerOptions | None = None,
    ):
        self.options = options or ServerOptions()
        _check_one_source(model_base_path, self.options.model_config_file)
        _check_numbers(grpc_max_threads, file_system_poll_wait_seconds)
        self.host, self.port = self.options.host, port
        self.grpc_max_threads = grpc_max_threads or 4 * (os.cpu_count() or 1)
        self._base_path = model_base_path and pathlib.Path(model_base_path).absolute()
        self._model_name = model_name
        self.monitor = Monitor()
        self.models = Models(Loader(batching, self.options, self.monitor), self.options, self.monitor.add_model)
        self.methods = ModelMethods(self.models, enable_serialization_as_tensor_content, self.monitor)
        self._grpc = self._rest = None
        self._periodic = (
            Periodic(file_system_poll_wait_seconds, self.models.poll),
            Periodic(self.options.model_config_file_poll_wait_seconds, self._read_config_again),
        )

    def start(self):
        """Loads the models, then opens the port. Raises StartError."""
        self._rest = self._gateway()
        self._load(self._config())
        o = self.options
        self._grpc = GrpcGateway(
            self.methods, self.grpc_max_threads, o.enable_grpc_healthcheck_service, o.channel_arguments()
        )
        self.port = self._grpc.start(self.host, self.port, o.ssl_config_file, o.grpc_socket_path)
        if self._rest is not None:
            self._open_rest()
        for periodic in self._periodic:
            periodic.start()
        return self

    def _gateway(self) -> RestGateway | None:
        o = self.options
        if not o.rest_api_port:
            return None
        if o.rest_api_port == self.port:
            raise StartError(f"gRPC and REST need a port each. Received: {self.port} for both")
        options = RestOptions(
            o.rest_api_num_threads, o.rest_api_timeout_in_ms, o.rest_api_enable_cors_support,
            o.monitoring_config_file and _metrics_path(o.monitoring_config_file), o.rest_api_max_body_bytes,
        )  # fmt: skip
        # REST makes JSON of the tensors: raw bytes are quicker to read.
        methods = ModelMethods(self.models, as_content=True, monitor=self.monitor)
        return RestGateway(methods, self.host, o.rest_api_port, options, self.monitor, self._unavailable)

    def _unavailable(self) -> list[str]:
        return [one.name for one in self.models.listed() if one.current is None]

    def _open_rest(self) -> None:
        try:
            self._rest.start()
        except OSError as error:
            self.stop(0)
            raise StartError(
                f"cannot listen on {self.host}:{self._rest.port} for REST: {error}. Stop what "
                "listens there, or choose another --rest_api_port"
            ) from error

    def _config(self):
        if self.options.model_config_file is None:
            return model_list.one_model(self._model_name, self._base_path)
        try:
            return read_model_config(self.options.model_config_file)
        except ValueError as error:
            raise StartError(str(error)) from error

    def _load(self, config) -> None:
        for model in config.model_config_list.config:
            if os.path.isabs(model.base_path):  # else `reload` refuses it
                check_base_path(pathlib.Path(model.base_path))
        try:
            self.models.reload(config)
        except RequestError as error:
            nothing = [one for one in self.models.listed() if one.current is None]
            raise StartError(_nothing_loads(nothing) or str(error)) from error

    def _read_config_again(self) -> None:
        self.models.reload(read_model_config(self.options.model_config_file))

    @property
    def versions(self) -> Versions:
        """The versions of the model, or of the first one of several; see `models.listed()`."""
        return self.models.listed()[0]

    def stop(self, grace: float = 30.0) -> bool:
        """Refuses new calls, lets the running ones finish for up to `grace` seconds, closes.

        Returns:
            Whether all has ended. A call, or a version that loads, that has not is left to its
            thread, which Python waits for before it exits.
        """
        end = time.monotonic() + grace
        for periodic in self._periodic:  # nothing new is loaded now
            periodic.stop(0)
        gateways = [gateway for gateway in (self._grpc, self._rest) if gateway is not None]
        with futures.ThreadPoolExecutor(2) as closing:  # neither takes requests while the other drains
            ended = list(closing.map(lambda gateway: gateway.stop(grace), gateways))
        ended.append(self.models.drained(max(0.0, end - time.monotonic())))  # callers gone, work not
        for periodic in self._periodic:  # it may wait for a call, or load
            ended.append(periodic.stop(max(0.0, end - time.monotonic())))
        return all(ended)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _metrics_path(file) -> str | None:
    try:
        prometheus = read_monitoring_config(file).prometheus_config
    except ValueError as error:
        raise StartError(str(error)) from error
    path = prometheus.path or PROMETHEUS_PATH
    if not path.startswith("/"):
        raise StartError(f'the path in {file} must start with "/". Received: path={path!r}')
    return path if prometheus.enable else None


def _check_numbers(grpc_max_threads, poll_seconds) -> None:
    if grpc_max_threads is not None and grpc_max_threads < 1:
        raise ValueError(
            f"grpc_max_threads must be at least 1; None is 4 a core. Received: grpc_max_threads={grpc_max_threads}"
        )
    if not 0 <= poll_seconds < float("inf"):
        raise ValueError(
            "file_system_poll_wait_seconds must be a finite number from 0. "
            f"Received: file_system_poll_wait_seconds={poll_seconds}"
        )


def _check_one_source(base_path, config_file) -> None:
    if (base_path is None) == (config_file is None):
        raise ValueError(
            "give either model_base_path or model_config_file (in ServerOptions). Received: "
            f"model_base_path={base_path!r}, model_config_file={config_file!r}"
        )


def check_base_path(base_path: pathlib.Path) -> None:
    """Raises StartError unless the folder is there and holds versions."""
    try:
        names = sorted(path.name for path in base_path.iterdir())
        if version_folders(base_path):
            return
    except OSError as error:
        raise StartError(
            f"there is no folder {base_path} that can be read ({error.strerror}). Export a model there first"
        ) from error
    if "saved_model.pb" in names:
        raise StartError(f"{base_path} is a version; model_base_path is the folder above it: {base_path.parent}")
    found = ", ".join(names[:5]) or "nothing"
    raise StartError(
        f"{base_path} has no version, which is a folder named by an integer, such as "
        f"{base_path}/1 (found: {found}). Export a model there first"
    )


def _nothing_loads(models: list[Versions]) -> str:
    if not models:
        return ""
    names = ", ".join(one.name for one in models)
    lines = [f"{len(models)} servable(s) did not become available: {{{names}}}"]
    for one in models:
        lines.append(f"no version in {one.base_path} can be served:")
        lines += [f"  version {s.version}: {s.status.error_message}" for s in one.statuses()]
    return "\n".join(lines)
