"""How much requests may occupy: bytes, decompressed, over gRPC and REST together; and turns for what is large."""

import contextlib
import threading
import zlib

from tfgan_kit.serving.protocol.errors import RequestError

import grpc

_FREE_BYTES = 2**16  # of each request, so that ordinary ones are answered whatever others hold
_STEP_BYTES = 2**20  # unpacked at once
_LOOK_SECONDS = 0.2  # between two looks whether a waiting caller is still there


class RequestMemory:
    """The bytes of all requests that arrive or are answered; more are refused with RESOURCE_EXHAUSTED.

    Args:
        most_bytes: int >= 1; the first 64 KiB of each request are not counted.
    """

    def __init__(self, most_bytes: int):
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self.held_bytes = 0

    @contextlib.contextmanager
    def request(self):
        """A context with the function that a request calls with the number of each of its bytes as they arrive."""
        own = counted = 0

        def add(size: int) -> None:
            nonlocal own, counted
            own += size
            more = max(0, own - _FREE_BYTES) - counted
            with self._lock:
                if self.held_bytes + more > self._most_bytes:
                    raise RequestError(
                        grpc.StatusCode.RESOURCE_EXHAUSTED,
                        f"The requests in work hold more than {self._most_bytes} bytes: send fewer rows, or try again "
                        "later, or raise --max_request_bytes_in_work",
                    )
                self.held_bytes += more
                counted += more

        try:
            yield add
        finally:
            with self._lock:
                self.held_bytes -= counted


class Unpacking:
    """Unpacks gzip or zlib step by step; `whole` is True after the stream's end."""

    def __init__(self):
        self._stream = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)  # either, by the header

    @property
    def whole(self) -> bool:
        """True once the end of the stream was unpacked."""
        return self._stream.eof

    def feed(self, packed: bytes):
        """Yields what these bytes unpack to, at most 1 MiB at once. Raises zlib.error."""
        while piece := self._stream.decompress(packed, _STEP_BYTES):
            yield piece
            packed = self._stream.unconsumed_tail


class Turns:
    """What may run at the same time, such as rows; others wait for their turn.

    Args:
        most: int >= 1, units that may run at the same time.
    """

    def __init__(self, most: int):
        self.most = most
        self._running = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def hold(self, units: int, is_cancelled=lambda: False):
        """A context in which so many units run, 0 to `most`. Raises RequestError: the caller has disconnected."""
        with self._changed:
            while self._running + units > self.most:
                if is_cancelled():
                    raise RequestError(grpc.StatusCode.CANCELLED, "The caller has gone.")
                self._changed.wait(_LOOK_SECONDS)
            self._running += units
        try:
            yield
        finally:
            with self._changed:
                self._running -= units
                self._changed.notify_all()
