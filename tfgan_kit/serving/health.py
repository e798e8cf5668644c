"""`grpc.health.v1`, as load balancers and Kubernetes probes ask for it."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

# The names that TensorFlow Serving's health check knows, without their package.
_NAMES = ("", "PredictionService", "ModelService")


class HealthService(health_pb2_grpc.HealthServicer):
    """SERVING, as there, from the moment that the port is open until it closes.

    Watch stays UNIMPLEMENTED, which gRPC's clients take for healthy: grpcio-health-checking's own
    (1.85) waited for ever in `stop` for watchers that had gone.

    Reference: grpc/grpc `doc/health-checking.md`.
    """

    def Check(self, request, context):  # noqa: N802 (the protocol's name)
        """Whether the server answers calls of that service."""
        if request.service not in _NAMES:
            context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"unknown service {request.service!r}; it is one of {', '.join(map(repr, _NAMES))}",
            )
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
