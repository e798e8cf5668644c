"""What every gRPC method does alike: take a thread or refuse, turn an error into a status."""

import functools
import logging
import math
import re
import threading
import time

import grpc
import tensorflow as tf

_LOGGER = logging.getLogger(__name__)
_LULL_SECONDS = 0.02  # without a call: who was there has been told
_ON_ITS_WAY_SECONDS = 0.25
_FAREWELL_SECONDS = 0.5  # a lull is waited for
_MAX_TEXT = 1024  # TensorFlow Serving cuts its error texts there
# Of "Graph execution error": its heading, the stack (indented), the node; not the reason
_STACK = re.compile(
    r"$|\s|Graph execution error|Detected at node|<stack traces|\d+ (root|successful|derived) "
)
# What TensorFlow Serving counts; REST counts its own
_COUNTED = frozenset({"Predict", "Classify", "Regress", "MultiInference"})
_NODE = re.compile(r"^\{\{function_node [^}]*\}\} ")
_OP = re.compile(r"\s*\[Op:\w+\].*$")
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that is answered with a gRPC status; the text is TensorFlow Serving's own.

    Args:
        code: `grpc.StatusCode`.
        message: what the caller reads.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


class StartError(RuntimeError):
    """The server cannot start; the text says why and how to go on."""


class Slots:
    """The calls that may be answered at one time (`--grpc_max_threads`).

    TensorFlow Serving refuses the call past its thread pool at once, rather than queue it.

    Args:
        number: how many, at least 1.
    """

    def __init__(self, number: int):
        self.number = number
        self._free = threading.BoundedSemaphore(number)
        self._closed = threading.Event()
        self._came = -math.inf  # when the last call came

    def __enter__(self):
        self._came = time.monotonic()
        if self._closed.is_set():
            raise RequestError(grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")
        if not self._free.acquire(blocking=False):
            raise RequestError(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted"
            )

    def __exit__(self, *_):
        self._free.release()

    def close(self, timeout: float) -> None:
        """Refuses what comes from now on with UNAVAILABLE; waits for the running calls."""
        end = time.monotonic() + timeout
        if time.monotonic() < self._came + _ON_ITS_WAY_SECONDS:
            time.sleep(min(_ON_ITS_WAY_SECONDS, timeout))  # for calls sent before, not here yet
        self._closed.set()
        ended = sum(
            self._free.acquire(timeout=max(0.0, end - time.monotonic()))
            for _ in range(self.number)
        )
        for _ in range(ended):
            self._free.release()
        self._wait_for_a_lull()

    def _wait_for_a_lull(self) -> None:
        # A call that grpc has received and not handed out when it stops reads CANCELLED, which
        # nobody asks again; UNAVAILABLE sends callers elsewhere first.
        end = time.monotonic() + _FAREWELL_SECONDS
        while time.monotonic() < min(end, self._came + _LULL_SECONDS):
            time.sleep(_LULL_SECONDS / 4)


def answers(method):
    """Makes a servicer's method answer with a status for whatever `method` raises.

    The servicer has its `slots` and a `monitor`. A caller that has gone costs no more work.
    """

    @functools.wraps(method)
    def answer(self, request, context):
        began = time.monotonic()
        if not context.is_active():
            context.abort(grpc.StatusCode.CANCELLED, "The caller has gone.")
        try:
            with self.slots:
                response = method(self, request, context)
        except Exception as error:
            code, message = status_of(error)
            if code is grpc.StatusCode.INTERNAL:
                _LOGGER.exception("%s failed", method.__name__)
            _count(self.monitor, request, method.__name__, code, began)
            context.abort(code, message)
        _count(self.monitor, request, method.__name__, grpc.StatusCode.OK, began)
        return response

    return answer


def _count(monitor, request, method: str, code: grpc.StatusCode, began: float) -> None:
    if method in _COUNTED:
        tasks = getattr(request, "tasks", None)  # of MultiInference, all of one model
        spec = tasks[0].model_spec if tasks else getattr(request, "model_spec", None)
        name = spec.name if spec is not None else ""
        monitor.request(name, method, "GRPC", code.name, time.monotonic() - began)


def status_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    """The gRPC status of an exception; INTERNAL for one that nobody foresaw."""
    if isinstance(error, RequestError):
        return error.code, _cut(str(error))
    if isinstance(error, tf.errors.OpError):  # TensorFlow's codes are gRPC's
        return _CODES[error.error_code], _cut(reason(error.message))
    return grpc.StatusCode.INTERNAL, _cut(f"{type(error).__name__}: {error}")


def reason(text: str) -> str:
    """A message of TensorFlow's runtime without the words that its Python interface adds."""
    if "Graph execution error" not in text:
        return _OP.sub("", _NODE.sub("", text))
    lines = [line.strip() if re.match(r"\s+\(0\) ", line) else line for line in text.split("\n")]
    return "\n".join(_OP.sub("", line) for line in lines if not _STACK.match(line)) or text


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "...TRUNCATED"
