"""`python -m tfgan_kit.convert` of StyleGAN's pickles: a GAN that goes on, one network of it, or a transfer."""

import os
import re
import subprocess
import sys

from tfgan_kit.convert.load import filled
from tfgan_kit.convert.state import State

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.convert.pickles import authors, write
from tests.fixtures.official import Official, assert_agrees, drawn, nhwc

__all__ = ["authors"]

G, D = Official("sg2_g_skip_8x12"), Official("sg2_d_resnet_8x12")


@pytest.fixture
def source(tmp_path, authors):
    """A file of 8 x 12 pixels, whose arguments say one side, as forks for other shapes write them."""
    average, config = G.state(), {**G.meta["config"], "img_resolution": 8}
    trained = {name: np.asarray(array * np.float32(0.5)) for name, array in average.items()}
    content = {
        "G": authors.module(trained, config),
        "D": authors.module(D.state(), {**D.meta["config"], "img_resolution": 8}, "Discriminator"),
        "G_ema": authors.module(average, config),
        "augment_pipe": None,
        "training_set_kwargs": authors.easy({"class_name": "training.dataset.ImageFolderDataset"}),
    }
    return write(tmp_path / "faces.pkl", content)


def images_of(generator):
    return generator(tf.constant(drawn("z", (3, 5))))


def test_a_whole_file_becomes_a_gan_whose_average_is_the_file_s(command, source, tmp_path):
    output = tmp_path / "faces.keras"
    code, out, err = command("convert", f"--source={source}", f"--output={output}")
    assert code == 0, err
    assert "Converted G: stylegan2's generator" in out and "Converted D: stylegan2's discriminator" in out
    assert "Source Code License, for non-commercial use" in out and "float32" in out
    gan = keras.saving.load_model(output)
    assert_agrees(images_of(gan.ema_generator), nhwc(G["psi1_const"]))
    np.testing.assert_array_equal(gan.ema_generator.mapping.w_avg, G.state()["mapping.w_avg"])
    np.testing.assert_array_equal(gan.generator.mapping.w_avg, 0.5 * G.state()["mapping.w_avg"])
    images = tf.constant(nhwc(drawn("images", (4, 3, 8, 12), 0.5)))
    assert_agrees(gan.discriminator(images), D["logits"])
    assert gan.generator.style_mixing == 0.9
    assert [penalty.name for penalty in gan.penalties] == ["r1", "path_length"]
    assert Image.open(output.with_suffix(".png")).size == (8 * 14 - 2, 8 * 10 - 2)


@pytest.mark.slow
def test_the_gan_of_a_file_goes_on_with_fit(command, source, tmp_path):
    """By its authors' recipe, which is traced for a minute: styles are mixed, R1, path length, ADA."""
    code, _, err = command("convert", f"--source={source}", f"--output={tmp_path / 'faces.keras'}")
    assert code == 0, err
    gan = keras.saving.load_model(tmp_path / "faces.keras")
    before = gan.generator.get_weights()
    with pytest.warns(UserWarning):  # an array's order starts anew
        gan.fit(np.zeros((8, 8, 12, 3), np.uint8), batch_size=4, epochs=1, verbose=0)
    assert gan.steps_trained == 2
    assert any((old != new).any() for old, new in zip(before, gan.generator.get_weights(), strict=True))


def test_one_network_of_a_file_is_that_network(command, source, tmp_path):
    code, out, err = command("convert", f"--source={source}", f"--output={tmp_path / 'g.keras'}", "--network=G_ema")
    assert code == 0, err
    assert "Converted stylegan2's generator" in out and "Source Code License" in out
    assert_agrees(images_of(keras.saving.load_model(tmp_path / "g.keras")), nhwc(G["psi1_const"]))


def test_a_transfer_is_of_the_size_asked_for_and_lists_what_is_new(command, source, tmp_path):
    output = tmp_path / "other.keras"
    flags = ["--image_size=16", "--num_classes=3", "--channels=1", "--freeze_discriminator=2"]
    code, out, err = command("convert", f"--source={source}", f"--output={output}", *flags)
    assert code == 0, err
    assert "New in stylegan2's generator, which does not fit: mapping.embed" in out
    assert "New in stylegan2's discriminator, which does not fit: b16.fromrgb" in out
    gan = keras.saving.load_model(output)
    assert gan.image_shape == (16, 16, 1) and gan.num_classes == 3
    kept = G.state()["synthesis.b8.conv1.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(gan.ema_generator.synthesis.layer(1, "conv1").kernel, kept)
    assert [layer.name for layer in gan.discriminator.layers if not layer.trainable] == [
        "level2_from_images", "level2_conv0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--network=G_ema", "--freeze_discriminator=2"], "is of a discriminator. Received: network=G_ema"),
        (["--arguments={\"width\": 4}"], "official arguments of this GAN are .* Received: width"),
        (["--network=augment_pipe"], "networks in the file: G, D, G_ema. Received"),
        (["--image_size=9"], "base times the same power of two"),
        (["--freeze_discriminator=99"], "from 0 to the 4 layers above the base"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_told_and_nothing_is_written(command, source, tmp_path, flags, message):
    code, out, err = command("convert", f"--source={source}", f"--output={tmp_path / 'g.keras'}", *flags)
    assert code == 1 and "Traceback" not in err
    assert re.search(message, err)
    assert os.listdir(tmp_path) == ["faces.pkl"]


@pytest.mark.parametrize("tenth", range(1, 10, 4))
def test_a_file_that_was_cut_is_told_and_nothing_is_written(command, source, tmp_path, tenth):
    os.truncate(source, source.stat().st_size * tenth // 10)
    code, _, err = command("convert", f"--source={source}", f"--output={tmp_path / 'g.keras'}")
    assert code == 1 and "no whole file of weights" in err and "Traceback" not in err
    assert os.listdir(tmp_path) == ["faces.pkl"]


class Shapes(State):
    """Notes the official shapes that a family asks for."""

    def __init__(self, unused):
        super().__init__({}, unused)
        self.shapes = {}

    def take(self, name, shape):
        self.shapes[name] = shape


def shapes_of(player, config):
    return filled("stylegan2", player, config, Shapes)[1].shapes


MEASURED = """
import re, runpy, sys, time
try:
    runpy.run_module("tfgan_kit.convert", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code, end.code
peak = re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]  # ru_maxrss counts who forked it, too
print("MEASURED", time.process_time(), int(peak) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("flags, most_seconds, most_gib", [(["--network=G_ema"], 60, 3), ([], 90, 4)], ids=str)
def test_thirty_million_parameters_a_network_have_a_bound_in_time_and_memory(
    tmp_path, authors, flags, most_seconds, most_gib
):
    """256 pixels by configuration F; processor time, of the whole command with its 4 images.

    A whole GAN has 210 million numbers with Adam's, 0.84 GB, which Keras holds twice more while it writes them.
    """
    synthesis = {"channel_base": 32768, "channel_max": 512, "conv_clamp": 256, "num_fp16_res": 4}
    of_images = {"c_dim": 0, "img_resolution": 256, "img_channels": 3}
    generator = {**of_images, "z_dim": 512, "w_dim": 512, "mapping_kwargs": {"num_layers": 8}}
    configs = {
        "generator": {**generator, "synthesis_kwargs": synthesis},
        "discriminator": {**of_images, **synthesis, "epilogue_kwargs": {"mbstd_group_size": 4}},
    }
    made, random = {}, np.random.default_rng(0)
    for name, player in (("G", "generator"), ("D", "discriminator"), ("G_ema", "generator")):
        shapes = shapes_of(player, configs[player])
        state = {key: random.standard_normal(shape, np.float32) for key, shape in shapes.items()}
        assert 28e6 < sum(array.size for array in state.values()) < 31e6
        made[name] = authors.module(state, configs[player])
    path = write(tmp_path / "ffhq.pkl", made)
    command = [sys.executable, "-c", MEASURED, f"--source={path}", f"--output={tmp_path / 'ffhq.keras'}", *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds, gib = map(float, done.stdout.rpartition("MEASURED")[2].split())
    assert seconds < most_seconds and gib < most_gib
