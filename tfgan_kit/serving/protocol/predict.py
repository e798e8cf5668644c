"""PredictRequest -> PredictResponse, with the checks and codes of TensorFlow Serving, in its order."""

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
        RequestError: with the code of TensorFlow Serving.
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
    if set(given) != takes:
        missing, unknown = (", ".join(sorted(names)) or "none" for names in (takes - set(given), set(given) - takes))
        raise invalid(f"The inputs are not those of {signature.name}: missing {missing}, unknown {unknown}.")


def _wanted(signature, output_filter) -> list[str]:
    for position, alias in enumerate(output_filter):
        if alias not in signature.outputs:
            raise invalid(f"There is no output {alias}: {signature.name} has {', '.join(signature.outputs)}.")
        if alias in output_filter[:position]:
            raise invalid(f"The output {alias} is asked for twice.")
    return list(output_filter) or signature.outputs
