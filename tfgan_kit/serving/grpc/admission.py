"""Admission of gRPC calls: which are accepted, and the status of the others."""

import logging
import math
import threading
import time

from tfgan_kit.serving.protocol.errors import RequestError, status_of

import grpc
from google.protobuf.message import DecodeError

_LOGGER = logging.getLogger(__name__)
_SILENT = 128  # calls that may wait for their message, each in a sleeping thread
_SPARE = 32  # threads for refusing further calls
_PATIENCE_SECONDS = 3.0  # after which a silent call may be replaced; under overload messages arrive a second late
_LULL_SECONDS = 0.02  # without a call: all callers have their answers
_ON_ITS_WAY_SECONDS = 0.25
_FAREWELL_SECONDS = 0.5  # the longest wait for a lull
_HEALTH = "/grpc.health.v1."
# The methods that TensorFlow Serving counts; REST requests are counted separately
_COUNTED = frozenset({"Predict", "Classify", "Regress", "MultiInference"})
_FULL = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
_CLOSED = (grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")


class Admission(grpc.ServerInterceptor):
    """Answers `threads` calls concurrently and refuses further ones immediately, as TensorFlow Serving does.

    grpcio assigns a thread to a call before its message has arrived, so a caller that sends none would block it
    indefinitely. Every method is therefore a stream for grpcio: this class waits for the one message, such calls have
    separate threads, and the oldest is cancelled when these run out. The server has `most` threads, and grpcio itself
    refuses calls beyond them.

    Args:
        threads: calls that are answered concurrently (`--grpc_max_threads`), at least 1; health checks do not count.
        monitor: `Monitor` that counts the calls.
    """

    def __init__(self, threads: int, monitor):
        self.most = threads + _SILENT + _SPARE
        self._threads, self._monitor = threads, monitor
        self._lock = threading.Lock()
        self._running = 0  # calls that are being answered
        self._here = 0  # calls whose message has arrived and whose answer is not sent
        self._silent: dict[grpc.ServicerContext, float] = {}  # the time at which each began to wait for its message
        self._came = -math.inf  # the arrival time of the last call or message
        self._closed = False

    def intercept_service(self, continuation, handler_call_details):
        """Wraps the handler of a method; grpcio calls this in its only thread. None means UNIMPLEMENTED.

        Health.Watch, the only streaming method, is UNIMPLEMENTED, which gRPC clients treat as healthy: after forty
        watchers, some of them disconnected, grpcio-health-checking 1.85 blocked `grpc.Server.stop` indefinitely.
        """
        handler, method = continuation(handler_call_details), handler_call_details.method
        if handler is None or handler.unary_unary is None:
            return None

        def answer(messages, context):
            return self._answer(handler, method, messages, context)

        return grpc.stream_unary_rpc_method_handler(answer)

    def _answer(self, handler, method: str, messages, context):
        began, request = time.monotonic(), None
        bounded, name = not method.startswith(_HEALTH), method.rpartition("/")[2]
        refusal, answer = self._arrives(context, bounded), None
        if refusal is None:
            message, refusal = self._message(messages, context, bounded)
        if refusal is None:
            try:
                request = _read(handler, message)
                answer = handler.response_serializer(handler.unary_unary(request, context))
            except NotImplementedError as error:  # a method that grpcio's servicer leaves unimplemented
                refusal = grpc.StatusCode.UNIMPLEMENTED, str(error)
            except Exception as error:
                refusal = status_of(error)
                if refusal[0] is grpc.StatusCode.INTERNAL and request is not None:
                    _LOGGER.exception("%s failed", name)
            finally:
                with self._lock:  # before the caller reads the answer and sends another request
                    self._running -= bounded
        code = grpc.StatusCode.OK if refusal is None else refusal[0]
        self._count(name, request, code, time.monotonic() - began)
        if refusal is not None:
            context.abort(*refusal)
        return answer

    def _arrives(self, context, bounded: bool) -> tuple[grpc.StatusCode, str] | None:
        """The status with which a call is refused before its message has arrived, or None."""
        oldest = None
        with self._lock:
            self._came = time.monotonic()
            refusal = self._refusal(bounded)
            if refusal is None and len(self._silent) >= _SILENT:
                oldest = self._out_of_patience()
                refusal = None if oldest else _FULL
            if refusal is None:
                self._silent[context] = self._came
        if oldest is not None:
            oldest.cancel()  # only its own thread can end it with our message
        return refusal

    def _refusal(self, bounded: bool):
        if self._closed:
            return _CLOSED
        return _FULL if bounded and self._running >= self._threads else None

    def _out_of_patience(self) -> grpc.ServicerContext | None:
        context, since = next(iter(self._silent.items()))
        if time.monotonic() - since < _PATIENCE_SECONDS:
            return None
        del self._silent[context]
        return context

    def _message(self, messages, context, bounded: bool):
        """A call's only message, and the status with which it is refused after its arrival, or None."""
        try:
            message = next(messages, None)
        finally:
            with self._lock:
                self._silent.pop(context, None)
        if message is None:
            return None, (grpc.StatusCode.UNIMPLEMENTED, "A request needs exactly one message.")
        with self._lock:
            self._came = time.monotonic()
            refusal = self._refusal(bounded)
            self._running += refusal is None and bounded
            self._here += context.add_callback(self._has_gone)
        return message, refusal

    def _has_gone(self) -> None:
        with self._lock:
            self._here -= 1

    def _count(self, name: str, request, code: grpc.StatusCode, seconds: float) -> None:
        if name in _COUNTED:
            tasks = getattr(request, "tasks", None)  # of MultiInference, all for one model
            spec = tasks[0].model_spec if tasks else getattr(request, "model_spec", None)
            self._monitor.request(spec.name if spec is not None else "", name, "GRPC", code.name, seconds)

    def close(self, timeout: float) -> bool:
        """Refuses new calls with UNAVAILABLE; True if all calls with a message end within `timeout` seconds."""
        end = time.monotonic() + timeout
        if time.monotonic() < self._came + _ON_ITS_WAY_SECONDS:
            time.sleep(min(_ON_ITS_WAY_SECONDS, timeout))  # for calls that were sent before and have not arrived
        self._closed = True
        while self._here and time.monotonic() < end:
            time.sleep(_LULL_SECONDS / 4)
        ended = not self._here
        # A call that gRPC has received but not dispatched when it stops gets CANCELLED, which clients do
        # not retry; UNAVAILABLE makes them use another server.
        end = time.monotonic() + _FAREWELL_SECONDS
        while time.monotonic() < min(end, self._came + _LULL_SECONDS):
            time.sleep(_LULL_SECONDS / 4)
        return ended


def _read(handler, message: bytes):
    try:
        return handler.request_deserializer(message)
    except DecodeError as error:  # grpcio would answer the same, and log a traceback
        raise RequestError(grpc.StatusCode.INTERNAL, "Exception deserializing request!") from error
