"""The gRPC server's doors: a port in plain text or TLS, a UNIX socket."""

from tfgan_kit.serving.config_files import read_ssl_config
from tfgan_kit.serving.protocol.errors import StartError

import grpc


def address_of(host: str, port: int) -> str:
    """host:port, in brackets if the host is an IPv6 address.

    Example:

    ```python
    address_of("::1", 8500)  # [::1]:8500
    ```
    """
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def open_port(server, host: str, port: int, credentials=None) -> int:
    """Binds host:port, with TLS if there are credentials; gives the port. Raises StartError."""
    address = address_of(host, port)
    try:
        return _bind(server, address, credentials)
    except RuntimeError as error:
        _check_credentials(server, credentials)
        raise StartError(
            f"cannot listen on {address}: the port is in use, or the address is not this "
            "machine's. Stop what listens there, or choose another --port"
        ) from error


def _bind(server, address: str, credentials) -> int:
    if credentials is None:
        return server.add_insecure_port(address)
    return server.add_secure_port(address, credentials)


def _check_credentials(server, credentials) -> None:
    # gRPC says alike of a bad certificate and of a taken port, so it is asked for a free one
    try:
        _bind(server, "localhost:0", credentials)
    except RuntimeError as error:
        raise StartError(
            "--ssl_config_file holds no valid key and certificate: server_key, server_cert and "
            "custom_ca are PEM, as text in quotes, each line's end as \\n"
        ) from error


def open_socket(server, path: str) -> None:
    """Binds a UNIX socket, in plain text. Raises StartError."""
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as error:
        raise StartError(
            f"cannot listen on the UNIX socket {path}: its folder must be there, and its path "
            "short (about 100 characters). Choose another --grpc_socket_path"
        ) from error


def credentials(path) -> grpc.ServerCredentials:
    """TLS of an SSLConfig file; whether it holds valid PEM is seen by `open_port`. Raises StartError."""
    try:
        config = read_ssl_config(path)
    except ValueError as error:
        raise StartError(str(error)) from error
    pair = (config.server_key.encode(), config.server_cert.encode())
    return grpc.ssl_server_credentials(
        [pair], root_certificates=config.custom_ca.encode() or None, require_client_auth=config.client_verify
    )
