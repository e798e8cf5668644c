"""Orthogonal regularization; tests/convert/test_biggan.py compares its gradients with the authors' code."""

import types

from tfgan_kit.layers import Conv2DTranspose, SpectralNormalization
from tfgan_kit.penalties import OrthogonalRegularization

import keras
import numpy as np
import pytest


def value(network, **arguments):
    step = types.SimpleNamespace(generator=types.SimpleNamespace(network=network))
    return float(OrthogonalRegularization(**arguments).value(step))


def network(*layers, shape=(4,)):
    return keras.Sequential([keras.Input(shape), *layers])


@pytest.mark.parametrize("units", [3, 7])
def test_it_is_the_squared_products_of_different_rows(units):
    made = network(keras.layers.Dense(units))
    w = made.layers[0].kernel.numpy().T.astype(np.float64)  # (outputs, inputs)
    pairs = [(w[i] @ w[j]) ** 2 for i in range(units) for j in range(units) if i != j]
    assert value(made, weight=0.3) == pytest.approx(0.15 * sum(pairs), rel=1e-5)


def test_orthogonal_rows_of_any_length_cost_nothing():
    made = network(keras.layers.Dense(3, kernel_initializer=keras.initializers.Orthogonal(gain=5.0)))
    assert value(made, weight=1.0) < 1e-9


@pytest.mark.parametrize(
    ("layer", "rows"),
    [
        (lambda: keras.layers.Conv2D(5, 3), lambda k: np.moveaxis(k, 3, 0)),
        (lambda: Conv2DTranspose(5, 3), lambda k: np.moveaxis(k, 2, 0)),
        (lambda: SpectralNormalization(keras.layers.Conv2D(5, 3)), lambda k: np.moveaxis(k, 3, 0)),
    ],
)
def test_filters_are_the_rows_of_a_convolution(layer, rows):
    made = network(layer(), shape=(6, 6, 2))
    kernel = next(w for w in made.trainable_variables if w.name == "kernel").numpy()
    w = rows(kernel).reshape(5, -1).astype(np.float64)
    gram = w @ w.T
    expected = 0.5 * ((gram - np.diag(np.diag(gram))) ** 2).sum()
    assert value(made, weight=1.0) == pytest.approx(expected, rel=1e-4)


def test_biases_and_excluded_layers_are_left_out():
    made = network(keras.layers.Dense(3, bias_initializer="ones", name="shared"))
    assert value(made) == 0.0


@pytest.mark.thorough
def test_it_pulls_a_generator_s_weights_apart_in_training(make_gan, uint8_images):
    def after(weight):
        gan = make_gan(penalties=[OrthogonalRegularization(weight)], seed=1)
        logs = gan.fit(uint8_images, batch_size=12, verbose=0).history
        return value(gan.generator, weight=1.0), logs["orthogonal"]

    without, logs = after(0.0)
    assert logs[-1] == 0.0
    assert after(10.0)[0] < without


def test_a_negative_weight_is_refused():
    with pytest.raises(ValueError, match="Received: weight=-1"):
        OrthogonalRegularization(weight=-1)
