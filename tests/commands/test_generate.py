import io
import json
import signal
import subprocess
import sys
import time
import zipfile

from tfgan_kit import image_seeds
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image


@pytest.fixture
def run_dir(finished_run):
    """A run that the command only reads."""
    return finished_run(steps=2)


def zipped(folder):
    """All pictures of a folder's zip shards: a dict name -> pixels."""
    found = {}
    for path in sorted(folder.glob("shard-*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                found[name] = np.asarray(Image.open(io.BytesIO(archive.read(name))))
    return found


def test_shards_hold_the_named_images_once_each(command, run_dir, tmp_path):
    code, out, err = command(
        "generate",
        f"--ckpt={run_dir}",
        "--num_images=25",
        "--shard_size=10",
        "--seed=3",
        f"--output={tmp_path / 'shards'}",
    )
    assert code == 0 and "images/s" in out, err
    gan = load_gan(run_dir)
    seeds = image_seeds(3, 25)
    images, labels = gan.generate(seeds=seeds), gan.labels_of(seeds)
    found = zipped(tmp_path / "shards")
    assert set(found) == {f"{label}/{seed}.png" for seed, label in zip(seeds, labels, strict=True)}
    for seed, label, image in zip(seeds, labels, images, strict=True):
        np.testing.assert_array_equal(found[f"{label}/{seed}.png"], image[..., 0])


def test_tfrecord_shards_hold_pictures_seeds_and_labels(command, run_dir, tmp_path):
    command(
        "generate",
        f"--ckpt={run_dir}",
        "--num_images=5",
        "--format=tfrecord",
        "--labels=2,0",
        f"--output={tmp_path / 'shards'}",
    )
    (path,) = (tmp_path / "shards").glob("*.tfrecord")
    examples = [tf.train.Example.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(path))]
    features = [e.features.feature for e in examples]
    assert [f["seed"].int64_list.value[0] for f in features] == list(image_seeds(0, 5))
    assert [f["label"].int64_list.value[0] for f in features] == [2, 0, 2, 0, 2]
    assert Image.open(io.BytesIO(features[0]["image"].bytes_list.value[0])).size == (14, 14)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(command, run_dir, tmp_path):
    arguments = [f"--ckpt={run_dir}", "--num_images=2000", "--shard_size=100"]
    line = [sys.executable, "-m", "tfgan_kit.generate", *arguments, f"--output={tmp_path / 'killed'}"]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "killed").glob("shard-*.zip"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "killed").glob("shard-*.zip")}
    assert 2 <= len(done) < 20
    command("generate", *arguments, f"--output={tmp_path / 'killed'}")
    command("generate", *arguments, f"--output={tmp_path / 'whole'}")
    whole = {p.name: p.read_bytes() for p in (tmp_path / "whole").glob("shard-*.zip")}
    killed = {p.name: p.read_bytes() for p in (tmp_path / "killed").glob("shard-*.zip")}
    assert len(whole) == 20 and killed == whole
    assert {n: (tmp_path / "killed" / n).stat().st_mtime_ns for n in done} == done


def test_shards_of_another_seed_are_not_mixed(command, run_dir, tmp_path):
    arguments = [f"--ckpt={run_dir}", "--num_images=4", f"--output={tmp_path / 'shards'}"]
    command("generate", *arguments)
    code, _, err = command("generate", *arguments, "--seed=1")
    assert code == 1 and "seed" in err


def test_a_small_number_writes_a_grid(command, run_dir, tmp_path):
    code, _, err = command(
        "generate", f"--ckpt={run_dir}", "--num_images=6", "--labels=1", f"--output={tmp_path / 'grid.png'}"
    )
    assert code == 0, err
    assert Image.open(tmp_path / "grid.png").size == (3 * 14 + 2 * 2, 2 * 14 + 2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--labels=7"], "0 to 2"),
        (["--labels=0,7", "--output={tmp}/shards"], "0 to 2"),
        (["--labels=one"], "class ids"),
        (["--num_images=0"], "--num_images"),
        (["--num_images=5000"], "1024"),
        (["--ckpt=/nowhere"], "/nowhere"),
        (["--output=/proc/grid.png"], "/proc"),
        (["--which=best"], "evaluate"),
        (["--which=worst"], "--which"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_1(command, run_dir, tmp_path, arguments, message):
    code, out, err = command(
        "generate",
        f"--ckpt={run_dir}",
        "--num_images=4",
        f"--output={tmp_path / 'g.png'}",
        *(argument.replace("{tmp}", str(tmp_path)) for argument in arguments),
    )
    assert code == 1 and message in out + err and "Traceback" not in out + err
    assert not (tmp_path / "g.png").exists() and not list(tmp_path.glob("shards/*"))


@pytest.fixture
def foreign(tmp_path):
    """A `.keras` file of a generator that knows nothing of this package."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.Dense(196, "tanh"), keras.layers.Reshape((14, 14, 1))]
    keras.Sequential(layers).save(tmp_path / "foreign.keras")
    return tmp_path / "foreign.keras"


def test_a_generator_of_another_origin_makes_pictures(command, foreign, tmp_path):
    code, _, err = command("generate", f"--ckpt={foreign}", "--num_images=3", f"--output={tmp_path / 'shards'}")
    assert code == 0, err
    found = zipped(tmp_path / "shards")
    expected = GenerativeModel.of(keras.saving.load_model(foreign)).generate(3)
    for seed, image in zip(image_seeds(0, 3), expected, strict=True):
        np.testing.assert_array_equal(found[f"{seed}.png"], image[..., 0])


def test_a_generator_of_another_origin_is_measured(command, foreign, digits, tmp_path):
    arguments = [f"--ckpt={foreign}", f"--dataset=npz:{digits}", "--metrics=swd", "--num_images=48"]
    code, out, err = command("evaluate", *arguments, f"--output={tmp_path / 'metrics.json'}")
    assert code == 0, err
    (result,) = json.loads((tmp_path / "metrics.json").read_text())["results"]
    assert result["metric"] == "swd" and result["value"] > 3 * result["floor"]


def test_a_class_is_asked_for_by_its_name(command, copied_run, tmp_path):
    run = Run(copied_run(steps=2))
    config = run.read_config()
    assert config["dataset"]["class_names"] is None  # of an .npz
    config["dataset"]["class_names"] = ["cat", "dog", "eel"]
    run.write_config(config)
    for labels in ("1,2", "dog,eel", "dog,2"):
        path = tmp_path / f"{labels}.png"
        code, _, err = command(
            "generate", f"--ckpt={run.path}", "--num_images=4", f"--labels={labels}", f"--output={path}"
        )
        assert code == 0, err
    assert len({path.read_bytes() for path in tmp_path.glob("*.png")}) == 1
    code, _, err = command("generate", f"--ckpt={run.path}", "--labels=fox", f"--output={tmp_path / 'x.png'}")
    assert code == 1 and "names among cat, dog, eel. Received: labels=fox" in err


def test_truncation_of_a_family_without_it_is_refused(command, run_dir, tmp_path):
    code, _, err = command("generate", f"--ckpt={run_dir}", f"--output={tmp_path / 'grid.png'}", "--truncation_psi=0.5")
    assert code == 1
    assert "does not define truncation" in err
