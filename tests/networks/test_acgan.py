"""AC-GAN's discriminator: a head on the features of another one."""

import tfgan_kit as gk
from tfgan_kit.training.penalty_networks import rows_are_independent

import keras
import numpy as np
import pytest

IMAGES = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32)


def dcgan(**arguments):
    return gk.networks.DCGANDiscriminator(8, 1, width=2, **arguments)


INNER = {
    "dcgan": dcgan,
    "sngan": lambda: gk.networks.SNGANDiscriminator(8, 1, widths=[3, 4], num_downsamplings=2),
    "sagan": lambda: gk.networks.SAGANDiscriminator(8, 1, widths=[8, 4], num_downsamplings=1, attention=4),
    "r3gan": lambda: gk.networks.R3GANDiscriminator(8, 1, stages=[[2, 1, 1, 2, 1], [4, 2, 1, 3, 3]]),
    "sequential": lambda: keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(5, "relu"), keras.layers.Dense(1)]
    ),
}


@pytest.mark.parametrize("make", INNER.values(), ids=INNER.keys())
def test_logits_are_the_given_discriminator_s_and_classes_are_linear_in_its_features(make):
    inner = make()
    headed = gk.networks.ACGANDiscriminator(inner, 3)
    outputs = headed(IMAGES)
    np.testing.assert_array_equal(outputs["logits"], inner(IMAGES))
    assert outputs["classes"].shape == (4, 3)
    assert len(headed.trainable_weights) - len(inner.trainable_weights) in (1, 2)  # a kernel, and a bias if it has one
    assert rows_are_independent(headed) == rows_are_independent(inner)


def test_a_spectrally_normalized_discriminator_has_such_a_head():
    inner = INNER["sngan"]()
    head = gk.networks.ACGANDiscriminator(inner, 3).get_layer("classes")
    kept = ("power_iterations", "inference", "epsilon")
    assert isinstance(head, gk.layers.SpectralNormalization)
    assert [head.get_config()[key] for key in kept] == [inner.get_layer("logit").get_config()[key] for key in kept]


def test_a_file_holds_both_outputs_bit_for_bit(tmp_path):
    headed = gk.networks.ACGANDiscriminator(dcgan(), 3)
    headed.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(headed.weights)
    for name, expected in headed(IMAGES).items():
        np.testing.assert_array_equal(loaded(IMAGES)[name], expected, err_msg=name)


def test_heads_answer_in_float32_under_mixed_precision(mixed_policy):
    headed = gk.networks.ACGANDiscriminator(dcgan(), 3)
    assert headed.dtype_policy.name == mixed_policy
    assert {name: output.dtype.name for name, output in headed(IMAGES).items()} == {
        "logits": "float32",
        "classes": "float32",
    }


@pytest.mark.parametrize(
    "make, found",
    [
        (lambda: dcgan(num_classes=3), "DCGANDiscriminator of 2 inputs"),
        (lambda: gk.networks.PatchDiscriminator(1, width=2, num_stages=2), "PatchDiscriminator of 1 inputs"),
        (lambda: gk.networks.PackedDiscriminator(dcgan(), 1), "PackedDiscriminator of 0 inputs"),
    ],
)
def test_another_kind_of_discriminator_is_refused(make, found):
    with pytest.raises(ValueError, match=f"ends in a dense layer of one unit.*Received: discriminator={found}"):
        gk.networks.ACGANDiscriminator(make(), 3)


def test_no_classes_are_refused():
    with pytest.raises(ValueError, match="`num_classes` must be at least 1. Received: num_classes=0"):
        gk.networks.ACGANDiscriminator(dcgan(), 0)
