"""A process that is asked over pipes, a JSON line each way; idle between its answers.

Needs the standard library only.
"""

import contextlib
import json
import subprocess
import tempfile

LAST_LINES = 10  # of what a process that has ended wrote to its standard error


class JsonProcess:
    """A process that answers every JSON line of its standard input by one on its standard output.

    Args:
        title: str, what messages call it.
        command: list of str.
        log: path, takes its standard error; None keeps that in a temporary file.
        folder: path, where it runs; None: here.

    Raises:
        FileNotFoundError: there is no such program.
        ChildProcessError: in `ask` and `answer`, where the process has ended.

    Example:
        >>> process = JsonProcess("The echo", ["cat"])
        >>> process.ask(a=1)
        {'a': 1}
        >>> process.close()
    """

    def __init__(self, title, command, log=None, folder=None):
        self._title, self._log = title, log
        self._stderr = open(log, "w+") if log else tempfile.TemporaryFile("w+")
        try:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, text=True
            )
        except OSError:
            self._stderr.close()
            raise

    def ask(self, **request):
        """The answer to a request, a dict."""
        with contextlib.suppress(BrokenPipeError):  # `answer` says who has died, and of what
            print(json.dumps(request), file=self._process.stdin, flush=True)
        return self.answer()

    def answer(self):
        """The next line, a dict."""
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            place = f", all of them in {self._log}" if self._log else ""
            raise ChildProcessError(
                f"{self._title} ended with exit code {self._process.wait()}; its last words{place}:\n"
                f"{self._last_words()}"
            )
        return json.loads(line)

    def _last_words(self):
        self._stderr.seek(0)
        return "".join(self._stderr.readlines()[-LAST_LINES:])

    def close(self):
        """Ends the process: it reads the end of its input."""
        with contextlib.suppress(BrokenPipeError):  # what a dead process was still to be told
            self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._stderr.close()
