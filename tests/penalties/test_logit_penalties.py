"""Penalties that look at logits rather than slopes: LeCam, consistency; and weight clipping."""

import tfgan_kit as gk
from tfgan_kit.penalties import StepView
from tfgan_kit.penalties.consistency import change
from tfgan_kit.training.batch import Batch

import keras
import numpy as np
import pytest
import tensorflow as tf

N, SIDE = 5, 6
IMAGES = np.random.default_rng(0).normal(size=(N, SIDE, SIDE, 2)).astype(np.float32)


def column(values):
    return tf.constant(np.reshape(values, (-1, 1)), tf.float32)


def step(real_logits=None, fake_logits=None, real=IMAGES, fake=IMAGES, discriminator=None):
    return StepView(
        tf.constant(real),
        tf.constant(fake),
        None,
        None,
        real_logits,
        fake_logits,
        discriminator,
        None,
        lambda shape: Batch.of(real).uniform(tf.constant((1, 2), tf.int64), shape),
    )


# LeCam


def lecam(**arguments):
    penalty = gk.penalties.LeCam(**arguments)
    penalty.build(keras.layers.Layer())
    return penalty


def test_lecam_begins_at_the_first_means():
    # (1 - 5)^2 + (3 - 5)^2 over 2, and (4 - 2)^2 + (6 - 2)^2 over 2.
    found = lecam(weight=0.5, start=0)(step(column([1, 3]), column([4, 6])), tf.constant(0, tf.int64))
    assert float(found) == pytest.approx(0.5 * (10.0 + 10.0), rel=1e-6)


def test_one_sided_lecam_counts_logits_on_their_own_side_only():
    """Averages 2 and 1: of real logits 3 and 1 only 3 lies above 1, of generated ones 4 and -2 only -2 below 2."""
    penalty = gk.penalties.OneSidedLeCam(weight=0.5, start=0)
    penalty.build(keras.layers.Layer())
    found = penalty(step(column([3, 1]), column([4, -2])), tf.constant(0, tf.int64))
    assert float(found) == pytest.approx(0.5 * ((3 - 1) ** 2 / 2 + (2 + 2) ** 2 / 2), rel=1e-6)


def test_lecam_averages_move_by_one_minus_decay():
    penalty = lecam(weight=1.0, decay=0.75, start=0)
    penalty(step(column([2.0]), column([-1.0])), tf.constant(0, tf.int64))
    found = penalty(step(column([6.0]), column([3.0])), tf.constant(1, tf.int64))
    real, fake = 0.75 * 2 + 0.25 * 6, 0.75 * -1 + 0.25 * 3
    assert float(found) == pytest.approx((6 - fake) ** 2 + (3 - real) ** 2, rel=1e-6)


@pytest.mark.parametrize("iteration, counts", [(0, False), (2, False), (3, True)])
def test_lecam_counts_from_its_start_on(iteration, counts):
    found = lecam(start=3)(step(column([1.0]), column([5.0])), tf.constant(iteration, tf.int64))
    assert (float(found) > 0) == counts


def test_lecam_averages_are_constants_of_the_loss():
    penalty, real, fake = lecam(weight=1.0, start=0), column([2.0]), column([-1.0])
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = penalty(step(real, fake), tf.constant(0, tf.int64))
    # d/dr (r - a_fake)^2 = 2 (2 + 1) with a_fake = -1 held fixed.
    assert [float(g[0, 0]) for g in tape.gradient(value, [real, fake])] == pytest.approx([6.0, -6.0])


@pytest.mark.parametrize("arguments", [dict(decay=1.0), dict(decay=-0.1), dict(start=-1), dict(start=1.5)])
def test_lecam_outside_of_its_ranges_is_refused(arguments):
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=f"`{name}` .*Received: {name}={value}"):
        gk.penalties.LeCam(**arguments)


def small_gan(penalty, **arguments):
    keras.utils.set_random_seed(0)
    gan = gk.GAN(gk.networks.MLPGenerator(width=4), gk.networks.MLPDiscriminator(width=4), **arguments)
    gan.compile("adam", "adam", penalties=[penalty])
    return gan


@pytest.mark.thorough
def test_lecam_averages_survive_a_file(tmp_path):
    points = np.random.default_rng(1).normal(size=(32, 2)).astype(np.float32)
    gan = small_gan(gk.penalties.LeCam(start=0))
    gan.fit(points, batch_size=8, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    found = [weight.numpy() for weight in loaded.adaptive.weights]
    assert found == [weight.numpy() for weight in gan.adaptive.weights]
    assert all(value != 0 for value in found)


# Consistency


def identity_draws(max_shift):
    """Not mirrored, and shifted by nothing."""
    middle = (max_shift + 0.5) / (2 * max_shift + 1)
    return tf.constant([[0.9, middle, middle]] * N)


@pytest.mark.parametrize("max_shift", [0, 1, 3])
def test_middle_draws_change_nothing(max_shift):
    np.testing.assert_array_equal(change(IMAGES, identity_draws(max_shift), max_shift, True), IMAGES)


@pytest.mark.parametrize("flip, expected", [(True, IMAGES[:, :, ::-1]), (False, IMAGES)])
def test_small_first_draw_mirrors_where_that_is_wanted(flip, expected):
    draws = tf.concat([tf.zeros((N, 1)), identity_draws(2)[:, 1:]], axis=1)
    np.testing.assert_array_equal(change(IMAGES, draws, 2, flip), expected)


@pytest.mark.parametrize("row_draw, column_draw, down, right", [(0.0, 0.999, 2, -2), (0.999, 0.0, -2, 2)])
def test_outer_draws_shift_by_the_whole_way_and_mirror_the_border(row_draw, column_draw, down, right):
    draws = tf.constant([[0.9, row_draw, column_draw]] * N)
    padded = np.pad(IMAGES, [(0, 0), (2, 2), (2, 2), (0, 0)], "reflect")
    expected = padded[:, 2 - down : 2 - down + SIDE, 2 - right : 2 - right + SIDE]
    np.testing.assert_array_equal(change(IMAGES, draws, 2, True), expected)


def total(images):
    """Invariant under mirroring, not under shifts."""
    return tf.reduce_sum(images, axis=(1, 2, 3))[:, None]


def test_discriminator_that_ignores_the_change_costs_nothing():
    penalty = gk.penalties.Consistency(max_shift=0)
    logits = total(tf.constant(IMAGES))
    assert float(penalty.value(step(logits, logits, discriminator=total))) == pytest.approx(0, abs=1e-8)


def brightness(images):
    return images[:, 0, 0, :1]


@pytest.mark.parametrize(
    "cls, weights", [(gk.penalties.Consistency, (2.0, 0.0)), (gk.penalties.BalancedConsistency, (2.0, 3.0))]
)
def test_consistency_is_the_mean_square_of_what_the_change_does_to_the_logits(cls, weights):
    fake = 2 * IMAGES[::-1]
    arguments = {"weight": weights[0], "max_shift": 1} | ({"fake_weight": 3.0} if weights[1] else {})
    record = step(brightness(IMAGES), brightness(fake), IMAGES, fake, brightness)
    draws = record.uniform([3])

    def moved(images):
        return np.mean((brightness(images) - brightness(change(images, draws, 1, True).numpy())) ** 2)

    expected = weights[0] * moved(IMAGES) + weights[1] * moved(fake)
    assert expected > 0.1
    assert float(cls(**arguments).value(record)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("images, shift", [(np.zeros((N, 3), np.float32), 1), (IMAGES, SIDE)])
def test_points_and_images_below_the_shift_are_refused(images, shift):
    record = step(column([0.0] * N), column([0.0] * N), images, images, lambda x: column([0.0] * N))
    with pytest.raises(ValueError, match=r"larger than the shift.*Received: images.shape=\(5, "):
        gk.penalties.Consistency(max_shift=shift).value(record)


# Weight clipping


@pytest.mark.thorough
def test_clipped_weights_stay_in_the_box_while_training():
    clip = gk.penalties.WeightClipping(0.05)
    critic = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(8, kernel_constraint=clip, bias_constraint=clip),
            keras.layers.Dense(1, kernel_constraint=clip),
        ]
    )
    gan = gk.GAN(gk.networks.MLPGenerator(width=4), critic)
    gan.compile("adam", keras.optimizers.RMSprop(0.1), objective="wasserstein")
    gan.fit(np.ones((32, 2), np.float32), batch_size=8, verbose=0)
    kernels = [layer.kernel.numpy() for layer in critic.layers]
    assert max(np.abs(kernel).max() for kernel in kernels) == np.float32(0.05)  # it is reached, too


@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_limit_that_is_not_positive_is_refused(limit):
    with pytest.raises(ValueError, match=f"`limit` must be positive. Received: limit={limit}"):
        gk.penalties.WeightClipping(limit)


def test_clipping_survives_a_config():
    constraint = keras.constraints.deserialize(keras.constraints.serialize(gk.penalties.WeightClipping(0.3)))
    np.testing.assert_allclose(constraint(np.array([-1.0, 0.2, 1.0], np.float32)), [-0.3, 0.2, 0.3])
