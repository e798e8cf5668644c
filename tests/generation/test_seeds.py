"""An image's name decides its latents, label and pixels, whatever stands beside it."""

from tfgan_kit import image_seeds
from tfgan_kit.generation.sample import sample
from tfgan_kit.generation.seeds import labels_from_seeds, latents_from_seeds

import numpy as np
import pytest
import tensorflow as tf


def test_names_are_seed_times_two_to_the_32_plus_k():
    assert image_seeds(3, 4, start=2).tolist() == [3 * 2**32 + k for k in (2, 3, 4, 5)]


@pytest.mark.parametrize("seed", [-(2**31), 2**31 - 1])
def test_the_outermost_seeds_still_fit_an_int64(seed):
    assert int(image_seeds(seed, 1, start=2**32 - 1)[0]) == seed * 2**32 + 2**32 - 1


@pytest.mark.parametrize("arguments", [(2**31, 1), (0, -1), (0, 1, 2**32), (-(2**31) - 1, 1)])
def test_names_outside_int64_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        image_seeds(*arguments)


def test_latents_of_a_name_do_not_depend_on_the_batch():
    seeds = image_seeds(1, 9)
    together = latents_from_seeds(seeds, 5).numpy()
    alone = [latents_from_seeds(seeds[k : k + 1], 5).numpy()[0] for k in range(9)]
    np.testing.assert_array_equal(together, alone)


NAMES = [0, 1, -1, 42, 2**32, -(2**40) - 3, 2**63 - 1, -(2**63), 7, 8, 9]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 11])
def test_latents_are_the_documented_stateless_draw_bit_for_bit(count):
    drawn = latents_from_seeds(tf.constant(NAMES[:count], tf.int64), 6)
    expected = [tf.random.stateless_normal([6], [name, 0], alg="philox") for name in NAMES[:count]]
    np.testing.assert_array_equal(drawn, np.reshape(expected, (count, 6)))


@pytest.mark.parametrize("num_classes", [1, 3, 1000])
def test_labels_are_the_documented_stateless_draw(num_classes):
    drawn = labels_from_seeds(tf.constant(NAMES, tf.int64), num_classes)
    expected = [
        tf.random.stateless_uniform([], [name, 1], maxval=num_classes, dtype=tf.int32, alg="philox") for name in NAMES
    ]
    np.testing.assert_array_equal(drawn, expected)


def test_latents_are_standard_normal_over_names():
    latents = latents_from_seeds(image_seeds(0, 4000), 4).numpy().ravel()
    # 16,000 draws: the mean's standard error is 0.008, the variance's 0.011; five of each.
    assert abs(latents.mean()) < 0.04 and abs(latents.var() - 1) < 0.056


def test_labels_are_uniform_over_names():
    counts = np.bincount(labels_from_seeds(image_seeds(0, 5000), 10), minlength=10)
    assert counts.size == 10 and np.abs(counts - 500).max() < 5 * np.sqrt(500 * 0.9)


@pytest.mark.parametrize("count", range(1, 6))
def test_an_odd_batch_reaches_the_generator_even_and_comes_back_as_it_was(count):
    seen = []

    def generator(latents, training):
        seen.append(latents.shape[0])
        return tf.reshape(latents, (-1, 2, 2, 1))

    latents = tf.linspace(-1.0, 1.0, 4 * count)
    images = sample(generator, tf.reshape(latents, (count, 4)))
    assert seen == [count if count == 1 else count + count % 2]
    np.testing.assert_array_equal(images.numpy().ravel(), np.round((latents.numpy() + 1) * 127.5))
