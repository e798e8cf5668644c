"""A StyleGAN2 in training, whole: resumed exactly, on two replicas as on one, in half precision, in parts."""

import tfgan_kit as gk
from tfgan_kit.distribution import strategies

import keras
import numpy as np
import pytest

_random = np.random.default_rng(0)
IMAGES = _random.integers(0, 256, (21, 8, 8, 1), np.uint8)
LABELS = (np.arange(21) % 3).astype(np.int32)

pytestmark = pytest.mark.slow


def make(strategy=None, policy="float32", mbstd_channels=0, optimizer=None, parts=1):
    with (strategy or strategies.get("none")).scope():
        keras.utils.set_random_seed(0)
        shared = dict(num_classes=3, channel_base=16, channel_max=4, dtype=policy)
        generator = gk.networks.StyleGAN2Generator(
            8, 1, latent_dim=4, w_dim=4, mapping_layers=2, style_mixing=0.9, **shared
        )
        for layer in generator.synthesis.style_layers:  # it starts at 0, where no noise is seen
            layer.noise_strength.assign(0.1)
        discriminator = gk.networks.StyleGAN2Discriminator(
            8, 1, mapping_layers=2, mbstd_group=2, mbstd_channels=mbstd_channels, **shared
        )
        gan = gk.GAN(generator, discriminator, ema_decay=gk.schedules.HalfLife(50, 8, ramp_up=0.5))
        optimizer = optimizer or (
            lambda interval: gk.updates.corrected_for_lazy(keras.optimizers.Adam(0.01, 0.0, 0.99, 1e-8), interval)
        )
        gan.compile(
            optimizer(2),
            optimizer(3),
            penalties=[gk.penalties.R1(0.1, interval=3), gk.penalties.PathLength(interval=2)],
            update=gk.updates.LazyRegularization(gradient_accumulation_steps=parts),
        )
    return gan


def sgd(_):
    return keras.optimizers.SGD(0.01)


def play(gan, epochs=2, count=21):
    """Steps of 8, 8 and 5 images, in which replica 0 has 2, replica 1 has 3."""
    history = gan.fit(IMAGES[:count], LABELS[:count], batch_size=8, epochs=epochs, shuffle=False, verbose=0).history
    weights = [*gan.generator.weights, *gan.discriminator.weights, *gan.ema_generator.weights, *gan.adaptive.weights]
    return history, np.concatenate([np.ravel(weight.numpy()) for weight in weights])


@pytest.mark.parametrize("parts, count", [(1, 21), (2, 16)])  # in parts a replica needs four rows
def test_two_replicas_end_in_the_weights_and_logs_of_one_device(two, parts, count):
    (one_history, expected), (history, found) = (
        play(make(place, optimizer=sgd, parts=parts), count=count) for place in (None, two)
    )
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert history.keys() == one_history.keys()
    np.testing.assert_allclose(list(history.values()), list(one_history.values()), rtol=1e-4, atol=1e-5)


def test_two_replicas_count_the_updates_of_adam_that_one_device_makes(two):
    """Where no penalty is due an update is made and taken back, and with it the optimizer's state."""
    found = []
    for place in (None, two):
        gan = make(place)
        play(gan, epochs=1)
        found.append([int(optimizer.iterations.numpy()) for optimizer in gan.optimizer.optimizers])
    assert found == [[3 + 2, 3 + 1]] * 2


def test_a_resumed_run_ends_in_the_same_bits(check_resume):
    check_resume(lambda: make(mbstd_channels=1), gk.data.from_arrays(IMAGES[:16], LABELS[:16], batch_size=8))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_with_finite_losses(policy):
    gan = make(policy=policy, mbstd_channels=1)
    history = gan.fit(IMAGES[:16], LABELS[:16], batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert gan.generate(3).shape == (3, 8, 8, 1)


def test_the_average_copies_the_mean_of_w_and_averages_the_weights():
    gan = make()
    gan.fit(IMAGES[:16], LABELS[:16], batch_size=8, verbose=0)
    own, average = gan.generator, gan.ema_generator
    np.testing.assert_array_equal(average.mapping.w_avg, own.mapping.w_avg)
    assert np.abs(np.array(own.mapping.w_avg)).max() > 0
    assert not np.array_equal(average.synthesis.const, own.synthesis.const)


def test_path_lengths_leave_the_mean_of_w_alone():
    """It moves once a step, by the step's one pass of the generator."""
    found = []
    for penalties in ([gk.penalties.PathLength(weight=0.0, interval=1)], []):
        gan = make()
        gan.compile("sgd", "sgd", penalties=penalties)
        gan.fit(IMAGES[:8], LABELS[:8], batch_size=8, shuffle=False, verbose=0)
        found.append(np.array(gan.generator.mapping.w_avg))
    np.testing.assert_array_equal(*found)
