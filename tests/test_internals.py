"""Private names of Keras and TensorFlow that we use do what `tfgan_kit/internals` says of them."""

import tfgan_kit as gk
from tfgan_kit.internals import keras as internals

import keras
import pytest
import tensorflow as tf

from tests.conftest import dense_discriminator, dense_generator


class Nested(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dropout(0.5, seed=3)

    def call(self, x):
        return self.inner(x)


def nested():
    return keras.Sequential([keras.Input((2,)), keras.Sequential([keras.Input((2,)), Nested()])])


def test_layers_at_any_depth_are_found():
    assert [type(layer).__name__ for layer in internals.layers_of(nested())].count("Dropout") == 1


def test_the_draws_of_dropout_have_a_state():
    (state,) = internals.draw_states(nested())
    before = state.numpy().tolist()
    network = nested()
    (state,) = internals.draw_states(network)
    network(tf.ones((1, 2)), training=True)
    assert state.numpy().tolist() != before


class Subclass(keras.Model):
    def call(self, x):
        return x


def test_a_functional_model_is_told_from_a_subclass():
    assert internals.is_called_by_keras(dense_discriminator())
    assert internals.is_called_by_keras(nested())
    assert not internals.is_called_by_keras(Subclass())


def test_keras_s_layers_are_told_from_others():
    assert internals.is_keras_layer(keras.layers.Dense(1))
    assert not internals.is_keras_layer(Nested())


def test_a_schedule_is_found_again():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    assert internals.schedule_of(keras.optimizers.Adam(schedule)) is schedule
    assert internals.schedule_of(keras.optimizers.Adam(0.1)) is None


@pytest.mark.thorough
def test_an_optimizer_knows_its_strategy(two):
    with two.scope():
        assert internals.strategy_of(keras.optimizers.Adam()) is two
    assert internals.strategy_of(keras.optimizers.Adam()) is not two


@pytest.mark.thorough
def test_fit_reads_no_batch_to_build_a_gan():
    read = []

    def batches():
        for k in range(2):
            read.append(k)
            yield tf.zeros((2, 4, 4, 1), tf.uint8)

    gan = gk.GAN(dense_generator(), dense_discriminator())
    gan.compile(steps_per_execution=1)
    data = tf.data.Dataset.from_generator(batches, output_signature=tf.TensorSpec((2, 4, 4, 1), tf.uint8))
    gan.fit(data, steps_per_epoch=2, verbose=0)
    assert read == [0, 1]
