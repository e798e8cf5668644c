"""The gRPC services that TensorFlow Serving's and gRPC's packages define, on top of `ModelMethods`."""

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

# The service names of TensorFlow Serving's health check, which have no package.
_NAMES = ("", "PredictionService", "ModelService")


def add_services(server: grpc.Server, methods, with_health: bool) -> None:
    """Adds PredictionService, ModelService and, with `with_health`, `grpc.health.v1` to a server."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_PredictionService(methods), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(methods), server)
    if with_health:
        health_pb2_grpc.add_HealthServicer_to_server(_health(), server)


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, methods):
        self._methods = methods

    def Predict(self, request, context):
        return self._methods.predict(request, lambda: not context.is_active())

    def Classify(self, request, context):
        return self._methods.classify(request)

    def Regress(self, request, context):
        return self._methods.regress(request)

    def MultiInference(self, request, context):
        return self._methods.multi_inference(request)

    def GetModelMetadata(self, request, context):
        return self._methods.metadata(request)


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, methods):
        self._methods = methods

    def GetModelStatus(self, request, context):
        return self._methods.status(request)

    def HandleReloadConfigRequest(self, request, context):
        return self._methods.reload_config(request)


def _health() -> health.HealthServicer:
    """A health service that reports SERVING while the port is open; `Admission` does not offer its Watch."""
    servicer = health.HealthServicer()
    for name in _NAMES:
        servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    return servicer
