"""Encrypted and authenticated connections, with certificates made for the test."""

import numpy as np
import pytest
import trustme

from tests.client.servers import Scripted, credentials, serving
from tests.serving import toy
from tfgan_kit_client import TLS, GeneratorClient, ServingError

HOST = "127.0.0.1"  # localhost may be two addresses, and gRPC tells only the last one's error


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """PEM files: ca, other_ca, and a client's key and certificate, signed by ca; and `ca` itself."""
    folder, ca = tmp_path_factory.mktemp("pem"), trustme.CA()
    client = ca.issue_cert("someone@example.org")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other_ca.pem")
    client.private_key_pem.write_to_path(folder / "client.key")
    client.cert_chain_pems[0].write_to_path(folder / "client.pem")
    (folder / "empty.pem").write_text("nothing\n")
    return folder, ca


def images(port, tls):
    with GeneratorClient(f"{HOST}:{port}", "toy", tls=tls, timeout=10) as client:
        return client.generate(3)


def test_a_server_of_the_authority_answers(files):
    folder, ca = files
    with serving(Scripted(), credentials=credentials(ca, HOST)) as port:
        answer = images(port, TLS(str(folder / "ca.pem")))
    np.testing.assert_array_equal(answer, toy.expected(range(3)))


def test_a_server_that_asks_for_a_client_certificate_gets_it(files):
    folder, ca = files
    with serving(Scripted(), credentials=credentials(ca, HOST, True)) as port:
        tls = TLS(*(str(folder / name) for name in ("ca.pem", "client.key", "client.pem")))
        np.testing.assert_array_equal(images(port, tls), toy.expected(range(3)))
        with pytest.raises(ServingError, match="client certificate, give key and certificate"):
            images(port, TLS(str(folder / "ca.pem")))


def test_another_name_is_accepted_only_where_it_is_given(files):
    folder, ca = files
    with serving(Scripted(), credentials=credentials(ca, "images.example.org")) as port:
        tls = TLS(str(folder / "ca.pem"), server_name="images.example.org")
        np.testing.assert_array_equal(images(port, tls), toy.expected(range(3)))
        with pytest.raises(ServingError, match="has another name"):
            images(port, TLS(str(folder / "ca.pem")))


def test_a_server_of_another_authority_is_refused(files):
    folder, ca = files
    with serving(Scripted(), credentials=credentials(ca, HOST)) as port:
        with pytest.raises(ServingError, match="is not valid: it is not signed by the authority"):
            images(port, TLS(str(folder / "other_ca.pem")))


def test_a_server_without_tls_is_named(files):
    with serving(Scripted()) as port:
        with pytest.raises(ServingError, match="does not speak TLS: leave tls out"):
            images(port, TLS(str(files[0] / "ca.pem")))


def test_a_client_without_tls_is_told_that_the_server_may_want_it(files):
    with serving(Scripted(), credentials=credentials(files[1], HOST)) as port:
        with pytest.raises(ServingError, match="If it speaks TLS, give its authority"):
            images(port, None)


def test_at_localhost_where_grpc_tells_of_ipv6_alone_the_other_address_is_named(files):
    """The server is IPv4's, as ours is; of a machine without IPv6 gRPC tells the reason itself."""
    with serving(Scripted(), credentials=credentials(files[1], HOST)) as port:
        with GeneratorClient(f"localhost:{port}", "toy", timeout=10) as client:
            with pytest.raises(ServingError, match="may speak TLS.* at 127.0.0.1|If it speaks TLS"):
                client.generate(1)


@pytest.mark.parametrize(
    "names, reason",
    [
        ({"root_certificates": "nowhere.pem"}, "cannot be read .*root_certificates=.*nowhere.pem"),
        ({"root_certificates": "empty.pem"}, "needs PEM files.*root_certificates=.*empty.pem"),
        ({"key": "client.key"}, "belong together.*certificate=None"),
        ({"certificate": "client.pem"}, "belong together.*key=None"),
    ],
)
def test_certificates_that_cannot_work_are_refused_before_anything_is_sent(files, names, reason):
    with pytest.raises(ValueError, match=reason):
        GeneratorClient(tls=TLS(**{name: str(files[0] / file) for name, file in names.items()}))
