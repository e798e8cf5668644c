"""Random numbers of rows."""

from tfgan_kit.layers import row_draws

import numpy as np
import pytest
import tensorflow as tf


@pytest.mark.parametrize("draw", [row_draws.normals, row_draws.uniforms])
def test_a_row_s_numbers_are_of_its_seed_and_stream_alone(draw):
    seeds = tf.range(11, dtype=tf.int64)
    whole = draw(seeds, 0, 5).numpy()
    np.testing.assert_array_equal(draw(seeds[9:10], 0, 5), whole[9:10])
    assert len(np.unique(whole)) == whole.size
    assert not np.isin(draw(seeds, 1, 5), whole).any()


def test_normal_numbers_have_the_moments_of_their_law():
    """With 20,000 numbers, five standard errors are 0.035 for the mean and 0.05 for the variance."""
    drawn = row_draws.normals(tf.range(20, dtype=tf.int64), 0, 1000).numpy()
    assert abs(drawn.mean()) < 0.035
    assert abs(drawn.var() - 1.0) < 0.05


def test_seeds_of_latents_ignore_last_bits_and_see_all_else():
    latents = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    latents = np.round(latents * 16) / 16 + np.float32(0.01)  # away from where the rounding turns
    seeds = row_draws.seeds_of_latents(latents).numpy()
    np.testing.assert_array_equal(row_draws.seeds_of_latents(np.nextafter(latents, np.float32(9.0))), seeds)
    assert len(np.unique(seeds)) == 200
    moved = latents + np.float32(0.1) * np.eye(16, dtype=np.float32)[np.arange(200) % 16]
    assert not np.isin(row_draws.seeds_of_latents(moved), seeds).any()


def test_seeds_of_bits_see_the_last_bit():
    x = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
    y = x.copy()
    y[1, 1, 2] = np.nextafter(y[1, 1, 2], np.float32(9.0))
    same = row_draws.seeds_of_bits(x).numpy() == row_draws.seeds_of_bits(y).numpy()
    assert same.tolist() == [True, False, True]
