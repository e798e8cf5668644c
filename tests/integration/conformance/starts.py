"""The start lines of a server, and a server that was started with one of them."""

import contextlib
import itertools
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile

import grpc
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from tests.integration.conformance import forks
from tests.serving import toy

TARGET = os.environ.get("TFGAN_KIT_SERVING_TARGET")
REST_TARGET = os.environ.get("TFGAN_KIT_SERVING_REST_TARGET")
STARTED_AS = os.environ.get("TFGAN_KIT_SERVING_START", "plain")
CONFIG = os.environ.get("TFGAN_KIT_SERVING_CONFIG")
BINARY = os.environ.get("TFGAN_KIT_SERVING_BINARY")
FORKED = not (TARGET or BINARY)
EMBEDDED = FORKED or os.environ.get("TFGAN_KIT_SERVING_EMBEDDED") == "1"

POLL_SECONDS = 0.1 if EMBEDDED else 1  # TensorFlow Serving takes whole seconds only
START_SECONDS = float(os.environ.get("TFGAN_KIT_SERVING_START_SECONDS", 60 if EMBEDDED else 15))
SETTLE_SECONDS = 0 if EMBEDDED else 2  # from the end of a model's versions until it may be listed again
THREADS = 2 if EMBEDDED else 4  # of the start line `limited`; each takes a core while the signature `slow` runs
WARMUPS = 3  # of the start line `limited`
_NUMBERS = itertools.count()
_ONCE = ("--max_num_load_retries=0", "--load_retry_interval_micros=100000")
_WIDE = "--grpc_max_threads=64"
_MONITORING = ("--monitoring_config_file", "prometheus_config { enable: true }")
BATCHING = """
max_batch_size { value: 8 }
batch_timeout_micros { value: 200000 }
max_enqueued_batches { value: 2 }
num_batch_threads { value: 1 }
allowed_batch_sizes: [2, 4, 8]
"""

# Flags as they are, FOLDER for the folder of the server's files; a pair is a flag and the text of the
# file that it names. Each gets --file_system_poll_wait_seconds too.
STARTS = {
    "plain": (*_ONCE, _WIDE, _MONITORING),
    "batching": (
        *_ONCE, _WIDE, _MONITORING, "--enable_batching", ("--batching_parameters_file", BATCHING),
    ),
    "limited": (
        *_ONCE, f"--grpc_max_threads={THREADS}", "--rest_api_timeout_in_ms=300",
        "--rest_api_enable_cors_support", "--enable_grpc_healthcheck_service",
        "--enable_serialization_as_tensor_content", "--allow_version_labels_for_unavailable_models",
        "--enable_batching", "--enable_per_model_batching_parameters",
        f"--num_request_iterations_for_warmup={WARMUPS}", "--grpc_socket_path=FOLDER/socket",
    ),
}  # fmt: skip


def flags(name: str, folder: pathlib.Path, poll_seconds=POLL_SECONDS) -> list[str]:
    """The flags of a start line; the files that they name are written to `folder`."""
    lines = [f"--file_system_poll_wait_seconds={poll_seconds}"]
    for flag in STARTS[name]:
        if not isinstance(flag, str):
            path = folder / flag[0].strip("-")
            path.write_text(flag[1])
            flag = f"{flag[0]}={path}"
        lines.append(flag.replace("FOLDER", str(folder)))
    return lines


def new_name(kind: str) -> str:
    """The name of a model that no test has used, nor an earlier run: a model that comes back is another case."""
    return f"{kind}{os.getpid()}_{next(_NUMBERS)}"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def model(name, base_path, policy="", labels=None):
    """A ModelConfig; `policy` in text format, such as `specific { versions: 1 }`."""
    config = model_server_config_pb2.ModelConfig(name=name, base_path=str(base_path), model_platform="tensorflow")
    text_format.Parse(policy, config.model_version_policy)
    for label, version in (labels or {}).items():
        config.version_labels[label] = version
    return config


class Server:
    """A running server; `standing` are the models that every reload keeps, `socket` a path or None.

    Args:
        grpc_target, rest_target: host:port.
        process: the process, where the suite started it.
    """

    def __init__(self, grpc_target, rest_target, standing, process=None):
        self.target, self.rest, self.process = grpc_target, rest_target, process
        self.standing, self.socket = list(standing), None
        self.channel = grpc.insecure_channel(grpc_target, options=[("grpc.max_receive_message_length", -1)])
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)

    def reload(self, *models, timeout=20):
        """Serves the standing models and these, and no others."""
        config = model_server_config_pb2.ModelServerConfig()
        config.model_config_list.config.extend([*self.standing, *models])
        return self.send(config, timeout)

    def send(self, config, timeout=20):
        """HandleReloadConfigRequest with that very config."""
        request = model_management_pb2.ReloadConfigRequest(config=config)
        return self.models.HandleReloadConfigRequest(request, timeout=timeout)

    def resident(self) -> int:
        """Bytes of the process's memory."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.split("VmRSS:")[1].split()[0])


@contextlib.contextmanager
def started(name: str, standing, folder: pathlib.Path, extra=()):
    """A server with that start line and those models; the one that runs already, if named."""
    if TARGET:
        yield from _foreign(standing)
        return
    ports = free_port(), free_port()
    lines = [f"--port={ports[0]}", f"--rest_api_port={ports[1]}", *flags(name, folder), *extra]
    first, *others = standing
    lines += [f"--model_name={first.name}", f"--model_base_path={first.base_path}"]
    with launched(lines, folder / "log") as process:
        server = Server(f"localhost:{ports[0]}", f"localhost:{ports[1]}", standing, process)
        server.socket = folder / "socket"
        await_ready(server, folder / "log")
        if others:
            server.reload()
        yield server
        server.channel.close()


@contextlib.contextmanager
def launched(lines, log: pathlib.Path):
    """The process of a start line; it is ended at the end, if it has not by then."""
    if FORKED:
        process = forks.start(lines, log)
    else:
        command = [BINARY] if shutil.which(BINARY) else shlex.split(BINARY)
        with log.open("wb") as out:
            process = subprocess.Popen([*command, *lines], stdout=out, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def await_ready(server, log, seconds=120) -> None:
    """Waits until the server's port answers. Raises TimeoutError, and RuntimeError with its output where it ended."""

    def answers():
        if server.process.poll() is not None:
            raise RuntimeError(f"the server ended:\n{log.read_text(errors='replace')[-3000:]}")
        host, _, port = server.target.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=0.2).close()
        except OSError:
            return False
        return True

    toy.until(answers, seconds)


def _foreign(standing):
    server = Server(TARGET, REST_TARGET, standing)
    server.reload(timeout=60)
    try:
        yield server
    finally:
        if CONFIG:
            old = pathlib.Path(CONFIG).read_text()
            server.send(text_format.Parse(old, model_server_config_pb2.ModelServerConfig()))
        server.channel.close()


def why_not(name: str, rest: bool = False) -> str | None:
    """Why a module for that start line cannot run against the server that runs already."""
    if TARGET and STARTED_AS != name:
        with tempfile.TemporaryDirectory() as folder:
            line = " ".join(flags(name, pathlib.Path(folder)))
        return f"{TARGET} was started as {STARTED_AS!r}; this needs {name!r}: {line}"
    if TARGET and rest and not REST_TARGET:
        return "TFGAN_KIT_SERVING_REST_TARGET names no host:port"
    return None
