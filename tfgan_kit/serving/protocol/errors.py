"""Errors of requests, and the gRPC status of any exception."""

import grpc
import tensorflow as tf

_MAX_TEXT = 1024  # TensorFlow Serving truncates its error texts at this length
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that is answered with a gRPC status and a text.

    Args:
        code: `grpc.StatusCode`.
        message: the text for the caller.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


def invalid(text: str) -> RequestError:
    """INVALID_ARGUMENT with this text."""
    return RequestError(grpc.StatusCode.INVALID_ARGUMENT, text)


class StartError(RuntimeError):
    """The server cannot start; the text says why and what to do."""


def status_of(error: Exception) -> tuple[grpc.StatusCode, str]:
    """The gRPC status of an exception; INTERNAL for an unexpected one."""
    if isinstance(error, RequestError):
        return error.code, _cut(str(error))
    if isinstance(error, tf.errors.OpError):  # TensorFlow's codes are gRPC's
        return _CODES[error.error_code], _cut(error.message)
    return grpc.StatusCode.INTERNAL, _cut(f"{type(error).__name__}: {error}")


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "...TRUNCATED"
