"""gRPC's errors in plain words, with advice."""

import grpc

_HINTS = {
    grpc.StatusCode.UNAVAILABLE: (
        "no server answers at {target}. Is it running? Start one with: python -m tfgan_kit.serving "
        "--model_name {model} --model_base_path /path/to/{model} --port {port}"
    ),
    grpc.StatusCode.NOT_FOUND: (
        "the server at {target} has no model {model!r}. Give the name it was started with "
        "(--model_name), or wait until it has loaded"
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        "{target} did not answer within {timeout} s, retries included. Give it more time "
        "(timeout), or ask for fewer images per call (batch_size)"
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        "{target} is too busy, after several tries. Try again later, ask from fewer callers, or "
        "start it with more --grpc_max_threads"
    ),
    grpc.StatusCode.UNIMPLEMENTED: "{target} does not speak TensorFlow Serving's protocol",
    grpc.StatusCode.INVALID_ARGUMENT: "{target} does not accept the request for model {model!r}",
    grpc.StatusCode.FAILED_PRECONDITION: "{target} cannot run the request on model {model!r}",
    grpc.StatusCode.UNAUTHENTICATED: (
        "{target} does not know this client. Give the key and the certificate that it requires (tls)"
    ),
    grpc.StatusCode.PERMISSION_DENIED: "{target} does not let this client use model {model!r}",
    grpc.StatusCode.CANCELLED: "the call was cancelled: this client was closed, or {target} stopped",
    grpc.StatusCode.INTERNAL: (
        "{target} failed on model {model!r}. Its log says more; python -m tfgan_kit.export --check "
        "re-verifies a version"
    ),
}


_HANDSHAKE = (  # UNAVAILABLE in gRPC, told apart by their details
    (
        ("CERTIFICATE_VERIFY_FAILED", "UNABLE_TO_GET_ISSUER", "Verification Check failed"),
        "the certificate of {target} is not valid: it is not signed by the authority that was given "
        "(root_certificates), or has another name (server_name)",
    ),
    (
        ("WRONG_VERSION_NUMBER",),
        "{target} does not speak TLS: leave tls out, or start the server with --ssl_config_file",
    ),
    (
        ("CERTIFICATE_REQUIRED", "alert", "SSL", "handshake", "Socket closed", "recvmsg"),
        "{target} closed the connection. If it speaks TLS, give its authority (root_certificates); "
        "if it requires a client certificate, give key and certificate, too",
    ),
)


_OF_TWO_ADDRESSES = (  # gRPC reports only the last address's error
    ". If one runs, it may speak TLS where this client does not, or the other way round: at 127.0.0.1 gRPC can tell"
)


class ServingError(RuntimeError):
    """The server did not answer, or refused the request.

    Args:
        code: `grpc.StatusCode`.
        message: what happened, and what to do.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


def in_plain_words(error: grpc.RpcError, target: str, model: str, timeout: float) -> ServingError:
    """The ServingError of a failed call: our explanation first, then the server's message."""
    code = error.code()
    hint = _hint(code, error.details() or "").format(
        target=target, model=model, timeout=timeout, port=target.rpartition(":")[2]
    )
    return ServingError(code, f"{hint} ({code.name}: {error.details()})")


def _hint(code, details):
    if code is grpc.StatusCode.UNAVAILABLE:
        if "onnection refused" in details:
            return _HINTS[code] + (_OF_TWO_ADDRESSES if "::1" in details else "")
        for signs, hint in _HANDSHAKE:
            if any(sign in details for sign in signs):
                return hint
    return _HINTS.get(code, "{target} failed to answer for model {model!r}")
