import tfgan_kit as gk
from tfgan_kit.networks.dcgan import stages

import keras
import numpy as np
import pytest

SIZES = [8, 14, 16, 28, 32, 56, 64, 112, 128, 224, 256]
REFUSED = [0, 4, 7, 12, 20, 24, 48, 100, 448, 512]


def latents(count, dim=3):
    return np.random.default_rng(0).normal(size=(count, dim)).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
def test_size_is_its_base_times_a_power_of_two(size):
    base, n = stages(size)
    assert base in (4, 7) and n >= 1 and base * 2**n == size


@pytest.mark.parametrize("size", REFUSED)
def test_other_sizes_are_refused_with_the_list(size):
    listed = "8, 14, 16, 28, 32, 56, 64, 112, 128, 224 or 256"
    with pytest.raises(ValueError, match=listed) as error:
        gk.networks.DCGANGenerator(size, 1, width=1)
    assert f"Received: image_size={size}" in str(error.value)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels, num_classes", [(1, None), (3, 4)])
def test_networks_of_every_size_fit_together(size, channels, num_classes):
    generator = gk.networks.DCGANGenerator(size, channels, 3, width=1, num_classes=num_classes)
    discriminator = gk.networks.DCGANDiscriminator(size, channels, width=1, num_classes=num_classes)
    labels = [keras.ops.convert_to_tensor([0, 3], "int32")] if num_classes else []
    z = keras.ops.convert_to_tensor(latents(2))
    images = generator([z, *labels] if labels else z)
    assert images.shape == (2, size, size, channels)
    assert images.dtype == "float32" and np.abs(images).max() <= 1.0
    assert discriminator([images, *labels] if labels else images).shape == (2, 1)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "size, width, channels", [(64, 128, [1024, 512, 256, 128]), (28, 64, [128, 64]), (256, 4, [32, 32, 32, 16, 8, 4])]
)
def test_generator_halves_its_channels_from_at_most_eight_widths(size, width, channels):
    """64 px at width 128 is figure 1 of 1511.06434: 1024, 512, 256, 128."""
    generator = gk.networks.DCGANGenerator(size, 3, width=width)
    found = [
        layer.moving_mean.shape[0] for layer in generator.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert found == channels


def test_discriminator_leaves_its_input_layer_unnormalized():
    discriminator = gk.networks.DCGANDiscriminator(32, 3, width=2)
    kinds = [type(layer).__name__ for layer in discriminator.layers]
    assert kinds[1:3] == ["Conv2D", "LeakyReLU"]
    assert kinds.count("BatchNormalization") == kinds.count("Conv2D") - 1


def test_without_normalization_a_row_does_not_depend_on_its_batch():
    discriminator = gk.networks.DCGANDiscriminator(8, 1, width=2, normalization=False)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32)
    whole, first = discriminator(images, training=True), discriminator(images[:1], training=True)
    np.testing.assert_allclose(whole[:1], first, rtol=1e-5, atol=1e-7)


def test_weights_begin_at_a_standard_deviation_of_two_hundredths():
    kernel = gk.networks.DCGANGenerator(16, 3, width=32).layers[-2].kernel
    assert np.std(kernel) == pytest.approx(0.02, rel=0.1)
    assert np.mean(kernel) == pytest.approx(0.0, abs=0.002)


def test_generated_images_depend_on_the_label():
    generator = gk.networks.DCGANGenerator(8, 1, 3, width=2, num_classes=2)
    for layer in generator.layers:
        if isinstance(layer, gk.layers.ConditionalBatchNormalization):
            layer.beta.assign(np.random.default_rng(0).normal(size=layer.beta.shape))
    z = latents(2)
    zeros, ones = np.zeros(2, np.int32), np.ones(2, np.int32)
    assert np.abs(generator([z, zeros]) - generator([z, ones])).max() > 1e-5
    np.testing.assert_array_equal(generator([z, zeros])[0], generator([z, zeros])[0])


def test_label_adds_its_embedding_times_the_features_to_the_logit():
    """1802.05637, eq. 3: moving one class's embedding moves that class's logits alone."""
    discriminator = gk.networks.DCGANDiscriminator(8, 1, width=2, num_classes=2)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    labels = np.array([0, 1], np.int32)
    before = np.array(discriminator([images, labels]))
    (embedding,) = (x for x in discriminator.layers if isinstance(x, keras.layers.Embedding))
    table = keras.ops.convert_to_numpy(embedding.embeddings).copy()
    table[1] = 0.0  # without its embedding, class 1 has the unconditional logit
    embedding.embeddings.assign(table)
    after = np.array(discriminator([images, labels]))
    dense = next(x for x in discriminator.layers if isinstance(x, keras.layers.Dense))
    flatten = next(x for x in discriminator.layers if isinstance(x, keras.layers.Flatten))
    features = keras.Model(discriminator.inputs, flatten.output)([images, labels])
    assert after[0] == before[0]
    np.testing.assert_allclose(after[1], dense(features)[1], rtol=1e-5)


@pytest.mark.parametrize(
    "arguments", [dict(channels=0), dict(width=0), dict(num_classes=0), dict(num_classes=-1)], ids=str
)
@pytest.mark.parametrize("network", [gk.networks.DCGANGenerator, gk.networks.DCGANDiscriminator])
def test_fewer_than_one_of_anything_is_refused(network, arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        network(image_size=8, **arguments)


def test_generator_without_latents_is_refused():
    with pytest.raises(ValueError, match="latent_dim"):
        gk.networks.DCGANGenerator(8, 1, latent_dim=0)
