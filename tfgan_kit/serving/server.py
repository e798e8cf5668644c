"""A server: models that are reloaded from disk, and their gRPC and REST ports."""

import dataclasses
import logging
import pathlib
import threading
import time
from concurrent import futures

from tfgan_kit.serving.batching_parameters import BatchingParameters
from tfgan_kit.serving.config_files import read_model_config
from tfgan_kit.serving.grpc.gateway import GrpcGateway
from tfgan_kit.serving.models import model_list
from tfgan_kit.serving.models.loading import Loader
from tfgan_kit.serving.models.model_list import Models
from tfgan_kit.serving.models.versions import Versions
from tfgan_kit.serving.options import ServerOptions
from tfgan_kit.serving.prometheus import Monitor
from tfgan_kit.serving.protocol.errors import RequestError, StartError
from tfgan_kit.serving.protocol.memory import RequestMemory
from tfgan_kit.serving.protocol.methods import ModelMethods
from tfgan_kit.serving.rest.gateway import RestGateway

_LOGGER = logging.getLogger(__name__)


class Periodic:
    """Calls `action` every `seconds`; an exception is logged once, until it changes.

    Args:
        seconds: between the end of a call and the next; 0: never.
        action: a function without arguments.
    """

    def __init__(self, seconds: float, action):
        self._seconds = seconds
        self._action = action
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=action.__name__, daemon=True)

    def start(self) -> None:
        """Starts the calls, the first after `seconds`."""
        if self._seconds > 0:
            self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ends the calls; waits for a running one for up to `timeout` seconds. True if it has finished."""
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
            except Exception as error:  # after any error the server continues with the loaded versions
                trouble = f"{error}" or repr(error)
            if trouble and trouble != last:
                _LOGGER.error("%s; the loaded versions stay", trouble)
            last = trouble


class ModelServer:
    """Answers TensorFlow Serving's requests, over gRPC and REST, from this process.

    For laptops, tests and demos; in production run `tensorflow_model_server` on the same folder. Differences from it:
    an incomplete version is refused, an invalid base path ends the start with the reason, a request without rows is
    refused, and `stop` lets running calls finish.

    Args:
        model_base_path: folder of version folders (`models/digits`, not `models/digits/1`).
        model_name, port, grpc_max_threads, file_system_poll_wait_seconds, enable_serialization_as_tensor_content: the
            options of these names; None leaves them unchanged.
        batching: `BatchingParameters` to merge concurrent requests, each of at most `max_batch_size` rows; None: the
            batching of the options, which is none without `enable_batching`.
        options: `ServerOptions`, for TLS, several models, and all other settings.

    Attributes:
        options: `ServerOptions`, with the given arguments.
        port: the gRPC port, once started.
        models: `Models`.
        methods: `ModelMethods`, for another transport of the same models.
        monitor: `Monitor`, the counters.

    Example:

    ```python
    with ModelServer("/models/digits", "digits", port=0) as server:
        images = GeneratorClient(f"localhost:{server.port}", "digits").generate(16)
    ```
    """

    def __init__(
        self,
        model_base_path=None,
        model_name: str | None = None,
        port: int | None = None,
        batching: BatchingParameters | None = None,
        grpc_max_threads: int | None = None,
        file_system_poll_wait_seconds: float | None = None,
        enable_serialization_as_tensor_content: bool | None = None,
        options: ServerOptions | None = None,
    ):
        given = {
            "model_base_path": model_base_path,
            "model_name": model_name,
            "port": port,
            "grpc_max_threads": grpc_max_threads,
            "file_system_poll_wait_seconds": file_system_poll_wait_seconds,
            "enable_serialization_as_tensor_content": enable_serialization_as_tensor_content,
        }
        given = {name: value for name, value in given.items() if value is not None}
        self.options = o = dataclasses.replace(options or ServerOptions(), **given)
        o.check_source()
        self.port = o.port
        self.monitor = Monitor()
        loader = Loader(batching or o.batching(), o, self.monitor)
        self.models = Models(loader, o, self.monitor.add_model)
        self.methods = ModelMethods(self.models, o.enable_serialization_as_tensor_content, self.monitor)
        self._memory = RequestMemory(o.max_request_bytes_in_work)
        self._grpc = self._rest = None
        self._periodic = (
            Periodic(o.file_system_poll_wait_seconds, self.models.poll),
            Periodic(o.model_config_file_poll_wait_seconds, self._read_config_again),
        )

    def start(self):
        """Loads the models, then opens the ports. Raises StartError."""
        try:
            self._rest = self._rest_gateway()
            self.models.reload(self._config())
            self._grpc = GrpcGateway(self.methods, self.options, self._memory)
            self.port = self._grpc.start()
        except (ValueError, RequestError) as error:
            raise StartError(str(error)) from error
        if self._rest is not None:
            self._open_rest()
        for periodic in self._periodic:
            periodic.start()
        return self

    def _rest_gateway(self) -> RestGateway | None:
        if not self.options.rest_api_port:
            return None
        if self.options.rest_api_port == self.port:
            raise StartError(f"gRPC and REST need different ports. Received: {self.port} for both")
        # REST converts the tensors to JSON: raw bytes are faster to read.
        methods = ModelMethods(self.models, as_content=True, monitor=self.monitor)
        return RestGateway(methods, self.options, memory=self._memory, available=self._available)

    def _available(self) -> dict[str, bool]:
        return {one.name: one.current is not None for one in self.models.listed()}

    def _open_rest(self) -> None:
        try:
            self._rest.start()
        except OSError as error:
            self.stop(0)
            raise StartError(
                f"cannot listen on {self.options.host}:{self._rest.port} for REST: {error}. Stop the "
                "other server, or choose another --rest_api_port"
            ) from error

    def _config(self):
        o = self.options
        if o.model_config_file:
            return read_model_config(o.model_config_file)
        return model_list.one_model(o.model_name, pathlib.Path(o.model_base_path).absolute())

    def _read_config_again(self) -> None:
        self.models.reload(read_model_config(self.options.model_config_file))

    @property
    def versions(self) -> Versions:
        """The versions of the model, or of the first of several; see `models.listed()`."""
        return self.models.listed()[0]

    def stop(self, grace: float = 30.0) -> bool:
        """Refuses new calls, lets running ones finish for up to `grace` seconds, then closes the ports.

        Returns:
            True if everything has finished. A call, or the loading of a version, that has not finished keeps its
            thread, for which Python waits before it exits.
        """
        end = time.monotonic() + grace
        for periodic in self._periodic:  # from now on no version is loaded
            periodic.stop(0)
        gateways = [gateway for gateway in (self._grpc, self._rest) if gateway is not None]
        with futures.ThreadPoolExecutor(2) as closing:  # so that neither accepts requests while the other drains
            finished = list(closing.map(lambda gateway: gateway.stop(grace), gateways))
        finished.append(self.models.drained(max(0.0, end - time.monotonic())))  # work of callers that have disconnected
        for periodic in self._periodic:  # which may wait for a call, or load a version
            finished.append(periodic.stop(max(0.0, end - time.monotonic())))
        return all(finished)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
