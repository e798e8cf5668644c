"""Errors of requests, and the gRPC status of any exception."""

import re

import grpc
import tensorflow as tf

_MAX_TEXT = 1024  # TensorFlow Serving truncates its error texts at this length
# The lines of a "Graph execution error" without the reason: heading, indented stack, node
_STACK = re.compile(r"$|\s|Graph execution error|Detected at node|<stack traces|\d+ (root|successful|derived) ")
_NODE = re.compile(r"^\{\{function_node [^}]*\}\} ")
_BATCH_OP = re.compile(r"\n\t \[\[\{\{node BatchFunction\w*\}\}\]\]\s*$")  # not a node of the model
_OP = re.compile(r"\s*\[Op:\w+\].*$")
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class RequestError(Exception):
    """A request that is answered with a gRPC status and TensorFlow Serving's text.

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
        return _CODES[error.error_code], _cut(reason(error.message))
    return grpc.StatusCode.INTERNAL, _cut(f"{type(error).__name__}: {error}")


def reason(text: str) -> str:
    """A message of TensorFlow's runtime without the text that its Python API and our batch op add."""
    text = _BATCH_OP.sub("", text)
    if "Graph execution error" not in text:
        return _OP.sub("", _NODE.sub("", text))
    lines = [line.strip() if re.match(r"\s+\(0\) ", line) else line for line in text.split("\n")]
    return "\n".join(_OP.sub("", line) for line in lines if not _STACK.match(line)) or text


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "...TRUNCATED"
