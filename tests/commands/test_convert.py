"""`python -m tfgan_kit.convert`: a file of PyTorch's to a file of Keras's, whole or not at all."""

import os

import keras
import numpy as np
import pytest
import torch
from PIL import Image

from tests.convert.test_load import tutorial_discriminator, tutorial_generator


@pytest.fixture
def source(tmp_path):
    """A checkpoint of a tutorial's DCGAN for 16 pixels, with both networks."""
    torch.manual_seed(0)
    networks = tutorial_generator(nz=5, ngf=3, nc=1), tutorial_discriminator(ndf=3, nc=1)
    path = tmp_path / "weights.tar"
    torch.save({f"net{name}": network.state_dict() for name, network in zip("GD", networks, strict=True)}, path)
    return path


def test_a_generator_is_written_shown_and_taken_by_the_commands_it_names(command, source, tmp_path):
    output = tmp_path / "out" / "faces.keras"
    code, out, err = command("convert", f"--source={source}", f"--output={output}", "--network=netG")
    assert code == 0, err
    assert 'Converted dcgan\'s generator, {"nz": 5, "ngf": 3, "nc": 1, "image_size": 16}' in out
    assert Image.open(output.with_suffix(".png")).size == (8 * 18 - 2, 8 * 18 - 2)
    generator = keras.saving.load_model(output)
    assert generator.output_shape == (None, 16, 16, 1)
    assert f"python -m tfgan_kit.export --ckpt {output} --output models/faces" in out
    code, _, err = command("generate", f"--ckpt={output}", "--num_images=64", f"--output={tmp_path / 'again.png'}")
    assert code == 0, err
    again = np.asarray(Image.open(tmp_path / "again.png"))
    np.testing.assert_array_equal(again, np.asarray(Image.open(output.with_suffix(".png"))))
    code, out, err = command("export", f"--ckpt={output}", f"--output={tmp_path / 'models' / 'faces'}")
    assert code == 0, err
    assert (tmp_path / "models" / "faces" / "1" / "saved_model.pb").exists()


def test_a_discriminator_is_written_without_a_picture(command, source, tmp_path):
    code, out, err = command("convert", f"--source={source}", f"--output={tmp_path / 'd.keras'}", "--network=netD")
    assert code == 0, err
    assert "Converted dcgan's discriminator" in out and "Next:" not in out
    assert sorted(os.listdir(tmp_path)) == ["d.keras", "weights.tar"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "Name one of the networks in the file: netG, netD. Received: network=None"),
        (["--network=netE"], "networks in the file: netG, netD. Received: network='netE'"),
        (["--network=netG", "--family=sngan"], "These are not the names of sngan"),
        (["--network=netG", '--arguments={"ngf": 4}'], "of another shape: main.0.weight"),
        (["--network=netG", '--arguments={"width": 4}'], "arguments of dcgan's generator are nz, ngf, nc, image_size"),
        (["--network=netG", "--source=missing.pth"], "no whole file of weights"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_converted_is_told_and_nothing_is_written(command, source, tmp_path, arguments, message):
    code, out, err = command("convert", f"--source={source}", f"--output={tmp_path / 'g.keras'}", *arguments)
    assert code == 1 and message in err and "Traceback" not in err
    assert os.listdir(tmp_path) == ["weights.tar"]


def test_a_cut_file_is_told_and_nothing_is_written(command, source, tmp_path):
    os.truncate(source, source.stat().st_size // 2)
    code, _, err = command("convert", f"--source={source}", f"--output={tmp_path / 'g.keras'}", "--network=netG")
    assert code == 1 and "no whole file of weights that torch.save wrote" in err
    assert os.listdir(tmp_path) == ["weights.tar"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "--output must have a value"),
        (["--source=a.pth"], "--output must have a value"),
        (["--source=a.pth", "--output=g.h5"], "--output is a file that ends in .keras. Received: output=g.h5"),
        (["--source=a.pth", "--output=g.keras", "--samples=g.jpg"], "--samples is a file that ends in .png"),
        (["--source=a.pth", "--output=g.keras", "--arguments=G_ch"], "--arguments must be a JSON object"),
        (["--source=a.pth", "--output=g.keras", "--arguments=[96]"], "--arguments must be a JSON object"),
        (["--source=a.pth", "--output=g.keras", "--family=stylegan"], "<biggan|biggan_deep|cyclegan|dcgan|"),
    ],
    ids=" ".join,
)
def test_what_is_missing_or_misspelt_is_told_before_tensorflow_is_imported(command, monkeypatch, arguments, message):
    monkeypatch.setattr("tfgan_kit.command_line.work", lambda name, *_: pytest.fail(f"{name} goes on"))
    code, out, err = command("convert", *arguments)
    assert code == 1 and message in out + err and "Traceback" not in out + err
