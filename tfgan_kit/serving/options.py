"""What a server may be told beyond its model: names and defaults of tensorflow_model_server's flags."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class ServerOptions:
    """The rarer choices of a `ModelServer`.

    Args:
        host: the address to listen on; 0.0.0.0 is every network.
        grpc_channel_arguments: gRPC's own, such as `grpc.max_connection_age_ms=2000`, commas between.
            A request has at most 64 MiB, unpacked, unless `grpc.max_receive_message_length` says
            otherwise (-1: no bound).
        grpc_socket_path: absolute path of a UNIX socket to listen on as well, or None.
        ssl_config_file: an `SSLConfig` as text: the port speaks TLS only. None: plain text.
        enable_grpc_healthcheck_service: answers `grpc.health.v1`, SERVING once the port is open.
        model_config_file: a `ModelServerConfig` as text, in place of one model's folder, or None.
        model_config_file_poll_wait_seconds: how often that file is read again; 0: only at the start.
        allow_version_labels_for_unavailable_models: a new label may name a version that is not
            available yet, as it must at the start.
        max_num_load_retries: how often a version that does not load is tried again. It is also
            tried again whenever its files change.
        load_retry_interval_micros: how long until then.
        saved_model_tags: the tags of the graph to load, with commas between.
        enable_model_warmup: replays a version's recorded requests before it is served.
        num_request_iterations_for_warmup: how often each; 0 is once.
        enable_per_model_batching_parameters: a version is batched by the `batching_params.pbtxt`
            in its folder, and not batched where it has none.
        rest_api_port: port of REST; 0: none.
        rest_api_num_threads, rest_api_timeout_in_ms, rest_api_enable_cors_support,
            rest_api_max_body_bytes: see `RestOptions`.
        monitoring_config_file: a `MonitoringConfig` as text: metrics for Prometheus on the port of
            REST. None: no metrics are shown.

    Raises:
        ValueError: a number is below its least, a path is relative, or an argument is no name=value.
    """

    host: str = "127.0.0.1"
    grpc_channel_arguments: str = ""
    grpc_socket_path: str | None = None
    ssl_config_file: str | None = None
    enable_grpc_healthcheck_service: bool = False
    model_config_file: str | None = None
    model_config_file_poll_wait_seconds: float = 0
    allow_version_labels_for_unavailable_models: bool = False
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    saved_model_tags: str = "serve"
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 0
    enable_per_model_batching_parameters: bool = False
    rest_api_port: int = 0
    rest_api_num_threads: int | None = None
    rest_api_timeout_in_ms: int = 30_000
    rest_api_enable_cors_support: bool = False
    rest_api_max_body_bytes: int = 32 * 2**20
    monitoring_config_file: str | None = None

    def __post_init__(self):
        for name in (
            "model_config_file_poll_wait_seconds",
            "max_num_load_retries",
            "load_retry_interval_micros",
            "num_request_iterations_for_warmup",
        ):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"{name} must be at least 0. Received: {name}={value}")
        self.channel_arguments()
        if self.grpc_socket_path and not os.path.isabs(self.grpc_socket_path):
            raise ValueError(f"grpc_socket_path must be absolute. Received: grpc_socket_path={self.grpc_socket_path!r}")
        if self.monitoring_config_file and not self.rest_api_port:
            raise ValueError(
                "metrics are shown on the port of REST: give rest_api_port too. "
                f"Received: monitoring_config_file={self.monitoring_config_file!r}, rest_api_port=0"
            )

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
