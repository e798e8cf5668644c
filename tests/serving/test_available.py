"""`serving/available.sh`, the probe of compose and Kubernetes, asked of a real REST port."""

import os
import pathlib
import socket
import subprocess
import threading

from tfgan_kit.serving.rest.gateway import RestGateway

import pytest

from tests.serving import toy

SCRIPT = pathlib.Path(__file__).parents[2] / "serving" / "available.sh"


def available(port, *arguments):
    """Exit code and what the probe says."""
    environment = {**os.environ, "REST_PORT": str(port)}
    done = subprocess.run(
        ["bash", SCRIPT, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def server(serve):
    return serve(file_system_poll_wait_seconds=0)


@pytest.fixture
def rest_port(server):
    gateway = RestGateway(server.methods).start()
    yield gateway.port
    gateway.stop()


@pytest.mark.parametrize("arguments", [["toy"], ["toy", "1"]])
def test_an_available_version_is_exit_0_and_silence(rest_port, arguments):
    assert available(rest_port, *arguments) == (0, "")


@pytest.mark.parametrize(
    "arguments, reason",
    [(["nope"], "Could not find any versions of model nope"), (["toy", "9"], "Could not find version 9 of model toy")],
)
def test_what_is_not_served_is_exit_1_with_the_servers_words(rest_port, arguments, reason):
    code, said = available(rest_port, *arguments)
    assert code == 1 and reason in said


def test_a_refused_version_is_exit_1_with_its_reason_while_the_model_stays_available(rest_port, server, base_path):
    (base_path / "2").mkdir()
    server.models.poll()
    code, said = available(rest_port, "toy", "2")
    assert code == 1 and '"state": "LOADING"' in said and "saved_model.pb" in said
    assert available(rest_port, "toy") == (0, "")


def test_a_withdrawn_model_is_exit_1_though_its_status_is_200(rest_port, server, base_path):
    (base_path / "1").rename(base_path / "withdrawn-1")
    server.models.poll()
    toy.until(lambda: server.versions.current is None)
    code, said = available(rest_port, "toy")
    assert code == 1 and "200 OK" in said


def test_a_port_that_nobody_listens_on_is_exit_1():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, said = available(port, "toy")
    assert code == 1 and f"nothing listens on 127.0.0.1:{port}" in said


@pytest.fixture(params=["silent", "hangs up"])
def mute_port(request):
    """A listener that takes the connection and says nothing, or closes it with the request half read."""
    taken = []

    def accept():
        connection, _ = listener.accept()
        connection.recv(1)
        taken.append(connection)
        if request.param == "hangs up":
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()
        taken[0].close()


def test_a_server_that_does_not_answer_is_exit_1_within_its_5_seconds(mute_port):
    code, said = available(mute_port, "toy")
    assert code == 1 and "no answer from 127.0.0.1" in said


def test_without_a_model_it_says_how_to_call_it():
    code, said = available(1)
    assert code != 0 and "usage: available.sh MODEL [VERSION]" in said
