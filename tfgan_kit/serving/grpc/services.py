"""The gRPC services that TensorFlow Serving's and gRPC's packages define, on top of `ModelMethods`."""

import ipaddress
import urllib.parse

from tfgan_kit.serving.protocol.errors import RequestError

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

# The service names of TensorFlow Serving's health check, which have no package.
_NAMES = ("", "PredictionService", "ModelService")


def add_services(server: grpc.Server, methods, options) -> None:
    """Adds PredictionService, ModelService and, if the `ServerOptions` say so, `grpc.health.v1` to a server."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_PredictionService(methods), server)
    reloads = _ModelService(methods, options.allow_network_reloads)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(reloads, server)
    if options.enable_grpc_healthcheck_service:
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
    def __init__(self, methods, allow_network_reloads: bool):
        self._methods = methods
        self._allow_network_reloads = allow_network_reloads

    def GetModelStatus(self, request, context):
        return self._methods.status(request)

    def HandleReloadConfigRequest(self, request, context):
        trusted = self._allow_network_reloads or is_local(context.peer()) or context.peer_identities()
        if not trusted:
            raise RequestError(
                grpc.StatusCode.PERMISSION_DENIED,
                "HandleReloadConfigRequest is for callers on the server's machine, or with a client certificate that "
                "--ssl_config_file asks for. Ask there, change --model_config_file, or start the server with "
                f"--allow_network_reloads. Received: a call of {context.peer()}",
            )
        return self._methods.reload_config(request)


def is_local(peer: str) -> bool:
    """True if gRPC's name of a caller, such as ipv4:127.0.0.1:5000, is a loopback address or a UNIX socket."""
    kind, _, address = peer.partition(":")
    if kind == "unix":
        return True
    host = urllib.parse.unquote(address).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def _health() -> health.HealthServicer:
    """A health service that reports SERVING while the port is open; `Admission` does not offer its Watch."""
    servicer = health.HealthServicer()
    for name in _NAMES:
        servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    return servicer
