"""What a server can be told. The flags of `python -m tfgan_kit.serving` are made from these fields."""

import dataclasses
import math
import os
import typing

from tfgan_kit.serving.config_files import read_batching_parameters, read_monitoring_config
from tfgan_kit.serving.models.batching import BatchingParameters

PROMETHEUS_PATH = "/monitoring/prometheus/metrics"  # TensorFlow Serving's default
_BATCHING = ("max_batch_size", "batch_timeout_micros", "num_batch_threads")
_NEED_BATCHING = ("batching_parameters_file", "enable_per_model_batching_parameters")
_MOST_PORT = 65535


def _option(default, help: str, least=None, most=None):
    return dataclasses.field(default=default, metadata={"help": help, "least": least, "most": most})


@dataclasses.dataclass(frozen=True)
class ServerOptions:
    """Named as tensorflow_model_server's flags, with its defaults, except `host` (it listens everywhere).

    Ours alone are `max_batch_size`, `batch_timeout_micros` and `num_batch_threads`, which spare a parameters file,
    and REST's bounds on bodies and waits. A field's metadata is its help and its range.

    Raises:
        ValueError: a number is outside its range, a path is relative, or an argument is no name=value.
    """

    port: int = _option(8500, "Port of gRPC; 0 takes a free one.", 0, _MOST_PORT)
    host: str = _option("127.0.0.1", "Address to listen on; 0.0.0.0 is every network.")
    grpc_socket_path: str | None = _option(None, "Absolute path of a UNIX socket to listen on too.")
    grpc_channel_arguments: str = _option(
        "",
        "gRPC's own, as grpc.max_connection_age_ms=2000,... A request has at most 64 MiB, unpacked, unless "
        "grpc.max_receive_message_length says otherwise (-1: no bound).",
    )
    grpc_max_threads: int | None = _option(None, "Calls at one time, more are refused. Default: 4 a core.", 1)
    ssl_config_file: str | None = _option(
        None, "SSLConfig as text: server_key, server_cert, custom_ca (PEM), client_verify. The port speaks TLS only."
    )
    enable_grpc_healthcheck_service: bool = _option(False, "Answer grpc.health.v1.")
    model_name: str = _option("default", "Name that requests carry.")
    model_base_path: str | None = _option(None, "Absolute folder of version folders.")
    model_config_file: str | None = _option(None, "ModelServerConfig as text, in place of --model_base_path.")
    model_config_file_poll_wait_seconds: float = _option(0.0, "How often to read it again; 0: at start only.", 0)
    file_system_poll_wait_seconds: float = _option(
        1.0, "How often to look for versions; 0: at start only. Negative, which is never, is refused.", 0
    )
    allow_version_labels_for_unavailable_models: bool = _option(
        False, "A new label may name a version that is not available yet, as it must at the start."
    )
    max_num_load_retries: int = _option(
        5, "How often to try a version again that does not load; it is also tried again when its files change.", 0
    )
    load_retry_interval_micros: int = _option(60_000_000, "How long until then.", 0)
    saved_model_tags: str = _option("serve", "Tags of the graph to load, commas between.")
    enable_model_warmup: bool = _option(True, "Replay a version's recorded requests first.")
    num_request_iterations_for_warmup: int = _option(0, "How often each; 0 is once.", 0)
    enable_serialization_as_tensor_content: bool = _option(False, "Answer raw bytes, not typed fields.")
    enable_batching: bool = _option(False, "Merge concurrent requests into batches.")
    batching_parameters_file: str | None = _option(None, "With --enable_batching: BatchingParameters as text.")
    enable_per_model_batching_parameters: bool = _option(
        False, "With --enable_batching: batch a version by its batching_params.pbtxt, and not if it has none."
    )
    max_batch_size: int | None = _option(
        None, f"With --enable_batching: most rows of a batch. Default: {BatchingParameters.max_batch_size}.", 1
    )
    batch_timeout_micros: int | None = _option(
        None,
        f"With --enable_batching: how long a batch waits to fill. Default: {BatchingParameters.batch_timeout_micros}.",
        0,
    )
    num_batch_threads: int | None = _option(None, "With --enable_batching: batches at one time. Default: cores.", 1)
    rest_api_port: int = _option(0, "Port of REST; 0: none.", 0, _MOST_PORT)
    rest_api_num_threads: int | None = _option(
        None, "REST requests at one time; four times as many may wait, more are refused. Default: 4 a core.", 1
    )
    rest_api_timeout_in_ms: int = _option(30_000, "Until a REST request is answered 504.", 1)
    rest_api_enable_cors_support: bool = _option(False, "Headers for pages of another origin.")
    rest_api_max_body_bytes: int = _option(
        32 * 2**20, "More is refused, packed or unpacked. All bodies together hold at most eight times as much.", 1
    )
    rest_api_read_timeout_seconds: float = _option(30.0, "Until a body must be here, and an answer taken.", 0.01)
    rest_api_idle_timeout_seconds: float = _option(
        60.0, "Until a request's headers must be here, and how long a connection may wait for its next one.", 0.01
    )
    monitoring_config_file: str | None = _option(
        None, "MonitoringConfig as text: metrics for Prometheus on the port of REST."
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check_range(field, getattr(self, field.name))
        self.channel_arguments()
        if self.grpc_socket_path and not os.path.isabs(self.grpc_socket_path):
            raise ValueError(f"grpc_socket_path must be absolute. Received: grpc_socket_path={self.grpc_socket_path!r}")
        if self.monitoring_config_file and not self.rest_api_port:
            raise ValueError(
                "metrics are shown on the port of REST: give rest_api_port too. "
                f"Received: monitoring_config_file={self.monitoring_config_file!r}, rest_api_port=0"
            )

    def check_source(self) -> None:
        """Raises ValueError unless there is either a model's folder or a file that names every model."""
        given = f"Received: model_base_path={self.model_base_path!r}, model_config_file={self.model_config_file!r}"
        if not self.model_base_path and not self.model_config_file:
            raise ValueError(
                "Both server_options.model_base_path and server_options.model_config_file are empty! Give "
                f"--model_base_path or --model_config_file. {given}"
            )
        if self.model_base_path and self.model_config_file:
            raise ValueError(f"give either model_base_path or model_config_file: the file names every model. {given}")

    def channel_arguments(self) -> dict[str, str | int]:
        """`grpc_channel_arguments` by name."""
        arguments = {}
        for part in filter(None, self.grpc_channel_arguments.split(",")):
            name, equals, value = part.strip().partition("=")
            if not (name and equals):
                raise ValueError(
                    "grpc_channel_arguments are name=value, commas between. "
                    f"Received: grpc_channel_arguments={self.grpc_channel_arguments!r}"
                )
            arguments[name] = int(value) if value.lstrip("-").isdecimal() else value
        return arguments

    def tags(self) -> list[str]:
        """`saved_model_tags` as a list."""
        return [tag.strip() for tag in self.saved_model_tags.split(",") if tag.strip()]

    def grpc_threads(self) -> int:
        """Calls that are answered at one time."""
        return self.grpc_max_threads or _four_a_core()

    def rest_threads(self) -> int:
        """REST requests that are worked on at one time."""
        return self.rest_api_num_threads or _four_a_core()

    def batching(self) -> BatchingParameters | None:
        """How requests are merged; None: each runs by itself. Raises ValueError."""
        given = {name: value for name in _BATCHING if (value := getattr(self, name)) is not None}
        if not self.enable_batching:
            _check_unbatched([*(name for name in _NEED_BATCHING if getattr(self, name)), *given])
            return None
        if not self.batching_parameters_file:
            return BatchingParameters(**given)
        if given:
            raise ValueError(f"{_flags(given)} and --batching_parameters_file: give one")
        return read_batching_parameters(self.batching_parameters_file)

    def metrics_path(self) -> str | None:
        """Where Prometheus finds the metrics, or None. Raises ValueError."""
        if not self.monitoring_config_file:
            return None
        prometheus = read_monitoring_config(self.monitoring_config_file).prometheus_config
        path = prometheus.path or PROMETHEUS_PATH
        if not path.startswith("/"):
            raise ValueError(f'the path in {self.monitoring_config_file} must start with "/". Received: path={path!r}')
        return path if prometheus.enable else None


def type_of(field: dataclasses.Field) -> type:
    """A field's type, where it may be None too the other one."""
    return next(kind for kind in (*typing.get_args(field.type), field.type) if kind is not type(None))


def _check_range(field, value) -> None:
    least, most = field.metadata["least"], field.metadata["most"]
    if value is None or least is None:
        return
    if not (least <= value and math.isfinite(value)):
        raise ValueError(f"{field.name} must be finite and at least {least}. Received: {field.name}={value}")
    if most is not None and value > most:
        raise ValueError(f"{field.name} must be at most {most}. Received: {field.name}={value}")


def _check_unbatched(given: list[str]) -> None:
    if given:
        raise ValueError(
            f"server_options.{given[0]} is set without setting server_options.enable_batching to true. "
            f"{_flags(given)} needs --enable_batching"
        )


def _flags(names) -> str:
    return ", ".join(f"--{name}" for name in names)


def _four_a_core() -> int:
    return 4 * (os.cpu_count() or 1)
