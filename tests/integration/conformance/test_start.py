"""How a server starts, follows its config file, refuses to start, and ends."""

import pathlib
import signal
import subprocess
import threading
import time

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tests.integration.conformance import starts
from tests.integration.conformance.calls import NOT_FOUND, predict_request, refusal, scale_of, states
from tests.serving import toy

pytestmark = pytest.mark.skipif(bool(starts.TARGET), reason="a server that runs already was started by others")
POLL = "--model_config_file_poll_wait_seconds=0.1"


def write_config(path: pathlib.Path, *models) -> None:
    """A model config file, there at once and whole."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.extend(models)
    path.with_suffix(".tmp").write_text(text_format.MessageToString(config))
    path.with_suffix(".tmp").rename(path)


@pytest.fixture(scope="module")
def filed(saved, tmp_path_factory):
    """A server that follows a model config file; `filed.config` is its path, toy its standing model."""
    folder = tmp_path_factory.mktemp("filed")
    (folder / "toy").mkdir()
    toy.publish(saved["toy"], folder / "toy", 1)
    standing = starts.model("toy", folder / "toy")
    write_config(folder / "models.config", standing)
    port = starts.free_port()
    lines = [
        f"--port={port}", f"--model_config_file={folder / 'models.config'}", POLL,
        f"--file_system_poll_wait_seconds={starts.POLL_SECONDS}", "--grpc_max_threads=64",
    ]  # fmt: skip
    with starts.launched(lines, folder / "log") as process:
        server = starts.Server(f"localhost:{port}", None, [standing], process)
        starts.await_ready(server, folder / "log")
        server.config = folder / "models.config"
        yield server
        server.channel.close()


def test_a_config_file_is_served(filed):
    assert scale_of(filed) == 1


def test_a_rewritten_config_file_is_followed(filed, saved, tmp_path):
    toy.publish(saved[2], tmp_path, 3)
    write_config(filed.config, *filed.standing, starts.model("second", tmp_path))
    toy.until(lambda: _scale(filed, "second") == 2)
    write_config(filed.config, *filed.standing)
    toy.until(lambda: states(filed, "second") == {3: "END"})


def _scale(server, name):
    try:
        return scale_of(server, name)
    except grpc.RpcError:
        return None


BROKEN = {"no config": "model_config_list {", "refused": 'model_config_list { config { name: "q" base_path: "q" } }'}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_config_file_changes_nothing(filed, case, saved, tmp_path):
    filed.config.write_text(BROKEN[case])
    time.sleep(0.3)  # three looks at the file: nothing to wait for may happen
    assert scale_of(filed) == 1
    toy.publish(saved[3], tmp_path, 1)
    write_config(filed.config, *filed.standing, starts.model("third", tmp_path))
    toy.until(lambda: _scale(filed, "third") == 3)
    write_config(filed.config, *filed.standing)


def test_a_reload_does_not_rewrite_the_file(filed):
    before = filed.config.read_text()
    filed.reload()
    assert filed.config.read_text() == before
    answer = refusal(filed.predictions.Predict, predict_request({}, name="q"))
    assert answer == (NOT_FOUND, "Servable not found for request: Latest(q)")


@pytest.mark.slow
def test_sigterm_with_a_call_running(filed, expected):
    """The last test of this server."""
    outcome = []

    def ask():
        try:
            outcome.append(scale_of(filed, signature="slow"))
        except grpc.RpcError as error:
            outcome.append(error.code().name)

    call = threading.Thread(target=ask)
    call.start()
    time.sleep(toy.SECONDS / 4)  # the slow call runs; nothing tells when it began
    filed.process.send_signal(signal.SIGTERM)
    call.join()
    filed.process.wait(timeout=20)
    assert ("answered" if outcome == [1] else "lost") == expected("lost")


def _run(folder, *lines):
    """(exit code, or None where it still runs; output) of a start line."""
    seconds = 90 if starts.EMBEDDED else 15  # importing TensorFlow took 25 on a busy machine
    with starts.launched([f"--port={starts.free_port()}", *lines], folder / "log") as process:
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
    return code, (folder / "log").read_text(errors="replace")


NEITHER = "Both server_options.model_base_path and server_options.model_config_file are empty!"
UNBATCHED = "server_options.batching_parameters_file is set without setting server_options.enable_batching to true."


def test_neither_path_nor_config_file(tmp_path):
    code, output = _run(tmp_path)
    assert code == 255 and NEITHER in output


@pytest.mark.slow
def test_batching_parameters_without_batching(tmp_path, saved):
    toy.publish(saved[1], tmp_path, 1)
    parameters = tmp_path / "batching.config"
    parameters.write_text(starts.BATCHING)
    code, output = _run(tmp_path, f"--model_base_path={tmp_path}", f"--batching_parameters_file={parameters}")
    assert code == 255 and UNBATCHED in output


@pytest.fixture
def broken(tmp_path, saved):
    (tmp_path / "models" / "1").mkdir(parents=True)
    return tmp_path / "models"


@pytest.mark.slow
def test_a_model_that_does_not_load(tmp_path, broken):
    code, output = _run(tmp_path, f"--model_base_path={broken}", "--max_num_load_retries=0")
    assert code == 255
    assert "servable(s) did not become available: {" in output


@pytest.mark.slow
def test_batch_sizes_that_do_not_end_in_the_largest(tmp_path, saved):
    (tmp_path / "models").mkdir()
    toy.publish(saved[1], tmp_path / "models", 1)
    parameters = tmp_path / "batching.config"
    parameters.write_text("max_batch_size { value: 8 } allowed_batch_sizes: [2, 4]")
    lines = ["--enable_batching", f"--batching_parameters_file={parameters}", "--max_num_load_retries=0"]
    code, _ = _run(tmp_path, f"--model_base_path={tmp_path / 'models'}", *lines)
    assert code == 255


@pytest.mark.slow
def test_a_missing_base_path(tmp_path, expected):
    code, _ = _run(tmp_path, f"--model_base_path={tmp_path / 'nowhere'}")
    assert ("waits" if code is None else "ended") == expected("waits")


@pytest.mark.slow
def test_an_unknown_flag(tmp_path, saved, expected):
    (tmp_path / "models").mkdir()
    toy.publish(saved[1], tmp_path / "models", 1)
    code, _ = _run(tmp_path, f"--model_base_path={tmp_path / 'models'}", "--model_nmae=toy")
    assert ("runs" if code is None else "ended") == expected("runs")


@pytest.mark.slow
def test_a_relative_base_path(tmp_path):
    code, _ = _run(tmp_path, "--model_base_path=models/toy")
    assert code == 255
