"""`python -m tfgan_kit.serving --model_name digits --model_base_path $PWD/models/digits`."""

import logging
import os
import signal
import sys
import threading

from absl import app, flags

from tfgan_kit.serving import BatchingParameters, ModelServer, ServerOptions, StartError

_FLAGS = flags.FLAGS
_BATCHING = ("max_batch_size", "batch_timeout_micros", "num_batch_threads")

# Named as tensorflow_model_server's, with its defaults, except --host (it listens everywhere).
flags.DEFINE_integer("port", 8500, "Port of gRPC; 0 takes a free one.", 0, 65535)
flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0 is every network.")
flags.DEFINE_string("model_name", "default", "Name that requests carry.")
flags.DEFINE_string("model_base_path", None, "Absolute folder of version folders.", required=True)
flags.DEFINE_float(
    "file_system_poll_wait_seconds", 1.0, "How often to look for versions; 0: at start only.", 0.0
)
flags.DEFINE_integer(
    "grpc_max_threads", None, "Calls at one time, more are refused. Default: 4 a core.", 1
)
flags.DEFINE_bool("enable_batching", False, "Merge concurrent requests into batches.")
flags.DEFINE_integer("max_batch_size", 1000, "With --enable_batching: most rows of a batch.", 1)
flags.DEFINE_integer(
    "batch_timeout_micros", 0, "With --enable_batching: how long a batch waits to fill.", 0
)
flags.DEFINE_integer(
    "num_batch_threads", None, "With --enable_batching: batches at one time. Default: cores.", 1
)
flags.DEFINE_bool(
    "enable_serialization_as_tensor_content", False, "Answer raw bytes, not typed fields."
)


def main(argv):
    """Serves until SIGTERM or SIGINT."""
    if len(argv) > 1:
        raise app.UsageError(f"this command takes only flags. Received: {argv[1:]}")
    if not os.path.isabs(_FLAGS.model_base_path):
        raise app.UsageError(
            "--model_base_path must be absolute, as TensorFlow Serving wants it. "
            f"Received: {_FLAGS.model_base_path}. Try {os.path.abspath(_FLAGS.model_base_path)}"
        )
    logging.getLogger("tfgan_kit").setLevel(logging.INFO)  # the versions' story, not TensorFlow's
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = _server()
    try:
        server.start()
    except StartError as error:
        sys.exit(f"Cannot start: {error}")
    print(_started(server), flush=True)
    stop.wait()
    print("Stopping: calls that are running may finish.", flush=True)
    server.stop()
    if not server.models.drained(timeout=0):  # Python would wait for their threads for ever
        print("Calls that did not end within 30 s are given up.", flush=True)
        os._exit(1)


def _server() -> ModelServer:
    return ModelServer(
        _FLAGS.model_base_path,
        _FLAGS.model_name,
        port=_FLAGS.port,
        batching=_batching(),
        grpc_max_threads=_FLAGS.grpc_max_threads,
        file_system_poll_wait_seconds=_FLAGS.file_system_poll_wait_seconds,
        enable_serialization_as_tensor_content=_FLAGS.enable_serialization_as_tensor_content,
        options=ServerOptions(host=_FLAGS.host),
    )


def _batching() -> BatchingParameters | None:
    if _FLAGS.enable_batching:
        return BatchingParameters(**{name: _FLAGS[name].value for name in _BATCHING})
    given = [f"--{name}" for name in _BATCHING if _FLAGS[name].present]
    if given:
        raise app.UsageError(f"{', '.join(given)} needs --enable_batching")
    return None


def _started(server: ModelServer) -> str:
    model = server.versions.current
    return (
        f"Serving {server.versions.name} version {model.version} on {server.host}:{server.port} "
        f"(gRPC), signatures: {', '.join(sorted(model.signatures))}. At most "
        f"{server.grpc_max_threads} calls at one time (--grpc_max_threads). Ctrl-C stops."
    )


if __name__ == "__main__":
    app.run(main)
