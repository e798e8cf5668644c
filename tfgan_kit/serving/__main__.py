"""`python -m tfgan_kit.serving --model_name digits --model_base_path $PWD/models/digits`."""

import logging
import os
import signal
import sys
import threading
import time

from absl import app

from tfgan_kit.serving import ModelServer, StartError
from tfgan_kit.serving.start_flags import CANNOT_START, server_of_flags


def main(argv):
    """Serves until SIGTERM or SIGINT; a second one ends it at once."""
    if len(argv) > 1:
        raise app.UsageError(f"this command takes only flags. Received: {argv[1:]}")
    logging.getLogger("tfgan_kit").setLevel(logging.INFO)  # the versions' story, not TensorFlow's
    stop = _signalled()
    began = time.monotonic()
    try:
        server = server_of_flags().start()
    except StartError as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        sys.exit(CANNOT_START)
    print(_started(server, time.monotonic() - began), flush=True)
    stop.wait()
    print("Stopping: calls that are running may finish. Once more ends them too.", flush=True)
    server.stop()
    if not server.models.drained(timeout=0):  # Python would wait for their threads for ever
        print("Calls that did not end within 30 s are given up.", flush=True)
        os._exit(1)


def _signalled() -> threading.Event:
    stop = threading.Event()

    def end(number, _):
        if stop.is_set():
            os._exit(128 + number)  # as a shell reports it
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return stop


def _started(server: ModelServer, seconds: float) -> str:
    models = [one.current for one in server.models.listed()]
    names = ", ".join(
        f"{one.name} version {one.current.version}" for one in server.models.listed() if one.current
    )
    signatures = sorted({name for model in models if model for name in model.signatures})
    tls = ", TLS" if server.options.ssl_config_file else ""
    rest = server.options.rest_api_port and f" and http://{server.host}:{server.options.rest_api_port} (REST)" or ""
    return (
        f"Serving {names} on {server.host}:{server.port} (gRPC{tls}){rest}, signatures: "
        f"{', '.join(signatures)}. Loaded and warmed in {seconds:.1f} s. At most "
        f"{server.grpc_max_threads} calls at one time (--grpc_max_threads). Ctrl-C stops."
    )


if __name__ == "__main__":
    app.run(main)
