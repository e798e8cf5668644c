"""Answers one REST request whose body has been read, with TensorFlow Serving's codes and bodies."""

import dataclasses
import logging

from tfgan_kit.serving.protocol.errors import status_of
from tfgan_kit.serving.rest import json_answers, json_requests, routes

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

_LOGGER = logging.getLogger(__name__)
_CODE = grpc.StatusCode
_CODES_BY_HTTP = {
    200: (_CODE.OK,),
    400: (_CODE.INVALID_ARGUMENT, _CODE.FAILED_PRECONDITION, _CODE.OUT_OF_RANGE),
    401: (_CODE.UNAUTHENTICATED,),
    403: (_CODE.PERMISSION_DENIED,),
    404: (_CODE.NOT_FOUND,),
    409: (_CODE.ALREADY_EXISTS, _CODE.ABORTED),
    429: (_CODE.RESOURCE_EXHAUSTED,),
    499: (_CODE.CANCELLED,),
    500: (_CODE.UNKNOWN, _CODE.INTERNAL, _CODE.DATA_LOSS),
    501: (_CODE.UNIMPLEMENTED,),
    503: (_CODE.UNAVAILABLE,),
    504: (_CODE.DEADLINE_EXCEEDED,),
}
_HTTP = {code: http for http, codes in _CODES_BY_HTTP.items() for code in codes}


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP answer, and what the monitor counts.

    Args:
        status: the HTTP status.
        body: bytes.
        code: name of the corresponding gRPC code.
        model: the model's name, "" if the path has none.
        api: the method of the path, "" for the status of a model.
        content_type: of the body.
        closes: True if the connection is closed after it.
    """

    status: int
    body: bytes
    code: str = "OK"
    model: str = ""
    api: str = ""
    content_type: str = "application/json"
    closes: bool = False


def refused(code: grpc.StatusCode, text: str, model: str = "", api: str = "") -> Answer:
    """The error answer for a gRPC code and its text."""
    return Answer(_HTTP[code], json_answers.error_body(text), code.name, model, api)


class RestCalls:
    """Answers requests with the methods of `ModelMethods`, independent of sockets and threads.

    Args:
        methods: has `hold(model_spec)` and `run(model, request, is_cancelled)`, `classify`, `regress`, `metadata` and
            `status`, each with TensorFlow Serving's messages.
    """

    def __init__(self, methods):
        self._methods = methods
        self._by_method = {
            "predict": self._predict,
            "classify": self._classify,
            "regress": self._regress,
            "metadata": self._metadata,
            "status": self._status,
        }

    def answer(self, verb: str, path: str, body: bytes, is_cancelled=lambda: False) -> Answer:
        """Answers a request, given its raw path and its decompressed body; never raises."""
        model = api = ""
        try:
            target = routes.parse(verb, path)
            model, api = target.name, target.method.replace("status", "")
            body = self._by_method[target.method](target, body, is_cancelled)
            return Answer(200, body, "OK", model, api)
        except routes.VersionTooLargeError:
            return Answer(400, b"", "INVALID_ARGUMENT")
        except Exception as error:
            code, text = status_of(error)
            if code is _CODE.INTERNAL:
                _LOGGER.exception("%s %s failed", verb, path[:200])
            return refused(code, text, model, api)

    def _predict(self, target, body, is_cancelled) -> bytes:
        request = predict_pb2.PredictRequest()
        target.fill(request.model_spec)
        document = json_requests.parse(body, request.model_spec)
        with self._methods.hold(request.model_spec) as model:  # the next version may have other inputs
            form = json_requests.fill_inputs(request, document, model.signature_defs)
            response = self._methods.run(model, request, is_cancelled)
        return json_answers.predictions(response, form)

    def _classify(self, target, body, _) -> bytes:
        request = classification_pb2.ClassificationRequest()
        target.fill(request.model_spec)
        json_requests.fill_examples(request, body)
        return json_answers.classifications(self._methods.classify(request))

    def _regress(self, target, body, _) -> bytes:
        request = regression_pb2.RegressionRequest()
        target.fill(request.model_spec)
        json_requests.fill_examples(request, body)
        return json_answers.regressions(self._methods.regress(request))

    def _metadata(self, target, *_) -> bytes:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        target.fill(request.model_spec)
        return json_answers.metadata_body(self._methods.metadata(request))

    def _status(self, target, *_) -> bytes:
        request = get_model_status_pb2.GetModelStatusRequest()
        target.fill(request.model_spec)
        return json_answers.status_body(self._methods.status(request))
