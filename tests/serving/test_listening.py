"""Ports and sockets: TLS, IPv6, what cannot be opened."""

import socket

from tfgan_kit.serving import ServerOptions, StartError
from tfgan_kit.serving.grpc.gateway import address_of

import grpc
import pytest
import trustme

from tests.serving import messages

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue_cert("localhost")


def text(pem):
    """PEM as a string of a text proto."""
    return '"' + pem.decode().replace("\n", "\\n") + '"'


@pytest.fixture
def ssl_file(tmp_path, authority, certificate):
    def write(verify):
        lines = [
            f"server_key: {text(certificate.private_key_pem.bytes())}",
            f"server_cert: {text(certificate.cert_chain_pems[0].bytes())}",
            f"custom_ca: {text(authority.cert_pem.bytes())}",
            f"client_verify: {verify}",
        ]
        (tmp_path / "ssl.config").write_text("\n".join(lines))
        return str(tmp_path / "ssl.config")

    return write


def client_credentials(authority):
    return grpc.ssl_channel_credentials(authority.cert_pem.bytes())


def code_of(caller):
    with pytest.raises(grpc.RpcError) as caught:
        caller.scale()
    return caught.value.code()


def test_a_tls_port_answers_who_trusts_its_authority_and_nobody_in_plain_text(serve, ssl_file, authority):
    address = f"localhost:{serve(options=ServerOptions(ssl_config_file=ssl_file('false'))).port}"
    assert messages.Caller(address, client_credentials(authority)).scale() == (1, 1)
    assert code_of(messages.Caller(address, client_credentials(trustme.CA()))) is UNAVAILABLE
    assert code_of(messages.Caller(address)) is UNAVAILABLE


def test_a_key_that_is_none_ends_the_start(serve, tmp_path):
    (tmp_path / "ssl.config").write_text('server_key: "K" server_cert: "C"')
    options = ServerOptions(ssl_config_file=str(tmp_path / "ssl.config"))
    with pytest.raises(StartError, match="^--ssl_config_file holds no valid key and certificate"):
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


def test_the_server_listens_on_this_machine_only(serve):
    assert serve().options.host == "127.0.0.1"
