"""Requests as anybody may write them: protocol buffers and plain HTTP, none of our client."""

import http.client
import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2, predict_pb2

NOT_FOUND = grpc.StatusCode.NOT_FOUND
INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION
_STATE = get_model_status_pb2.ModelVersionStatus.State


def specified(request, name="toy", version=None, label=None, signature=""):
    """The request with its ModelSpec filled in."""
    request.model_spec.name, request.model_spec.signature_name = name, signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    return request


def predict_request(inputs, outputs=(), **spec):
    """A PredictRequest of arrays by name."""
    request = predict_pb2.PredictRequest(output_filter=outputs)
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return specified(request, **spec)


def predict(server, inputs, timeout=10, **arguments) -> dict:
    """Predict's outputs as arrays by name."""
    answer = server.predictions.Predict(predict_request(inputs, **arguments), timeout=timeout)
    return {alias: tf.make_ndarray(tensor) for alias, tensor in answer.outputs.items()}


def refusal(call, request, timeout=10):
    """The code and text that a request is refused with."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=timeout)
    return caught.value.code(), caught.value.details()


def refused(server, inputs, timeout=10, **arguments):
    """The code and text that a Predict is refused with."""
    return refusal(server.predictions.Predict, predict_request(inputs, **arguments), timeout)


def names(text: str, words: str) -> bool:
    """True if each word stands in the text, in any case: which names and values; how it is put is the server's own."""
    return all(word.lower() in text.lower() for word in words.split())


def states(server, name="toy") -> dict[int, str]:
    """A model's version states, in the order of the answer."""
    request = specified(get_model_status_pb2.GetModelStatusRequest(), name)
    answer = server.models.GetModelStatus(request, timeout=10)
    return {one.version: _STATE.Name(one.state) for one in answer.model_version_status}


def status_of(server, name, version):
    """A version's state, its error's code as a name, and its error's text."""
    request = specified(get_model_status_pb2.GetModelStatusRequest(), name, version)
    (one,) = server.models.GetModelStatus(request, timeout=10).model_version_status
    codes = {code.value[0]: code.name for code in grpc.StatusCode}
    return _STATE.Name(one.state), codes[one.status.error_code], one.status.error_message


def scale_of(server, name="toy", **spec) -> int:
    """Which toy answers: the scale that its version was saved with."""
    return int(predict(server, {"seed": np.int64([1])}, name=name, **spec)["images"][0, 0, 0, 0])


class Reply:
    """What HTTP answered: `code`, `headers`, `body` (bytes), `text`, `json`."""

    def __init__(self, response):
        self.code, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The code, and the text of an error body."""
        assert self.headers["Content-Type"] == "application/json"
        (text,) = self.json.values()
        assert self.json == {"error": text}
        return self.code, text


def http_call(server, verb, path, body=None, headers=None, timeout=10) -> Reply:
    """One request on a connection of its own; a `body` that is no bytes goes as JSON."""
    if body is not None and not isinstance(body, bytes):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(server.rest, timeout=timeout)
    try:
        connection.request(verb, path, body=body, headers=headers or {})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def post(server, body, signature=None, name="zoo", verb="predict", **arguments) -> Reply:
    """POST .../NAME:predict; `signature` is put into the body."""
    if signature:
        body = {"signature_name": signature, **body}
    return http_call(server, "POST", f"/v1/models/{name}:{verb}", body, **arguments)
