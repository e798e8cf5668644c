"""Consensus on the bilinear game, against the gradient field's products, and what it refuses."""

import tfgan_kit as gk

import keras
import numpy as np
import pytest

from benchmarks.training.dirac_gan import DATA, dirac_gan, trajectory
from tests.twins import twins

RATE = 0.1


def sgd():
    return {"generator_optimizer": keras.optimizers.SGD(RATE), "discriminator_optimizer": keras.optimizers.SGD(RATE)}


@pytest.mark.parametrize("h", [0.1, 0.5])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_bilinear_game_moves_at_the_rate_of_theory(h, gamma):
    """J + gamma J^T J has eigenvalues gamma +- i; gamma = 0 spirals out by sqrt(1 + h^2)."""
    distances = np.linalg.norm(trajectory(dirac_gan(gk.updates.Consensus(gamma), rate=h), 10), axis=1)
    np.testing.assert_allclose(distances[1:] / distances[:-1], np.hypot(1 - h * gamma, h), rtol=1e-5)


def test_alternating_descent_stays_on_its_ellipse():
    """psi' = psi - h theta, theta' = theta + h psi' keeps psi^2 + theta^2 - h psi theta."""
    h = 0.2
    psi, theta = trajectory(dirac_gan(gk.updates.Alternating(), rate=h), 50).T
    invariant = psi**2 + theta**2 - h * psi * theta
    np.testing.assert_allclose(invariant, invariant[0], rtol=1e-5)


@pytest.mark.thorough
@twins("conditional", [False, True], ids=["plain", "conditional"])
def test_a_step_of_sgd_is_v_plus_gamma_times_the_transposed_jacobian_times_v(
    conditional, make_gan, uint8_images, labels
):
    rule = gk.updates.Consensus(0.7)
    gan = make_gan(conditional, update=rule, penalties=[gk.penalties.R1(0.5)], run_eagerly=True, **sgd())
    data = (uint8_images, labels) if conditional else (uint8_images,)
    field = gk.dynamics.GradientField.of_gan(gan, *data)
    start, v = field.position(), field()
    expected = start - RATE * (v + 0.7 * field.vjp(v))
    gan.train_on_batch(*data)
    np.testing.assert_allclose(field.position(), expected, atol=1e-6)


def test_a_negative_gamma_is_refused():
    with pytest.raises(ValueError, match="Received: gamma=-1"):
        gk.updates.Consensus(-1)


@pytest.mark.thorough
def test_a_lazy_penalty_is_refused():
    gan = dirac_gan(gk.updates.Consensus(1.0), penalties=[gk.penalties.R1(1.0, interval=4)])
    with pytest.raises(ValueError, match="interval=1.*Received: r1 with interval=4"):
        gan.fit(DATA, verbose=0)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "scaled",
    [
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()),
        lambda: keras.optimizers.SGD(loss_scale_factor=2.0),
    ],
    ids=["dynamic", "fixed"],
)
def test_a_loss_scale_is_refused(scaled):
    gan = dirac_gan(gk.updates.Consensus(1.0), generator_optimizer=scaled())
    with pytest.raises(ValueError, match="mixed_bfloat16. Received: optimizer"):
        gan.fit(DATA, verbose=0)
