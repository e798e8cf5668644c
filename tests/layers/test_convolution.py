"""Ours are Keras's convolutions, whose kernels learn by another route: stated against them."""

from tfgan_kit import layers as ours
from tfgan_kit.layers import convolution

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.gradients import value_and_gradients
from tests.twins import twins

SHAPE = (3, 8, 6, 5)
KINDS = ["Conv2D", "Conv2DTranspose"]


def waves(outputs):
    return tf.reduce_sum(tf.sin(outputs))


def rows(shape=SHAPE):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def pair(kind, kernel_size=4, shape=SHAPE, **arguments):
    """Ours and Keras's layer with the same weights."""
    arguments = {"strides": 2, "padding": "same", "dtype": "mixed_bfloat16", **arguments}
    made = [getattr(package, kind)(7, kernel_size, **arguments) for package in (ours, keras.layers)]
    for layer in made:
        layer.build(shape)
    made[1].set_weights([np.random.default_rng(1).normal(0, 0.1, w.shape) for w in made[1].weights])
    made[0].set_weights(made[1].get_weights())
    return made


@pytest.mark.parametrize("side", [(8, 6), (2, 2), (4, 8)], ids=str)
def test_kernel_gradient_is_that_of_the_convolution(side):
    """In float32, where the two differ by the order of their sums alone."""
    x, dy = rows((3, *side, 5)), rows((3, side[0] // 2, side[1] // 2, 7))
    expected = tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=(4, 4, 5, 7), out_backprop=dy, strides=[1, 2, 2, 1], padding="SAME"
    )
    found = convolution._kernel_gradient(tf.constant(x), tf.constant(dy))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.thorough
@twins("jit_compile", [False, True], ids=["plain", "xla"])
@pytest.mark.parametrize("arguments", [{}, {"use_bias": False}, {"activation": "tanh"}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_keras_s(kind, arguments, jit_compile):
    mine, theirs = pair(kind, **arguments)
    found, expected = (value_and_gradients(layer, rows(), waves, jit_compile) for layer in (mine, theirs))
    for a, b in zip(found, expected, strict=True):
        assert np.linalg.norm(a - b) <= 0.03 * np.linalg.norm(b)  # bfloat16 keeps 8 bits


@pytest.mark.parametrize("kind", KINDS)
def test_squared_input_gradient_has_keras_s_gradient(kind):
    """What R1 differentiates."""

    def second(layer):
        x = tf.constant(rows(), tf.bfloat16)
        with tf.GradientTape() as outer:
            outer.watch([x, layer.kernel.value])
            with tf.GradientTape() as inner:
                inner.watch(x)
                value = tf.reduce_sum(tf.tanh(tf.cast(layer(x), tf.float32)))
            penalty = tf.reduce_sum(tf.cast(inner.gradient(value, x), tf.float32) ** 2)
        return [tf.cast(g, tf.float32) for g in outer.gradient(penalty, [x, layer.kernel.value])]

    for a, b in zip(*map(second, pair(kind)), strict=True):
        assert np.linalg.norm(a - b) <= 0.03 * np.linalg.norm(b)


def traced(layer, dtype, shape=SHAPE):
    """Whether the kernel's gradient goes by products of matrices."""

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(layer.kernel.value)
            loss = tf.reduce_sum(layer(x))
        return tape.gradient(loss, layer.kernel.value)

    graph = gradient.get_concrete_function(tf.TensorSpec(shape, dtype)).graph
    return "MatMul" in {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_learns_by_products_on_a_machine_without_gpu(kind):
    expected = not tf.config.list_logical_devices("GPU")
    assert traced(pair(kind)[0], tf.bfloat16) is expected


@pytest.mark.parametrize(
    "arguments, shape",
    [({"dtype": "float32"}, SHAPE), ({"dtype": "mixed_float16"}, SHAPE), ({"kernel_size": 3}, SHAPE),
     ({"strides": 1}, SHAPE), ({"padding": "valid"}, SHAPE), ({}, (3, 7, 6, 5)),
     ({}, (3, None, None, 5))],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_everything_else_is_keras_s(kind, arguments, shape):
    mine, theirs = pair(kind, shape=shape, **arguments)
    assert not traced(mine, mine.compute_dtype, shape)
    x = rows(tuple(side or 6 for side in shape))
    np.testing.assert_array_equal(tf.cast(mine(x), tf.float32), tf.cast(theirs(x), tf.float32))


def test_no_rows_give_no_gradient():
    found = convolution._kernel_gradient(tf.zeros((0, 8, 6, 5)), tf.zeros((0, 4, 3, 7)))
    np.testing.assert_array_equal(found, np.zeros((4, 4, 5, 7)))


@pytest.mark.parametrize("kind", KINDS)
def test_keras_file_of_a_stock_layer_fits(kind, tmp_path):
    def model(package):
        layer = getattr(package, kind)
        return keras.Sequential([keras.Input((8, 8, 3)), layer(3, 4), layer(2, 2)])

    stock, mine = model(keras.layers), model(ours)
    stock.save_weights(tmp_path / "stock.weights.h5")
    mine.load_weights(tmp_path / "stock.weights.h5")
    for a, b in zip(stock.get_weights(), mine.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "arguments",
    [
        {"groups": 5},
        {"groups": 5, "strides": 2},
        {"groups": 5, "dilation_rate": 2, "strides": 1},
        {"groups": 5, "padding": "valid", "activation": "relu"},
    ],
    ids=str,
)
def test_groups_are_keras_s_values_and_gradients(arguments):
    """Keras's own way is compiled by XLA; ours is plain convolutions."""
    made = [package.Conv2D(10, 3, **arguments) for package in (ours, keras.layers)]
    for layer in made:
        layer.build(SHAPE)
        layer.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in made[0].weights])
    found, expected = (value_and_gradients(layer, rows(), waves, False) for layer in made)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.thorough
def test_a_grouped_convolution_is_differentiable_twice_and_holds_no_compiled_function():
    """R1's gradient, by differences: d/dk |df/dx|^2 along a direction."""
    layer = ours.Conv2D(10, 3, groups=5, activation="tanh", dtype="float64")
    layer.build(SHAPE)
    x, direction = tf.constant(rows(), tf.float64), np.random.default_rng(2).normal(size=layer.kernel.shape)

    def squared_norm():
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x))
        return tf.reduce_sum(tape.gradient(total, x) ** 2)

    with tf.GradientTape() as tape:
        value = tf.function(squared_norm)()
    slope = np.sum(tape.gradient(value, layer.kernel.value) * direction)
    kernel, step = layer.kernel.numpy(), 1e-5
    sides = []
    for sign in (1, -1):
        layer.kernel.assign(kernel + sign * step * direction)
        sides.append(float(squared_norm()))
    np.testing.assert_allclose(slope, (sides[0] - sides[1]) / (2 * step), rtol=1e-5)
    graph = tf.function(layer).get_concrete_function(x).graph.as_graph_def()
    assert not graph.library.function


@pytest.mark.parametrize("on_gpu, convolutions", [(False, 16), (True, 1)], ids=["cpu", "gpu"])
def test_many_groups_are_half_as_many_convolutions_and_one_on_a_gpu(on_gpu, convolutions, monkeypatch):
    """TensorFlow has the forward pass of a grouped convolution on a CPU, too."""
    monkeypatch.setattr(convolution, "_has_gpu", lambda: on_gpu)
    layer, x = ours.Conv2D(64, 3, groups=32, padding="same", use_bias=False), tf.constant(rows((2, 4, 4, 96)))
    layer.build(x.shape)
    compute = tf.function(layer).get_concrete_function(x)
    kinds = [operation.type for operation in compute.graph.get_operations()]
    assert kinds.count("Conv2D") == convolutions
    expected = tf.nn.conv2d(x, layer.kernel.value, 1, "SAME")
    np.testing.assert_allclose(compute(x), expected, atol=1e-5)


def test_the_gradient_of_paired_groups_is_that_of_single_ones(monkeypatch):
    x, found = rows((2, 4, 4, 64)), []
    for paired in (1, 1000):
        monkeypatch.setattr(convolution, "_PAIRED", paired)
        layer = ours.Conv2D(32, 3, groups=4)
        layer.build(x.shape)
        layer.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in layer.weights])
        found.append(value_and_gradients(layer, x, waves))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
