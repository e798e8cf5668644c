"""What every gRPC method does alike: take a thread or refuse, turn an error into a status."""

import functools
import logging
import re
import threading

import grpc
import tensorflow as tf

_LOGGER = logging.getLogger(__name__)
_MAX_TEXT = 1024  # TensorFlow Serving cuts its error texts there
# Of "Graph execution error": its heading, the stack (indented), the node; not the reason
_STACK = re.compile(
    r"$|\s|Graph execution error|Detected at node|<stack traces|\d+ (root|successful|derived) "
)
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
    """

    def __init__(self, number: int):
        self._free = threading.BoundedSemaphore(number)

    def __enter__(self):
        if not self._free.acquire(blocking=False):
            raise RequestError(
                grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted"
            )

    def __exit__(self, *_):
        self._free.release()


def answers(method):
    """Makes a servicer's method answer with a status for whatever `method` raises.

    The servicer has its `slots`. A caller that has gone costs no more work.
    """

    @functools.wraps(method)
    def answer(self, request, context):
        if not context.is_active():
            context.abort(grpc.StatusCode.CANCELLED, "The caller has gone.")
        try:
            with self.slots:
                return method(self, request, context)
        except Exception as error:
            code, message = status_of(error)
            if code is grpc.StatusCode.INTERNAL:
                _LOGGER.exception("%s failed", method.__name__)
            context.abort(code, message)

    return answer


def status_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    """The gRPC status of an exception; INTERNAL for one that nobody foresaw."""
    if isinstance(error, RequestError):
        return error.code, _cut(str(error))
    if isinstance(error, tf.errors.OpError):  # TensorFlow's codes are gRPC's
        return _CODES[error.error_code], _cut(_reason(error.message))
    return grpc.StatusCode.INTERNAL, _cut(f"{type(error).__name__}: {error}")


def _reason(text: str) -> str:
    if "Graph execution error" not in text:
        return text
    lines = [line.strip() if re.match(r"\s+\(0\) ", line) else line for line in text.split("\n")]
    reason = "\n".join(_OP.sub("", line) for line in lines if not _STACK.match(line))
    return reason or text


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "...TRUNCATED"
