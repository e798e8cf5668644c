from tfgan_kit.layers import ConditionalBatchNormalization

import keras
import numpy as np
import pytest

X = np.random.default_rng(0).normal(2.0, 3.0, (6, 4, 4, 2)).astype(np.float32)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.int32)


def set_tables(layer, gamma, beta):
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)


@pytest.mark.parametrize("shape", [(6, 2), (6, 4, 2), (6, 4, 4, 2)])
@pytest.mark.parametrize("training", [True, False])
def test_one_class_is_keras_batch_normalization(shape, training):
    x = np.random.default_rng(1).normal(1.0, 2.0, shape).astype(np.float32)
    ours = ConditionalBatchNormalization(1, momentum=0.7, epsilon=1e-3)
    keras_layer = keras.layers.BatchNormalization(momentum=0.7, epsilon=1e-3)
    labels = np.zeros(6, np.int32)
    ours([x, labels], training=True), keras_layer(x, training=True)
    set_tables(ours, [[2.0, 3.0]], [[-1.0, 1.0]])
    keras_layer.gamma.assign([2.0, 3.0])
    keras_layer.beta.assign([-1.0, 1.0])
    found, expected = ours([x, labels], training=training), keras_layer(x, training=training)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.normalization.moving_mean, keras_layer.moving_mean, rtol=1e-5, atol=1e-6)


def test_each_row_is_scaled_and_shifted_by_its_class():
    layer = ConditionalBatchNormalization(3, epsilon=1e-6)
    layer([X, LABELS])
    gamma, beta = np.array([[1, 2], [3, 4], [5, 6]]), np.array([[0, 1], [2, 3], [4, 5]])
    set_tables(layer, gamma, beta)
    normal = (X - X.mean(axis=(0, 1, 2))) / X.std(axis=(0, 1, 2))
    expected = normal * gamma[LABELS][:, None, None] + beta[LABELS][:, None, None]
    np.testing.assert_allclose(layer([X, LABELS], training=True), expected, rtol=1e-4, atol=1e-4)


def test_new_layer_treats_all_classes_alike():
    layer = ConditionalBatchNormalization(3)
    np.testing.assert_array_equal(layer([X, LABELS], training=True), layer([X, np.zeros(6, np.int32)], training=True))


def test_statistics_move_by_one_minus_momentum():
    layer = ConditionalBatchNormalization(3, momentum=0.75)
    layer([X, LABELS], training=True)
    mean, variance = X.mean(axis=(0, 1, 2)), X.var(axis=(0, 1, 2))
    np.testing.assert_allclose(layer.normalization.moving_mean, 0.25 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.normalization.moving_variance, 0.75 + 0.25 * variance, rtol=1e-4)


def test_only_the_tables_are_trained():
    layer = ConditionalBatchNormalization(3)
    layer([X, LABELS])
    assert [v.name for v in layer.trainable_variables] == ["gamma", "beta"]
    assert [tuple(v.shape) for v in layer.trainable_variables] == [(3, 2), (3, 2)]


def test_output_shape_is_the_shape_of_the_image():
    layer = ConditionalBatchNormalization(3)
    assert layer.compute_output_shape([(None, 4, 4, 2), (None,)]) == (None, 4, 4, 2)


@pytest.mark.parametrize("num_classes", [0, -1])
def test_fewer_than_one_class_is_refused(num_classes):
    with pytest.raises(ValueError, match=f"Received: num_classes={num_classes}"):
        ConditionalBatchNormalization(num_classes)
