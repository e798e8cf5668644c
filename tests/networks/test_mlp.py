import tfgan_kit as gk

import keras
import numpy as np
import pytest


def dense_units(network):
    return [layer.units for layer in network.layers if isinstance(layer, keras.layers.Dense)]


def test_default_pair_is_the_paper_s():
    """1704.00028, section 5.1: three ReLU layers of 512 units for points in the plane."""
    assert dense_units(gk.networks.MLPGenerator()) == [512, 512, 512, 2]
    assert dense_units(gk.networks.MLPDiscriminator()) == [512, 512, 512, 1]


@pytest.mark.parametrize("depth", [1, 2])
def test_networks_fit_together(depth):
    generator = gk.networks.MLPGenerator(output_dim=3, latent_dim=5, width=4, depth=depth)
    discriminator = gk.networks.MLPDiscriminator(input_dim=3, width=4, depth=depth)
    points = generator(np.ones((6, 5), np.float32))
    assert points.shape == (6, 3)
    assert discriminator(points).shape == (6, 1)


@pytest.mark.thorough
def test_pair_trains_on_points():
    points = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32) * 100
    gan = gk.GAN(gk.networks.MLPGenerator(width=4), gk.networks.MLPDiscriminator(width=4))
    gan.compile()
    history = gan.fit(points, batch_size=8, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert gan.generate(5).shape == (5, 2) and gan.generate(5).dtype == np.float32


@pytest.mark.parametrize("name", ["output_dim", "latent_dim", "width", "depth"])
def test_generator_with_fewer_than_one_of_anything_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: {name}=0"):
        gk.networks.MLPGenerator(**{name: 0})


@pytest.mark.parametrize("name", ["input_dim", "width", "depth"])
def test_discriminator_with_fewer_than_one_of_anything_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1. Received: {name}=0"):
        gk.networks.MLPDiscriminator(**{name: 0})


@pytest.mark.slow
@pytest.mark.thorough
def test_frequencies_let_a_small_discriminator_follow_a_fine_wave():
    """sin(20 x) by one hidden layer: hopeless without Fourier features, easy with them."""
    points = np.random.default_rng(0).uniform(-1, 1, (2000, 2)).astype(np.float32)
    target = np.sin(20 * points[:, :1])
    losses = []
    for num_frequencies in (0, 64):
        keras.utils.set_random_seed(0)
        network = gk.networks.MLPDiscriminator(width=32, depth=1, num_frequencies=num_frequencies)
        network.compile(keras.optimizers.Adam(1e-2), "mse")
        losses.append(network.fit(points, target, batch_size=200, epochs=30, verbose=0).history["loss"][-1])
    assert losses[0] > 0.3 and losses[1] < 0.05  # the wave's variance is 0.5


@pytest.mark.parametrize("negative_slope, alive", [(0.0, False), (0.2, True)])
def test_units_that_are_off_still_pass_something_where_they_leak(negative_slope, alive):
    network = gk.networks.MLPDiscriminator(width=8, depth=1, negative_slope=negative_slope)
    hidden = next(layer for layer in network.layers if isinstance(layer, keras.layers.Dense))
    hidden.bias.assign(np.full(8, -100.0))
    logits = network(np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32))
    assert (np.std(logits) > 1e-3) == alive
