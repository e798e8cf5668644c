"""The doors: TLS with and without client certificates, a UNIX socket, the health service."""

import socket

from tfgan_kit.serving import ServerOptions, StartError
from tfgan_kit.serving.grpc.listening import address_of

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.serving import messages
from tests.serving.messages import refused

SERVING = health_pb2.HealthCheckResponse.SERVING
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


def client_credentials(authority, certificate=None):
    if certificate is None:
        return grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    return grpc.ssl_channel_credentials(
        authority.cert_pem.bytes(), certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes()
    )


def code_of(caller):
    with pytest.raises(grpc.RpcError) as caught:
        caller.scale()
    return caught.value.code()


def test_a_tls_port_answers_who_trusts_its_authority_and_nobody_in_plain_text(serve, ssl_file, authority):
    address = f"localhost:{serve(options=ServerOptions(ssl_config_file=ssl_file('false'))).port}"
    assert messages.Caller(address, client_credentials(authority)).scale() == (1, 1)
    assert code_of(messages.Caller(address, client_credentials(trustme.CA()))) is UNAVAILABLE
    assert code_of(messages.Caller(address)) is UNAVAILABLE


def test_with_client_verify_only_a_certificate_of_the_authority_gets_in(serve, ssl_file, authority):
    address = f"localhost:{serve(options=ServerOptions(ssl_config_file=ssl_file('true'))).port}"
    ours, stranger = authority.issue_cert("client"), trustme.CA().issue_cert("client")
    assert messages.Caller(address, client_credentials(authority, ours)).scale() == (1, 1)
    assert code_of(messages.Caller(address, client_credentials(authority))) is UNAVAILABLE
    assert code_of(messages.Caller(address, client_credentials(authority, stranger))) is UNAVAILABLE


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


def test_a_unix_socket_answers_beside_the_port(serve, tmp_path):
    path = str(tmp_path / "socket")
    server = serve(options=ServerOptions(grpc_socket_path=path))
    assert messages.Caller(f"unix:{path}").scale() == (1, 1)
    assert messages.Caller(f"localhost:{server.port}").scale() == (1, 1)


def test_a_unix_socket_that_cannot_be_made_ends_the_start(serve, tmp_path):
    options = ServerOptions(grpc_socket_path=str(tmp_path / "nowhere" / "socket"))
    with pytest.raises(StartError, match="UNIX socket.*--grpc_socket_path"):
        serve(options=options)


def test_the_server_listens_on_this_machine_only(serve):
    assert serve().host == "127.0.0.1"


@pytest.fixture
def health(serve):
    def connect(**arguments):
        server = serve(options=ServerOptions(**arguments))
        channel = grpc.insecure_channel(f"localhost:{server.port}")
        return server, health_pb2_grpc.HealthStub(channel)

    return connect


def ask(name):
    return health_pb2.HealthCheckRequest(service=name)


@pytest.mark.parametrize("name", ["", "PredictionService", "ModelService"])
def test_health_is_serving_once_the_port_is_open(health, name):
    _, stub = health(enable_grpc_healthcheck_service=True)
    assert stub.Check(ask(name), timeout=10).status == SERVING


def test_health_does_not_know_the_full_name(health):
    _, stub = health(enable_grpc_healthcheck_service=True)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(ask("tensorflow.serving.PredictionService"), timeout=10)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_without_its_flag_there_is_no_health_service(health):
    _, stub = health()
    with refused(grpc.StatusCode.UNIMPLEMENTED, "Method not found!"):
        stub.Check(ask(""), timeout=10)


def test_watching_is_unimplemented_which_clients_take_for_healthy(health):
    _, stub = health(enable_grpc_healthcheck_service=True)
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Watch(ask(""), timeout=10))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
