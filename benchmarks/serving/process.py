"""The embedded server as users start it: a process of its own, by its command line."""

import contextlib
import os
import re
import signal
import subprocess
import sys

NAME = "model"  # that requests carry


class Server:
    """A running `python -m tfgan_kit.serving`.

    Args:
        base_path: folder of version folders.
        flags: list of further flags.

    Raises:
        RuntimeError: it ended before it served.
    """

    def __init__(self, base_path, flags=(), port=0):
        command = [sys.executable, "-m", "tfgan_kit.serving", f"--model_name={NAME}"]
        command += [f"--model_base_path={base_path}", f"--port={port}", *flags]
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}
        self.process = subprocess.Popen(command, stdout=-1, text=True, env=environment)
        line = next((line for line in self.process.stdout if line.startswith("Serving ")), None)
        if line is None:
            raise RuntimeError(f"the server ended, exit status {self.process.wait()}: {command}")
        self.port = int(re.search(r":(\d+) \(gRPC", line)[1])
        self.target = f"localhost:{self.port}"

    def resident_mib(self) -> float:
        """Memory of the process."""
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def end(self, number=signal.SIGTERM) -> int:
        """Sends a signal and waits; returns the exit status."""
        self.process.send_signal(number)
        self.process.communicate()
        return self.process.returncode


@contextlib.contextmanager
def serving(base_path, flags=()):
    """A `Server` that is ended afterwards, if it still runs."""
    server = Server(base_path, flags)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()
