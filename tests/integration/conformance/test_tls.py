"""`--ssl_config_file`: who may call, with certificates made for the test."""

import json

import grpc
import numpy as np
import pytest
import trustme

from tests.integration.conformance import starts
from tests.integration.conformance.calls import predict_request
from tests.serving import toy

pytestmark = pytest.mark.skipif(bool(starts.TARGET), reason="a server that runs already was started by others")
REQUEST = predict_request({"seed": np.int64([5])})


def _text(certificate) -> str:
    return json.dumps(certificate.bytes().decode())


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def address(authority, saved, tmp_path_factory):
    """host:port of a server that wants a client's certificate."""
    folder = tmp_path_factory.mktemp("tls")
    (folder / "toy").mkdir()
    toy.publish(saved[1], folder / "toy", 1)
    own = authority.issue_cert("localhost")
    (folder / "ssl.config").write_text(
        f"server_key: {_text(own.private_key_pem)} server_cert: {_text(own.cert_chain_pems[0])} "
        f"custom_ca: {_text(authority.cert_pem)} client_verify: true"
    )
    port = starts.free_port()
    lines = [
        f"--port={port}", "--model_name=toy", f"--model_base_path={folder / 'toy'}",
        f"--ssl_config_file={folder / 'ssl.config'}",
    ]  # fmt: skip
    with starts.launched(lines, folder / "log") as process:
        client = _credentials(authority, authority.issue_cert("client@example.org"))
        with grpc.secure_channel(f"localhost:{port}", client) as channel:
            server = starts.Server(f"localhost:{port}", None, [], process)
            server.channel.close()
            server.channel = channel
            starts.await_ready(server, folder / "log")
        yield f"localhost:{port}"


def _credentials(authority, client=None):
    chain = None if client is None else client.cert_chain_pems[0].bytes()
    key = None if client is None else client.private_key_pem.bytes()
    return grpc.ssl_channel_credentials(authority.cert_pem.bytes(), key, chain)


def _code(channel) -> str:
    call = channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict", request_serializer=type(REQUEST).SerializeToString
    )
    try:
        call(REQUEST, timeout=5)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


CLIENTS = {
    "with a certificate": ("OK", lambda ca: _credentials(ca, ca.issue_cert("client@example.org"))),
    "without one": ("UNAVAILABLE", _credentials),
    "with another authority's": (
        "UNAVAILABLE",
        lambda ca: _credentials(ca, trustme.CA().issue_cert("client@example.org")),
    ),
    "that trusts another authority": ("UNAVAILABLE", lambda _: _credentials(trustme.CA())),
}


@pytest.mark.parametrize("case", CLIENTS)
def test_a_client(address, authority, case):
    code, credentials = CLIENTS[case]
    with grpc.secure_channel(address, credentials(authority)) as channel:
        assert _code(channel) == code


def test_a_client_without_tls(address):
    with grpc.insecure_channel(address) as channel:
        assert _code(channel) == "UNAVAILABLE"
