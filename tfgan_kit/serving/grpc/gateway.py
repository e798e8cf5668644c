"""TensorFlow Serving's gRPC surface on a port of its own."""

import time

from tfgan_kit.serving.grpc import listening
from tfgan_kit.serving.grpc.admission import GrpcCalls
from tfgan_kit.serving.grpc.services import services

import grpc

_CHANNEL = {
    "grpc.max_receive_message_length": 64 * 2**20,  # unpacked; a small gzip message may be huge
    "grpc.max_send_message_length": -1,
    # Past 1,000 calls that no thread has looked at, gRPC answers CANCELLED at random (its default).
    "grpc.server.max_pending_requests": 10_000,
    "grpc.server.max_pending_requests_hard_limit": 20_000,
    # Linux would let two servers share a port, and hide that it was taken.
    "grpc.so_reuseport": 0,
}
_GOODBYE_SECONDS = 0.1  # until calls that stayed silent are cancelled
_LOST_SECONDS = 5.0  # until a call whose end gRPC never tells is given up


class GrpcGateway:
    """Answers PredictionService, ModelService and, if asked, `grpc.health.v1`.

    Args:
        methods: `ModelMethods`.
        threads: calls answered at one time, the rest is refused.
        with_health: answers `grpc.health.v1` too.
        arguments: gRPC's channel arguments by name, in addition to ours, or in their place.
    """

    def __init__(self, methods, threads: int, with_health: bool = False, arguments=None):
        self._calls = GrpcCalls(threads, methods.monitor)
        self._server = grpc.server(self._calls.pool, options=tuple((_CHANNEL | (arguments or {})).items()))
        self._server.add_generic_rpc_handlers(services(methods, self._calls))
        if with_health:
            self._server.add_generic_rpc_handlers([services.service(self._calls)])

    def start(self, host: str, port: int, ssl_config_file=None, socket_path=None) -> int:
        """Opens the port, with TLS if there is a file for it, and the UNIX socket; gives the port.

        Raises:
            StartError: one of them cannot be opened.
        """
        credentials = listening.credentials(ssl_config_file) if ssl_config_file else None
        port = listening.open_port(self._server, host, port, credentials)
        if socket_path:
            listening.open_socket(self._server, socket_path)
        self._server.start()
        return port

    def stop(self, grace: float = 30.0) -> bool:
        """Refuses new calls, lets those whose message is here finish for up to `grace` seconds.

        Returns:
            Whether all of them have ended.
        """
        end = time.monotonic() + grace
        ended = self._calls.close(grace)
        stopped = self._server.stop(max(0.0, min(_GOODBYE_SECONDS, end - time.monotonic())))
        return stopped.wait(_LOST_SECONDS) and ended
