"""APA: a share p of the real images is generated ones."""

import tfgan_kit as gk

import numpy as np
import pytest
import tensorflow as tf

ROWS = 20_000


def passed_off(p, real, fake):
    return gk.augment.APA(p=p).pass_off(
        real, fake, lambda shape: tf.random.stateless_uniform([len(real), *shape], [1, 2]), tf.constant(0)
    )


@pytest.mark.parametrize("p, shape", [(0.3, (2, 2, 1)), (0.3, (2,)), (0.0, (2, 2, 1)), (1.0, (2, 2, 1))])
def test_a_share_p_of_the_images_is_generated_whole_and_in_its_row(p, shape):
    """Within 4 standard deviations; a row's label is that of its generated image, too."""
    rows = tf.reshape(tf.range(ROWS, dtype=tf.float32) + 1.0, [ROWS] + [1] * len(shape))
    real = rows * tf.ones(shape)
    found = passed_off(p, real, -real).numpy().reshape(ROWS, -1)
    np.testing.assert_array_equal(np.abs(found), np.reshape(real, [ROWS, -1]))
    generated = (found < 0).mean(axis=1)
    assert set(generated) <= {0.0, 1.0}
    assert generated.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / ROWS))


def test_the_generator_gets_no_gradient_from_images_passed_off_as_real():
    fake = tf.ones([8, 2])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        images = passed_off(1.0, tf.zeros([8, 2]), fake)
    assert tape.gradient(images, fake) is None


def test_images_are_not_changed():
    images = tf.random.stateless_normal([2, 4, 4, 1], [1, 2])
    assert gk.augment.APA().draw(None, (4, 4, 1), 0)(images) is images
