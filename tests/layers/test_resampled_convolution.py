"""Convolutions with resampling against StyleGAN2's own answers, and one another's adjoint."""

from tfgan_kit.layers.resampled_convolution import convolve, convolve_down, convolve_up

import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.official import Official, assert_agrees, nhwc

LIKE = (2, 3, 1, 0)  # (O, I, H, W) to (H, W, I, O)
UP = (2, 3, 0, 1)  # to (H, W, O, I)


@pytest.fixture(scope="module")
def official():
    return Official("sg2_resample")


@pytest.mark.parametrize("kernel, size", [("w", 3), ("w1", 1)], ids=["3x3", "1x1"])
@pytest.mark.parametrize("name, ours, axes", [
    ("conv", convolve, LIKE), ("conv_down", convolve_down, LIKE), ("conv_up", convolve_up, UP)
])  # fmt: skip
def test_stylegan2_s_resampled_convolutions_answer_the_same(name, ours, axes, kernel, size, official):
    found = ours(tf.constant(nhwc(official["x"])), tf.constant(official[kernel].transpose(axes)))
    assert_agrees(found, nhwc(official[f"{name}_k{size}"]))


@pytest.mark.parametrize("height", [64, 68, 66, 60])
def test_a_single_row_s_large_maps_answer_as_in_a_batch(height):
    """With oneDNN they are convolved in bands, where the height allows."""
    random = np.random.default_rng(0)
    x = tf.constant(random.standard_normal((1, height, 5, 3)), tf.float32)
    kernel = tf.constant(random.standard_normal((3, 3, 3, 2)), tf.float32)
    alone, (first, second) = convolve(x, kernel), convolve(tf.concat([x, x], axis=0), kernel)
    np.testing.assert_allclose(alone[0], first, atol=1e-5)
    np.testing.assert_allclose(alone[0], second, atol=1e-5)


@pytest.mark.parametrize("taps", [(1, 2), (1, 2, 1), (1, 3, 3, 1), (1, 2, 3, 4, 5, 6)], ids=len)
def test_any_filter_doubles_and_halves(taps):
    x, kernel = tf.random.normal((1, 6, 8, 2)), tf.random.normal((3, 3, 2, 2))
    assert convolve_up(x, kernel, taps).shape == (1, 12, 16, 2)
    assert convolve_down(x, kernel, taps).shape == (1, 3, 4, 2)


@pytest.mark.parametrize("ours, outputs", [(convolve_up, (1, 4, 4, 2)), (convolve_down, (1, 1, 1, 2))])
def test_gradients_of_the_second_order_in_both_factors_are_those_of_a_bilinear_map(ours, outputs):
    """f = d . A(x, K): the gradient in x is linear in K alone, and its product with v is f(v, K)."""
    random = np.random.default_rng(0)
    x, v, direction = (tf.constant(random.normal(size=s), tf.float32) for s in ((1, 2, 2, 2), (1, 2, 2, 2), outputs))
    kernel = tf.constant(random.normal(size=(3, 3, 2, 2)), tf.float32)
    with tf.GradientTape() as outer:
        outer.watch(kernel)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = tf.reduce_sum(direction * ours(x, kernel))
        product = tf.reduce_sum(v * inner.gradient(value, x))
    np.testing.assert_allclose(product, tf.reduce_sum(direction * ours(v, kernel)), rtol=1e-4)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        value = tf.reduce_sum(direction * ours(v, kernel))
    np.testing.assert_allclose(outer.gradient(product, kernel), tape.gradient(value, kernel), rtol=1e-4, atol=1e-5)
