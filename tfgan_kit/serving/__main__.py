"""`python -m tfgan_kit.serving --model_name digits --model_base_path $PWD/models/digits`."""

import dataclasses
import gc
import logging
import os
import signal
import sys
import threading
import time

from tfgan_kit.serving import ModelServer, ServerOptions, StartError
from tfgan_kit.serving.grpc.gateway import address_of
from tfgan_kit.serving.options import type_of

from absl import app, flags

_GRACE_SECONDS = 30
_CANNOT_START = 255  # the exit code of tensorflow_model_server
_FLAGS = flags.FLAGS


def _define(field: dataclasses.Field) -> None:
    name, kind, text, least = field.name, type_of(field), field.metadata["help"], field.metadata["least"]
    if kind is bool:
        flags.DEFINE_bool(name, field.default, text)
    elif kind is int:
        flags.DEFINE_integer(name, field.default, text, least, field.metadata["most"])
    elif kind is float:
        flags.DEFINE_float(name, field.default, text, least)
    else:
        flags.DEFINE_string(name, field.default, text)


def define_flags():
    for field in dataclasses.fields(ServerOptions):
        _define(field)


def server_of_flags() -> ModelServer:
    """The server of the flags, not started. Raises ValueError."""
    options = ServerOptions(**{field.name: _FLAGS[field.name].value for field in dataclasses.fields(ServerOptions)})
    if options.model_base_path and not os.path.isabs(options.model_base_path):
        raise ValueError(
            "--model_base_path must be absolute, as TensorFlow Serving requires. "
            f"Received: {options.model_base_path}. Try {os.path.abspath(options.model_base_path)}"
        )
    return ModelServer(options=options)


def main(argv):
    """Serves until SIGTERM or SIGINT; a second one ends it immediately."""
    if len(argv) > 1:
        raise app.UsageError(f"this command takes only flags. Received: {argv[1:]}")
    logging.getLogger("tfgan_kit").setLevel(logging.INFO)  # log lines about versions, not those of TensorFlow
    signals = Signals()
    began = time.monotonic()
    # Imported modules live as long as the process: garbage collection of them, as after a version is unloaded,
    # would delay every call by a third of a second.
    gc.freeze()
    try:
        server = server_of_flags().start()
    except (StartError, ValueError) as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        sys.exit(_CANNOT_START)
    signals.serving = True
    _say(_started(server, time.monotonic() - began))
    signals.wait()
    _say("Stopping: running calls may finish. Another signal ends them, too.")
    finished = server.stop(_GRACE_SECONDS)
    if not finished:
        _say(f"Calls or loads that did not finish within {_GRACE_SECONDS} s are given up.")
    logging.shutdown()
    # Python would wait for their threads indefinitely, and abort if one of TensorFlow's still runs.
    os._exit(0 if finished else 1)


class Signals:
    """SIGTERM and SIGINT: `wait` returns after the first while `serving`; any other ends the process immediately.

    A thread reads them from a pipe that Python's C code writes to. Python's own handlers run in the main thread,
    which may be in TensorFlow, or wait for a lock without noticing a signal that arrived just before.
    """

    def __init__(self):
        self.serving = False
        self._came = threading.Event()
        told, written = os.pipe()
        os.set_blocking(written, False)
        signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        threading.Thread(target=self._follow, args=(told,), name="signals", daemon=True).start()

    def wait(self) -> None:
        """Waits for the first signal."""
        self._came.wait()

    def _follow(self, told) -> None:
        while True:
            (number,) = os.read(told, 1)
            if self._came.is_set() or not self.serving:
                os._exit(128 + number)  # the exit code in a shell
            self._came.set()


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:  # stdout is closed; Python would also fail when it flushes it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _started(server: ModelServer, seconds: float) -> str:
    served = {one.name: one.current for one in server.models.listed() if one.current}
    names = ", ".join(f"{name} version {model.version}" for name, model in served.items())
    signatures = sorted({name for model in served.values() for name in model.signatures})
    options = server.options
    tls = ", TLS" if options.ssl_config_file else ""
    rest = f" and http://{address_of(options.host, options.rest_api_port)} (REST)" if options.rest_api_port else ""
    return (
        f"Serving {names} on {address_of(options.host, server.port)} (gRPC{tls}){rest}, signatures: "
        f"{', '.join(signatures)}. Loaded and warmed in {seconds:.1f} s. At most {options.grpc_threads()} calls "
        "concurrently (--grpc_max_threads). Ctrl-C stops."
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
