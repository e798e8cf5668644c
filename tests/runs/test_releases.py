"""Files, run folders and exports that users of every release hold stay loadable."""

import pathlib
import shutil
import tarfile

import tfgan_kit as gk
from tfgan_kit import presets
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run
from tfgan_kit.serving import ModelServer

import keras
import numpy as np
import pytest

from tests.command import exit_code
from tests.fixtures.make_release import LABELS, SEEDS
from tfgan_kit_client import GeneratorClient

pytestmark = pytest.mark.thorough

RELEASES = sorted((pathlib.Path(__file__).parents[1] / "fixtures").glob("release_*"))


def released(*parts):
    """The releases that have a file of this name."""
    folders = [folder for folder in RELEASES if folder.joinpath(*parts).exists()]
    assert folders
    return pytest.mark.parametrize("folder", folders, ids=lambda folder: folder.name)


def same_images(images, expected):
    # One level: the file may have been written on another processor.
    assert np.abs(images.astype(int) - expected.astype(int)).max() <= 1


@released("gan.keras")
def test_a_released_file_loads_whole_and_makes_the_same_images(folder):
    gan = load_gan(folder / "gan.keras")
    expected = np.load(folder / "expected.npz")
    same_images(gan.generate(seeds=SEEDS, labels=LABELS), expected["images"])
    assert int(gan.step) == expected["step"]
    assert int(gan.discriminator_optimizer.iterations) == 2 * int(gan.step)
    assert [p.name for p in gan.penalties] == ["r1", "gradient_penalty"]
    assert gan.update.discriminator_steps == 2


def tiny(image_shape, num_classes):
    size, _, channels = image_shape
    return (
        gk.networks.DCGANGenerator(size, channels, 3, 2, num_classes),
        gk.networks.DCGANDiscriminator(size, channels, 2, num_classes),
    )


@pytest.fixture
def tiny_preset(monkeypatch):
    """The preset that the released run names, from a module of its user's."""
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Preset(tiny, image_size=14, batch_size=8, steps=4))
    yield
    keras.config.set_dtype_policy("float32")


@released("run")
def test_a_released_run_is_resumed(folder, tiny_preset, tmp_path, capfd):
    expected = np.load(folder / "expected_run.npz")
    shutil.copytree(folder / "run", tmp_path / "run")
    same_images(load_gan(tmp_path / "run").generate(seeds=SEEDS, labels=LABELS), expected["images"])
    arguments = [f"--dataset=npz:{folder}/digits.npz", f"--run_dir={tmp_path}/run", "--checkpoint_every=2"]
    code = exit_code("train", "--preset=tiny", *arguments, "--keep=1", "--num_samples=4", "--steps=6")
    assert code == 0, capfd.readouterr().err
    run = Run(tmp_path / "run")
    assert list(run.checkpoints()) == [6]
    steps = {line["step"] for line in run.read_metrics()}
    assert {2, 4, 6} <= steps
    assert run.read_config()["resumed"][0]["step"] == 4


@released("models.tar.xz")
def test_a_released_export_is_checked_and_served(folder, tmp_path):
    with tarfile.open(folder / "models.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    expected = np.load(folder / "expected_run.npz")["images"]
    with ModelServer(tmp_path / "models", "tiny", port=0) as server:
        with GeneratorClient(f"localhost:{server.port}", "tiny") as client:
            same_images(client.generate(seeds=SEEDS, labels=LABELS), expected)
