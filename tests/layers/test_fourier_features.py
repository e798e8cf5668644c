from tfgan_kit.layers import FourierFeatures

import keras
import numpy as np
import pytest

POINTS = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


def waves(layer, points):
    """Angle of each frequency at each point, from its sine and cosine: (N, F) in [-pi, pi]."""
    _, sines, cosines = np.split(layer(points), [3, 3 + layer.num_frequencies], axis=1)
    np.testing.assert_allclose(sines**2 + cosines**2, 1.0, atol=1e-5)
    return np.arctan2(sines, cosines)


def test_features_are_the_inputs_and_one_wave_in_each_direction():
    layer = FourierFeatures(20)
    features = layer(POINTS).numpy()
    assert features.shape == (50, 43)
    np.testing.assert_array_equal(features[:, :3], POINTS)
    # A wave is linear in the point: what a step adds to its angle is the same everywhere.
    step = np.array([0.01, -0.02, 0.005], np.float32)
    turns = waves(layer, POINTS + step) - waves(layer, POINTS)
    turns = (turns + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(turns, np.broadcast_to(turns[:1], turns.shape), atol=1e-4)


def test_wave_numbers_are_even_on_the_octaves():
    layer = FourierFeatures(4000, lowest=-2.0, highest=6.0)
    layer.build((None, 3))
    octaves = np.log2(np.linalg.norm(layer.frequencies, axis=0))
    assert octaves.min() >= -2.001 and octaves.max() <= 6.001
    np.testing.assert_allclose(np.histogram(octaves, 8, (-2, 6))[0] / 4000, 1 / 8, atol=0.03)
    mean_direction = (layer.frequencies / np.linalg.norm(layer.frequencies, axis=0)).mean(axis=1)
    np.testing.assert_allclose(mean_direction, 0.0, atol=5 / np.sqrt(3 * 4000))


def test_the_seed_decides_the_frequencies():
    first, again, other = FourierFeatures(5), FourierFeatures(5), FourierFeatures(5, seed=1)
    np.testing.assert_array_equal(first(POINTS), again(POINTS))
    assert np.abs(first(POINTS) - other(POINTS)).max() > 0.1


def test_half_precision_rounds_the_waves_and_not_their_angles():
    """At 1000 radians a bfloat16 is a multiple of 4: its sine would be noise."""
    far = POINTS * 1000
    exact = FourierFeatures(16)(far)
    rounded = FourierFeatures(16, dtype="mixed_bfloat16")(far)
    assert rounded.dtype == "bfloat16"
    waves_of = (slice(None), slice(3, None))
    np.testing.assert_allclose(keras.ops.cast(rounded, "float32")[waves_of], exact[waves_of], atol=0.01)


def test_none_and_an_empty_range_are_refused():
    with pytest.raises(ValueError, match="`num_frequencies` must be at least 1"):
        FourierFeatures(0)
    with pytest.raises(ValueError, match="`lowest` must not be above.*lowest=2.0, highest=1.0"):
        FourierFeatures(lowest=2.0, highest=1.0)
