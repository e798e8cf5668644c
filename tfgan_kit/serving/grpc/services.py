"""The gRPC services: each method of the protocol handed on to `ModelMethods`."""

import functools
import time
from concurrent import futures

from tfgan_kit.serving.protocol.errors import RequestError

import grpc
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)


class Service(grpc.GenericRpcHandler):
    """A service of the protocol, for `add_generic_rpc_handlers`; what it has not is UNIMPLEMENTED.

    To grpcio its methods take a stream: so the wait for the one message is ours, see `GrpcCalls`.

    Args:
        name: with its package.
        methods: dict name -> (message class, (request, is_wanted) -> message).
        calls: `GrpcCalls`.
        bounded: whether its calls count among the calls at one time.
    """

    def __init__(self, name: str, methods: dict, calls, bounded: bool = True):
        self._paths = {f"/{name}/{method}": method for method in methods}
        self._calls, self._bounded = calls, bounded
        self._handlers = {
            method: grpc.stream_unary_rpc_method_handler(
                functools.partial(calls.answer, method, *methods[method], bounded)
            )
            for method in methods
        }

    def service(self, handler_call_details):
        """What answers a call that arrives; gRPC asks, in its only thread."""
        method = self._paths.get(handler_call_details.method)
        if method is None:
            return None
        refusal = self._calls.arrives(self._bounded)
        return self._handlers[method] if refusal is None else self._refusing(method, refusal)

    def _refusing(self, method: str, refusal) -> grpc.RpcMethodHandler:
        began = time.monotonic()

        def refuse(_, context):
            self._calls.refuse(method, None, refusal, context, began)

        refuse.experimental_thread_pool = _AtOnce(1)  # grpcio's name
        return grpc.stream_unary_rpc_method_handler(refuse)


class _AtOnce(futures.ThreadPoolExecutor):
    # A refusal needs no thread: in a flood it would wait for one behind the calls that run

    def submit(self, work, *args):
        future = futures.Future()
        future.set_result(work(*args))
        return future


def services(methods, calls) -> list[Service]:
    """PredictionService and ModelService.

    Args:
        methods: `ModelMethods`.
        calls: `GrpcCalls`.
    """
    prediction = {
        "Predict": (predict_pb2.PredictRequest, methods.predict),
        "Classify": (classification_pb2.ClassificationRequest, _run(methods.classify)),
        "Regress": (regression_pb2.RegressionRequest, _run(methods.regress)),
        "MultiInference": (inference_pb2.MultiInferenceRequest, _run(methods.multi_inference)),
        "GetModelMetadata": (get_model_metadata_pb2.GetModelMetadataRequest, _run(methods.metadata)),
    }
    model = {
        "GetModelStatus": (get_model_status_pb2.GetModelStatusRequest, _run(methods.status)),
        "HandleReloadConfigRequest": (
            model_management_pb2.ReloadConfigRequest, _run(methods.reload_config)
        ),
    }  # fmt: skip
    return [
        Service("tensorflow.serving.PredictionService", prediction, calls),
        Service("tensorflow.serving.ModelService", model, calls),
    ]


def _run(method):
    return lambda request, is_wanted: method(request)


# The names that TensorFlow Serving's health check knows, without their package.
_NAMES = ("", "PredictionService", "ModelService")


def service(calls) -> Service:
    """SERVING, as there, from the moment that the port is open until it closes.

    It answers though every thread is taken. Watch is UNIMPLEMENTED, which gRPC's clients take for
    healthy: grpcio-health-checking's own (1.85) waited for ever in `stop` for watchers that had
    gone.

    Args:
        calls: `GrpcCalls`.

    Reference: grpc/grpc `doc/health-checking.md`.
    """
    return Service("grpc.health.v1.Health", {"Check": (health_pb2.HealthCheckRequest, _check)}, calls, bounded=False)


def _check(request, is_wanted) -> health_pb2.HealthCheckResponse:
    if request.service not in _NAMES:
        raise RequestError(
            grpc.StatusCode.NOT_FOUND,
            f"unknown service {request.service!r}; it is one of {', '.join(map(repr, _NAMES))}",
        )
    return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
