"""The embedded server's life: load, open the port, follow the disk, drain."""

import logging
import os
import pathlib
import threading
import time
from concurrent import futures

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tfgan_kit.serving.batching import BatchingParameters
from tfgan_kit.serving.calls import Slots
from tfgan_kit.serving.saved_model import SavedModel
from tfgan_kit.serving.services import ModelService, PredictionService
from tfgan_kit.serving.versions import Versions, version_folders
from tfgan_kit.serving.warmup import warm_up

_LOGGER = logging.getLogger(__name__)
_CHANNEL = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Linux would let two servers share a port, and hide that it was taken.
    ("grpc.so_reuseport", 0),
)


class StartError(RuntimeError):
    """The server cannot start; the text says why and how to go on."""


class ModelServer:
    """Answers TensorFlow Serving's gRPC requests from this process.

    For a laptop, a test, a demo; in production run `tensorflow_model_server` on the same folder.
    Better than it on purpose: a half-written version is refused, a bad base path ends the start
    with its reason, a request of no rows is refused, and `stop` lets running calls finish.

    Args:
        model_base_path: folder of version folders (`models/digits`, not `models/digits/1`).
        model_name: the name that requests carry.
        port: 0 takes a free one; see `port`.
        host: the address to listen on. The connection is neither encrypted nor authenticated.
        batching: `BatchingParameters` to merge concurrent requests, or None. Either way a request
            has at most `max_batch_size` rows (1000 if None).
        grpc_max_threads: calls answered at one time, the rest is refused with RESOURCE_EXHAUSTED;
            None: TensorFlow Serving's 4 a core.
        file_system_poll_wait_seconds: how often the folder is looked at; 0: only at the start.
        enable_serialization_as_tensor_content: answers as raw bytes, not as typed fields.

    Example:

    ```python
    with ModelServer("/models/digits", "digits", port=0) as server:
        images = GeneratorClient(f"localhost:{server.port}", "digits").generate(16)
    ```
    """

    def __init__(
        self,
        model_base_path,
        model_name: str = "default",
        port: int = 8500,
        host: str = "127.0.0.1",
        batching: BatchingParameters | None = None,
        grpc_max_threads: int | None = None,
        file_system_poll_wait_seconds: float = 1.0,
        enable_serialization_as_tensor_content: bool = False,
    ):
        self.host, self.port = host, port
        self.grpc_max_threads = grpc_max_threads or 4 * (os.cpu_count() or 1)
        self.versions = Versions(
            model_name,
            pathlib.Path(model_base_path).absolute(),
            lambda path: _load(path, batching),
        )
        self._poll_seconds = file_system_poll_wait_seconds
        self._as_content = enable_serialization_as_tensor_content
        self._stopping = threading.Event()
        self._server = self._poller = None

    def start(self):
        """Loads the newest version, then opens the port. Raises StartError."""
        check_base_path(self.versions.base_path)
        self.versions.poll()
        if self.versions.current is None:
            raise StartError(_nothing_loads(self.versions))
        self._server = self._listen()
        self._server.start()
        if self._poll_seconds > 0:
            self._poller = threading.Thread(target=self._follow, name="versions", daemon=True)
            self._poller.start()
        return self

    def _listen(self) -> grpc.Server:
        # One thread more than there are slots: it refuses the calls that find no slot.
        threads = futures.ThreadPoolExecutor(self.grpc_max_threads + 1)
        server = grpc.server(threads, options=_CHANNEL)
        models, slots = {self.versions.name: self.versions}, Slots(self.grpc_max_threads)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(models, slots, self._as_content), server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(models, slots), server
        )
        try:
            self.port = server.add_insecure_port(f"{self.host}:{self.port}")
        except RuntimeError as error:
            raise StartError(
                f"cannot listen on {self.host}:{self.port}: the port is in use, or the address is "
                "not this machine's. Stop what listens there, or choose another --port"
            ) from error
        return server

    def _follow(self) -> None:
        last = None
        while not self._stopping.wait(self._poll_seconds):
            trouble = self._poll()
            if trouble and trouble != last:  # once, not every second
                _LOGGER.error("%s; what is served stays", trouble)
            last = trouble

    def _poll(self) -> str | None:
        try:
            self.versions.poll()
        except OSError as error:
            return f"cannot look for versions in {self.versions.base_path}: {error}"
        except Exception as error:  # whatever it is, the server goes on with what it has
            return f"looking at {self.versions.base_path} failed: {error!r}"
        return None

    def stop(self, grace: float = 30.0) -> None:
        """Refuses new calls, lets the running ones finish for up to `grace` seconds, closes.

        A call that does not end by then is left to its thread, see `versions.drained`.
        """
        self._stopping.set()
        end = time.monotonic() + grace
        if self._server is not None:
            self._server.stop(grace).wait()
        self.versions.drained(max(0.0, end - time.monotonic()))  # callers gone, work not
        if self._poller is not None:
            self._poller.join(max(0.0, end - time.monotonic()))  # it may wait for a call, or load

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def check_base_path(base_path: pathlib.Path) -> None:
    """Raises StartError unless the folder is there and holds versions."""
    if not base_path.is_dir():
        raise StartError(f"there is no folder {base_path}. Export a model there first")
    if version_folders(base_path):
        return
    if (base_path / "saved_model.pb").exists():
        raise StartError(
            f"{base_path} is a version; model_base_path is the folder above it: "
            f"{base_path.parent}"
        )
    found = ", ".join(sorted(path.name for path in base_path.iterdir())[:5]) or "nothing"
    raise StartError(
        f"{base_path} has no version, which is a folder named by an integer, such as "
        f"{base_path}/1 (found: {found}). Export a model there first"
    )


def _load(path: pathlib.Path, batching: BatchingParameters | None) -> SavedModel:
    model = SavedModel(path, batching)
    warm_up(model)
    return model


def _nothing_loads(versions: Versions) -> str:
    reasons = [
        f"  version {status.version}: {status.status.error_message}"
        for status in versions.statuses()
    ]
    return "\n".join([f"no version in {versions.base_path} can be served:", *reasons])
