"""What a server's refusal means to the person who asked."""

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
        "{target} did not answer within {timeout} s. Give it more time (timeout), or ask for "
        "fewer images a call (batch_size)"
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        "{target} is too busy. Try again later, or start it with more --grpc_max_threads"
    ),
    grpc.StatusCode.UNIMPLEMENTED: "{target} does not speak TensorFlow Serving's protocol",
    grpc.StatusCode.INVALID_ARGUMENT: "{target} does not take the request for model {model!r}",
    grpc.StatusCode.FAILED_PRECONDITION: "{target} cannot run the request on model {model!r}",
}


class ServingError(RuntimeError):
    """The server did not answer, or refused.

    Args:
        code: `grpc.StatusCode`.
        message: what happened and how to go on.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


def in_plain_words(error: grpc.RpcError, target: str, model: str, timeout: float) -> ServingError:
    """The ServingError of a failed call: our words first, then the server's own."""
    code = error.code()
    hint = _HINTS.get(code, "{target} failed to answer for model {model!r}").format(
        target=target, model=model, timeout=timeout, port=target.rpartition(":")[2]
    )
    return ServingError(code, f"{hint} ({code.name}: {error.details()})")
