"""What every update does: once traced, resumable, statistics moved once (replicas: tests/distribution)."""

import tfgan_kit as gk

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import dense_generator
from tests.twins import twins

pytestmark = pytest.mark.thorough


@pytest.fixture(
    params=[gk.updates.Extragradient(), gk.updates.Consensus(gamma=0.3)], ids=["extragradient", "consensus"]
)
def rule(request):
    return request.param


def sgd():
    return {"generator_optimizer": keras.optimizers.SGD(0.1), "discriminator_optimizer": keras.optimizers.SGD(0.1)}


def statistics(network):
    return [np.array(weight) for weight in network.non_trainable_weights]


def test_config_is_lossless(rule):
    data = keras.saving.serialize_keras_object(rule)
    copy = keras.saving.deserialize_keras_object(data)
    assert data["registered_name"] == f"tfgan_kit>{type(rule).__name__}"
    assert type(copy) is type(rule)
    assert copy.get_config() == rule.get_config()


@twins("rule", [gk.updates.Extragradient(), gk.updates.Consensus(gamma=0.3)], ids=["extragradient", "consensus"])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(rule, make_gan, uint8_images, labels, check_resume):
    """With Adam, an R1 penalty, embeddings of labels and batch normalization."""
    check_resume(
        lambda: make_gan(conditional=True, update=rule, penalties=[gk.penalties.R1(0.1)], run_eagerly=True),
        gk.data.from_arrays(uint8_images, labels, batch_size=24),
    )


def test_a_step_is_traced_once(rule, make_gan, dataset, monkeypatch):
    gan, traces = make_gan(update=rule), []
    draw = gan.game.latents
    count = lambda batch, move=0: traces.append(move) or draw(batch, move)  # noqa: E731
    monkeypatch.setattr(gan.game, "latents", count)
    gan.fit(dataset, epochs=3, verbose=0)
    assert len(traces) == 1


def test_generator_s_batch_statistics_move_once_a_step(rule, make_gan, uint8_images):
    """As by one pass on the step's latents, at the weights before it."""
    gan, other = make_gan(update=rule, run_eagerly=True, **sgd()), make_gan()
    latents = other.game.latents(gk.training.batch.Batch.of(tf.zeros((8, 1))))
    other.game.generator(latents)
    gan.train_on_batch(uint8_images[:8])
    for found, expected in zip(statistics(gan.generator), statistics(other.generator), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_discriminator_s_batch_statistics_move_once_by_two_field_evaluations(uint8_images):
    """Extragradient's are those of simultaneous descent: its second pass leaves them alone."""

    def after_a_step(update):
        keras.utils.set_random_seed(3)
        images = keras.Input((4, 4, 1))
        x = keras.layers.BatchNormalization()(keras.layers.Dense(4)(keras.layers.Flatten()(images)))
        gan = gk.GAN(dense_generator(), keras.Model(images, keras.layers.Dense(1)(x)))
        gan.compile(**sgd(), update=update, run_eagerly=True)
        gan.train_on_batch(uint8_images[:8])
        return statistics(gan.discriminator)

    np.testing.assert_equal(after_a_step(gk.updates.Extragradient()), after_a_step(gk.updates.Consensus(0.0)))


def test_the_average_moves_once_a_step(rule, make_gan, uint8_images):
    """At the end of the first step its decay is (1 + 1) / (10 + 1)."""
    gan = make_gan(update=rule, run_eagerly=True)
    start = gan.ema_generator.get_weights()
    gan.train_on_batch(uint8_images[:8])
    ends = gan.generator.get_weights(), gan.ema_generator.get_weights()
    for before, now, average in zip(start, *ends, strict=True):
        np.testing.assert_allclose(average, before * 2 / 11 + now * 9 / 11, atol=1e-6)


@pytest.mark.slow
def test_xla_trains_a_whole_step(rule, make_gan, dataset):
    gan = make_gan(update=rule, penalties=[gk.penalties.R1(0.1)], jit_compile=True)
    assert np.isfinite(list(gan.fit(dataset, verbose=0).history.values())).all()
    assert gan.steps_trained == 3
