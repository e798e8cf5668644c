"""Likely mistakes are reported by name, once, before they cost a run; what is meant is not."""

import warnings

import tfgan_kit as gk

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import IMAGE_SHAPE, dense_discriminator, dense_generator

pytestmark = [pytest.mark.thorough, pytest.mark.filterwarnings("ignore:Your input ran out of data")]


def generator(*last):
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(16), *last, keras.layers.Reshape(IMAGE_SHAPE)])


def discriminator(*last):
    return keras.Sequential([keras.Input(IMAGE_SHAPE), keras.layers.Flatten(), keras.layers.Dense(1), *last])


class Subclassed(keras.Model):
    """Ends in a function of TensorFlow, not in a layer of Keras."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, images):
        return tf.sigmoid(tf.cast(self.dense(tf.reshape(images, [-1, 16])), tf.float32))

    def build(self, shape):
        self.dense.build((None, 16))


def told(gan, images, **settings):
    """The `LikelyMistake`s of a step of training."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        gan.compile("sgd", objective="hinge", **settings)
        gan.fit(images, verbose=0)
    return [str(warning.message) for warning in seen if warning.category is gk.LikelyMistake]


ACTIVATION = keras.layers.Activation


@pytest.mark.parametrize(
    "networks, expected",
    [
        ((generator(ACTIVATION("tanh")), discriminator()), None),
        ((generator(), discriminator(keras.layers.LeakyReLU())), None),
        ((generator(ACTIVATION("sigmoid"), keras.layers.Rescaling(2.0, -1.0)), discriminator()), None),
        ((generator(), discriminator(ACTIVATION("sigmoid"))), "discriminator ends in sigmoid"),
        ((generator(), discriminator(ACTIVATION("tanh"), keras.layers.Reshape((1,)))), "discriminator ends in tanh"),
        ((generator(), discriminator(keras.layers.ReLU())), "discriminator ends in relu"),
        ((generator(), discriminator(ACTIVATION("softplus"))), "discriminator ends in softplus"),
        ((generator(), discriminator(ACTIVATION("hard_sigmoid"))), "discriminator ends in"),
        ((generator(ACTIVATION("sigmoid")), discriminator()), "generator ends in sigmoid"),
        ((generator(keras.layers.ReLU()), discriminator()), "generator ends in relu"),
    ],
    ids=lambda value: str(value) if not isinstance(value, tuple) else "",
)
def test_networks_that_end_in_a_bound_are_named(networks, expected, uint8_images):
    seen = told(gk.GAN(*networks, ema_decay=0), uint8_images[:4])
    assert len(seen) == (expected is not None)
    assert expected is None or expected in seen[0]


def test_networks_that_end_in_a_bound_are_named_when_run_eagerly(uint8_images):
    networks = generator(ACTIVATION("sigmoid")), discriminator(keras.layers.ReLU())
    seen = told(gk.GAN(*networks, ema_decay=0), uint8_images[:4], run_eagerly=True)
    assert [text[:24] for text in seen] == ["The generator ends in si", "The discriminator ends i"]


def test_a_network_that_runs_eagerly_only_is_trained_as_it_is(uint8_images):
    class Looks(keras.layers.Layer):
        def call(self, inputs):
            assert float(tf.reduce_sum(inputs)) is not None  # impossible in a graph
            return inputs

        def compute_output_shape(self, shape):
            return shape

    network = keras.Sequential([keras.layers.Flatten(), Looks(), keras.layers.Dense(1)])
    seen = told(gk.GAN(generator(), network, ema_decay=0), uint8_images[:4], run_eagerly=True)
    assert not any("ends in" in text for text in seen)


def test_a_subclass_that_ends_in_a_bound_is_named(uint8_images):
    of_file, of_network = told(gk.GAN(generator(), Subclassed(), ema_decay=0), uint8_images[:4])
    assert "could be written, but not loaded again" in of_file
    assert "discriminator ends in sigmoid" in of_network


def test_points_may_be_positive():
    points = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="sigmoid")])
    judge = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert told(gk.GAN(points, judge, ema_decay=0), np.random.rand(4, 2).astype(np.float32)) == []


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_player_that_cannot_learn_is_named(player, uint8_images):
    networks = {"generator": generator(), "discriminator": discriminator()}
    networks[player].trainable = False
    (seen,) = told(gk.GAN(**networks, ema_decay=0), uint8_images[:4])
    assert f"The {player} cannot learn" in seen
    gan = gk.GAN(generator(), discriminator())
    optimizers = {"generator_optimizer": "sgd", "discriminator_optimizer": "sgd"}
    gan.compile(**optimizers | {f"{player}_optimizer": keras.optimizers.SGD(0.0)}, run_eagerly=True)
    with pytest.warns(gk.LikelyMistake, match=f"The {player} cannot learn: the learning rate"):
        gan.fit(uint8_images[:4], verbose=0)


def test_images_of_half_the_range_are_named_wherever_they_come_from(make_gan, uint8_images):
    unit = uint8_images / np.float32(255.0)
    data = tf.data.Dataset.from_tensor_slices(unit).batch(8)
    gan = make_gan(run_eagerly=True)
    for images in (unit, unit.astype(np.float64), tf.constant(unit), data, data.prefetch(1), iter_of(unit)):
        with pytest.warns(gk.LikelyMistake, match=r"from 0 to [01.9]+.*, and none is below 0") as seen:
            gan.fit(images, verbose=0)
        assert len([warning for warning in seen if warning.category is gk.LikelyMistake]) == 1
    with pytest.warns(gk.LikelyMistake, match="up to 1 of 255"):
        gan.fit((unit > 0.5).astype(np.uint8), verbose=0)
    with pytest.warns(gk.LikelyMistake, match="none is below 0"):
        gan.evaluate(data, verbose=0)
    gan.fit(2.0 * unit - 1.0, verbose=0)  # warnings are errors here


def iter_of(images):
    return ((images[k : k + 8],) for k in (0, 8, 16))


def test_warnings_can_be_switched_off(uint8_images):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gk.LikelyMistake)
        gan = gk.GAN(generator(ACTIVATION("sigmoid")), discriminator(ACTIVATION("sigmoid")))
        gan.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
        gan.fit(uint8_images // 255, verbose=0)


def test_networks_of_ours_are_not_suspected(dataset):
    gan = gk.GAN(dense_generator(), dense_discriminator())
    assert told(gan, dataset) == []
