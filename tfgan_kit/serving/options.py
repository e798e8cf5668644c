"""The options of a server, from which the flags of `python -m tfgan_kit.serving` are generated."""

import dataclasses
import math
import os
import typing

from tfgan_kit.serving.batching_parameters import BatchingParameters
from tfgan_kit.serving.config_files import read_batching_parameters, read_monitoring_config

PROMETHEUS_PATH = "/monitoring/prometheus/metrics"  # TensorFlow Serving's default
_BATCHING = ("max_batch_size", "batch_timeout_micros", "num_batch_threads")
_NEED_BATCHING = ("batching_parameters_file", "enable_per_model_batching_parameters")
_MOST_PORT = 65535
MOST_ROWS = 1024  # that run at the same time without batching


def _option(default, help: str, least=None, most=None):
    return dataclasses.field(default=default, metadata={"help": help, "least": least, "most": most})


@dataclasses.dataclass(frozen=True)
class ServerOptions:
    """Named as tensorflow_model_server's flags, with its defaults, except `host` (it listens everywhere).

    TensorFlow Serving does not have `max_batch_size`, `batch_timeout_micros` and `num_batch_threads`, which replace a
    parameters file, and the REST limits of bodies and times. A field's metadata is its help and its range.

    Raises:
        ValueError: a number out of range, a relative path, or an entry of `grpc_channel_arguments` without "=".
    """

    port: int = _option(8500, "Port of gRPC; 0 chooses a free one.", 0, _MOST_PORT)
    host: str = _option("127.0.0.1", "Address to listen on; 0.0.0.0 is all interfaces.")
    grpc_socket_path: str | None = _option(None, "Absolute path of a UNIX socket to listen on, too.")
    grpc_channel_arguments: str = _option("", "Arguments of gRPC, such as grpc.max_connection_age_ms=2000,...")
    grpc_max_message_bytes: int = _option(
        16 * 2**20,
        "Largest request over gRPC, compressed or decompressed, unless grpc.max_receive_message_length is among the "
        "grpc_channel_arguments.",
        1,
    )
    grpc_max_threads: int | None = _option(None, "Concurrent calls, more are refused. Default: 4 per core.", 1)
    ssl_config_file: str | None = _option(
        None,
        "SSLConfig in text format: server_key, server_cert, custom_ca (PEM), client_verify. The port uses TLS only.",
    )
    enable_grpc_healthcheck_service: bool = _option(False, "Serve grpc.health.v1.")
    allow_network_reloads: bool = _option(
        False,
        "Let every caller replace the list of models (HandleReloadConfigRequest). Otherwise only callers on this "
        "machine, and those with a certificate that client_verify of the ssl_config_file has checked.",
    )
    max_request_bytes_in_work: int = _option(
        64 * 2**20,
        "Bytes of all requests that arrive or are answered at the same time, over gRPC and REST, decompressed; further "
        "ones are refused, except for the first 64 KiB of each. With the defaults requests then need at most about "
        "2 GiB, beside what the models need.",
        1,
    )
    max_request_rows: int = _option(
        MOST_ROWS, "Rows that run at the same time without batching: most of one request, and others wait.", 1
    )
    model_name: str = _option("default", "Model name in requests.")
    model_base_path: str | None = _option(None, "Absolute path of the folder of versions.")
    model_config_file: str | None = _option(None, "ModelServerConfig in text format, instead of --model_base_path.")
    model_config_file_poll_wait_seconds: float = _option(
        0.0, "Seconds between reads of the config file; 0: only at start.", 0
    )
    file_system_poll_wait_seconds: float = _option(
        1.0, "Seconds between checks for new versions; 0: only at start. Negative values, never, are refused.", 0
    )
    allow_version_labels_for_unavailable_models: bool = _option(
        False, "Allow a new label of a version that is not available yet, which is necessary at start."
    )
    max_num_load_retries: int = _option(
        5, "Retries of a version that cannot be loaded; it is also retried when its files change.", 0
    )
    load_retry_interval_micros: int = _option(60_000_000, "Time between retries.", 0)
    saved_model_tags: str = _option("serve", "Tags of the graph to load, separated by commas.")
    enable_model_warmup: bool = _option(True, "Replay a version's recorded requests before it serves.")
    num_request_iterations_for_warmup: int = _option(0, "Runs of each warmup request; 0 is one.", 0)
    enable_serialization_as_tensor_content: bool = _option(False, "Write answers as raw bytes instead of typed fields.")
    enable_batching: bool = _option(False, "Merge concurrent requests into batches.")
    batching_parameters_file: str | None = _option(None, "With --enable_batching: BatchingParameters in text format.")
    enable_per_model_batching_parameters: bool = _option(
        False,
        "With --enable_batching: batch each version with its batching_params.pbtxt, or not at all if it has none.",
    )
    max_batch_size: int | None = _option(
        None, f"With --enable_batching: most rows of a batch. Default: {BatchingParameters.max_batch_size}.", 1
    )
    batch_timeout_micros: int | None = _option(
        None,
        f"With --enable_batching: how long a batch waits for rows. Default: {BatchingParameters.batch_timeout_micros}.",
        0,
    )
    num_batch_threads: int | None = _option(None, "With --enable_batching: concurrent batches. Default: cores.", 1)
    rest_api_port: int = _option(0, "Port of REST; 0: none.", 0, _MOST_PORT)
    rest_api_num_threads: int | None = _option(
        None, "Concurrent REST requests; four times as many may wait, more are refused. Default: 4 per core.", 1
    )
    rest_api_timeout_in_ms: int = _option(30_000, "Time after which a REST request is answered with 504.", 1)
    rest_api_enable_cors_support: bool = _option(False, "Send CORS headers, for pages of other origins.")
    rest_api_max_body_bytes: int = _option(32 * 2**20, "Largest body over REST, compressed or decompressed.", 1)
    rest_api_max_json_values: int = _option(1_000_000, "Most values, lists and objects of a body over REST.", 1)
    rest_api_read_timeout_seconds: float = _option(
        30.0, "Time in which a body must arrive, and an answer be read.", 0.01
    )
    rest_api_idle_timeout_seconds: float = _option(
        60.0,
        "Time in which a request's headers must arrive, and that a connection may wait for its next request.",
        0.01,
    )
    monitoring_config_file: str | None = _option(
        None, "MonitoringConfig in text format: metrics for Prometheus on the REST port."
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check_range(field, getattr(self, field.name))
        self.channel_arguments()
        if self.grpc_socket_path and not os.path.isabs(self.grpc_socket_path):
            raise ValueError(f"grpc_socket_path must be absolute. Received: grpc_socket_path={self.grpc_socket_path!r}")
        if self.monitoring_config_file and not self.rest_api_port:
            raise ValueError(
                "metrics are served on the REST port: give rest_api_port too. "
                f"Received: monitoring_config_file={self.monitoring_config_file!r}, rest_api_port=0"
            )

    def check_source(self) -> None:
        """Raises ValueError unless either `model_base_path` or `model_config_file` is given."""
        if bool(self.model_base_path) == bool(self.model_config_file):
            raise ValueError(
                "give either --model_base_path or --model_config_file, which names every model. Received: "
                f"model_base_path={self.model_base_path!r}, model_config_file={self.model_config_file!r}"
            )

    def channel_arguments(self) -> dict[str, str | int]:
        """`grpc_channel_arguments` by name."""
        arguments = {}
        for part in filter(None, self.grpc_channel_arguments.split(",")):
            name, equals, value = part.strip().partition("=")
            if not (name and equals):
                raise ValueError(
                    "grpc_channel_arguments are name=value, separated by commas. "
                    f"Received: grpc_channel_arguments={self.grpc_channel_arguments!r}"
                )
            arguments[name] = int(value) if value.lstrip("-").isdecimal() else value
        return arguments

    def tags(self) -> list[str]:
        """`saved_model_tags` as a list."""
        return [tag.strip() for tag in self.saved_model_tags.split(",") if tag.strip()]

    def grpc_threads(self) -> int:
        """The number of calls that are answered concurrently."""
        return self.grpc_max_threads or _four_a_core()

    def rest_threads(self) -> int:
        """The number of REST requests that are answered concurrently."""
        return self.rest_api_num_threads or _four_a_core()

    def batching(self) -> BatchingParameters | None:
        """How requests are merged; None: each runs alone. Raises ValueError."""
        given = {name: value for name in _BATCHING if (value := getattr(self, name)) is not None}
        needs = [*(name for name in _NEED_BATCHING if getattr(self, name)), *given]
        if needs and not self.enable_batching:
            raise ValueError(f"--{needs[0]} needs --enable_batching")
        if given and self.batching_parameters_file:
            raise ValueError(f"--{next(iter(given))} and --batching_parameters_file: give one")
        if not self.enable_batching:
            return None
        file = self.batching_parameters_file
        return read_batching_parameters(file) if file else BatchingParameters(**given)

    def metrics_path(self) -> str | None:
        """The URL path of the metrics for Prometheus, or None. Raises ValueError."""
        if not self.monitoring_config_file:
            return None
        prometheus = read_monitoring_config(self.monitoring_config_file).prometheus_config
        path = prometheus.path or PROMETHEUS_PATH
        if not path.startswith("/"):
            raise ValueError(f'the path in {self.monitoring_config_file} must start with "/". Received: path={path!r}')
        return path if prometheus.enable else None


def type_of(field: dataclasses.Field) -> type:
    """A field's type; of an optional field, the type other than None."""
    return next(kind for kind in (*typing.get_args(field.type), field.type) if kind is not type(None))


def _check_range(field, value) -> None:
    least, most = field.metadata["least"], field.metadata["most"]
    if value is None or least is None:
        return
    if not (least <= value and math.isfinite(value)):
        raise ValueError(f"{field.name} must be finite and at least {least}. Received: {field.name}={value}")
    if most is not None and value > most:
        raise ValueError(f"{field.name} must be at most {most}. Received: {field.name}={value}")


def _four_a_core() -> int:
    return 4 * (os.cpu_count() or 1)
