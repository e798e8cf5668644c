"""Who may replace the list of models over the network, and what reloads leave to the others."""

import socket
import threading

from tfgan_kit.serving import ServerOptions
from tfgan_kit.serving.grpc import admission
from tfgan_kit.serving.grpc.services import is_local
from tfgan_kit.serving.models.model_list import Models
from tfgan_kit.serving.protocol.errors import RequestError

import grpc
import psutil
import pytest
import trustme
from tensorflow_serving.apis import model_management_pb2

from tests.serving import messages
from tests.serving.test_listening import text

ADDRESSES = [
    one.address
    for addresses in psutil.net_if_addrs().values()
    for one in addresses
    if one.family == socket.AF_INET and not one.address.startswith("127.")
]


def reload(address, *models, credentials=None):
    """The code and text of a HandleReloadConfigRequest."""
    caller = messages.Caller(address, credentials)
    request = model_management_pb2.ReloadConfigRequest(config=messages.config(*models))
    try:
        caller.service.HandleReloadConfigRequest(request, timeout=20)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


PEERS = {
    "ipv4:127.0.0.1:5000": True,
    "ipv4:127.1.2.3:5000": True,
    "ipv6:%5B::1%5D:5000": True,
    "ipv6:[::1]:5000": True,
    "ipv6:%5B::ffff:127.0.0.1%5D:5000": True,
    "unix:": True,
    "unix:/tmp/socket": True,
    "ipv4:192.0.2.2:5000": False,
    "ipv4:127.0.0.1.example.org:5000": False,
    "ipv6:%5B2001:db8::1%5D:5000": False,
    "ipv6:%5Bfe80::1%25eth0%5D:5000": False,
    "ipv6:%5B::ffff:192.0.2.2%5D:5000": False,
    "unknown": False,
    "": False,
}


def test_local_callers_are_told_from_others():
    assert {peer: is_local(peer) for peer in PEERS} == PEERS


@pytest.mark.skipif(not ADDRESSES, reason="this machine has no address but loopback")
def test_a_caller_from_the_network_may_reload_only_if_the_flag_allows_it(serve, base_path):
    server, allowing = (
        serve(options=ServerOptions(host="0.0.0.0", allow_network_reloads=allowed)) for allowed in (False, True)
    )
    model = messages.model(base_path)
    code, said = reload(f"{ADDRESSES[0]}:{server.port}", model)
    assert code == "PERMISSION_DENIED" and "--allow_network_reloads" in said
    assert messages.Caller(f"{ADDRESSES[0]}:{server.port}").scale() == (1, 1)  # anything else it may ask
    assert reload(f"localhost:{server.port}", model)[0] == "OK"
    assert reload(f"{ADDRESSES[0]}:{allowing.port}", model)[0] == "OK"


@pytest.mark.skipif(not ADDRESSES, reason="this machine has no address but loopback")
@pytest.mark.parametrize("verify, code", [("true", "OK"), ("false", "PERMISSION_DENIED")])
def test_a_caller_from_the_network_may_reload_by_its_certificate(serve, base_path, tmp_path, verify, code):
    authority = trustme.CA()
    own, client = authority.issue_cert(ADDRESSES[0]), authority.issue_cert("client@example.org")
    (tmp_path / "ssl.config").write_text(
        f"server_key: {text(own.private_key_pem.bytes())} server_cert: {text(own.cert_chain_pems[0].bytes())} "
        f"custom_ca: {text(authority.cert_pem.bytes())} client_verify: {verify}"
    )
    server = serve(options=ServerOptions(host="0.0.0.0", ssl_config_file=str(tmp_path / "ssl.config")))
    credentials = grpc.ssl_channel_credentials(
        authority.cert_pem.bytes(), client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()
    )
    assert reload(f"{ADDRESSES[0]}:{server.port}", messages.model(base_path), credentials=credentials)[0] == code


def test_reloads_take_no_thread_from_predictions_and_too_many_are_refused(serve, base_path, monkeypatch):
    server = serve(grpc_max_threads=1)
    address, codes, begun = f"localhost:{server.port}", [], threading.Semaphore(0)
    held, release = server.models.reload, threading.Event()

    def slow(config):
        begun.release()
        release.wait(20)
        held(config)

    monkeypatch.setattr(server.models, "reload", slow)
    model = messages.model(base_path)
    callers = [
        threading.Thread(target=lambda: codes.append(reload(address, model)[0])) for _ in range(admission._RELOADS)
    ]
    for caller in callers:
        caller.start()
    for _ in callers:
        assert begun.acquire(timeout=10)
    assert reload(address, model) == ("RESOURCE_EXHAUSTED", "Server Threadpool Exhausted")
    assert messages.Caller(address).scale() == (1, 1)
    release.set()
    for caller in callers:
        caller.join()
    assert codes == ["OK"] * admission._RELOADS


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "a" * 257])
@pytest.mark.parametrize("labels", [False, True])
def test_names_have_a_few_printable_characters(base_path, name, labels):
    model = messages.model(base_path, labels={name: 1}) if labels else messages.model(base_path, name)
    with pytest.raises(RequestError, match="1 to 256 printable characters") as caught:
        Models(None, ServerOptions()).reload(messages.config(model))
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT and "\n" not in str(caught.value)
