"""Which gRPC calls are let in, and what each is answered."""

import logging
import math
import threading
import time

from tfgan_kit.serving.protocol.errors import RequestError, status_of

import grpc
from google.protobuf.message import DecodeError

_LOGGER = logging.getLogger(__name__)
_SILENT = 128  # calls that may wait for their message, each in a thread that sleeps
_SPARE = 32  # threads in which the others are refused
_PATIENCE_SECONDS = 3.0  # before a silent call makes room for another; in a flood messages come a second late
_LULL_SECONDS = 0.02  # without a call: who was there has been told
_ON_ITS_WAY_SECONDS = 0.25
_FAREWELL_SECONDS = 0.5  # a lull is waited for
_HEALTH = "/grpc.health.v1."
# What TensorFlow Serving counts; REST counts its own
_COUNTED = frozenset({"Predict", "Classify", "Regress", "MultiInference"})
_FULL = (grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
_CLOSED = (grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")


class Admission(grpc.ServerInterceptor):
    """Answers `threads` calls at one time and refuses the next at once, as TensorFlow Serving does.

    grpcio gives a call a thread before its message is there, so a caller that sends none would hold one for ever.
    Every method is therefore a stream to grpcio: the wait for the one message is ours, such calls have threads of
    their own, and the oldest is cancelled when they run out. The server has `most` threads, and grpcio itself refuses
    what comes past them.

    Args:
        threads: calls that are answered at one time (`--grpc_max_threads`), at least 1; health checks do not count.
        monitor: `Monitor` that counts the calls.
    """

    def __init__(self, threads: int, monitor):
        self.most = threads + _SILENT + _SPARE
        self._threads, self._monitor = threads, monitor
        self._lock = threading.Lock()
        self._running = 0  # they have a thread's turn
        self._here = 0  # their message has come, and their answer has not gone
        self._silent: dict[grpc.ServicerContext, float] = {}  # since when each waits for its message
        self._came = -math.inf  # when a call, or its message, came last
        self._closed = False

    def intercept_service(self, continuation, handler_call_details):
        """The handler of a method with ours around it; grpcio asks, in its only thread. None is UNIMPLEMENTED.

        So is Health.Watch, the one method that streams, which gRPC's clients take for healthy: after forty watchers
        of which some had gone, grpcio-health-checking 1.85 let `grpc.Server.stop` wait for ever.
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
            except NotImplementedError as error:  # of a method that we leave to grpcio's servicer
                refusal = grpc.StatusCode.UNIMPLEMENTED, str(error)
            except Exception as error:
                refusal = status_of(error)
                if refusal[0] is grpc.StatusCode.INTERNAL and request is not None:
                    _LOGGER.exception("%s failed", name)
            finally:
                with self._lock:  # before the caller reads its answer, and asks again
                    self._running -= bounded
        code = grpc.StatusCode.OK if refusal is None else refusal[0]
        self._count(name, request, code, time.monotonic() - began)
        if refusal is not None:
            context.abort(*refusal)
        return answer

    def _arrives(self, context, bounded: bool) -> tuple[grpc.StatusCode, str] | None:
        """What a call is refused with before its message is here."""
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
            oldest.cancel()  # only its own thread can end it in our words
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
        """A call's one message, and what it is refused with once that is here."""
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
            tasks = getattr(request, "tasks", None)  # of MultiInference, all of one model
            spec = tasks[0].model_spec if tasks else getattr(request, "model_spec", None)
            self._monitor.request(spec.name if spec is not None else "", name, "GRPC", code.name, seconds)

    def close(self, timeout: float) -> bool:
        """Refuses what comes from now on with UNAVAILABLE; True if all calls that are here have ended in time."""
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


def _read(handler, message: bytes):
    try:
        return handler.request_deserializer(message)
    except DecodeError as error:  # grpcio would say the same, and log a traceback
        raise RequestError(grpc.StatusCode.INTERNAL, "Exception deserializing request!") from error
