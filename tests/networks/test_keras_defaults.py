"""What `keras.json` says of layouts and floats changes none of our networks, layers and extractors."""

from tfgan_kit import layers, networks
from tfgan_kit.metrics.features.domain_training import build_classifier

import keras
import numpy as np
import pytest

MAKE = {
    "dcgan generator": lambda: networks.DCGANGenerator(8, 1, 4, 2, num_classes=2),
    "dcgan discriminator": lambda: networks.DCGANDiscriminator(8, 1, 2, num_classes=2),
    "mlp generator": lambda: networks.MLPGenerator(2, 3, 4, 1),
    "mlp discriminator": lambda: networks.MLPDiscriminator(2, 4, 1, num_frequencies=3),
    "packed": lambda: networks.PackedDiscriminator(networks.MLPDiscriminator(4, 4, 1), 2),
    "spatial generator": lambda: networks.SpatialGenerator(8, 1, 2, 2, 1),
    "patch discriminator": lambda: networks.PatchDiscriminator(1, 2, 2),
    "domain classifier": lambda: build_classifier((8, 8, 1), 2),
}
INPUTS = {
    "dcgan generator": [(4, 4), "labels"],
    "dcgan discriminator": [(4, 8, 8, 1), "labels"],
    "mlp generator": [(4, 3)],
    "mlp discriminator": [(4, 2)],
    "packed": [(4, 2)],
    "spatial generator": [(4, 72)],
    "patch discriminator": [(4, 8, 12, 1)],
    "domain classifier": [(4, 8, 8, 1)],
}


@pytest.fixture(params=["channels_first", "float64", "float16"])
def other_defaults(request):
    """A function that sets Keras as `keras.json` would, until the test ends."""
    config = keras.config
    before = config.image_data_format(), config.floatx(), config.dtype_policy()

    def change():
        if request.param == "channels_first":
            config.set_image_data_format("channels_first")
        else:
            config.set_floatx(request.param)
            config.set_dtype_policy(request.param)

    yield change
    config.set_image_data_format(before[0])
    config.set_floatx(before[1])
    config.set_dtype_policy(before[2])


def _answers(name):
    keras.utils.set_random_seed(0)
    network = MAKE[name]()
    drawn = np.random.default_rng(0)
    inputs = [
        np.arange(4, dtype=np.int32) % 2 if shape == "labels" else drawn.normal(size=shape).astype(np.float32)
        for shape in INPUTS[name]
    ]
    answers = network(inputs if len(inputs) > 1 else inputs[0])
    return [np.asarray(answer) for answer in (answers if isinstance(answers, list | tuple) else [answers])]


@pytest.mark.parametrize("name", MAKE)
def test_a_network_answers_the_same_float32(name, other_defaults):
    expected = _answers(name)
    other_defaults()
    for found, wanted in zip(_answers(name), expected, strict=True):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)


def test_layers_are_channels_last(other_defaults):
    other_defaults()
    for layer in (layers.Conv2D(2, 3), layers.Conv2DTranspose(2, 3)):
        assert layer.data_format == "channels_last"
    assert layers.Conv2D(2, 3, data_format="channels_first").data_format == "channels_first"
    made = layers.Conv2DTranspose(2, 3, (1, 1), "valid", None, "channels_first")
    assert type(made).from_config(made.get_config()).data_format == "channels_first"
