"""A plain Keras generator, all the way by commands: exported, served, asked, swapped under load, rolled back."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

ROOT = pathlib.Path(__file__).parents[2]
SCRIPT = pathlib.Path(__file__).with_name("plain_keras_generator.py")
SEEDS = (1, 2, 3)
CALLERS = 8
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def python(*arguments):
    line = [sys.executable, *map(str, arguments)]
    done = subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.1)


class Served:
    """The server as a process, by its command, on free ports."""

    def __init__(self, base_path, log):
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.grpc, self.rest = (one.getsockname()[1] for one in sockets)
        for one in sockets:
            one.close()
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tfgan_kit.serving", "--model_name=plain", f"--model_base_path={base_path}",
             f"--port={self.grpc}", f"--rest_api_port={self.rest}", "--enable_batching", "--grpc_max_threads=64",
             f"--batching_parameters_file={ROOT / 'serving' / 'batching.config'}"],
            env=ENVIRONMENT, stdout=self._log, stderr=self._log,
        )  # fmt: skip

    def available(self, version):
        assert self._process.poll() is None, pathlib.Path(self._log.name).read_text()[-3000:]
        line = ["bash", ROOT / "serving" / "available.sh", "plain", str(version)]
        environment = {**os.environ, "REST_PORT": str(self.rest)}
        return subprocess.run(line, env=environment, capture_output=True, check=False).returncode == 0

    def stop(self):
        self._process.terminate()
        code = self._process.wait(timeout=60)
        self._log.close()
        return code


class Load:
    """Callers that never pause, one image a call; every answer, and every failure, is kept."""

    def __init__(self, port):
        self.answers, self.failures = [], []
        self._channel = grpc.insecure_channel(f"localhost:{port}")
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(self._channel).Predict
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(k,)) for k in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def _call(self, caller):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "plain"
        seed = SEEDS[caller % len(SEEDS)]
        request.inputs["seed"].CopyFrom(tf.make_tensor_proto([seed], tf.int64))
        while not self._ended.is_set():
            try:
                answer = self._predict(request, timeout=60)
            except grpc.RpcError as error:
                self.failures.append(error)
            else:
                self.answers.append((answer.model_spec.version.value, seed, answer.outputs["images"]))

    def versions(self):
        """Versions that answered, in the order in which each first did."""
        return list(dict.fromkeys(version for version, _, _ in self.answers))

    def stop(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._channel.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Version 1 of the stranger's generator, as `plain`, and room for more."""
    folder = tmp_path_factory.mktemp("road")
    python(SCRIPT, 1, folder / "one.keras")
    export(folder / "one.keras", folder / "plain")
    return folder


@pytest.fixture(scope="module")
def served(folder):
    """The server's command on it."""
    server = Served(folder / "plain", folder / "server.log")
    yield server
    assert server.stop() == 0


def export(checkpoint, base_path):
    python("-m", "tfgan_kit.export", "--ckpt", checkpoint, "--output", base_path, "--output_range=0,1")


def images_of(version):
    """What a version answers, by its own SavedModel, for SEEDS."""
    model = tf.saved_model.load(str(version))
    return model.signatures["serving_default"](seed=tf.constant(SEEDS, tf.int64))["images"].numpy().astype(int)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl, as the page does")
def test_curl_and_the_client_get_the_images_of_a_strangers_generator(served, folder):
    until(lambda: served.available(1))
    url = f"http://localhost:{served.rest}/v1/models/plain:predict"
    line = ["curl", "--silent", "--fail-with-body", "-d", json.dumps({"instances": SEEDS}), url]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    by_curl = np.array(json.loads(done.stdout)["predictions"])
    assert by_curl.shape == (3, 8, 8, 3)
    assert abs(by_curl - images_of(folder / "plain" / "1")).max() <= 1
    python("-m", "tfgan_kit_client", "--target", f"localhost:{served.grpc}", "--model_name=plain", "--num_images=4",
           "--output", folder / "served.png")  # fmt: skip
    assert Image.open(folder / "served.png").size == (2 * 8 + 2, 2 * 8 + 2)


@pytest.mark.slow
def test_it_is_swapped_and_rolled_back_under_load_with_no_failed_request(served, folder):
    python(SCRIPT, 2, folder / "two.keras")
    base_path = folder / "plain"
    until(lambda: served.available(1))
    load = Load(served.grpc)
    try:
        export(folder / "two.keras", base_path)
        until(lambda: served.available(2))
        until(lambda: load.answers[-1][0] == 2)
        (base_path / "2").rename(base_path / "withdrawn-2")
        until(lambda: not served.available(2))
        until(lambda: load.answers[-1][0] == 1)
    finally:
        load.stop()
    assert load.failures == [] and load.versions() == [1, 2]
    assert {seed for _, seed, _ in load.answers} == set(SEEDS)
    (base_path / "withdrawn-2").rename(base_path / "2")
    expected = {version: images_of(base_path / str(version)) for version in (1, 2)}
    assert abs(expected[1] - expected[2]).max() > 1  # or the swap would not show
    levels = [
        abs(tf.make_ndarray(images)[0].astype(int) - expected[version][SEEDS.index(seed)]).max()
        for version, seed, images in load.answers
    ]
    assert max(levels) <= 1
