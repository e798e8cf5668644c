import tfgan_kit as gk

import keras
import numpy as np
import pytest

STAGES = [[8, 2, 1, 2, 3], [8, 4, 2, 3, 3], [4, 1, 1, 2, 5]]
UP = dict(stages=STAGES, latent_dim=5)
DOWN = dict(stages=STAGES[::-1])


def pair(image_size=(8, 12), channels=2, num_classes=None):
    return (
        gk.networks.R3GANGenerator(image_size, channels, num_classes=num_classes, **UP),
        gk.networks.R3GANDiscriminator(image_size, channels, num_classes=num_classes, **DOWN),
    )


def latents(count=2, dim=5):
    return np.random.default_rng(0).normal(size=(count, dim)).astype(np.float32)


@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize("size", [4, 28, (8, 12), (16, 20)], ids=str)
def test_every_base_times_a_power_of_two_is_a_size(size, num_classes):
    generator, discriminator = pair(size, num_classes=num_classes)
    labels = [keras.ops.convert_to_tensor([0, 2], "int32")] if num_classes else []
    z = keras.ops.convert_to_tensor(latents())
    images = generator([z, *labels] if labels else z)
    assert images.shape == (2, *(size if isinstance(size, tuple) else (size, size)), 2)
    assert discriminator([images, *labels] if labels else images).shape == (2, 1)


def test_a_new_generator_is_its_basis_resampled():
    """Every block is the identity: linear in the latents."""
    generator, _ = pair()
    z = latents()
    np.testing.assert_allclose(generator(2 * z), 2 * generator(z), rtol=1e-4, atol=1e-5)


@pytest.mark.thorough
def test_the_paper_s_networks_have_the_paper_s_numbers_of_weights():
    """Table 6 of arXiv:2501.05441, CIFAR-10: 20.78 and 21.28 million with labels."""
    generator = gk.networks.R3GANGenerator(num_classes=10)
    discriminator = gk.networks.R3GANDiscriminator(num_classes=10)
    assert [round(n.count_params() / 1e6, 2) for n in (generator, discriminator)] == [20.78, 21.28]


def test_rows_are_independent():
    _, discriminator = pair()
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 12, 2)).astype(np.float32)
    whole, first = discriminator(images, training=True), discriminator(images[:1], training=True)
    np.testing.assert_allclose(whole[:1], first, rtol=1e-4, atol=1e-6)
    assert gk.training.penalty_networks.rows_are_independent(discriminator)


def test_the_label_s_row_times_the_features_is_the_logit():
    _, discriminator = pair(num_classes=2)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 12, 2)).astype(np.float32)
    labels = np.array([1, 0], np.int32)
    features = keras.Model(discriminator.inputs, discriminator.get_layer("features").output)([images, labels])
    rows = np.array(discriminator.get_layer("embedding").embeddings)[labels]
    expected = np.sum(features * rows, axis=1, keepdims=True)
    np.testing.assert_allclose(discriminator([images, labels]), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(image_size=10), r"multiples of 2 \*\* \(stages - 1\), here 4.* Received: image_size=10, 3 stages"),
        (dict(image_size=(8, 10)), r"Received: image_size=\(8, 10\)"),
        (dict(image_size=2), "image_size=2"),
        (dict(image_size=16.5), "image_size=16.5"),
        (dict(image_size=None), "image_size=None"),
        (dict(stages=[(8.0, 2)]), "integers. Received: stages="),
        (dict(channels=0), "channels=0"),
        (dict(num_classes=0), "num_classes=0"),
        (dict(embedding_dim=4), "give `num_classes`.* embedding_dim=4"),
        (dict(stages=[]), "at least one stage"),
        (dict(stages=[8, 8]), "(width, cardinality)"),
        (dict(stages=[(8, 3)]), "cardinality=3"),
        (dict(stages=[(8, 2, 0)]), "blocks=0"),
        (dict(stages=[(8, 2, 1, 2, 2)]), "kernel_size=2"),
    ],
    ids=str,
)
@pytest.mark.parametrize("network", [gk.networks.R3GANGenerator, gk.networks.R3GANDiscriminator])
def test_arguments_that_no_network_has_are_refused(network, arguments, message):
    with pytest.raises(ValueError, match=message):
        network(**{"image_size": 8, "stages": STAGES, **arguments})
