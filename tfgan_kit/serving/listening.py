"""The gRPC server's doors: a port in plain text or TLS, a UNIX socket, and what waits behind."""

from concurrent import futures

import grpc
from grpc_health.v1 import health_pb2_grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from tfgan_kit.serving.calls import Slots, StartError
from tfgan_kit.serving.health import HealthService
from tfgan_kit.serving.services import ModelService, PredictionService
from tfgan_kit.serving.text_protos import read_ssl_config

_CHANNEL = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Linux would let two servers share a port, and hide that it was taken.
    ("grpc.so_reuseport", 0),
)
_REFUSED_IN_OUR_WORDS = 64  # calls at one time; each costs a thread's turn


def grpc_server(methods, slots: Slots, with_health: bool) -> grpc.Server:
    """A server of PredictionService and ModelService without a port yet.

    Args:
        methods: `ModelMethods`.
        slots: shared by the services.
        with_health: answers `grpc.health.v1` too.
    """
    # One thread more than there are slots: it refuses the calls that find no slot. Its queue would
    # grow without end in a flood; the library refuses past that, with the same code and less work.
    server = grpc.server(
        futures.ThreadPoolExecutor(slots.number + 1),
        options=_CHANNEL,
        maximum_concurrent_rpcs=slots.number + _REFUSED_IN_OUR_WORDS,
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(methods, slots), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(methods, slots), server)
    if with_health:
        health_pb2_grpc.add_HealthServicer_to_server(HealthService(), server)
    return server


def open_port(server: grpc.Server, host: str, port: int, ssl_config_file=None) -> int:
    """Binds host:port, with TLS if there is a file for it; gives the port. Raises StartError."""
    address = f"{host}:{port}"
    credentials = _credentials(ssl_config_file) if ssl_config_file else None
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        tls = f", or {ssl_config_file} holds no valid key and certificate" if credentials else ""
        raise StartError(
            f"cannot listen on {address}: the port is in use, or the address is not this "
            f"machine's{tls}. Stop what listens there, or choose another --port"
        ) from error


def open_socket(server: grpc.Server, path: str) -> None:
    """Binds a UNIX socket, in plain text. Raises StartError."""
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as error:
        raise StartError(
            f"cannot listen on the UNIX socket {path}: its folder must be there, and its path "
            "short (about 100 characters). Choose another --grpc_socket_path"
        ) from error


def _credentials(path) -> grpc.ServerCredentials:
    try:
        config = read_ssl_config(path)
    except ValueError as error:
        raise StartError(str(error)) from error
    pair = (config.server_key.encode(), config.server_cert.encode())
    return grpc.ssl_server_credentials(
        [pair],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )
