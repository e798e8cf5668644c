"""`python -m tfgan_kit.serving` as a user meets it: good starts, bad starts, the end."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import tfgan_kit as gk
from tfgan_kit.serving import ModelServer, StartError

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2, prediction_log_pb2

from tests.integration.conformance import forks
from tests.serving import messages, toy
from tfgan_kit_client import GeneratorClient

COMMAND = [sys.executable, "-m", "tfgan_kit.serving"]


@pytest.fixture
def started(tmp_path):
    """`started(*flags)`: the running command, its first line and its address; it is killed after the test.

    It is forked from one that has imported TensorFlow; with `command` it is a process of its own.
    """
    with contextlib.ExitStack() as stack:

        def start(*flags, command=None):
            log = tmp_path / "log"
            flags = ["--port=0", *flags]
            with log.open("w") as out:
                process = subprocess.Popen([*command, *flags], stdout=out) if command else forks.start(flags, log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            toy.until(lambda: "\n" in log.read_text() and "Serving" in log.read_text(), seconds=60)
            (line,) = [line for line in log.read_text().splitlines() if line.startswith("Serving")]
            return process, line, re.search(r"127\.0\.0\.1:\d+", line).group()

        yield start


def test_sigterm_lets_the_running_call_finish_and_exits_with_0(started, base_path):
    process, line, address = started(
        "--model_name=toy", f"--model_base_path={base_path}",
        "--enable_batching", "--max_batch_size=32",
    )  # fmt: skip
    assert "Serving toy version 1" in line and "--grpc_max_threads" in line
    images = []
    with GeneratorClient(address, "toy") as client:
        client.wait_until_ready()
        call = threading.Thread(target=lambda: images.append(client.generate(seeds=[5], signature="slow")))
        call.start()
        client.generate(seeds=[1])  # the slow one was sent before it
        process.send_signal(signal.SIGTERM)
        call.join()
    assert process.wait(timeout=20) == 0
    np.testing.assert_array_equal(images[0], toy.expected([5]))


def test_all_flags_together_and_a_second_signal_ends_it_at_once(started, base_path, tmp_path):
    (tmp_path / "models.config").write_text(
        f'model_config_list {{ config {{ name: "toy" base_path: "{base_path}" '
        'model_platform: "tensorflow" version_labels { key: "stable" value: 1 } } }'
    )
    (tmp_path / "batching.config").write_text("max_batch_size { value: 4 }")
    process, line, address = started(
        f"--model_config_file={tmp_path}/models.config",
        "--model_config_file_poll_wait_seconds=60",
        "--allow_version_labels_for_unavailable_models",
        "--enable_batching=true",
        f"--batching_parameters_file={tmp_path}/batching.config",
        f"--grpc_socket_path={tmp_path}/socket",
        "--grpc_max_threads=8",
        "--enable_grpc_healthcheck_service",
        "--file_system_poll_wait_seconds=0",
        "--max_num_load_retries=0",
        "--load_retry_interval_micros=1000",
        "--saved_model_tags=serve",
        "--enable_model_warmup=false",
        "--num_request_iterations_for_warmup=2",
        "--enable_serialization_as_tensor_content",
    )
    assert "Serving toy version 1" in line and "At most 8 calls" in line
    caller = messages.Caller(f"unix:{tmp_path}/socket")
    assert caller.scale(label="stable") == (1, 1)
    slow = caller.prediction.Predict.future(messages.predict(1, signature="slow"), timeout=20)
    caller.scale()  # the slow one was sent before it
    process.send_signal(signal.SIGTERM)
    toy.until(lambda: "Stopping" in (tmp_path / "log").read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert slow.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.slow
def test_a_killed_server_serves_again_within_5_seconds_beyond_the_import(started, base_path):
    flags = ("--model_name=toy", f"--model_base_path={base_path}")
    process, *_ = started(*flags, command=COMMAND)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import tensorflow"], check=True, capture_output=True)
    imported = time.monotonic()
    process, line, address = started(*flags, command=COMMAND)
    assert messages.Caller(address).scale() == (1, 1)
    serves = time.monotonic()
    process.terminate()
    process.wait(timeout=20)
    print(f"import tensorflow {imported - began:.1f} s, restart {serves - imported:.1f} s: {line}")
    assert (serves - imported) - (imported - began) < 5


def test_two_servers_never_share_a_port(serve, base_path):
    with pytest.raises(StartError, match="port is in use.*--port"):
        ModelServer(base_path, "toy", port=serve().port).start()


def test_in_python_a_relative_path_is_this_process_own(base_path, monkeypatch):
    monkeypatch.chdir(base_path.parent)
    with ModelServer("toy", "toy", port=0) as server:
        assert server.versions.current.version == 1


def run(*flags):
    done = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "flags, reason",
    [
        (["--model_base_path=models/toy"], "must be absolute"),
        ([], "--model_base_path or --model_config_file"),
        (["--model_base_path=/nowhere", "--monitoring_config_file=x"], "rest_api_port"),
    ],
)
def test_a_bad_flag_exits_with_255_and_no_traceback(flags, reason):
    code, text = run(*flags)
    assert code == 255 and reason in text and "Traceback" not in text


def test_the_version_is_printed():
    assert run("--version") == (0, f"tfgan_kit {gk.__version__}\n")


def write_slow_version(folder, saved, calls):
    """A version that takes a second for each of its warmup calls to load."""
    shutil.copytree(saved[1], folder)
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(messages.predict(1, signature="slow"))
    toy.write_warmup(folder, [log.SerializeToString()] * calls)


@pytest.mark.slow
def test_sigterm_during_the_start_ends_it_at_once(tmp_path):
    os.mkfifo(tmp_path / "models.config")  # who reads it waits until it is written
    process = subprocess.Popen([*COMMAND, "--port=0", f"--model_config_file={tmp_path}/models.config"])
    writers = []
    try:
        toy.until(lambda: opened(tmp_path / "models.config", writers))
        process.terminate()
        assert process.wait(timeout=5) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
        os.close(writers[0])


def opened(pipe, writers):
    """Opens a named pipe if someone waits to read it."""
    try:
        writers.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.mark.slow
def test_a_load_that_does_not_end_holds_up_no_exit_past_the_grace(started, base_path, tmp_path, saved):
    write_slow_version(tmp_path / "slow" / "1", saved, 30)
    script = "import tfgan_kit.commands.serving as w; import tfgan_kit.serving.__main__ as m; from absl import app; "
    script += "w._GRACE_SECONDS = 0.5; m.define_flags(); app.run(m.main)"
    flags = ("--model_name=toy", f"--model_base_path={base_path}")
    process, _, address = started(*flags, command=[sys.executable, "-c", script])
    caller = messages.Caller(address)
    request = model_management_pb2.ReloadConfigRequest()
    request.config.CopyFrom(messages.config(messages.model(base_path), messages.model(tmp_path / "slow", "slow")))
    reload = caller.service.HandleReloadConfigRequest.future(request, timeout=60)
    toy.until(lambda: is_listed(caller, "slow"))
    process.terminate()
    began = time.monotonic()
    assert process.wait(timeout=20) == 1
    assert time.monotonic() - began < 10
    assert reload.exception() is not None


def is_listed(caller, name):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    try:
        return bool(caller.service.GetModelStatus(request).model_version_status)
    except grpc.RpcError:  # not yet
        return False


SIGNALS_IN_EVERY_LINE = """
import os, signal, sys, threading
from tfgan_kit.commands.serving import Signals

def send():
    if not sent:
        sent.append(True)
        os.kill(os.getpid(), signal.SIGTERM)

def trace(frame, event, argument):
    global left
    if event == "line":
        left -= 1
        if left == 0:
            send()
    return trace

for left in range(1, 20):  # of whatever lines `wait` runs in Python, threading's too; else while it waits
    signals, sent = Signals(), []
    signals.serving = True
    later = threading.Timer(0.1, send)
    later.start()
    sys.settrace(trace)
    signals.wait()
    sys.settrace(None)
    later.join()
print("ended each time")
"""


@pytest.mark.slow
def test_a_signal_in_the_middle_of_the_wait_for_it_is_not_lost():
    line = [sys.executable, "-c", SIGNALS_IN_EVERY_LINE]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.stdout == "ended each time\n", done.stderr[-2000:]


@pytest.mark.slow
def test_a_server_that_nobody_reads_drains_all_the_same(base_path):
    flags = ("--port=0", "--model_name=toy", f"--model_base_path={base_path}")
    with subprocess.Popen([*COMMAND, *flags], stdout=subprocess.PIPE, text=True) as process:
        address = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline()).group()
        caller = messages.Caller(address)
        running = caller.prediction.Predict.future(messages.predict(1, signature="slow"), timeout=20)
        assert caller.scale() == (1, 1)  # the slow one was sent before it
        process.stdout.close()
        process.terminate()
        assert running.result().model_spec.version.value == 1
        assert process.wait(timeout=20) == 0
