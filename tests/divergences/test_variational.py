import random

from tfgan_kit.divergences import variational_bound

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.twins import twins

pytestmark = pytest.mark.thorough


class KL:
    """T(v) = v and f*(t) = exp(t - 1): Nowozin et al., arXiv:1606.00709, table 2."""

    def discriminator_loss(self, real_logits, fake_logits):
        return -self.divergence_bound(real_logits, fake_logits)

    def divergence_bound(self, real_logits, fake_logits):
        return tf.reduce_mean(real_logits) - tf.reduce_mean(tf.exp(fake_logits - 1))


class NotFinite(KL):
    def divergence_bound(self, real_logits, fake_logits):
        return tf.constant(np.nan)


def _normal(count, dimension, seed, mean=0.0):
    return np.random.default_rng(seed).normal(mean, size=(count, dimension))


@twins("dimension, shift", [(1, 1.0), (4, 0.4)])
def test_bound_of_gaussians_is_nearly_reached_and_not_passed(dimension, shift):
    # KL(N(0, I), N(shift, I)) = D shift^2 / 2; T* = 1 + log p / q is linear.
    exact = dimension * shift**2 / 2
    x, y = _normal(8000, dimension, 0), _normal(8000, dimension, 1, shift)
    found = variational_bound(x, y, KL(), max_steps=600)
    assert 0.8 * exact - 3 * found.standard_error < found.value < exact + 3 * found.standard_error
    assert found.standard_error < 0.2 * exact


@pytest.mark.slow
def test_standard_error_is_that_of_the_two_means():
    # With p = N(0, 1), q = N(1, 1) and T*, T has variance 1 and exp(T - 1) = p / q has e - 1.
    x, y = _normal(8000, 1, 0), _normal(8000, 1, 1, 1.0)
    found = variational_bound(x, y, KL(), max_steps=600)
    expected = np.sqrt((1 + np.e - 1) / 2000)
    assert found.standard_error == pytest.approx(expected, rel=0.4)


def test_bound_of_equal_laws_is_no_more_than_chance_however_few_the_points():
    # 32 training points in 50 dimensions are told apart at once; the held-out ones are not.
    x, y = _normal(64, 50, 0), _normal(64, 50, 1)
    found = variational_bound(x, y, KL(), max_steps=200)
    assert found.value < 3 * found.standard_error


def test_bound_does_not_depend_on_the_units_of_a_coordinate():
    x, y = _normal(400, 2, 0), _normal(400, 2, 1, 1.0)
    units = np.array([1e-3, 1e4])
    found = [variational_bound(a, b, KL(), max_steps=100) for a, b in ((x, y), (x * units + 7, y * units + 7))]
    assert found[0].value == pytest.approx(found[1].value, abs=1e-3)


def test_value_depends_on_the_seed_alone_and_global_random_state_is_left():
    x, y = _normal(200, 2, 0), _normal(200, 2, 1, 1.0)
    values, states = [], []
    for global_seed, seed in ((1, 3), (2, 3), (2, 4)):
        keras.utils.set_random_seed(global_seed)
        before = (random.getstate(), np.random.get_state()[1].tolist())
        values.append(variational_bound(x, y, KL(), max_steps=60, seed=seed).value)
        states.append(before == (random.getstate(), np.random.get_state()[1].tolist()))
    assert values[0] == values[1] != values[2]
    assert states == [True] * 3


def test_tensorflow_s_global_random_state_is_left():
    def drawn(between):
        tf.random.set_seed(5)
        between()
        return tf.random.normal([3]).numpy().tolist()

    x, y = _normal(50, 2, 0), _normal(50, 2, 1)
    assert drawn(lambda: None) == drawn(lambda: variational_bound(x, y, KL(), max_steps=5))


def test_curve_tells_steps_and_bounds_and_the_best_weights_are_kept():
    x, y = _normal(4000, 1, 0), _normal(4000, 1, 1, 1.0)
    found = variational_bound(x, y, KL(), max_steps=220)
    assert found.curve[:, 0].tolist() == [0, 50, 100, 150, 200, 220]
    assert found.curve[1, 1] > found.curve[0, 1]


def test_training_that_only_gets_worse_stops_and_gives_back_the_start():
    class Backwards(KL):
        def discriminator_loss(self, real_logits, fake_logits):
            return self.divergence_bound(real_logits, fake_logits)

    x, y = _normal(200, 1, 0), _normal(200, 1, 1, 1.0)
    found = variational_bound(x, y, Backwards(), max_steps=10_000, learning_rate=1e-2)
    start = variational_bound(x, y, KL(), max_steps=1, learning_rate=1e-30)
    assert len(found.curve) < 20
    assert found.value == pytest.approx(start.value, rel=1e-6)


@pytest.mark.parametrize(
    "x, y, objective, message",
    [
        (_normal(15, 2, 0), _normal(50, 2, 0), KL(), "at least 16"),
        (_normal(50, 2, 0), _normal(50, 3, 0), KL(), "same dimension"),
        (np.full((50, 2), np.nan), _normal(50, 2, 0), KL(), "finite"),
        (_normal(50, 2, 0), _normal(50, 2, 0), NotFinite(), "untrained critic"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(x, y, objective, message):
    with pytest.raises(ValueError, match=message):
        variational_bound(x, y, objective)
