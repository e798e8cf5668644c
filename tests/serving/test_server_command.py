"""`python -m tfgan_kit.serving` as a user meets it: good starts, bad starts, the end."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest

from tests.serving import toy
from tfgan_kit.serving import ModelServer, StartError
from tfgan_kit_client import GeneratorClient

COMMAND = [sys.executable, "-m", "tfgan_kit.serving"]


def run(*flags):
    done = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_sigterm_lets_the_running_call_finish_and_exits_with_0(base_path):
    process = subprocess.Popen(
        [*COMMAND, "--model_name=toy", f"--model_base_path={base_path}", "--port=0",
         "--enable_batching", "--max_batch_size=32"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    started = process.stdout.readline()
    assert "Serving toy version 1" in started and "--grpc_max_threads" in started
    port = re.search(r"127\.0\.0\.1:(\d+)", started).group(1)
    images = []
    with GeneratorClient(f"localhost:{port}", "toy") as client:
        client.wait_until_ready()
        call = threading.Thread(
            target=lambda: images.append(client.generate(seeds=[5], signature="slow"))
        )
        call.start()
        client.generate(seeds=[1])  # the slow one was sent before it
        process.send_signal(signal.SIGTERM)
        call.join()
    assert process.wait(timeout=20) == 0
    np.testing.assert_array_equal(images[0], toy.expected([5]))


def taken_port():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


def test_a_port_in_use_is_named(base_path):
    with taken_port() as taken, pytest.raises(StartError, match="port is in use.*--port"):
        ModelServer(base_path, "toy", port=taken.getsockname()[1]).start()


def test_two_servers_never_share_a_port(serve, base_path):
    with pytest.raises(StartError, match="port is in use"):
        ModelServer(base_path, "toy", port=serve().port).start()


def _missing(base_path):
    return f"{base_path}/nowhere", "there is no folder"


def _version(base_path):
    return f"{base_path}/1", f"is a version; model_base_path is the folder above it: {base_path}"


def _empty(base_path):
    shutil.rmtree(base_path / "1")
    (base_path / "v0.1").mkdir()
    return str(base_path), "has no version.*found: v0.1"


def _broken(base_path):
    shutil.rmtree(base_path / "1" / "variables")
    return str(base_path), "can be served:\n  version 1: .*variables.index"


@pytest.mark.parametrize("case", [_missing, _version, _empty, _broken])
def test_a_base_path_that_cannot_be_served_says_why(base_path, case):
    path, reason = case(base_path)
    with pytest.raises(StartError, match=reason):
        ModelServer(path, "toy", port=0).start()


def test_in_python_a_relative_path_is_this_process_own(base_path, monkeypatch):
    monkeypatch.chdir(base_path.parent)
    with ModelServer("toy", "toy", port=0) as server:
        assert server.versions.current.version == 1


def test_a_bad_start_of_the_command_exits_with_1(tmp_path):
    code, text = run("--model_name=toy", f"--model_base_path={tmp_path}/nowhere")
    assert code == 1 and "Cannot start: there is no folder" in text and "Traceback" not in text


@pytest.mark.parametrize(
    "flag, reason",
    [
        ("--rest_api_port=8501", "Unknown command line flag 'rest_api_port'"),
        ("--model_base_path=models/toy", "must be absolute"),
        ("--max_batch_size=8", "--max_batch_size needs --enable_batching"),
    ],
)
def test_a_bad_flag_exits_with_1_and_its_reason(tmp_path, flag, reason):
    code, text = run(f"--model_base_path={tmp_path}", flag)
    assert code == 1 and reason in text and "Traceback" not in text
