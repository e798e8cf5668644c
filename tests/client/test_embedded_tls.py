"""The client and the embedded server over TLS, from files on both sides."""

import json

from tfgan_kit.serving import ModelServer, ServerOptions

import numpy as np
import pytest
import trustme

from tests.serving import toy
from tfgan_kit_client import TLS, GeneratorClient, ServingError

HOST = "127.0.0.1"


@pytest.fixture(scope="module", params=["open to all", "asks for a certificate"])
def secured(request, tmp_path_factory):
    """A server with TLS: its port, the folder of PEM files, and whether clients need a certificate."""
    folder, ca = tmp_path_factory.mktemp("tls"), trustme.CA()
    server, client = ca.issue_cert(HOST), ca.issue_cert("someone@example.org")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    client.private_key_pem.write_to_path(folder / "client.key")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    asks = request.param != "open to all"
    fields = {"server_key": server.private_key_pem, "server_cert": server.cert_chain_pems[0], "custom_ca": ca.cert_pem}
    lines = [f"{name}: {json.dumps(pem.bytes().decode())}" for name, pem in fields.items()]
    (folder / "ssl.config").write_text("\n".join([*lines, f"client_verify: {str(asks).lower()}"]))
    toy.save(folder / "toy" / "1")
    options = ServerOptions(ssl_config_file=str(folder / "ssl.config"))
    with ModelServer(folder / "toy", "toy", port=0, options=options) as running:
        yield f"{HOST}:{running.port}", folder, asks


def tls(folder, *names):
    return TLS(*(str(folder / name) for name in names))


def test_a_client_with_a_certificate_is_answered(secured):
    target, folder, _ = secured
    with GeneratorClient(target, "toy", tls=tls(folder, "ca.pem", "client.key", "client.pem")) as client:
        assert client.wait_until_ready(10) == 1
        np.testing.assert_array_equal(client.generate(20), toy.expected(range(20)))


def test_a_client_without_one_is_answered_only_where_none_is_asked_for(secured):
    target, folder, asks = secured
    with GeneratorClient(target, "toy", tls=tls(folder, "ca.pem")) as client:
        if not asks:
            np.testing.assert_array_equal(client.generate(2), toy.expected(range(2)))
            return
        with pytest.raises(ServingError, match="client certificate, give key and certificate"):
            client.generate(2)


def test_an_open_connection_is_not_answered(secured):
    with GeneratorClient(secured[0], "toy") as client:
        with pytest.raises(ServingError, match="If it speaks TLS, give its authority"):
            client.generate(2)
