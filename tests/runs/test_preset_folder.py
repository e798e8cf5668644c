"""A GAN as a folder to share: it comes back whole, replaces nothing of somebody else's, and runs no code."""

import json
import shutil
import sys

import tfgan_kit as gk
from tfgan_kit.runs.checkpoints import load_gan, resolve
from tfgan_kit.runs.model_card import model_card
from tfgan_kit.runs.run import Run
from tfgan_kit.training.preset_files import MEMBERS

import numpy as np
import pytest


@pytest.fixture(scope="module")
def gan():
    gan = gk.GAN(
        gk.networks.DCGANGenerator(8, 1, 4, width=2, num_classes=2), gk.networks.DCGANDiscriminator(8, 1, 2, 2)
    )
    gan.compile("adam", "sgd", objective="hinge")
    return gan


@pytest.fixture(scope="module")
def shared(gan, tmp_path_factory):
    """A preset's folder, not to be changed."""
    folder = tmp_path_factory.mktemp("shared") / "mine"
    gan.save_to_preset(folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def copy(shared, tmp_path):
    return shutil.copytree(shared, tmp_path / "copy")


def test_the_folder_holds_what_kerashubs_users_know(shared):
    assert {path.name for path in shared.iterdir()} == {*MEMBERS, "README.md", "samples.png"}
    assert json.loads((shared / "config.json").read_text())["registered_name"] == "tfgan_kit>GAN"


@pytest.mark.parametrize("load", [gk.from_preset, load_gan], ids=["from_preset", "load_gan"])
def test_the_gan_comes_back_with_its_images_and_its_optimizers(load, gan, shared):
    again = load(str(shared))
    np.testing.assert_array_equal(again.generate(3, seed=1), gan.generate(3, seed=1))
    assert (again.objective.__class__, again.discriminator_optimizer.__class__.__name__) == (
        gan.objective.__class__,
        "SGD",
    )


def test_the_same_folder_is_the_same_file_for_commands(shared, copy):
    assert resolve(shared) == resolve(copy)
    assert resolve(copy).read_bytes()[:2] == b"PK"


def test_an_earlier_preset_is_replaced_and_other_folders_are_left_alone(gan, copy, tmp_path):
    gan.save_to_preset(copy, "# Another card")
    assert (copy / "README.md").read_text() == "# Another card"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(ValueError, match="a folder of its own.*which holds thesis.txt"):
        gan.save_to_preset(tmp_path / "mine")
    with pytest.raises(ValueError, match="a folder of its own.*a file"):
        gan.save_to_preset(tmp_path / "mine" / "thesis.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "mine"]


def test_what_fails_leaves_the_earlier_preset_whole(gan, copy, monkeypatch):
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    monkeypatch.setattr("tfgan_kit.training.preset_files._write_samples", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gan.save_to_preset(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_damaged_folders_are_refused_in_a_sentence(copy):
    (copy / "model.weights.h5").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="Keras cannot load this file|damaged"):
        gk.from_preset(str(copy))
    (copy / "model.weights.h5").unlink()
    with pytest.raises(ValueError, match="Unknown preset|is it a run folder"):
        gk.from_preset(str(copy))


@pytest.mark.parametrize("place", ["the GAN", "its generator"])
def test_a_strangers_module_is_not_imported(place, copy, tmp_path, monkeypatch):
    (tmp_path / "strangers_module.py").write_text("class Evil: pass")
    monkeypatch.syspath_prepend(tmp_path)
    config = json.loads((copy / "config.json").read_text())
    part = config if place == "the GAN" else config["config"]["generator"]
    part |= {"module": "strangers_module", "class_name": "Evil", "registered_name": None}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="classes of your own, name their module"):
        gk.from_preset(str(copy))
    assert "strangers_module" not in sys.modules


def test_other_arguments_beside_a_folder_are_refused(shared):
    with pytest.raises(ValueError, match="holds the whole GAN: leave image_shape"):
        gk.from_preset(str(shared), (8, 8, 1))
    with pytest.raises(ValueError, match="holds the whole GAN"):
        gk.from_preset(str(shared), batch_size=3)


def test_the_card_of_a_run_states_data_figures_protocol_and_licence(gan, tmp_path):
    run = Run(tmp_path / "digits")
    data = {"num_images": 5000, "image_shape": [8, 8, 1], "name": "mnist5k", "fingerprint": "0123456789abcdef"}
    run.write_config({"dataset": data, "versions": {"keras": "3"}, "git_commit": "c0ffee", "flags": {"preset": "x"}})
    protocol = {"generated_count": 100, "reference_count": 200, "reference_source": "mnist5k", "seed": 3}
    run.append_metrics([{"step": 7, "metric": "swd", "value": 1.25, "protocol": protocol}])
    run.save(gan)
    card = model_card(run.path, "mit", "Tests alone.")
    assert card.startswith("---\nlicense: mit\nlibrary_name: keras\n")
    for text in (
        "5,000 samples of 8 x 8 x 1 of `mnist5k`",
        "commit c0ffee",
        "| swd | 1.25 | 7 | 100 / 200 | mnist5k, seed 3 |",
        "Tests alone.",
        "](samples.png)",
    ):
        assert text in card
