"""The affine sampler: exact gradients of every order, mirrored borders, rows on their own."""

from tfgan_kit.augment import sampling

import numpy as np
import pytest
import tensorflow as tf

random = np.random.default_rng(0)


def transformation(rows, turn=0.3):
    """Inverses of rotations with a shift, each row's its own: float32 (N, 3, 3)."""
    angles = turn * np.arange(1, rows + 1)
    zeros, ones = np.zeros(rows), np.ones(rows)
    matrix = np.array(
        [
            [1.2 * np.cos(angles), -np.sin(angles), 0.7 * ones],
            [np.sin(angles), 0.9 * np.cos(angles), -1.3 * ones],
            [zeros, zeros, ones],
        ]
    )
    return tf.constant(np.moveaxis(matrix, 2, 0), tf.float32)


def images(*shape):
    return tf.constant(random.normal(size=shape), tf.float32)


def matrix_of(inverse, shape):
    """The sampler of one image as a matrix, a column for each basis image: it is linear."""
    size = int(np.prod(shape))
    basis = tf.reshape(tf.eye(size), [size, *shape])
    return tf.reshape(sampling.affine(basis, tf.repeat(inverse, size, axis=0)), [size, size]).numpy().T


@pytest.mark.parametrize("shape", [(8, 8, 3), (5, 11, 1), (2, 3, 1), (1, 4, 1)])
def test_the_identity_gives_the_images_back(shape):
    given = images(2, *shape)
    np.testing.assert_allclose(sampling.affine(given, tf.eye(3, batch_shape=[2])), given, atol=1e-6)


@pytest.mark.parametrize("shift", [(2, 0), (0, -3), (1, 9)])
def test_a_shift_by_whole_pixels_moves_mirrored_ones_in(shift):
    given = images(1, 7, 6, 2)
    inverse = tf.constant([[[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]]], tf.float32)
    around = np.pad(given[0], [[18, 18], [18, 18], [0, 0]], "reflect")
    expected = around[18 + shift[1] :, 18 + shift[0] :][:7, :6]
    np.testing.assert_allclose(sampling.affine(given, inverse)[0], expected, atol=1e-5)


def test_the_gradient_is_the_adjoint():
    """TensorFlow's own projective transform fails this."""
    inverse, given, direction = transformation(1), images(1, 6, 7, 1), images(1, 6, 7, 1)
    with tf.GradientTape() as tape:
        tape.watch(given)
        product = tf.reduce_sum(sampling.affine(given, inverse) * direction)
    matrix = matrix_of(inverse, (6, 7, 1))
    assert np.abs(matrix).max() > 0.1
    np.testing.assert_allclose(np.ravel(tape.gradient(product, given)), matrix.T @ np.ravel(direction), atol=1e-5)


def test_the_second_derivative_is_exact():
    """Of sum (A x)^3 / 6, whose Hessian is A^T diag(A x) A."""
    inverse, given, direction = transformation(1), images(1, 5, 6, 1), images(1, 5, 6, 1)
    with tf.GradientTape() as outer:
        outer.watch(given)
        with tf.GradientTape() as tape:
            tape.watch(given)
            value = tf.reduce_sum(sampling.affine(given, inverse) ** 3) / 6.0
        slope = tf.reduce_sum(tape.gradient(value, given) * direction)
    matrix = matrix_of(inverse, (5, 6, 1)).astype(np.float64)
    expected = matrix.T @ ((matrix @ np.ravel(given)) * (matrix @ np.ravel(direction)))
    np.testing.assert_allclose(np.ravel(outer.gradient(slope, given)), expected, rtol=1e-4, atol=1e-4)


def test_a_row_does_not_depend_on_its_batch():
    given, inverse = images(4, 8, 8, 3), transformation(4)
    alone = tf.concat([sampling.affine(given[k : k + 1], inverse[k : k + 1]) for k in range(4)], axis=0)
    np.testing.assert_allclose(sampling.affine(given, inverse), alone, atol=1e-6)


def test_places_between_pixels_are_their_weighted_mean():
    given = tf.reshape(tf.constant([[0.0, 1.0, 0.0], [10.0, 31.0, 10.0], [0.0, 1.0, 0.0]]), [1, 3, 3, 1])
    x, y = tf.constant([[[0.25, 1.0, 2.25]]]), tf.constant([[[0.0, 0.5, 1.0]]])
    np.testing.assert_allclose(np.ravel(sampling.bilinear(given, x, y)), [0.25, 16.0, 15.25])
