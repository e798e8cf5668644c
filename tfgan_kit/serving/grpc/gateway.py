"""TensorFlow Serving's gRPC API on a port, in plain text or TLS, and on a UNIX socket."""

import math
import time
from concurrent import futures

from tfgan_kit.serving.config_files import read_ssl_config
from tfgan_kit.serving.grpc.admission import Admission
from tfgan_kit.serving.grpc.services import add_services
from tfgan_kit.serving.protocol.errors import StartError

import grpc

_MOST_BYTES = "grpc.max_receive_message_length"
_CHANNEL = {
    "grpc.per_message_decompression": 0,  # `Admission` unpacks
    "grpc.max_send_message_length": -1,
    # Beyond 1,000 pending calls, its default, gRPC answers CANCELLED at random.
    "grpc.server.max_pending_requests": 10_000,
    "grpc.server.max_pending_requests_hard_limit": 20_000,
    # Otherwise Linux lets two servers share a port, and an occupied one is not noticed.
    "grpc.so_reuseport": 0,
}
_GOODBYE_SECONDS = 0.1  # until calls without a message are cancelled
_LOST_SECONDS = 5.0  # until a call whose end gRPC does not report is abandoned


class GrpcGateway:
    """Answers PredictionService, ModelService and, if enabled, `grpc.health.v1`.

    Args:
        methods: `ModelMethods`.
        options: `ServerOptions`.
        memory: `RequestMemory`, which REST may share.
    """

    def __init__(self, methods, options, memory):
        self._options = options
        arguments = {**_CHANNEL, _MOST_BYTES: options.grpc_max_message_bytes, **options.channel_arguments()}
        most_bytes = math.inf if arguments[_MOST_BYTES] == -1 else arguments[_MOST_BYTES]
        self._admission = Admission(options.grpc_threads(), methods.monitor, memory, most_bytes)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(self._admission.most, thread_name_prefix="grpc"),
            interceptors=[self._admission],
            options=tuple(arguments.items()),
            maximum_concurrent_rpcs=self._admission.most,
        )
        add_services(self._server, methods, options)

    def start(self) -> int:
        """Opens the port, with TLS if `ssl_config_file` is set, and the UNIX socket; returns the port.

        Raises:
            StartError: one of them cannot be opened.
            ValueError: the SSLConfig cannot be read.
        """
        port = self._open_port()
        if self._options.grpc_socket_path:
            self._open_socket()
        self._server.start()
        return port

    def _open_port(self) -> int:
        address, file = address_of(self._options.host, self._options.port), self._options.ssl_config_file
        # gRPC reports a bad certificate and an occupied port in the same way
        tls = f", or {file} holds no valid key and certificate, PEM as text in quotes with \\n at a line's end"
        try:
            if not file:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, _credentials(read_ssl_config(file)))
        except RuntimeError as error:
            raise StartError(
                f"cannot listen on {address}: the port is in use, or the address is not this machine's"
                f"{tls if file else ''}. Stop the other server, or choose another --port"
            ) from error

    def _open_socket(self) -> None:
        path = self._options.grpc_socket_path
        try:
            self._server.add_insecure_port(f"unix:{path}")
        except RuntimeError as error:
            raise StartError(
                f"cannot listen on the UNIX socket {path}: its folder must exist, and its path "
                "be short (about 100 characters). Choose another --grpc_socket_path"
            ) from error

    def stop(self, grace: float = 30.0) -> bool:
        """Refuses new calls and lets those with a message finish; True if all do within `grace` seconds."""
        end = time.monotonic() + grace
        ended = self._admission.close(grace)
        stopped = self._server.stop(max(0.0, min(_GOODBYE_SECONDS, end - time.monotonic())))
        return stopped.wait(_LOST_SECONDS) and ended


def address_of(host: str, port: int) -> str:
    """host:port, with the host in brackets if it is an IPv6 address: [::1]:8500."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def _credentials(config) -> grpc.ServerCredentials:
    """TLS of an `SSLConfig`, whose PEM is validated when the port is opened."""
    pair = (config.server_key.encode(), config.server_cert.encode())
    return grpc.ssl_server_credentials(
        [pair], root_certificates=config.custom_ca.encode() or None, require_client_auth=config.client_verify
    )
