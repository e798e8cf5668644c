"""FIR resampling against its closed form, StyleGAN2's own answers, and the adjoint of each other."""

from tfgan_kit.layers import FIRDownSampling2D, FIRUpSampling2D
from tfgan_kit.layers.resampling import convolve, downsample, upsample

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.fixtures.official import Official, assert_agrees, nhwc

TWELVE = list(range(1, 13))  # not symmetric: a correlation in the place of a convolution would show


@pytest.fixture(scope="module")
def official():
    return Official("sg2_resample")


def up_by_hand(x):
    """Along the last axis: y[2i] = x[i-1]/4 + 3x[i]/4, y[2i+1] = 3x[i]/4 + x[i+1]/4."""
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 1)])
    even, odd = padded[..., :-2] / 4 + 3 * x / 4, 3 * x / 4 + padded[..., 2:] / 4
    return np.stack([even, odd], -1).reshape(*x.shape[:-1], -1)


def down_by_hand(x):
    """y[i] = (x[2i-1] + 3x[2i] + 3x[2i+1] + x[2i+2]) / 8."""
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(1, 1)])
    return sum(w * padded[..., k : k + x.shape[-1] : 2] for k, w in enumerate((1, 3, 3, 1))) / 8


@pytest.mark.parametrize("ours, by_hand", [(upsample, up_by_hand), (downsample, down_by_hand)])
def test_the_binomial_filter_has_its_closed_form(ours, by_hand):
    x = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype(np.float32)
    expected = by_hand(np.moveaxis(by_hand(np.moveaxis(x, 1, -1)), -1, 1).swapaxes(2, 3)).swapaxes(2, 3)
    np.testing.assert_allclose(ours(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    "name, ours",
    [
        ("up2", upsample),
        ("down2", downsample),
        ("up2_12", lambda x: upsample(x, TWELVE)),
        ("down2_12", lambda x: downsample(x, TWELVE)),
        ("filt", lambda x: convolve(x, [1, 4, 6, 4, 1], (2, 2))),
    ],
    ids=["up2", "down2", "up2_12", "down2_12", "filt"],
)
def test_stylegan2_s_resamplers_answer_the_same(name, ours, official):
    assert_agrees(ours(tf.constant(nhwc(official["x"]))), nhwc(official[name]))


@pytest.mark.parametrize("filter", [[1, 3, 3, 1], TWELVE, [1, 2]], ids=str)
def test_up_is_four_times_the_adjoint_of_down_by_the_reversed_filter(filter):
    random = np.random.default_rng(0)
    x, y = (random.normal(size=shape).astype(np.float32) for shape in ((2, 4, 6, 3), (2, 8, 12, 3)))
    up, down = upsample(x, filter), downsample(tf.constant(y), filter[::-1])
    np.testing.assert_allclose(np.sum(up * y), 4 * np.sum(x * down), rtol=1e-4)


@pytest.mark.parametrize("layer", [FIRUpSampling2D(), FIRDownSampling2D(gain=2.0)], ids=["up", "down"])
def test_gradients_of_the_second_order_are_those_of_a_linear_map(layer):
    """f = |A x|^2 / 2: the gradient is A'A x, and that of |A'A x|^2 / 2 is (A'A)^2 x."""
    x = tf.random.normal((1, 4, 4, 1))
    matrix = np.stack([np.ravel(layer(tf.reshape(row, x.shape))) for row in tf.eye(16)], 1)

    @tf.function(autograph=False)
    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                half = 0.5 * tf.reduce_sum(layer(x) ** 2)
            norm = 0.5 * tf.reduce_sum(inner.gradient(half, x) ** 2)
        return outer.gradient(norm, x)

    expected = np.linalg.matrix_power(matrix.T @ matrix, 2) @ np.ravel(x)
    np.testing.assert_allclose(np.ravel(second(x)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [FIRUpSampling2D, FIRDownSampling2D])
@pytest.mark.parametrize("filter", [[1, 3, 3, 1], [1, 4, 6, 4, 1]], ids=str)
def test_the_symbolic_shape_is_the_shape(layer, filter):
    resample = layer(filter)
    symbolic = resample(keras.Input((7, 9, 2))).shape
    assert tuple(symbolic[1:]) == tuple(resample(tf.zeros((1, 7, 9, 2))).shape[1:])
    assert resample(keras.Input((None, None, 2))).shape == (None, None, None, 2)


def test_a_row_does_not_depend_on_its_batch():
    x = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype(np.float32)
    for layer in (FIRUpSampling2D(), FIRDownSampling2D()):
        np.testing.assert_array_equal(layer(x)[2:3], layer(x[2:3]))


@pytest.mark.parametrize("filter", [[1], [1, -1], []], ids=str)
def test_a_filter_that_is_none_is_refused(filter):
    with pytest.raises(ValueError, match="at least 2 numbers .* Received: filter="):
        FIRUpSampling2D(filter)
