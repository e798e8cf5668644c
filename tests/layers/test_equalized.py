"""Equalised learning rates: scales at run time, and what the layers compute with them."""

from tfgan_kit.layers import EqualizedConv2D, EqualizedDense
from tfgan_kit.layers.equalized import second_moment_normalized

import keras
import numpy as np
import pytest
import tensorflow as tf

ROOT_OF_2 = np.sqrt(2.0)


def lrelu(x):
    return np.where(x > 0, x, 0.2 * x)


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_the_second_moment_of_every_row_becomes_one():
    found = np.asarray(second_moment_normalized(tf.constant(3.0 * drawn(4, 7))))
    np.testing.assert_allclose(np.mean(found**2, axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("activation, f", [(None, lambda x: x), ("leaky_relu", lambda x: ROOT_OF_2 * lrelu(x))])
def test_a_dense_layer_scales_its_weights_where_it_uses_them(activation, f):
    layer = EqualizedDense(3, activation, multiplier=0.01, bias=2.0)
    x = drawn(4, 5)
    found = layer(x)
    np.testing.assert_array_equal(layer.bias, np.full(3, 2.0))
    expected = f(x @ np.asarray(layer.kernel) * 0.01 / np.sqrt(5) + 0.01 * 2.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_multiplier_changes_the_speed_of_learning_alone():
    """Its weights start from N(0, 1 / g^2), so that the outputs start as they do without."""
    layer = EqualizedDense(500, multiplier=0.01)
    outputs = layer(drawn(1, 400))
    assert 90 < np.std(layer.kernel) < 110
    assert 0.8 < np.std(outputs) < 1.2


def test_a_convolution_is_scaled_then_clipped():
    layer = EqualizedConv2D(2, 1, gain=0.5, clamp=1.0)
    x = 3.0 * drawn(2, 4, 4, 5)
    layer(x)
    layer.bias.assign([0.3, -0.2])
    linear = x @ np.asarray(layer.kernel)[0, 0] / np.sqrt(5) + [0.3, -0.2]
    expected = np.clip(0.5 * ROOT_OF_2 * lrelu(linear), -0.5, 0.5)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)
    assert np.max(expected) == 0.5


def test_a_convolution_without_an_activation_has_no_bias_and_is_linear():
    layer = EqualizedConv2D(2, activation=None, gain=0.5)
    x = drawn(2, 4, 4, 5)
    expected = tf.nn.conv2d(x, tf.convert_to_tensor(layer(x) is not None and layer.kernel), 1, "SAME")
    assert [weight.name for weight in layer.weights] == ["kernel"]
    np.testing.assert_allclose(layer(x), 0.5 * expected / np.sqrt(9 * 5), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("resampling, kernel_size", [("up", 3), ("up", 1), ("down", 3), ("down", 1), (None, 3)])
@pytest.mark.parametrize("taps", [[1, 3, 3, 1], [1, 2, 1]], ids=len)
def test_the_symbolic_shape_is_the_shape(resampling, kernel_size, taps):
    layer = EqualizedConv2D(2, kernel_size, resampling, taps)
    symbolic = layer(keras.Input((6, 8, 3))).shape
    assert tuple(symbolic[1:]) == tuple(layer(tf.zeros((1, 6, 8, 3))).shape[1:])


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: EqualizedDense(0), "units=0"),
        (lambda: EqualizedDense(2, "relu"), "`activation` is 'leaky_relu' or None. Received: activation='relu'"),
        (lambda: EqualizedConv2D(2, 4), "must be odd.* Received: kernel_size=4"),
        (lambda: EqualizedConv2D(2, resampling="left"), "`resampling` is None, 'up' or 'down'.* resampling='left'"),
    ],
    ids=["units", "activation", "kernel", "resampling"],
)
def test_arguments_that_no_layer_has_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
