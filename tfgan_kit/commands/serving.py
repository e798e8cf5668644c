"""The embedded server's process, from its start to its signal: what `python -m tfgan_kit.serving` does."""

import gc
import logging
import os
import signal
import sys
import threading
import time

from tfgan_kit.serving import ModelServer, ServerOptions, StartError
from tfgan_kit.serving.grpc.gateway import address_of

_GRACE_SECONDS = 30


def main(options: ServerOptions):
    """Serves until SIGTERM or SIGINT; a second one ends it immediately.

    Raises:
        ValueError: the server cannot start.
    """
    logging.getLogger("tfgan_kit").setLevel(logging.INFO)  # log lines about versions, not those of TensorFlow
    signals = Signals()
    began = time.monotonic()
    # Imported modules live as long as the process: garbage collection of them, as after a version is unloaded,
    # would delay every call by a third of a second.
    gc.freeze()
    try:
        server = ModelServer(options=options).start()
    except StartError as error:
        raise ValueError(str(error)) from error
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
