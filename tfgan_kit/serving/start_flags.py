"""The flags of `python -m tfgan_kit.serving`, and the server that they ask for.

Named as tensorflow_model_server's, with its defaults, except --host (it listens everywhere);
--max_batch_size, --batch_timeout_micros and --num_batch_threads, which spare a parameters file; and
--rest_api_max_body_bytes.
"""

import dataclasses
import os

from tfgan_kit.serving.config_files import read_batching_parameters
from tfgan_kit.serving.models.batching import BatchingParameters
from tfgan_kit.serving.options import ServerOptions
from tfgan_kit.serving.protocol.errors import StartError
from tfgan_kit.serving.server import ModelServer

from absl import app, flags

CANNOT_START = 255  # what tensorflow_model_server exits with
_FLAGS = flags.FLAGS
_BATCHING = ("max_batch_size", "batch_timeout_micros", "num_batch_threads")
_UNBATCHED = (
    "server_options.{} is set without setting server_options.enable_batching to true. {} needs --enable_batching"
)
_NEED_BATCHING = (
    "batching_parameters_file", "enable_per_model_batching_parameters", *_BATCHING,
)  # fmt: skip

flags.DEFINE_integer("port", 8500, "Port of gRPC; 0 takes a free one.", 0, 65535)
flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0 is every network.")
flags.DEFINE_string("grpc_channel_arguments", "", "gRPC's own, as grpc.max_connection_age_ms=2000,...")
flags.DEFINE_string("grpc_socket_path", None, "Absolute path of a UNIX socket to listen on too.")
flags.DEFINE_string(
    "ssl_config_file", None, "SSLConfig as text: server_key, server_cert, custom_ca (PEM), client_verify."
)
flags.DEFINE_string("model_name", "default", "Name that requests carry.")
flags.DEFINE_string("model_base_path", None, "Absolute folder of version folders.")
flags.DEFINE_string("model_config_file", None, "ModelServerConfig as text, in place of --model_base_path.")
flags.DEFINE_float("model_config_file_poll_wait_seconds", 0, "How often to read it again; 0: at start only.", 0.0)
flags.DEFINE_bool(
    "allow_version_labels_for_unavailable_models", False,
    "A new label may name a version that is not available yet, as it must at the start.",
)  # fmt: skip
flags.DEFINE_float(
    "file_system_poll_wait_seconds", 1.0,
    "How often to look for versions; 0: at start only. Negative, which is never, is refused.", 0.0,
)  # fmt: skip
flags.DEFINE_integer("max_num_load_retries", 5, "How often to try a version again that does not load.", 0)
flags.DEFINE_integer("load_retry_interval_micros", 60_000_000, "How long until then.", 0)
flags.DEFINE_string("saved_model_tags", "serve", "Tags of the graph to load, commas between.")
flags.DEFINE_bool("enable_model_warmup", True, "Replay a version's recorded requests first.")
flags.DEFINE_integer("num_request_iterations_for_warmup", 0, "How often each; 0 is once.", 0)
flags.DEFINE_integer("grpc_max_threads", None, "Calls at one time, more are refused. Default: 4 a core.", 1)
flags.DEFINE_bool("enable_grpc_healthcheck_service", False, "Answer grpc.health.v1.")
flags.DEFINE_integer("rest_api_port", 0, "Port of REST; 0: none.", 0, 65535)
flags.DEFINE_integer("rest_api_num_threads", None, "REST requests at one time. Default: 4 a core.", 1)
flags.DEFINE_integer("rest_api_timeout_in_ms", 30_000, "Until a REST request is answered 504.", 1)
flags.DEFINE_bool("rest_api_enable_cors_support", False, "Headers for pages of another origin.")
flags.DEFINE_integer("rest_api_max_body_bytes", 32 * 2**20, "More is refused, packed or unpacked.", 1)
flags.DEFINE_string(
    "monitoring_config_file", None, "MonitoringConfig as text: metrics for Prometheus on the port of REST."
)
flags.DEFINE_bool("enable_batching", False, "Merge concurrent requests into batches.")
flags.DEFINE_string("batching_parameters_file", None, "With --enable_batching: BatchingParameters as text.")
flags.DEFINE_bool(
    "enable_per_model_batching_parameters", False,
    "With --enable_batching: batch a version by its batching_params.pbtxt, if it has one.",
)  # fmt: skip
flags.DEFINE_integer("max_batch_size", 1000, "With --enable_batching: most rows of a batch.", 1)
flags.DEFINE_integer("batch_timeout_micros", 0, "With --enable_batching: how long a batch waits to fill.", 0)
flags.DEFINE_integer("num_batch_threads", None, "With --enable_batching: batches at one time. Default: cores.", 1)
flags.DEFINE_bool("enable_serialization_as_tensor_content", False, "Answer raw bytes, not typed fields.")


def server_of_flags() -> ModelServer:
    """The server, not started. Raises app.UsageError and StartError."""
    _check_source()
    try:
        return ModelServer(
            _FLAGS.model_base_path,
            _FLAGS.model_name,
            port=_FLAGS.port,
            batching=_batching(),
            grpc_max_threads=_FLAGS.grpc_max_threads,
            file_system_poll_wait_seconds=_FLAGS.file_system_poll_wait_seconds,
            enable_serialization_as_tensor_content=_FLAGS.enable_serialization_as_tensor_content,
            options=_options(),
        )
    except ValueError as error:
        raise StartError(str(error)) from error


def _wrong(text: str) -> app.UsageError:
    return app.UsageError(text, exitcode=CANNOT_START)


def _options() -> ServerOptions:
    names = [field.name for field in dataclasses.fields(ServerOptions)]
    return ServerOptions(**{name: _FLAGS[name].value for name in names})


def _check_source() -> None:
    base_path = _FLAGS.model_base_path
    if not base_path and not _FLAGS.model_config_file:
        raise _wrong(
            "Both server_options.model_base_path and server_options.model_config_file are empty! "
            "Give --model_base_path or --model_config_file"
        )
    if base_path and _FLAGS.model_config_file:
        raise _wrong("Give either --model_base_path or --model_config_file: the file names every model")
    if base_path and not os.path.isabs(base_path):
        raise _wrong(
            "--model_base_path must be absolute, as TensorFlow Serving wants it. "
            f"Received: {base_path}. Try {os.path.abspath(base_path)}"
        )


def _batching() -> BatchingParameters | None:
    if not _FLAGS.enable_batching:
        given = [f"--{name}" for name in _NEED_BATCHING if _FLAGS[name].present]
        if given:
            raise _wrong(_UNBATCHED.format(given[0].removeprefix("--"), ", ".join(given)))
        return None
    if not _FLAGS.batching_parameters_file:
        return BatchingParameters(**{name: _FLAGS[name].value for name in _BATCHING})
    given = [f"--{name}" for name in _BATCHING if _FLAGS[name].present]
    if given:
        raise _wrong(f"{', '.join(given)} and --batching_parameters_file: give one")
    return read_batching_parameters(_FLAGS.batching_parameters_file)
