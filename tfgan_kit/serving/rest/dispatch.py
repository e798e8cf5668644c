"""Answers one REST request whose body has been read, with TensorFlow Serving's codes and bodies."""

import dataclasses
import functools
import logging

from tfgan_kit.serving.protocol.errors import status_of
from tfgan_kit.serving.rest import json_answers, json_requests
from tfgan_kit.serving.rest.routes import Target

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
_REQUESTS = {
    "predict": predict_pb2.PredictRequest,
    "classify": classification_pb2.ClassificationRequest,
    "regress": regression_pb2.RegressionRequest,
    "metadata": functools.partial(get_model_metadata_pb2.GetModelMetadataRequest, metadata_field=["signature_def"]),
    "status": get_model_status_pb2.GetModelStatusRequest,
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP answer, and the name of the gRPC code under which it is counted."""

    status: int
    body: bytes
    code: str = "OK"
    content_type: str = "application/json"


def refused(error: Exception) -> Answer:
    """The answer for an exception; one without a text has an empty body."""
    code, text = status_of(error)
    if code is _CODE.INTERNAL:
        _LOGGER.error("A REST request failed", exc_info=error)
    body = json_answers.error_body(text) if text else b""
    return Answer(getattr(error, "http_status", _HTTP[code]), body, code.name)


class RestCalls:
    """Answers requests with the methods of `ModelMethods`, independent of sockets and threads.

    Args:
        methods: has `hold(model_spec)` and `run(model, request, is_cancelled)`, `classify`, `regress`, `metadata` and
            `status`, each with TensorFlow Serving's messages.
        most_values: int, the most values and keys of a JSON body.
    """

    def __init__(self, methods, most_values: int):
        self._methods, self._most_values = methods, most_values

    def answer(self, target: Target, body: bytes, is_cancelled=lambda: False) -> Answer:
        """Answers a request, given its decompressed body; never raises."""
        try:
            request = target.filled(_REQUESTS[target.method]())
            return Answer(200, getattr(self, f"_{target.method}")(request, body, is_cancelled))
        except Exception as error:
            return refused(error)

    def _document(self, body, request) -> dict:
        return json_requests.parse(body, request.model_spec, self._most_values)

    def _predict(self, request, body, is_cancelled) -> bytes:
        document = self._document(body, request)
        with self._methods.hold(request.model_spec) as model:  # the next version may have other inputs
            form = json_requests.fill_inputs(request, document, model.signature_defs)
            response = self._methods.run(model, request, is_cancelled)
        return json_answers.predictions(response, form)

    def _classify(self, request, body, _) -> bytes:
        json_requests.fill_examples(request, self._document(body, request))
        return json_answers.classifications(self._methods.classify(request))

    def _regress(self, request, body, _) -> bytes:
        json_requests.fill_examples(request, self._document(body, request))
        return json_answers.regressions(self._methods.regress(request))

    def _metadata(self, request, *_) -> bytes:
        return json_answers.metadata_body(self._methods.metadata(request))

    def _status(self, request, *_) -> bytes:
        return json_answers.status_body(self._methods.status(request))
