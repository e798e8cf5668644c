"""Ports and sockets: IPv6, what cannot be opened. Who may call over TLS is in the conformance suite."""

import socket

from tfgan_kit.serving import ServerOptions, StartError
from tfgan_kit.serving.grpc.gateway import address_of

import pytest

from tests.serving import messages


def text(pem):
    """PEM as a string of a text proto."""
    return '"' + pem.decode().replace("\n", "\\n") + '"'


def test_a_key_that_is_none_ends_the_start(serve, tmp_path):
    (tmp_path / "ssl.config").write_text('server_key: "K" server_cert: "C"')
    options = ServerOptions(ssl_config_file=str(tmp_path / "ssl.config"))
    with pytest.raises(StartError, match="ssl.config holds no valid key and certificate"):
        serve(options=options)


def test_an_ipv6_host_needs_no_brackets(serve):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    server = serve(options=ServerOptions(host="::1"))
    assert messages.Caller(f"[::1]:{server.port}").scale() == (1, 1)


@pytest.mark.parametrize(
    ("host", "address"),
    [("::1", "[::1]:5"), ("[::1]", "[::1]:5"), ("localhost", "localhost:5"), ("127.0.0.1", "127.0.0.1:5")],
)
def test_only_an_ipv6_host_gets_brackets(host, address):
    assert address_of(host, 5) == address


def test_a_unix_socket_that_cannot_be_made_ends_the_start(serve, tmp_path):
    options = ServerOptions(grpc_socket_path=str(tmp_path / "nowhere" / "socket"))
    with pytest.raises(StartError, match="UNIX socket.*--grpc_socket_path"):
        serve(options=options)
