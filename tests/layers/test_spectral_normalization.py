"""Spectral normalization, against NumPy's singular values and PyTorch's implementation."""

from tfgan_kit.layers import Conv2D, Conv2DTranspose, SpectralNormalization

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.normal(size=(3, 6, 6, 4)).astype(np.float32)
ROWS = RANDOM.normal(size=(3, 5)).astype(np.float32)
IDS = np.array([0, 2, 1], np.int32)
KINDS = {
    "dense": (lambda: keras.layers.Dense(7), ROWS),
    "convolution": (lambda: Conv2D(7, 3, strides=2, padding="same"), PIXELS),
    "transposed": (lambda: Conv2DTranspose(7, 4, strides=2, padding="same"), PIXELS),
    "embedding": (lambda: keras.layers.Embedding(5, 6), IDS),
}


def made(kind, **arguments):
    make, inputs = KINDS[kind]
    layer = SpectralNormalization(make(), **arguments)
    layer(inputs)
    return layer, inputs


def matrix(layer):
    """The kernel as (outputs, rest), by hand."""
    inner = layer.layer
    if isinstance(inner, keras.layers.Embedding):
        return inner.embeddings.numpy()
    kernel = inner.kernel.numpy()
    axis = 2 if isinstance(inner, keras.layers.Conv2DTranspose) else kernel.ndim - 1
    return np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)


@pytest.mark.parametrize("kind", KINDS)
def test_sigma_is_the_largest_singular_value(kind):
    layer, inputs = made(kind, power_iterations=30)
    kernel = layer.layer.trainable_variables[0]
    axis = {"transposed": 2, "embedding": 0}.get(kind, len(kernel.shape) - 1)
    left, values, right = np.linalg.svd(matrix(layer), full_matrices=False)
    values[0] *= 2.0  # far from the second: the iteration converges
    rows = ((left * values) @ right).reshape(kernel.shape[axis], *np.delete(kernel.shape, axis))
    kernel.assign(np.moveaxis(rows, 0, axis))
    layer(inputs, training=True)
    np.testing.assert_allclose(layer.sigma(), values[0], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_output_is_the_layer_s_own_with_a_divided_kernel(kind):
    layer, inputs = made(kind)
    inner = layer.layer
    weights = inner.get_weights()
    if kind != "embedding":
        inner.bias.assign(RANDOM.normal(size=inner.bias.shape))
    sigma, found = float(layer.sigma()), layer(inputs).numpy()
    by_hand = KINDS[kind][0]()
    by_hand(inputs)
    by_hand.set_weights([weights[0] / sigma, *inner.get_weights()[1:]])
    np.testing.assert_allclose(found, by_hand(inputs), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_no_pass_changes_the_kernel(kind):
    layer, inputs = made(kind)
    before = layer.layer.get_weights()
    for training in (True, False):
        layer(inputs, training=training)
    for weight, value in zip(layer.layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def torch_twin(layer):
    """`torch.nn.utils.spectral_norm` of the same matrix and u."""
    twin = torch.nn.Linear(5, 7)
    with torch.no_grad():
        twin.weight.copy_(torch.from_numpy(layer.layer.kernel.numpy().T.copy()))
        twin.bias.copy_(torch.from_numpy(layer.layer.bias.numpy()))
    twin = torch.nn.utils.spectral_norm(twin, eps=1e-12)
    twin.weight_u.copy_(torch.from_numpy(layer.u.numpy()[0]))
    return twin.train()


def test_gradients_and_u_of_a_training_pass_are_pytorch_s():
    layer, inputs = made("dense")
    twin = torch_twin(layer)
    theirs = twin(torch.from_numpy(inputs))
    (theirs**2).sum().backward()
    with tf.GradientTape() as tape:
        ours = layer(inputs, training=True)
        loss = tf.reduce_sum(ours**2)
    gradient = tape.gradient(loss, layer.layer.kernel.value)
    np.testing.assert_allclose(ours, theirs.detach(), atol=1e-5)
    np.testing.assert_allclose(gradient, twin.weight_orig.grad.T, atol=2e-5)
    np.testing.assert_allclose(layer.u[0], twin.weight_u, atol=1e-6)


def test_each_training_pass_makes_one_iteration_and_inference_stores_none():
    layer, inputs = made("dense")
    rows, u = matrix(layer), layer.u.numpy()
    layer(inputs, training=False)
    np.testing.assert_array_equal(layer.u, u)
    for _ in range(2):
        layer(inputs, training=True)
        v = u @ rows / np.linalg.norm(u @ rows)
        u = v @ rows.T / np.linalg.norm(v @ rows.T)
        np.testing.assert_allclose(layer.u, u, atol=1e-6)


def test_several_iterations_a_pass_are_as_many_passes():
    twice, inputs = made("dense", power_iterations=2)
    once, _ = made("dense")
    once.set_weights(twice.get_weights())
    twice(inputs, training=True)
    for _ in range(2):
        once(inputs, training=True)
    np.testing.assert_allclose(twice.u, once.u, atol=1e-6)


def test_inference_by_the_stored_u_and_v_is_pytorch_s_even_after_the_kernel_has_moved():
    layer, inputs = made("dense", inference="stored")
    twin = torch_twin(layer)
    layer(inputs, training=True)
    twin(torch.from_numpy(inputs))
    np.testing.assert_allclose(layer.v[0], twin.weight_v, atol=1e-6)
    layer.layer.kernel.assign(layer.layer.kernel + 0.1)
    with torch.no_grad():
        twin.weight_orig += 0.1
    np.testing.assert_allclose(layer(inputs), twin.eval()(torch.from_numpy(inputs)).detach(), atol=1e-5)


def test_inference_by_the_stored_u_and_v_before_training_is_the_norm_of_u_w():
    layer, _ = made("dense", inference="stored")
    expected = np.linalg.norm(layer.u.numpy() @ matrix(layer))
    np.testing.assert_allclose(layer.sigma(), expected, rtol=1e-5)


def test_a_frozen_layer_keeps_its_u():
    layer, inputs = made("dense")
    layer.trainable = False
    u = layer.u.numpy()
    layer(inputs, training=True)
    np.testing.assert_array_equal(layer.u, u)


def test_half_precision_takes_the_norm_in_float32():
    make, inputs = KINDS["convolution"]
    full = SpectralNormalization(make())
    full(inputs)
    half = SpectralNormalization(Conv2D(7, 3, strides=2, padding="same", dtype="mixed_bfloat16"))
    half(inputs)
    half.set_weights(full.get_weights())
    assert half(inputs).dtype == tf.bfloat16
    assert float(half.sigma()) == float(full.sigma())


@pytest.mark.parametrize(
    ("layer", "arguments", "error"),
    [
        (lambda: keras.layers.ReLU(), {}, TypeError),
        (lambda: keras.layers.Dense(2), dict(power_iterations=0), ValueError),
        (lambda: keras.layers.Dense(2), dict(inference="svd"), ValueError),
        (lambda: keras.layers.Dense(2), dict(epsilon=0.0), ValueError),
    ],
)
def test_other_layers_and_arguments_are_refused(layer, arguments, error):
    with pytest.raises(error, match="Received"):
        SpectralNormalization(layer(), **arguments)
