"""Something that a server does every so often, in a thread of its own, until it stops."""

import logging
import threading

_LOGGER = logging.getLogger(__name__)


class Periodic:
    """Calls `action` every `seconds`; what it raises is one log line, until it changes.

    Args:
        seconds: between the end of a call and the next; 0: never.
        action: a function of nothing.
    """

    def __init__(self, seconds: float, action):
        self._seconds = seconds
        self._action = action
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=action.__name__, daemon=True)

    def start(self) -> None:
        """Begins, with a wait."""
        if self._seconds > 0:
            self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ends it; waits for the call that runs, for up to `timeout` seconds. Whether it ended."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        last = None
        while not self._stopping.wait(self._seconds):
            trouble = None
            try:
                self._action()
            except Exception as error:  # whatever it is, the server goes on with what it has
                trouble = f"{error}" or repr(error)
            if trouble and trouble != last:
                _LOGGER.error("%s; what is served stays", trouble)
            last = trouble
