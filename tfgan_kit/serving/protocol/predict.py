"""PredictRequest -> PredictResponse, with the checks and messages of TensorFlow Serving, in its order."""

import time

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError, invalid

import grpc
from tensorflow_serving.apis import predict_pb2


def predict(
    model, request, as_content: bool, is_cancelled=lambda: False, ran=lambda seconds: None
) -> predict_pb2.PredictResponse:
    """Runs a request on a loaded version.

    Args:
        model: `SavedModel`.
        request: `PredictRequest`.
        as_content: outputs as `tensor_content`; otherwise as typed fields (`int_val` ...).
        is_cancelled: callable, True once the caller has disconnected; then nothing more is run or written.
        ran: callable, receives the seconds that the graph ran.

    Raises:
        RequestError: with the status and text of TensorFlow Serving.
    """
    signature = model.signature(request.model_spec.signature_name)
    _check_inputs(signature, request.inputs)
    wanted = _wanted(signature, request.output_filter)
    _check_not_cancelled(is_cancelled)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.version.value = model.version
    response.model_spec.signature_name = signature.name
    began = time.monotonic()
    with signature.running(request.inputs, wanted, is_cancelled) as outputs:
        ran(time.monotonic() - began)
        _check_not_cancelled(is_cancelled)
        for alias in wanted:
            tensors.encode(outputs[alias], response.outputs[alias], as_content)
    return response


def _check_not_cancelled(is_cancelled) -> None:
    if is_cancelled():
        raise RequestError(grpc.StatusCode.CANCELLED, "The caller has gone.")


def _check_inputs(signature, given) -> None:
    takes = set(signature.inputs)
    extra, missing = set(given) - takes, takes - set(given)
    if len(given) != len(takes):
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(takes)} "
            f"len({_set(given)}) != len({_set(takes)}). Sent extra: {_set(extra)}. "
            f"Missing but required: {_set(missing)}."
        )
    if missing:
        alias = min(missing)
        raise invalid(
            f"Signature input alias: {alias}(feed name: {signature.inputs[alias].feed_name}) not "
            "found in request and no default value provided. Inputs expected to be in the "
            f"request {_set(given)}, or default input alias set: "
        )


def _wanted(signature, output_filter) -> list[str]:
    for position, alias in enumerate(output_filter):
        if alias not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {_set(signature.outputs)}."
            )
        if alias in output_filter[:position]:
            raise invalid(f"duplicate output tensor alias: {alias}")
    return list(output_filter) or signature.outputs


def _set(names) -> str:
    return "{" + ",".join(sorted(names)) + "}"
