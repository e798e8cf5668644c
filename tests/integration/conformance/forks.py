"""Starts the embedded server's command many times for one import of TensorFlow, which takes seconds.

`python -m tests.integration.conformance.forks` has imported the command and forks for every line of its input, a JSON
list: the log's path, then the command's arguments. Each process runs the command as `python -m tfgan_kit.serving` does.
"""

import atexit
import functools
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time


class Forked:
    """A process that another one forked: what `subprocess.Popen` offers of it. Its exit code is in the file `code`."""

    def __init__(self, pid: int, code: pathlib.Path):
        self.pid, self._code = pid, code
        self._descriptor = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """The exit code, or None while it runs; of a signal, its negative number."""
        return int(self._code.read_text()) if self._code.exists() else None

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end. Raises subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        if not select.select([self._descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("tfgan_kit.serving", timeout)
        while (code := self.poll()) is None:  # written right after
            if end is not None and time.monotonic() > end + 5:
                raise subprocess.TimeoutExpired("tfgan_kit.serving", timeout)
            time.sleep(0.001)
        return code

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process has ended."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        """Ends it at once."""
        self.send_signal(signal.SIGKILL)


@functools.cache
def _forker() -> subprocess.Popen:
    forker = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.integration.conformance.forks"],
        cwd=pathlib.Path(__file__).parents[3], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,  # what TensorFlow says at its import
    )  # fmt: skip
    atexit.register(lambda: (forker.stdin.close(), forker.wait()))
    return forker


def start(arguments: list[str], log: pathlib.Path) -> Forked:
    """A process of the command with these arguments, which writes what it prints to `log`. Raises RuntimeError."""
    code = log.with_suffix(".code")
    code.unlink(missing_ok=True)
    print(json.dumps([str(log), *arguments]), file=_forker().stdin, flush=True)
    pid = _forker().stdout.readline()
    if not pid:
        raise RuntimeError("no server starts: python -m tests.integration.conformance.forks < /dev/null says why")
    return Forked(int(pid), code)


def _main() -> None:
    from tfgan_kit.serving import __main__ as command

    for line in sys.stdin:
        log, *arguments = json.loads(line)
        told, tell = os.pipe()
        if os.fork() == 0:
            _watch(command, pathlib.Path(log), arguments, tell)
        print(os.read(told, 20).decode(), flush=True)
        os.close(told)
        os.close(tell)


def _watch(command, log, arguments, tell) -> None:
    """In a process between the two, which writes the exit code down."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        _run(command, log, arguments)
    os.write(tell, str(pid).encode())
    _, status = os.waitpid(pid, 0)
    written = log.with_suffix(".part")
    written.write_text(f"{os.waitstatus_to_exitcode(status)}")
    written.rename(log.with_suffix(".code"))
    os._exit(0)


def _run(command, log, arguments) -> None:
    from absl import app

    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    command.define_flags()
    app.run(command.main, ["tfgan_kit.serving", *arguments])


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which then close the input
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that no ended process stays
    _main()
