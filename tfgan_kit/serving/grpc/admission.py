"""gRPC calls: refused at once where no thread is free, answered once their message is here."""

import logging
import math
import threading
import time
from concurrent import futures

from tfgan_kit.serving.protocol.errors import RequestError, status_of

import grpc
from google.protobuf.message import DecodeError

_LOGGER = logging.getLogger(__name__)
_SILENT = 128  # calls that may wait for their message, each in a thread that sleeps
_PATIENCE_SECONDS = 3.0  # before a silent call makes room for another; in a flood messages come a second late
_LULL_SECONDS = 0.02  # without a call: who was there has been told
_ON_ITS_WAY_SECONDS = 0.25
_FAREWELL_SECONDS = 0.5  # a lull is waited for
# What TensorFlow Serving counts; REST counts its own
_COUNTED = frozenset({"Predict", "Classify", "Regress", "MultiInference"})
_FULL = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
_CLOSED = (grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")


class GrpcCalls:
    """The calls of a gRPC server: which are let in, and what each is answered.

    TensorFlow Serving refuses the call past its thread pool at once, rather than queue it. grpcio
    gives a call a thread before its message is there, so a caller that sends none would hold one
    for ever: such calls have threads of their own, and the oldest is cancelled when they run out.

    Args:
        threads: calls that are answered at one time (`--grpc_max_threads`), at least 1.
        monitor: `Monitor` that counts the calls.
    """

    def __init__(self, threads: int, monitor):
        self.pool = futures.ThreadPoolExecutor(threads + _SILENT, thread_name_prefix="grpc")
        self._threads, self._monitor = threads, monitor
        self._lock = threading.Lock()
        self._running = 0  # they have a thread's turn
        self._here = 0  # their message has come, and their answer has not gone
        self._arrived = 0  # their message has not come
        self._silent: dict[grpc.ServicerContext, float] = {}  # since when, of those
        self._came = -math.inf  # when a call, or its message, came last
        self._closed = False

    def arrives(self, bounded: bool) -> tuple[grpc.StatusCode, str] | None:
        """Lets a call in whose message may follow, or says what it is refused with."""
        with self._lock:
            self._came = time.monotonic()
            refusal, silent = self._refusal(bounded), None
            if refusal is None and self._arrived >= _SILENT:
                silent = self._most_silent()
                refusal = None if silent else _FULL
            self._arrived += refusal is None
        if silent is not None:
            silent.cancel()  # only its own thread can end it in our words
        return refusal

    def _refusal(self, bounded: bool):
        if self._closed:
            return _CLOSED
        return _FULL if bounded and self._running >= self._threads else None

    def _most_silent(self) -> grpc.ServicerContext | None:
        context, since = next(iter(self._silent.items()), (None, math.inf))
        if time.monotonic() - since < _PATIENCE_SECONDS:
            return None
        del self._silent[context]
        return context

    def answer(self, name, request_class, method, bounded, messages, context) -> bytes:
        """Waits for a call's message, and answers it.

        Args:
            name: of the method.
            request_class: the message that it takes.
            method: (request, is_wanted) -> message. `is_wanted()` is False once the caller has
                gone, or its deadline has passed.
            bounded: whether it counts among the calls at one time.
            messages: iterator of one.
            context: gRPC's.
        """
        message, refusal = self._message(messages, context, bounded)
        began, request = time.monotonic(), None
        if refusal is None:
            try:
                request = _read(request_class, message)
                answer = method(request, context.is_active).SerializeToString()
            except Exception as error:
                refusal = status_of(error)
                if refusal[0] is grpc.StatusCode.INTERNAL and request is not None:
                    _LOGGER.exception("%s failed", name)
            self._leave(bounded)
        if refusal is not None:
            self.refuse(name, request, refusal, context, began)
        self._count(name, request, grpc.StatusCode.OK, began)
        return answer

    def _message(self, messages, context, bounded):
        with self._lock:
            self._silent[context] = time.monotonic()
        try:
            message = next(messages, None)
        finally:
            with self._lock:
                self._silent.pop(context, None)
                self._arrived -= 1
        if message is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "A request needs exactly one message.")
        with self._lock:
            self._came = time.monotonic()
            refusal = self._refusal(bounded)
            self._running += refusal is None and bounded
            self._here += context.add_callback(self._has_gone)
        return message, refusal

    def _leave(self, bounded) -> None:
        with self._lock:  # before the caller reads its answer, and asks again
            self._running -= bounded

    def _has_gone(self) -> None:
        with self._lock:
            self._here -= 1

    def refuse(self, name, request, refusal, context, began) -> None:
        """Ends a call with a status, and counts it. Raises what gRPC wants to be raised."""
        code, text = refusal
        self._count(name, request, code, began)
        context.abort(code, text)

    def _count(self, method: str, request, code: grpc.StatusCode, began: float) -> None:
        if method in _COUNTED:
            tasks = getattr(request, "tasks", None)  # of MultiInference, all of one model
            spec = tasks[0].model_spec if tasks else getattr(request, "model_spec", None)
            name = spec.name if spec is not None else ""
            self._monitor.request(name, method, "GRPC", code.name, time.monotonic() - began)

    def close(self, timeout: float) -> bool:
        """Refuses what comes from now on with UNAVAILABLE; waits for the calls that are here.

        Returns:
            Whether all of them have ended.
        """
        end = time.monotonic() + timeout
        if time.monotonic() < self._came + _ON_ITS_WAY_SECONDS:
            time.sleep(min(_ON_ITS_WAY_SECONDS, timeout))  # for calls sent before, not here yet
        self._closed = True
        while self._here and time.monotonic() < end:
            time.sleep(_LULL_SECONDS / 4)
        ended = not self._here
        # A call that gRPC has received and not handed out when it stops reads CANCELLED, which
        # nobody asks again; UNAVAILABLE sends callers elsewhere first.
        end = time.monotonic() + _FAREWELL_SECONDS
        while time.monotonic() < min(end, self._came + _LULL_SECONDS):
            time.sleep(_LULL_SECONDS / 4)
        return ended


def _read(request_class, message: bytes):
    try:
        return request_class.FromString(message)
    except DecodeError as error:
        text = "Exception deserializing request!"  # grpcio's own
        raise RequestError(grpc.StatusCode.INTERNAL, text) from error
