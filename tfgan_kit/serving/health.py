"""`grpc.health.v1`, as load balancers and Kubernetes probes ask for it."""

from tfgan_kit.serving.calls import RequestError
from tfgan_kit.serving.services import Service

import grpc
from grpc_health.v1 import health_pb2

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
    return Service(
        "grpc.health.v1.Health", {"Check": (health_pb2.HealthCheckRequest, _check)}, calls, bounded=False
    )


def _check(request, is_wanted) -> health_pb2.HealthCheckResponse:
    if request.service not in _NAMES:
        raise RequestError(
            grpc.StatusCode.NOT_FOUND,
            f"unknown service {request.service!r}; it is one of {', '.join(map(repr, _NAMES))}",
        )
    return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
