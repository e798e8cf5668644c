from tfgan_kit.divergences import wasserstein_dual
from tfgan_kit.divergences.lipschitz_critic import OrthonormalDense, group_sort, lipschitz_critic

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import gamma

from tests.twins import twins

pytestmark = pytest.mark.thorough


def _normal(count, dimension, seed, deviation=1.0, mean=0.0):
    return np.random.default_rng(seed).normal(mean, deviation, (count, dimension))


def _circle(count):
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


# Two sets, the exact W_1 of their laws, the share of it asked for. Scaling by 2 is an optimal map
# (the gradient of a convex function), f = |x| its potential, W_1 = E |x|.
PAIRS = {
    "shifted": (_normal(2000, 2, 0), _normal(2000, 2, 1) + [3.0, 4.0], 5.0, 0.97),
    "wider_on_a_line": (_normal(4000, 1, 2, 2.0), _normal(4000, 1, 3), np.sqrt(2 / np.pi), 0.9),
    "wider_in_8_dimensions": (_normal(2000, 8, 0, 2.0), _normal(2000, 8, 1), np.sqrt(2) * gamma(4.5) / gamma(4), 0.8),
    "circle_and_its_centre": (_circle(2000), np.zeros((2000, 2)), 1.0, 0.9),
}


@twins("name", PAIRS)
def test_value_is_at_most_the_distance_and_a_large_share_of_it(name):
    x, y, exact, share = PAIRS[name]
    found = wasserstein_dual(x, y, max_steps=300)
    assert found.value < exact + 3 * found.standard_error
    assert found.value > share * exact - 3 * found.standard_error
    assert found.standard_error < 0.1 * exact


def test_affine_critic_gives_the_distance_of_the_means():
    x, y = _normal(2000, 3, 0, 3.0), _normal(2000, 3, 1) + [2.0, 1.0, 2.0]
    found = wasserstein_dual(x, y, hidden_layers=0, max_steps=200)
    assert found.value == pytest.approx(3.0, abs=3 * found.standard_error)


def test_affine_critic_sees_nothing_where_the_means_are_equal():
    x, y, exact, _ = PAIRS["wider_in_8_dimensions"]
    found = wasserstein_dual(x, y, hidden_layers=0, max_steps=200)
    assert found.value < 0.1 * exact


@pytest.mark.slow
@twins("factor", [1e-3, 1e3])
def test_value_scales_with_the_points_and_not_with_where_they_are(factor):
    x, y, _, _ = PAIRS["shifted"]
    one = wasserstein_dual(x, y, 1, max_steps=50)
    other = wasserstein_dual(factor * (x + 5), factor * (y + 5), 1, max_steps=50)
    assert other.value == pytest.approx(factor * one.value, rel=1e-3)
    assert other.standard_error == pytest.approx(factor * one.standard_error, rel=1e-2)


@pytest.mark.parametrize("dimension, scale", [(1, 1e-3), (3, 30.0), (100, 1.0)])
def test_critic_is_nowhere_steeper_than_one_whatever_its_weights(dimension, scale):
    critic = lipschitz_critic(dimension, 3, 64, np.random.default_rng(0))
    weights = np.random.default_rng(1)
    critic.set_weights([scale * weights.normal(size=w.shape) for w in critic.get_weights()])
    points = tf.constant(_normal(500, dimension, 0, 3.0).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(points)
        values = critic(points)
    slopes = np.linalg.norm(tape.gradient(values, points), axis=1)
    assert slopes.max() < 1 + 1e-5


@pytest.mark.parametrize("shape", [(64, 64), (3, 64), (64, 1), (100, 64)])
def test_kernel_has_singular_values_of_one_from_the_start(shape):
    layer = OrthonormalDense(shape[1], seed=0)
    layer.build((None, shape[0]))
    values = np.linalg.svd(layer.orthonormal_kernel(), compute_uv=False)
    np.testing.assert_allclose(values, 1, atol=1e-5)


def test_group_sort_sorts_pairs():
    found = group_sort(tf.constant([[1.0, 2.0, 4.0, 3.0, -1.0, -1.0]]))
    np.testing.assert_array_equal(found, [[2, 1, 4, 3, -1, -1]])


def test_value_depends_on_the_seed_alone():
    x, y = _normal(100, 2, 0), _normal(100, 2, 1, 2.0)
    values = [wasserstein_dual(x, y, 1, max_steps=20, seed=seed).value for seed in (3, 3, 4)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize(
    "x, y, options, message",
    [
        (np.zeros((15, 2)), np.zeros((50, 2)), {}, "at least 16"),
        (np.zeros((50, 2)), np.zeros((50, 3)), {}, "same dimension"),
        (np.full((50, 2), np.inf), np.zeros((50, 2)), {}, "finite"),
        (np.zeros((50, 2)), np.zeros((50, 2)), {"width": 7}, "width=7"),
        (np.zeros((50, 2)), np.zeros((50, 2)), {"hidden_layers": -1}, "hidden_layers=-1"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        wasserstein_dual(x, y, **options)
