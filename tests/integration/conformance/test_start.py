"""How a server starts, follows its config file, refuses to start, and ends."""

import pathlib
import signal
import threading
import time

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tests.integration.conformance import starts
from tests.integration.conformance.calls import names, scale_of, states
from tests.serving import toy

pytestmark = pytest.mark.skipif(bool(starts.TARGET), reason="a server that runs already was started by others")
POLL = f"--file_system_poll_wait_seconds={starts.POLL_SECONDS}"


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
        f"--port={port}", f"--model_config_file={folder / 'models.config'}", POLL, "--grpc_max_threads=64",
        f"--model_config_file_poll_wait_seconds={starts.POLL_SECONDS}",
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


RELATIVE = 'config { name: "q" base_path: "q" model_platform: "tensorflow" }'
BROKEN = {"no config": "model_config_list {", "refused": f"model_config_list {{ {RELATIVE} }}"}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_config_file_changes_nothing(filed, case, saved, tmp_path):
    filed.config.write_text(BROKEN[case])
    time.sleep(2.5 * starts.POLL_SECONDS)  # two looks at the file: nothing to wait for may happen
    assert scale_of(filed) == 1
    toy.publish(saved[3], tmp_path, 1)
    write_config(filed.config, *filed.standing, starts.model("third", tmp_path))
    toy.until(lambda: _scale(filed, "third") == 3)
    write_config(filed.config, *filed.standing)


def test_a_reload_does_not_rewrite_the_file(filed):
    before = filed.config.read_text()
    filed.reload()
    assert filed.config.read_text() == before


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


def _start(folder, *lines, port=None):
    """("runs", "waits" or "ended", exit code or None, output) of a start line: it runs once its port is open."""
    port = port or starts.free_port()
    with starts.launched([f"--port={port}", *lines], folder / "log") as process:
        server = starts.Server(f"localhost:{port}", None, [], process)
        outcome = "runs"
        try:
            starts.await_ready(server, folder / "log", seconds=starts.START_SECONDS)
        except RuntimeError:
            outcome = "ended"
        except TimeoutError:
            outcome = "waits"
        server.channel.close()
        code = process.poll()
    return outcome, code, (folder / "log").read_text(errors="replace")


@pytest.fixture
def served(tmp_path, saved):
    """`--model_base_path` of a model that loads."""
    (tmp_path / "models").mkdir()
    toy.publish(saved[1], tmp_path / "models", 1)
    return f"--model_base_path={tmp_path / 'models'}"


def _batching(folder, text):
    (folder / "batching.config").write_text(text)
    return f"--batching_parameters_file={folder / 'batching.config'}"


def test_neither_path_nor_config_file(tmp_path):
    _, code, output = _start(tmp_path)
    assert code == 255 and names(output, "model_base_path model_config_file")


@pytest.mark.slow
def test_batching_parameters_without_batching(tmp_path, served):
    _, code, output = _start(tmp_path, served, _batching(tmp_path, starts.BATCHING))
    assert code == 255 and names(output, "batching_parameters_file enable_batching")


@pytest.mark.slow
def test_batch_sizes_that_do_not_end_in_the_largest(tmp_path, served):
    sizes = _batching(tmp_path, "max_batch_size { value: 8 } allowed_batch_sizes: [2, 4]")
    _, code, _ = _start(tmp_path, served, "--enable_batching", sizes, "--max_num_load_retries=0")
    assert code == 255


@pytest.mark.slow
def test_padding_and_splitting(tmp_path, served, expected):
    text = "pad_variable_length_inputs: true enable_large_batch_splitting { value: true }"
    parameters = _batching(tmp_path, f"{text} max_batch_size {{ value: 8 }} max_execution_batch_size {{ value: 4 }}")
    assert _start(tmp_path, served, "--enable_batching", parameters)[0] == expected("runs")


@pytest.mark.slow
def test_a_model_that_does_not_load(tmp_path, expected):
    (tmp_path / "models" / "1").mkdir(parents=True)
    _, code, output = _start(tmp_path, f"--model_base_path={tmp_path / 'models'}", "--max_num_load_retries=0")
    assert code == 255
    assert expected("Failed to start server. Error: ") in output and names(output, "did not become available")


@pytest.mark.slow
def test_a_missing_base_path(tmp_path, expected):
    assert _start(tmp_path, f"--model_base_path={tmp_path / 'nowhere'}")[0] == expected("waits")


@pytest.mark.slow
def test_a_relative_base_path(tmp_path):
    assert _start(tmp_path, "--model_base_path=models/toy")[1] == 255


@pytest.mark.slow
def test_an_unknown_flag(tmp_path, served, expected):
    assert _start(tmp_path, served, "--model_nmae=toy")[0] == expected("runs")


@pytest.mark.slow
def test_a_flag_of_theirs(tmp_path, served, expected):
    """One of those that the embedded server does not have."""
    assert _start(tmp_path, served, "--tensorflow_inter_op_parallelism=1")[0] == expected("runs")


SECONDS = {"a fraction": ("0.5", "ended"), "negative": ("-1", "waits"), "whole": ("1", "runs")}


@pytest.mark.slow
@pytest.mark.parametrize("case", SECONDS)
def test_poll_seconds(tmp_path, served, case, expected):
    seconds, outcome = SECONDS[case]
    assert _start(tmp_path, served, f"--file_system_poll_wait_seconds={seconds}")[0] == expected(outcome)


@pytest.mark.slow
def test_one_port_for_both(tmp_path, served, expected):
    port = starts.free_port()
    assert _start(tmp_path, served, f"--rest_api_port={port}", port=port)[0] == expected("runs")


RETRY = 6.0  # seconds


@pytest.mark.slow
def test_a_good_version_after_one_that_does_not_load(tmp_path, served, saved, expected):
    port, models = starts.free_port(), tmp_path / "models"
    retries = ["--max_num_load_retries=1", f"--load_retry_interval_micros={RETRY * 1e6:.0f}"]
    lines = [f"--port={port}", "--model_name=toy", served, POLL, *retries]
    with starts.launched(lines, tmp_path / "log") as process:
        server = starts.Server(f"localhost:{port}", None, [], process)
        starts.await_ready(server, tmp_path / "log")
        (models / "2").mkdir()
        toy.until(lambda: 2 in states(server))
        toy.publish(saved[3], models, 3)
        begin = time.monotonic()
        toy.until(lambda: states(server).get(3) == "AVAILABLE", seconds=5 * RETRY)
        waited = time.monotonic() - begin > RETRY / 2
        server.channel.close()
    assert ("after the retries" if waited else "at once") == expected("after the retries")
