"""Extragradient on the bilinear game and Dirac-GAN, ExtraAdam against the paper's algorithm."""

import tfgan_kit as gk

import keras
import numpy as np
import pytest

from benchmarks.training.dirac_gan import DATA, dirac_gan, trajectory

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("h", [0.1, 0.5])
def test_bilinear_game_converges_at_the_rate_of_theory(h):
    """w' = (I - h J + h^2 J^2) w with J's eigenvalues +-i: |1 - h^2 -+ i h| a step."""
    distances = np.linalg.norm(trajectory(dirac_gan(gk.updates.Extragradient(), rate=h), 10), axis=1)
    np.testing.assert_allclose(distances[1:] / distances[:-1], np.hypot(1 - h**2, h), rtol=1e-5)


def test_dirac_gan_converges_where_simultaneous_descent_does_not():
    rules = gk.updates.Extragradient(), gk.updates.Consensus(0.0)
    extra, plain = (
        np.linalg.norm(trajectory(dirac_gan(rule, rate=0.8, objective="non_saturating"), 100)[-1]) for rule in rules
    )
    assert extra < 0.01 and plain > 1.0  # both start at a distance of 1


def test_adam_becomes_the_paper_s_extra_adam():
    """Algorithm 4 of 1802.10551, in NumPy, on the field v = (theta, -psi)."""
    rate, beta_1, beta_2, epsilon = 0.1, 0.5, 0.9, 1e-7
    w, m, s, expected = np.array([0.6, 0.8]), 0.0, 0.0, []
    for t in range(1, 6):
        at = w
        for half_steps in (2 * t - 1, 2 * t):
            v = np.array([at[1], -at[0]])
            m, s = beta_1 * m + (1 - beta_1) * v, beta_2 * s + (1 - beta_2) * v**2
            m_hat, s_hat = m / (1 - beta_1**half_steps), s / (1 - beta_2**half_steps)
            at = w - rate * m_hat / (np.sqrt(s_hat) + epsilon)
        w = at
        expected.append(w)
    adam = {
        name: keras.optimizers.Adam(rate, beta_1, beta_2, epsilon)
        for name in ("generator_optimizer", "discriminator_optimizer")
    }
    found = trajectory(dirac_gan(gk.updates.Extragradient(), **adam), 5)[1:]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert int(adam["generator_optimizer"].iterations) == 2 * 5


def test_a_lazy_penalty_is_due_in_both_passes_of_a_step():
    """Every second step: with R1, J = [[2 gamma, 1], [-1, 0]] where it is due, [[0, 1], [-1, 0]] else."""
    h, gamma, w = 0.1, 0.5, np.array([0.6, 0.8])
    gan = dirac_gan(gk.updates.Extragradient(), rate=h, penalties=[gk.penalties.R1(gamma, interval=2)])
    for due in (True, False, True):
        jacobian = np.array([[2 * gamma * due, 1.0], [-1.0, 0.0]])
        w = w - h * jacobian @ (w - h * jacobian @ w)
    np.testing.assert_allclose(trajectory(gan, 3)[-1], w, rtol=1e-5)


def test_weight_constraints_hold_at_both_points():
    """psi is clipped to 0.5 at the extrapolation, so that theta's gradient there is -0.5."""
    gan = dirac_gan(gk.updates.Extragradient(), psi=0.5, theta=-0.8, rate=0.1)
    gan.discriminator.layers[0].kernel.constraint = lambda weight: keras.ops.clip(weight, -0.5, 0.5)
    gan.train_on_batch(DATA)
    np.testing.assert_allclose(trajectory(gan, 0)[0], [0.5, -0.8 + 0.1 * 0.5], rtol=1e-6)


@pytest.mark.slow
def test_float16_trains_and_an_overflow_leaves_the_weights(make_gan, dataset):
    """A scale of 2^60 overflows in both passes of the first steps, whatever the gradient."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        gan = make_gan(update=gk.updates.Extragradient())
    finally:
        keras.config.set_dtype_policy(before)
    start = gan.generator.get_weights()
    history = gan.fit(dataset, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(start, gan.generator.get_weights(), strict=True))
    for optimizer in gan.optimizer.optimizers:
        optimizer.dynamic_scale.assign(2.0**60)
    kept = [np.array(weight) for weight in gan.discriminator.trainable_weights]
    logs = gan.train_on_batch(np.zeros((8, 4, 4, 1), np.uint8), return_dict=True)
    assert logs["d_skipped"] >= 2
    np.testing.assert_equal([np.array(w) for w in gan.discriminator.trainable_weights], kept)
