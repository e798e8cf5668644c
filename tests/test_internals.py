"""Private names of Keras and TensorFlow that we use do what `tfgan_kit/internals` says of them."""

import functools

import tfgan_kit as gk
from tfgan_kit.internals import keras as internals

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import dense_discriminator, dense_generator, put_back, state_of
from tests.twins import twins


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
            yield tf.fill((2, 4, 4, 1), tf.constant(9, tf.uint8))

    gan = gk.GAN(dense_generator(), dense_discriminator())
    gan.compile(steps_per_execution=1)
    data = tf.data.Dataset.from_generator(batches, output_signature=tf.TensorSpec((2, 4, 4, 1), tf.uint8))
    gan.fit(data, steps_per_epoch=2, verbose=0)
    assert read == [0, 1]


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras, of every data set of unknown length
@twins("settings", [{"steps_per_execution": 2}, {}, {"run_eagerly": True}], ids=str)
@pytest.mark.parametrize("kind", ["of unknown length", "repeated, 3 steps an epoch"])
def test_no_step_is_made_without_a_batch(settings, kind, reused_gan, weights_of, uint8_images):
    batches = tf.data.Dataset.from_tensor_slices(uint8_images).batch(8)
    unknown = batches.filter(lambda images: True)
    gan = reused_gan(**settings)
    start = state_of(gan)
    gan.fit(batches, epochs=2, verbose=0)
    expected, losses = weights_of(gan), gan.evaluate(batches, verbose=0)
    put_back(start)
    if kind == "of unknown length":
        gan.fit(unknown, epochs=2, verbose=0)
    else:
        gan.fit(batches.repeat(), epochs=2, steps_per_epoch=3, verbose=0)
    assert gan.steps_trained == int(gan.optimizer.iterations) == 6
    np.testing.assert_array_equal(weights_of(gan), expected)
    assert gan.steps_per_execution == settings.get("steps_per_execution", 1)
    assert gan.evaluate(unknown, verbose=0) == losses


def test_a_copied_optimizer_leaves_the_same_names_out():
    optimizer = keras.optimizers.AdamW(0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    network = dense_discriminator()
    for each in (
        optimizer,
        internals.copied(optimizer),
        internals.copied(keras.optimizers.LossScaleOptimizer(optimizer)),
    ):
        names = [network.trainable_variables[k].name for k in _left_out(each, network)]
        assert names == ["bias", "bias"]
    assert internals.copied("adam") == "adam"


def test_an_update_without_the_sum_is_the_same():
    gradients, found = [tf.constant([3.0, -4.0])], []
    for change in (internals.leave_the_sum_to_us, lambda optimizer: optimizer):
        variable = keras.Variable(np.ones(2, np.float32))
        optimizer = change(keras.optimizers.Adam(0.5, clipnorm=1.0))
        optimizer.build([variable])
        step = tf.function(functools.partial(optimizer.apply, gradients, [variable]))
        step()
        step()
        found.append(variable.numpy())
    np.testing.assert_array_equal(*found)


def test_variables_left_out_of_the_weight_decay_are_found():
    optimizer, network = keras.optimizers.AdamW(0.1), dense_discriminator()
    assert _left_out(optimizer, network) == []
    optimizer = keras.optimizers.AdamW(0.1)
    optimizer.exclude_from_weight_decay(var_list=[network.trainable_variables[2]])
    assert _left_out(optimizer, network) == [2]


def _left_out(optimizer, network):
    return internals.left_out_of_weight_decay(optimizer, network.trainable_variables)
