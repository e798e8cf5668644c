"""The network against torch-fidelity's, with the same random weights: the published ones are not to be had offline."""

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.files import sha256
from tfgan_kit.metrics import evaluate, open_extractor
from tfgan_kit.metrics.features import inception, published

import keras
import numpy as np
import pytest

from benchmarks.baselines.metric_references import torch
from benchmarks.baselines.random_inception import batch_norms, in_torch, random_inception
from tests.metrics.coloured_digits import coloured_digits
from tests.twins import twins

pytestmark = pytest.mark.thorough

TAPS = list(inception.TAPS)


@pytest.fixture(scope="module")
def reference(digits):
    """torch-fidelity's network of random weights."""
    return random_inception(coloured_digits(digits, 8, 96, 96), TAPS)


@pytest.fixture(scope="module")
def weights(reference, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(reference.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def images(digits):
    """Two sets of real images of different sizes, a size a list."""
    grey = np.repeat(next(iter(digits.ordered(4)))[0].numpy(), 3, axis=-1)
    return [grey, coloured_digits(digits, 8, 64, 64)]


@pytest.fixture(scope="module")
def expected(reference, images):
    """torch-fidelity's values, an array a tap."""
    with torch.no_grad():
        parts = [reference(in_torch(some)) for some in images]
    return dict(zip(TAPS, [torch.cat(values).numpy() for values in zip(*parts, strict=True)], strict=True))


def _ours(weights, images, taps=TAPS):
    network = inception.build_inception(taps)
    inception.load_weights(network, weights)
    parts = [network(inception.prepare(some)) for some in images]
    return {tap: np.concatenate([part[tap] for part in parts]) for tap in taps}


@pytest.fixture(scope="module")
def found(weights, images):
    return _ours(weights, images)


def _deviation(values):
    """A tap's standard deviation over images, averaged over its features."""
    return values.std(axis=0).mean()


def _worst(found, expected):
    return np.abs(found - expected).max() / _deviation(expected)


@pytest.mark.slow
def test_reference_statistics_of_batch_normalization_are_not_trivial(reference):
    for norm in batch_norms(reference):
        assert norm.running_mean.std() > 1e-2 and norm.running_var.std() > 1e-2
        assert norm.weight.std() > 0.05 and norm.bias.std() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("tap", TAPS)
def test_tap_equals_torch_fidelitys_to_1e_4_of_its_deviation(found, expected, tap):
    assert found[tap].shape == (12, inception.TAPS[tap])
    assert _deviation(expected[tap]) > 0.1
    assert _worst(found[tap], expected[tap]) < 1e-4


def _average_with_border(x):
    return keras.layers.AveragePooling2D(3, 1)(keras.layers.ZeroPadding2D(1)(x))


@pytest.mark.slow
@twins(
    "right, wrong",
    [("_average", _average_with_border), ("_maximum", inception._average), ("_average", inception._maximum)],
    ids=["average over the border", "average in Mixed_7c", "maximum for averages"],
)
def test_a_wrong_pooling_is_noticed(weights, images, expected, monkeypatch, right, wrong):
    monkeypatch.setattr(inception, right, wrong)
    found = _ours(weights, [images[1][:2]], ["2048"])["2048"]
    assert _worst(found, expected["2048"][4:6]) > 1e-2


def test_network_of_an_extractor_gives_features_and_logits_without_bias(weights, images, found):
    features, logits = inception.build(weights)(inception.prepare(images[0]))
    np.testing.assert_allclose(features, found["2048"][:4], rtol=1e-5)
    np.testing.assert_allclose(logits, found["logits_unbiased"][:4], rtol=1e-4, atol=1e-4)


def test_prepared_images_lie_in_minus_one_to_one():
    images = np.full((1, 8, 8, 3), [0, 128, 255], np.uint8)
    found = inception.prepare(images, "clean")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, 150, 150], [-1, 0, 127 / 128], atol=1e-6)


@pytest.mark.parametrize(
    "change, message",
    [
        ({}, "whose Conv2d_2a_3x3 does not fit: 'Conv2d_2a_3x3.conv.weight'"),
        ({"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 3, 5, 5)}, r"whose Conv2d_1a_3x3 does not fit.*\(5, 5, 3, 32\)"),
        ({"Conv2d_1a_3x3.bn.weight": torch.zeros(5)}, "whose Conv2d_1a_3x3 does not fit"),
    ],
    ids=["missing", "another kernel", "another width"],
)
def test_weights_of_another_network_are_refused_naming_the_layer(reference, tmp_path, change, message):
    first = {name: value for name, value in reference.state_dict().items() if name.startswith("Conv2d_1a")}
    torch.save(first | change, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=message) as error:
        inception.build(tmp_path / "other.pth")
    assert f"Received: {tmp_path / 'other.pth'}" in str(error.value)


@pytest.mark.slow
def test_an_evaluation_by_the_fid_network_bears_its_name_hash_and_resizer(weights, images, monkeypatch):
    known = published._NETWORKS["inception"]
    file = known.weights._replace(sha256=sha256(weights))
    monkeypatch.setitem(published._NETWORKS, "inception", known._replace(weights=file))
    extractor = open_extractor("inception", weights)
    source = ArraySource("coloured", np.repeat(images[1], 2, axis=0))
    results = evaluate(lambda start, count, _: images[1][:count], source, ["fd", "kid"], 8, extractor=extractor)
    assert [result["metric"] for result in results] == ["fd_inception_8", "kid_inception_8"]
    protocol = results[0]["protocol"]
    assert protocol["resizer"] == "tf1_bilinear"
    assert protocol["extractor_hash"] == sha256(weights)[:16]
    assert open_extractor("inception", weights, "clean").name == "inception_clean"


def test_keras_policy_is_no_part_of_the_network(set_policy):
    set_policy("mixed_bfloat16")
    network = inception.build_inception(["64"])
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
