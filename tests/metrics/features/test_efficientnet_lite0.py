"""The network against one written here with torch's functions, with random weights and with the published ones."""

from tfgan_kit.convert.pytorch_file import read_state_dict
from tfgan_kit.metrics.features import efficientnet_lite0
from tfgan_kit.metrics.features.weight_files import EFFICIENTNET_LITE0, find

import keras
import numpy as np
import pytest

from benchmarks.baselines.metric_references import torch
from tests.metrics.coloured_digits import coloured_digits

pytestmark = pytest.mark.thorough

HALVED = {1, 3, 5, 11}  # the blocks of stride 2
FILTERS = [16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
SIZES = [3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3]


def _random_state():
    """A state dict in the published file's names, with batch statistics that are not trivial."""
    random = torch.Generator().manual_seed(0)
    state = {}

    def add(convolution, norm, filters, inputs, size=1):
        kernel = torch.randn(filters, inputs, size, size, generator=random)
        state[f"{convolution}.weight"] = kernel * (2 / (inputs * size * size)) ** 0.5
        for part, centre in (("weight", 1), ("bias", 1), ("running_mean", 0), ("running_var", 1)):
            state[f"{norm}.{part}"] = centre + 0.2 * torch.rand(filters, generator=random)

    add("_conv_stem", "_bn0", 32, 3, 3)
    for k, (inputs, filters, size) in enumerate(zip([32, *FILTERS], FILTERS, SIZES, strict=False)):
        inner = inputs * 6 if k else inputs
        if k:
            add(f"_blocks.{k}._expand_conv", f"_blocks.{k}._bn0", inner, inputs)
        add(f"_blocks.{k}._depthwise_conv", f"_blocks.{k}._bn1", inner, 1, size)
        add(f"_blocks.{k}._project_conv", f"_blocks.{k}._bn2", filters, inner)
    add("_conv_head", "_bn1", 1280, 320)
    state["_fc.weight"] = 0.05 * torch.randn(1000, 1280, generator=random)
    state["_fc.bias"] = torch.randn(1000, generator=random)
    return state


class Reference:
    """The network as a few calls of torch.nn.functional, on a state dict."""

    def __init__(self, state):
        self.state = state

    def layer(self, x, convolution, norm, strides=1):
        """Convolution padded as TensorFlow does, of an odd sum the larger half behind; batch normalization."""
        weight = self.state[f"{convolution}.weight"]
        size, side = weight.shape[-1], x.shape[-1]
        padding = max((-(-side // strides) - 1) * strides + size - side, 0)
        front, back = padding // 2, padding - padding // 2
        x = torch.nn.functional.pad(x, (front, back, front, back))
        groups = x.shape[1] // weight.shape[1]
        x = torch.nn.functional.conv2d(x, weight, stride=strides, groups=groups)
        mean, variance, gamma, beta = (
            self.state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return torch.nn.functional.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)

    def block(self, inputs, k):
        relu6, name, x = torch.nn.functional.relu6, f"_blocks.{k}", inputs
        if k:
            x = relu6(self.layer(x, f"{name}._expand_conv", f"{name}._bn0"))
        x = relu6(self.layer(x, f"{name}._depthwise_conv", f"{name}._bn1", 2 if k in HALVED else 1))
        x = self.layer(x, f"{name}._project_conv", f"{name}._bn2")
        return x + inputs if x.shape == inputs.shape else x

    def __call__(self, x):
        x = torch.nn.functional.relu6(self.layer(x, "_conv_stem", "_bn0", 2))
        for k in range(16):
            x = self.block(x, k)
        features = torch.nn.functional.relu6(self.layer(x, "_conv_head", "_bn1")).mean((2, 3))
        return features, features @ self.state["_fc.weight"].T + self.state["_fc.bias"]


@pytest.fixture(scope="module")
def prepared(digits):
    return efficientnet_lite0.prepare(coloured_digits(digits, 8, 64, 64))


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save(_random_state(), path)
    return path


def _assert_equal_to_the_reference(path, prepared, tolerance):
    """Equal to `tolerance`, in standard deviations of the features (and logits) over the images."""
    state = {name: torch.tensor(value) for name, value in read_state_dict(path).items()}
    expected = Reference(state)(torch.tensor(prepared).permute(0, 3, 1, 2))
    for found, values in zip(efficientnet_lite0.build(path)(prepared), expected, strict=True):
        deviation = values.numpy().std(axis=0).mean()
        assert deviation > 0.1
        np.testing.assert_allclose(found, values.numpy(), rtol=0, atol=tolerance * deviation)


def test_features_and_logits_are_those_of_torchs_functions(random_weights, prepared):
    # Random weights make more of float32's rounding than trained ones; a wrong padding makes 1e-1.
    _assert_equal_to_the_reference(random_weights, prepared, 1e-3)


def test_published_weights_give_what_torchs_functions_do(prepared):
    try:
        path = find(EFFICIENTNET_LITE0)
    except ValueError as error:
        pytest.skip(f"the weights are not to be had: {error}")
    _assert_equal_to_the_reference(path, prepared, 1e-4)


def test_keras_policy_is_no_part_of_the_network(random_weights, prepared, set_policy):
    plain = efficientnet_lite0.build(random_weights)(prepared)
    set_policy("mixed_bfloat16")
    for found, expected in zip(efficientnet_lite0.build(random_weights)(prepared), plain, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_outputs_are_1280_features_of_at_least_zero_and_1000_logits(random_weights, prepared):
    features, logits = efficientnet_lite0.build(random_weights)(prepared[:3])
    assert features.shape == (3, 1280) and logits.shape == (3, 1000)
    assert np.min(features) >= 0 and np.max(features) <= 6


def test_prepared_images_are_centred_on_127():
    images = np.full((1, 8, 8, 3), [0, 127, 255], np.uint8)
    found = efficientnet_lite0.prepare(images)
    assert found.dtype == np.float32 and found.shape == (1, 224, 224, 3)
    np.testing.assert_allclose(found[0, 100, 100], [-127 / 128, 0, 1], atol=1e-6)


def test_weights_of_another_network_are_refused_naming_the_layer(tmp_path):
    torch.save({"_conv_stem.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="not the weights of EfficientNet-Lite0.*conv_stem does not fit"):
        efficientnet_lite0.build(tmp_path / "other.pth")
