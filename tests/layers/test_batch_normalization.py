"""Ours is keras.layers.BatchNormalization, by another kernel: every property is stated against it."""

from tfgan_kit.layers import BatchNormalization, ConditionalBatchNormalization

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.layers.gradients import value_and_gradients
from tests.twins import twins

SHAPES = [(6, 3), (6, 5, 3), (6, 4, 4, 3), (1, 4, 4, 3), (4, 2, 2, 2, 3)]
HALF = ["mixed_bfloat16", "mixed_float16"]


def cubic(outputs):
    return tf.reduce_mean(outputs**3)


def rows(shape):
    return np.random.default_rng(0).normal(2.0, 3.0, shape).astype(np.float32)


def pair(shape, **arguments):
    """Ours and Keras's layer with the same weights, none of them trivial."""
    arguments = {"momentum": 0.7, "epsilon": 1e-3, "synchronized": True, **arguments}
    made = [cls(**arguments) for cls in (BatchNormalization, keras.layers.BatchNormalization)]
    for layer in made:
        layer.build(shape)
    weights = [np.random.default_rng(k).uniform(0.5, 2.0, w.shape) for k, w in enumerate(made[0].weights)]
    for layer in made:
        layer.set_weights(weights)
    return made


def kernels(layer, shape, **arguments):
    """Names of the operations that the layer traces to."""
    function = tf.function(lambda x: layer(x, **arguments))
    graph = function.get_concrete_function(tf.TensorSpec(shape)).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.thorough
@pytest.mark.parametrize("jit_compile", [False, True], ids=["plain", "xla"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_gradients_and_statistics_are_keras_s(shape, jit_compile):
    ours, theirs = pair(shape)
    found = value_and_gradients(ours, rows(shape), cubic, jit_compile)
    expected = value_and_gradients(theirs, rows(shape), cubic)
    for a, b in zip(found + ours.get_weights(), expected + theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("arguments", [{"center": False}, {"scale": False}], ids=str)
def test_layer_without_shift_or_scale_is_keras_s(arguments):
    ours, theirs = pair(SHAPES[2], **arguments)
    x = rows(SHAPES[2])
    found, expected = (value_and_gradients(layer, x, cubic) for layer in (ours, theirs))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", HALF)
def test_half_precision_keeps_float32_statistics(policy):
    """Of 512 rows around 100 the mean is known to 1e-3, where bfloat16 itself steps by 0.5."""
    x = np.random.default_rng(0).normal(100.0, 1.0, (512, 1)).astype(np.float32)
    layer = BatchNormalization(momentum=0.0, dtype=policy)
    half = tf.cast(x, layer.compute_dtype)
    outputs = layer(half, training=True)
    exact = tf.cast(half, tf.float64).numpy()
    assert outputs.dtype == layer.compute_dtype and layer.moving_mean.dtype == "float32"
    np.testing.assert_allclose(layer.moving_mean, exact.mean(0), atol=1e-3)
    np.testing.assert_allclose(layer.moving_variance, exact.var(0), rtol=1e-3)


@pytest.mark.parametrize("policy", HALF)
def test_half_precision_differs_from_keras_s_by_its_rounding_alone(policy):
    ours, theirs = pair(SHAPES[2], dtype=policy)
    x = rows(SHAPES[2])
    tolerance = 2.0 ** (-7 if "bfloat16" in policy else -10)  # two units in the last place
    found, expected = (value_and_gradients(layer, x, cubic) for layer in (ours, theirs))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


@pytest.mark.thorough
@twins("jit_compile", [False, True], ids=["plain", "xla"])
@pytest.mark.parametrize("shape", SHAPES[:3], ids=str)
def test_squared_input_gradient_has_keras_s_gradient(shape, jit_compile):
    """What R1 differentiates: the kernel's gradient is itself differentiable."""

    def second(layer):
        @tf.function(jit_compile=jit_compile)
        def run(x):
            sources = [x, *(w.value for w in layer.trainable_variables[:1])]
            with tf.GradientTape() as outer:
                outer.watch(sources)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    value = tf.reduce_sum(tf.tanh(layer(x, training=True)))
                penalty = tf.reduce_sum(inner.gradient(value, x) ** 2)
            return [penalty, *outer.gradient(penalty, sources)]

        return run(tf.constant(rows(shape)))

    ours, theirs = pair(shape)
    for a, b in zip(second(ours), second(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-5)


def test_inference_is_keras_s_bit_for_bit():
    ours, theirs = pair(SHAPES[2])
    np.testing.assert_array_equal(ours(rows(SHAPES[2])), theirs(rows(SHAPES[2])))


def test_frozen_layer_neither_moves_nor_uses_batch_statistics():
    ours, theirs = pair(SHAPES[2])
    ours.trainable = theirs.trainable = False
    before = ours.get_weights()
    found = ours(rows(SHAPES[2]), training=True)
    np.testing.assert_array_equal(found, theirs(rows(SHAPES[2]), training=True))
    for a, b in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_rows_leave_finite_statistics():
    ours, theirs = pair((None, 4, 4, 3))
    for layer in (ours, theirs):
        layer(rows((0, 4, 4, 3)), training=True)
    np.testing.assert_allclose(ours.moving_mean, theirs.moving_mean, rtol=1e-6)
    np.testing.assert_allclose(ours.moving_variance, theirs.moving_variance, rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_one_replica_trains_by_the_fused_kernel(shape):
    assert "FusedBatchNormV3" in kernels(pair(shape)[0], shape, training=True)


@pytest.mark.parametrize("shape, arguments", [((6, 4, 4, 3), {"axis": 1}), ((6, 3), {"renorm": True})], ids=str)
def test_what_the_kernel_cannot_do_is_keras_s(shape, arguments):
    ours, theirs = pair(shape, **arguments)
    assert "FusedBatchNormV3" not in kernels(ours, shape, training=True)
    ours.set_weights(theirs.get_weights())
    found = ours(rows(shape), training=True)
    np.testing.assert_array_equal(found, theirs(rows(shape), training=True))


def test_masked_rows_do_not_count():
    layer = BatchNormalization(momentum=0.0, synchronized=True)
    x = rows((6, 5, 3))
    layer(x, training=True, mask=np.arange(5)[None] < [[2]] * 6)
    np.testing.assert_allclose(layer.moving_mean, x[:, :2].mean((0, 1)), rtol=1e-5)


class TwoReplicas:
    """A strategy in all that the layer reads: two CPUs would have to be set up before TensorFlow."""

    num_replicas_in_sync = 2


@pytest.mark.parametrize("synchronized, fused", [(True, False), (False, True)])
def test_several_replicas_synchronize_by_keras_s_path(synchronized, fused, monkeypatch):
    layer, _ = pair(SHAPES[2], synchronized=synchronized)
    monkeypatch.setattr(tf.distribute, "get_strategy", TwoReplicas)
    assert layer._is_fusible(tf.zeros(SHAPES[2])) is fused


def test_keras_file_of_a_stock_layer_fits(tmp_path):
    """The same name in the file and the same weights: earlier releases' files load."""

    def model(cls):
        return keras.Sequential([keras.Input((4, 4, 3)), cls(), keras.layers.Flatten(), cls()])

    stock, ours = model(keras.layers.BatchNormalization), model(BatchNormalization)
    stock(rows((6, 4, 4, 3)), training=True)
    stock.save_weights(tmp_path / "stock.weights.h5")
    ours.load_weights(tmp_path / "stock.weights.h5")
    for a, b in zip(stock.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_conditional_layer_trains_by_the_fused_kernel():
    layer = ConditionalBatchNormalization(2)
    layer.build([(6, 4, 4, 3), (6,)])
    assert "FusedBatchNormV3" in kernels(layer.normalization, (6, 4, 4, 3), training=True)
