"""A BigGAN in training: resumed exactly, on two replicas as on one, in half precision."""

import tfgan_kit as gk
from tfgan_kit.distribution import strategies

import keras
import numpy as np
import pytest

_random = np.random.default_rng(0)
IMAGES = _random.integers(0, 256, (16, 8, 8, 1), np.uint8)
LABELS = (np.arange(16) % 3).astype(np.int32)


def make(strategy=None, policy="float32", optimizer=keras.optimizers.Adam, discriminator_steps=1):
    with (strategy or strategies.get("none")).scope():
        keras.utils.set_random_seed(0)
        generator = gk.networks.BigGANGenerator(
            (8, 8, 1), latent_dim=4, width=2, num_classes=3, shared_dim=3, attention=(8,), dtype=policy
        )
        discriminator = gk.networks.BigGANDiscriminator((8, 8, 1), width=2, num_classes=3, attention=(4,), dtype=policy)
        gan = gk.GAN(generator, discriminator, ema_decay=0.5)
        gan.compile(
            optimizer(0.01),
            optimizer(0.01),
            objective="hinge",
            penalties=[gk.penalties.OrthogonalRegularization(0.01)],
            update=gk.updates.Alternating(discriminator_steps),
        )
    return gan


def data():
    return gk.data.from_arrays(IMAGES, LABELS, batch_size=8)


@pytest.mark.slow
def test_a_resumed_biggan_ends_in_the_same_bits(check_resume):
    check_resume(make, data())


@pytest.mark.slow
def test_two_replicas_end_in_the_weights_of_one_device(two):
    found = []
    for strategy in (None, two):
        gan = make(strategy, optimizer=keras.optimizers.SGD)
        gan.fit(data(), epochs=2, verbose=0)
        weights = [*gan.generator.weights, *gan.discriminator.weights, *gan.ema_generator.weights]
        found.append(np.concatenate([np.ravel(weight.numpy()) for weight in weights]))
    np.testing.assert_allclose(*found, atol=2e-5)


@pytest.mark.slow
def test_half_precision_trains_with_finite_losses():
    gan = make(policy="mixed_bfloat16", discriminator_steps=2)
    history = gan.fit(data(), epochs=2, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert gan.generate(3, truncation_psi=0.5).shape == (3, 8, 8, 1)
