"""A version is published only if it answers alike by the kernels of other processors."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time

import tfgan_kit as gk
from tfgan_kit import processor
from tfgan_kit.export import ExportProfile, read_lineage
from tfgan_kit.export.contract import SERVING_DEFAULT
from tfgan_kit.export.verify import kernels
from tfgan_kit.export.verify.check import check_version

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfgan_kit_client import GeneratorClient

pytestmark = pytest.mark.thorough
Z = 5
ALL_SETTINGS = kernels._settings  # conftest.py leaves it none


def generator():
    """Grouped, dilated and transposed convolutions, with the biases and activations that are fused into them."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((Z,)),
            layers.Dense(4 * 4 * 8),
            layers.Reshape((4, 4, 8)),
            layers.Conv2D(8, 3, groups=4, padding="same", activation="relu"),
            layers.Conv2D(8, 3, dilation_rate=2, padding="same"),
            layers.LeakyReLU(),
            layers.Conv2DTranspose(8, 3, dilation_rate=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(3, 4, 2, padding="same", activation="tanh"),
        ]
    )
    model.set_weights([2.0 * w for w in model.get_weights()])  # for pictures of some contrast
    return model


class Grouped(keras.layers.Layer):
    """TensorFlow's own grouped convolution, and the bias and activation that are fused into it."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 3, shape[-1] // 2, 6), name="kernel")
        self.bias = self.add_weight(shape=(6,), name="bias")

    def call(self, x):
        x = tf.nn.conv2d(x, tf.convert_to_tensor(self.kernel), 1, "SAME")
        return tf.nn.relu(tf.nn.bias_add(x, tf.convert_to_tensor(self.bias)))


ON, OFF = {processor.ONEDNN: "1"}, {processor.ONEDNN: "0"}
HERE, ELSEWHERE = (ON, OFF) if processor.onednn_is_on() else (OFF, ON)


def export(folder, **profile):
    return gk.export_generator(generator(), folder, profile=ExportProfile(signatures=(SERVING_DEFAULT,), **profile))


@pytest.fixture
def settings(monkeypatch):
    """`settings(environments)`: those that are tried."""
    return lambda environments: monkeypatch.setattr(kernels, "_settings", lambda: environments)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    """One that was not tried, as its profile says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_settings", lambda: pytest.fail("tried"))
        return export(tmp_path_factory.mktemp("models"), try_kernels=False)


@pytest.fixture
def functions(version):
    return dict(tf.saved_model.load(str(version)).signatures)


@pytest.mark.slow
def test_the_record_lists_what_was_run_and_nothing_else(settings, tmp_path):
    """Of grouped, dilated and transposed convolutions."""
    settings(ALL_SETTINGS())
    lineage = read_lineage(export(tmp_path))
    expected = [{"instruction_set": processor.instruction_set(), "onednn": on} for on in (True, False)]
    if processor.instruction_set().startswith("AVX512"):
        expected.append({"instruction_set": "AVX2", "onednn": True})
    found = [{key: run[key] for key in ("instruction_set", "onednn")} for run in lineage["kernels"]]
    assert found == expected and lineage["processor"] == processor.record()
    for run in lineage["kernels"]:
        assert run["xla"] is False and run["requests"] == 4  # batch sizes of the warmup file
        assert set(run["max_difference"]) == {SERVING_DEFAULT}
        assert run["max_difference"][SERVING_DEFAULT] <= 1.0  # a level of 255


def test_what_the_profile_skips_is_not_listed(version):
    assert read_lineage(version)["kernels"] == []


def test_the_record_says_where_the_version_was_made(version):
    assert check_version(version).lineage["processor"] == processor.record()


def test_a_version_that_a_server_without_onednn_cannot_run_is_not_published(settings, tmp_path):
    """As it is; `test_portable.py` shows what optimisation makes of it."""
    settings([OFF])
    model = keras.Sequential(
        [
            keras.Input((Z,)),
            layers.Dense(128),
            layers.Reshape((4, 4, 8)),
            Grouped(),
            layers.Conv2D(3, 1, activation="tanh"),
        ]
    )
    profile = ExportProfile(optimized=False, signatures=(SERVING_DEFAULT,))
    with pytest.raises(ValueError, match="(?i)(?=.*export with optimi).*does not support grouped convolutions"):
        gk.export_generator(model, tmp_path, profile=profile)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change, allowed", [(1, True), (2, False)])
def test_another_answer_elsewhere_is_refused(settings, version, functions, monkeypatch, change, allowed):
    """An answer by other kernels may be one level off, no more."""
    settings([ELSEWHERE])

    def changed(version, _setting):
        recorded, answers = kernels._answers(version)
        answers[0]["images"].flat[0] ^= change  # the level is changed by so much, up or down
        return recorded, answers

    monkeypatch.setattr(kernels, "_answers_elsewhere", changed)
    if allowed:
        (run,) = kernels.try_kernels(version, functions, "float32")
        assert run["max_difference"][SERVING_DEFAULT] == change
    else:
        with pytest.raises(ValueError, match=f"'images' of 'serving_default' is off by {change}, where 1 is allowed"):
            kernels.try_kernels(version, functions, "float32")


@pytest.mark.slow
def test_a_process_that_cannot_read_the_version_is_told_by_its_last_line(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="warmup file cannot be read"):
        kernels._answers_elsewhere(tmp_path, HERE)


def test_a_process_that_dies_is_told_by_its_code(tmp_path, monkeypatch):
    monkeypatch.setattr(kernels.sys, "executable", shutil.which("false"))
    with pytest.raises(ValueError, match="ended with 1"):
        kernels._answers_elsewhere(tmp_path, HERE)


@pytest.mark.parametrize(
    "flags, expected",
    [({"avx2"}, [ON, OFF]), ({"avx2", "avx512dq", "amx_bf16"}, [ON, OFF, ON | {processor.LARGEST_SET: "AVX2"}])],
    ids=["AVX2", "AVX-512"],
)
def test_a_richer_processor_is_also_tried_as_a_poorer_one(monkeypatch, flags, expected):
    monkeypatch.setattr(processor, "_flags", lambda: flags)
    assert ALL_SETTINGS() == expected


@pytest.mark.slow
@pytest.mark.parametrize("made_by", [ON, OFF], ids=["made with oneDNN", "made without"])
def test_servers_of_both_kinds_answer_alike_whichever_made_it(made_by, tmp_path):
    """Exported by the command, in a process of one setting; served by two processes, one of each."""
    generator().save(tmp_path / "model.keras")
    base, images = tmp_path / "models" / "mixed", []
    command = ["tfgan_kit.export", "--ckpt", tmp_path / "model.keras", "--output", base]
    subprocess.run([sys.executable, "-m", *command], env=os.environ | made_by, check=True)
    assert [run["onednn"] for run in read_lineage(base / "1")["kernels"]] == [True, False]
    for setting in (ON, OFF):
        with served(base, os.environ | setting) as port, GeneratorClient(f"localhost:{port}", "mixed") as client:
            images.append(client.generate(33, seed=0).astype(int))
    assert np.std(images[0]) > 5.0  # levels: no constant picture
    assert np.abs(images[0] - images[1]).max() <= 1


@contextlib.contextmanager
def served(base, environment):
    """The port of an embedded server in a process of its own."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = ["tfgan_kit.serving", f"--model_base_path={base}", f"--model_name={base.name}", f"--port={port}"]
    process = subprocess.Popen([sys.executable, "-m", *command], env=environment)
    try:
        deadline = time.monotonic() + 120
        while socket.socket().connect_ex(("localhost", port)):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        yield port
    finally:
        process.kill()
        process.wait()
