"""Admission of gRPC calls: which are accepted, and the status of the others."""

import logging
import math
import threading
import time
import zlib

from tfgan_kit.serving.protocol.errors import RequestError, status_of
from tfgan_kit.serving.protocol.memory import RequestMemory, Turns, Unpacking

import grpc
from google.protobuf.message import DecodeError

_LOGGER = logging.getLogger(__name__)
_LARGE_BYTES = 2**20  # of a message; a byte may take 25 in memory once it is read
_SILENT = 16  # calls that may wait for their message, of which gRPC holds as much as has arrived
_SPARE = 160  # threads for calls that wait for one of these places, and for refusing further calls
_RELOADS = 4  # calls of HandleReloadConfigRequest, of which one runs and the others wait
_PATIENCE_SECONDS = 3.0  # after which a silent call may be replaced; under overload messages arrive a second late
_LULL_SECONDS = 0.02  # without a call: all callers have their answers
_ON_ITS_WAY_SECONDS = 0.25
_FAREWELL_SECONDS = 0.5  # the longest wait for a lull
_HEALTH, _RELOAD = "/grpc.health.v1.", "HandleReloadConfigRequest"
# The methods that TensorFlow Serving counts; REST requests are counted separately
_COUNTED = frozenset({"Predict", "Classify", "Regress", "MultiInference"})
# How gzip and zlib begin. As a message, the first is invalid and the others are of field 15, which no request has
_PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


class Admission(grpc.ServerInterceptor):
    """Answers `threads` calls concurrently and refuses further ones immediately, as TensorFlow Serving does.

    grpcio assigns a thread to a call before its message has arrived, so a caller that sends none would block it
    indefinitely. Every method is therefore a stream for grpcio: this class waits for the one message, such calls have
    separate threads, and the oldest is cancelled when these run out. It also unpacks compressed messages itself, since
    gRPC would unpack a thousand at once, each to a thousand times its size. The server has `most` threads, and grpcio
    itself refuses calls beyond them.

    Args:
        threads: calls that are answered concurrently (`--grpc_max_threads`), at least 1; health checks and reloads, of
            which there are at most four, do not count.
        monitor: `Monitor` that counts the calls.
        memory: `RequestMemory` of the messages.
        most_bytes: of a message, decompressed.
    """

    def __init__(self, threads: int, monitor, memory: RequestMemory, most_bytes: float):
        self.most = threads + _RELOADS + _SILENT + _SPARE
        self._monitor, self._memory, self._most_bytes = monitor, memory, most_bytes
        self._calls, self._reloads, self._health = _Lane(threads), _Lane(_RELOADS), _Lane(math.inf)
        self._large = Turns(1)
        self._lock = threading.Condition()
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

    def _lane(self, method: str) -> "_Lane":
        if method.startswith(_HEALTH):
            return self._health
        return self._reloads if method.endswith(f"/{_RELOAD}") else self._calls

    def _answer(self, handler, method: str, messages, context):
        began, model, answer, refusal = time.monotonic(), "", None, None
        lane, name = self._lane(method), method.rpartition("/")[2]
        try:
            self._arrives(context, lane)
            with self._memory.request() as add:
                message = self._message(messages, context, lane, add)
                try:
                    message = self._unpacked(message, add)
                    with self._large.hold(len(message) > _LARGE_BYTES, lambda: not context.is_active()):
                        request = _read(handler, message)
                        model = _model_of(request)
                        answer = handler.response_serializer(handler.unary_unary(request, context))
                        del request, message
                finally:
                    with self._lock:  # before the caller reads the answer and sends another request
                        lane.running -= 1
        except grpc.RpcError:  # the call ended before its message had arrived
            raise
        except NotImplementedError as error:  # a method that grpcio's servicer leaves unimplemented
            refusal = grpc.StatusCode.UNIMPLEMENTED, str(error)
        except Exception as error:
            refusal = status_of(error)
            if refusal[0] is grpc.StatusCode.INTERNAL and not isinstance(error, RequestError):
                _LOGGER.exception("%s failed", name)
        code = grpc.StatusCode.OK if refusal is None else refusal[0]
        if name in _COUNTED:
            self._monitor.request(model, name, "GRPC", code.name, time.monotonic() - began)
        if refusal is not None:
            context.abort(*refusal)
        return answer

    def _arrives(self, context, lane) -> None:
        """Waits for a place among the silent calls. Raises RequestError."""
        with self._lock:
            self._came = time.monotonic()
            self._check(lane)
            if len(self._silent) >= _SILENT:
                patience = next(iter(self._silent.values())) + _PATIENCE_SECONDS - self._came
                self._lock.wait_for(lambda: len(self._silent) < _SILENT, patience)
            oldest = self._out_of_patience() if len(self._silent) >= _SILENT else None
            self._silent[context] = time.monotonic()
        if oldest is not None:
            oldest.cancel()  # only its own thread can end it with our message

    def _check(self, lane) -> None:
        if self._closed:
            raise RequestError(grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")
        if lane.running >= lane.most:
            raise _full()

    def _out_of_patience(self) -> grpc.ServicerContext:
        context, since = next(iter(self._silent.items()))
        if time.monotonic() - since < _PATIENCE_SECONDS:
            raise _full()
        del self._silent[context]
        return context

    def _message(self, messages, context, lane, add) -> bytes:
        """A call's only message, after which it counts as running. Raises RequestError."""
        try:
            message = next(messages, None)
        finally:
            with self._lock:
                self._silent.pop(context, None)
                self._lock.notify()
        if message is None:
            raise RequestError(grpc.StatusCode.UNIMPLEMENTED, "A request needs exactly one message.")
        with self._lock:
            self._came = time.monotonic()
            self._here += context.add_callback(self._has_gone)
            self._check(lane)
            add(len(message))
            lane.running += 1
        return message

    def _unpacked(self, message: bytes, add) -> bytes:
        """The message, decompressed if it is a whole stream of gzip or zlib. Raises RequestError."""
        if not message.startswith(_PACKED):
            return message
        content, unpacking = bytearray(), Unpacking()
        try:
            for piece in unpacking.feed(message):
                add(len(piece))
                content += piece
                if len(content) > self._most_bytes:
                    text = f"Received message larger than max ({len(content)} vs. {self._most_bytes})"
                    raise RequestError(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        except zlib.error:
            return message
        return bytes(content) if unpacking.whole else message

    def _has_gone(self) -> None:
        with self._lock:
            self._here -= 1

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


class _Lane:
    def __init__(self, most: float):
        self.most = most
        self.running = 0  # calls that are being answered


def _model_of(request) -> str:
    tasks = getattr(request, "tasks", None)  # of MultiInference, all for one model
    spec = tasks[0].model_spec if tasks else getattr(request, "model_spec", None)
    return spec.name if spec is not None else ""


def _full() -> RequestError:
    return RequestError(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")


def _read(handler, message: bytes):
    try:
        return handler.request_deserializer(message)
    except DecodeError as error:  # grpcio would answer the same, and log a traceback
        raise RequestError(grpc.StatusCode.INTERNAL, "Exception deserializing request!") from error
