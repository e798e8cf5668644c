"""The door for official parameters: what it gives, what it refuses and how; layouts; the guess from shapes."""

from tfgan_kit import convert
from tfgan_kit.convert import layouts
from tfgan_kit.convert.layouts import Columns, FirstTransposed, LastConvolution, Row
from tfgan_kit.convert.state import State

import keras
import numpy as np
import pytest
import torch

from tests.fixtures.official import Official

# Layouts


@pytest.mark.parametrize(
    "layout, shape",
    [
        (layouts.AS_IS, (3, 4)),
        (layouts.CONVOLUTION, (5, 4, 3, 2)),
        (layouts.TRANSPOSED, (4, 5, 3, 2)),
        (layouts.DEPTHWISE, (4, 1, 3, 2)),
        (layouts.DENSE, (3, 4)),
        (layouts.dense_to_pixels(2, 3), (12, 4)),
        (layouts.pixels_to_dense(2, 3), (4, 12)),
        (layouts.vector_of_pixels(2, 3), (12,)),
        (layouts.row_of_pixels(2, 3), (1, 12)),
        (Row(), (5,)),
        (Row((2, 3)), (12,)),
        (Columns(1, 2), (3, 8)),
        (FirstTransposed((2, 3)), (4, 5, 2, 3)),
        (LastConvolution((2, 3)), (1, 5, 2, 3)),
    ],
)
def test_the_official_shape_is_that_of_the_array_that_becomes_a_variable(layout, shape):
    found = layout.to_keras(np.zeros(shape, np.float32))
    assert layout.official_shape(found.shape) == shape


@pytest.mark.parametrize(
    "layout, shape", [(layouts.dense_to_pixels(2, 3), (12, 4)), (layouts.pixels_to_dense(2, 3), (4, 12)), (Row(), (5,))]
)
def test_a_layout_keeps_every_number(layout, shape):
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    assert sorted(np.ravel(layout.to_keras(array))) == sorted(np.ravel(array))


def test_a_matrix_to_pixels_gives_pytorchs_maps_in_keras_order():
    dense = torch.nn.Linear(5, 4 * 2 * 3, bias=False)
    x = torch.ones(1, 5)
    expected = dense(x).reshape(1, 4, 2, 3).permute(0, 2, 3, 1).detach()
    kernel = layouts.dense_to_pixels(2, 3).to_keras(dense.weight.detach().numpy())
    np.testing.assert_allclose((x.numpy() @ kernel).reshape(1, 2, 3, 4), expected, rtol=1e-5)


# DCGAN, of PyTorch's tutorial


def tutorial_generator(nz, ngf, nc):
    widths = (nz, 2 * ngf, ngf)
    layers = []
    for place, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
        stride, padding = (2, 1) if place else (1, 0)
        layers += [
            torch.nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False),
            torch.nn.BatchNorm2d(outputs),
            torch.nn.ReLU(),
        ]
    layers += [torch.nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False), torch.nn.Tanh()]
    return torch.nn.ModuleDict({"main": torch.nn.Sequential(*layers)})


def tutorial_discriminator(ndf, nc):
    layers = [torch.nn.Conv2d(nc, ndf, 4, 2, 1, bias=False), torch.nn.LeakyReLU(0.2)]
    layers += [torch.nn.Conv2d(ndf, 2 * ndf, 4, 2, 1, bias=False), torch.nn.BatchNorm2d(2 * ndf)]
    layers += [torch.nn.LeakyReLU(0.2), torch.nn.Conv2d(2 * ndf, 1, 4, 1, 0, bias=False)]
    return torch.nn.ModuleDict({"main": torch.nn.Sequential(*layers)})


@pytest.fixture
def tutorial():
    """The tutorial's networks for 16 pixels, with statistics other than those of the start."""
    torch.manual_seed(0)
    networks = tutorial_generator(nz=5, ngf=3, nc=1), tutorial_discriminator(ndf=3, nc=1)
    with torch.no_grad():
        networks[0]["main"](torch.randn(8, 5, 1, 1))
        networks[1]["main"](torch.randn(8, 1, 16, 16))
    return [network.eval() for network in networks]


def arrays(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def test_a_tutorial_s_dcgan_gives_its_images_and_logits(tutorial):
    theirs, judge = tutorial
    generator = convert.load("dcgan", arrays(theirs), nz=5, ngf=3, nc=1, image_size=16)
    discriminator = convert.load("dcgan", arrays(judge), "discriminator", ndf=3, nc=1, image_size=16)
    latents = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    with torch.no_grad():
        images = theirs["main"](torch.from_numpy(latents)[:, :, None, None])
        logits = judge["main"](images)[:, :, 0, 0]
    found = generator(latents)
    np.testing.assert_allclose(found, images.permute(0, 2, 3, 1), atol=2e-6)
    np.testing.assert_allclose(discriminator(found), logits, atol=2e-6)


# What is refused


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda state: state.pop("main.1.bias"), "missing: main.1.bias$"),
        (lambda state: state.update(extra=np.zeros(1)), "surplus: extra$"),
        (lambda state: state.update({"main.0.weight": np.zeros((5, 6, 3, 3))}), r"another shape: main.0.weight"),
        (lambda state: state.update({"main.0.weight": np.array(["a"])}), "another shape: main.0.weight <U1"),
        (lambda state: [state.pop(f"main.{k}.weight") for k in (3, 4, 6)], "missing: .*main.3.weight.*main.4.weight"),
    ],
    ids=["missing", "surplus", "shape", "kind", "several"],
)
def test_parameters_that_do_not_fit_are_listed(tutorial, change, message):
    state = arrays(tutorial[0])
    change(state)
    with pytest.raises(ValueError, match=message) as error:
        convert.load("dcgan", state, nz=5, ngf=3, nc=1, image_size=16)
    assert str(error.value).startswith("These are not the parameters of dcgan's generator with these official arg")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(family="gan"), "Unknown family; known are biggan, .*stylegan3. Received: family='gan'"),
        (dict(family="dcgan", network="critic"), "networks of dcgan are generator, discriminator. .*'critic'"),
        (dict(family="dcgan", ngff=3), "arguments of dcgan's generator are nz, ngf, .* Received: ngff"),
        (dict(family="sagan", nz=3), "cannot be built without these official arguments: num_classes. Received: nz"),
        (dict(family="sngan", resolution=256), "SNGAN for 32, 48, 64, 128 pixels. Received: resolution=256"),
        (dict(family="sngan", resolution=64, num_classes=3), "SNGAN for 32, 128 pixels. Received: resolution=64"),
        (dict(family="sagan", resolution=64, num_classes=3), "SAGAN for 32, 128 pixels. Received: resolution=64"),
        (dict(family="dcgan", image_size=20), "8, 14, 16, 28, .* Received: image_size=20"),
        (dict(family="sngan", ngf=0), "each at least 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(map(str, value)),
)
def test_what_no_official_network_has_is_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        convert.load(arguments.pop("family"), {}, **arguments)


@pytest.mark.parametrize("state", [[("a", np.zeros(1))], {1: np.zeros(1)}, None])
def test_a_state_that_is_no_dict_of_names_is_refused(state):
    with pytest.raises(TypeError, match="dict of official parameter names to arrays"):
        State(state)


def test_labels_for_an_unconditional_network_are_refused(tutorial):
    generator = convert.load("dcgan", arrays(tutorial[0]), nz=5, ngf=3, nc=1, image_size=16)
    with pytest.raises(ValueError, match="This network is unconditional"):
        generator([np.zeros((2, 5), np.float32), np.zeros(2, np.int32)])


# The guess


@pytest.mark.parametrize("letter, network", [("G", "generator"), ("D", "discriminator")])
@pytest.mark.parametrize(
    "family, fixture",
    [
        ("r3gan", "r3gan_cond16"),
        ("biggan", "biggan64"),
        pytest.param("biggan_deep", "biggan_deep64", marks=pytest.mark.thorough),
    ],
)
def test_shapes_tell_the_arguments_of_an_official_network(family, fixture, letter, network):
    official = Official(fixture)
    state = official.state(f"{letter}.")
    found = convert.guess(state)
    assert (found.family, found.network) == (family, network)
    known = official.meta[letter]
    said = {name: value for name, value in found.arguments.items() if name in known}
    assert said == {name: known[name] for name in said} and len(said) >= 4
    convert.load(family, state, network, **found.arguments)


def test_shapes_tell_the_arguments_of_a_tutorial_s_dcgan(tutorial):
    generator, discriminator = (convert.guess(arrays(network)) for network in tutorial)
    assert generator == ("dcgan", "generator", dict(nz=5, ngf=3, nc=1, image_size=16))
    assert discriminator == ("dcgan", "discriminator", dict(ndf=3, nc=1, image_size=16))


@pytest.mark.parametrize("family", [None, "r3gan"])
def test_names_of_no_known_family_are_refused(family):
    with pytest.raises(ValueError, match="These are not the names of .*known are biggan, .*Received: a, b, ..."):
        convert.guess({"a": np.zeros(1), "b": np.zeros(1)}, family)


# The file


def test_a_converted_network_is_a_plain_keras_file(tutorial, tmp_path):
    generator = convert.load("dcgan", arrays(tutorial[0]), nz=5, ngf=3, nc=1, image_size=16)
    generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    latents = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    np.testing.assert_array_equal(loaded(latents), generator(latents))
