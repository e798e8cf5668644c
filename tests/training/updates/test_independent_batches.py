"""Every update's images and latents are its own, and the step is the mathematics by hand."""

import tfgan_kit as gk
from tfgan_kit.training.batch import Batch

import numpy as np
import pytest

from tests.training.updates.test_alternating import POINTS, RATE, B, C, N, V, W, linear_gan, sigmoid

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("discriminator_steps, generator_steps", [(1, 1), (2, 1)])
def test_one_step_equals_the_mathematics_by_hand(discriminator_steps, generator_steps):
    """RpGAN: dL_D/dv = E s(D(y) - D(x)) (y - x), dL_G/dy = -s(D(x) - D(y)) v / n."""
    moves = discriminator_steps + generator_steps
    update = gk.updates.IndependentBatches(discriminator_steps, generator_steps)
    gan = linear_gan(update, "relativistic_pairing", run_eagerly=True)
    v, w, b = V.copy(), W.copy(), B.copy()
    for move in range(moves):
        x = POINTS[move::moves]
        z = np.array(gan.game.latents(Batch.of(x), move))
        y = z @ w + b
        if move < discriminator_steps:
            v = v - RATE * (sigmoid((y - x) @ v)[:, None] * (y - x)).mean(axis=0)
        else:
            slope = -sigmoid((x - y) @ v)[:, None] * v / len(z)
            w, b = w - RATE * z.T @ slope, b - RATE * slope.sum(axis=0)
    gan.fit(POINTS, batch_size=N, shuffle=False, verbose=0)
    found = gan.generator.get_weights() + gan.discriminator.get_weights()
    for a, expected in zip(found, [w, b, v[:, None], C], strict=True):
        np.testing.assert_allclose(a, expected, rtol=1e-5, atol=1e-6)


def test_a_move_in_parts_is_the_move_in_one():
    whole, in_parts = (
        linear_gan(gk.updates.IndependentBatches(1, 1, n), "non_saturating", [gk.penalties.R1(0.5)]) for n in (1, 2)
    )
    for gan in (whole, in_parts):
        gan.fit(POINTS, batch_size=N, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(whole.get_weights(), in_parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_batch_smaller_than_the_moves_is_refused():
    gan = linear_gan(gk.updates.IndependentBatches(2, 2))
    with pytest.raises(ValueError, match="must hold at least 4"):
        gan.fit(POINTS[:3], batch_size=3, verbose=0)
