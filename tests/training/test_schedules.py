"""Schedules by their closed forms, in the places where they stand, and through a file."""

import tfgan_kit as gk
from tfgan_kit.training.averaging import Average
from tfgan_kit.training.optimizers import prepare

import keras
import numpy as np
import pytest
import tensorflow as tf

HalfCosine, HalfLife, Adam = gk.schedules.HalfCosine, gk.schedules.HalfLife, gk.schedules.Adam


def half_cosine(start, end, num_images, batch_size, step):
    return end + (start - end) * 0.5 * (1 + np.cos(np.pi * min(step * batch_size / num_images, 1)))


@pytest.mark.parametrize("ends", [(2e-4, 5e-5), (0.9, 0.99), (0.0, 5e6)], ids=str)
@pytest.mark.parametrize("step", [0, 1, 12_345, 39_062, 39_063, 10**9])
def test_a_half_cosine_is_of_the_images_seen(ends, step):
    found = HalfCosine(*ends, num_images=2e7, batch_size=512)(tf.constant(step, tf.int64))
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, half_cosine(*ends, 2e7, 512, step), rtol=1e-6)


def test_a_half_cosine_is_traced_once_for_all_steps():
    schedule, traces = HalfCosine(1.0, 0.0, 100, 1), []

    @tf.function
    def value(step):
        traces.append(step)
        return schedule(step)

    values = [float(value(tf.constant(step, tf.int64))) for step in (0, 50, 100)]
    np.testing.assert_allclose(values, [1.0, 0.5, 0.0], atol=1e-7)
    assert len(traces) == 1


@pytest.mark.parametrize("half_life, decay", [(1000, 0.5**0.032), (0, 0.0), (32, 0.5), (5e8, 0.5 ** (32 / 5e8))])
def test_after_a_half_life_half_of_the_average_is_left(half_life, decay):
    np.testing.assert_allclose(HalfLife(half_life, 32)(7), decay, rtol=1e-6)


def test_a_half_life_may_follow_a_schedule():
    schedule = HalfLife(HalfCosine(0, 1000, num_images=320, batch_size=32), 32)
    expected = [0.0] + [0.5 ** (32 / half_cosine(0, 1000, 320, 32, step)) for step in (1, 5, 10, 11)]
    np.testing.assert_allclose([schedule(step) for step in (0, 1, 5, 10, 11)], expected, rtol=1e-5)


def test_a_half_life_ramps_up_with_the_images_seen():
    """The authors' `min(ema_kimg * 1000, cur_nimg * ema_rampup)`, at the images before the step."""
    schedule = HalfLife(1000, batch_size=100, ramp_up=0.5)
    expected = [0.0] + [0.5 ** (100 / min(1000, 0.5 * 100 * step)) for step in (1, 4, 20, 21)]
    np.testing.assert_allclose([schedule(step) for step in (0, 1, 4, 20, 21)], expected, rtol=1e-6)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert again.get_config() == {"half_life": 1000, "batch_size": 100, "ramp_up": 0.5}


def dense():
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    network.set_weights([np.array([[1.0], [-2.0]])])
    return network


def test_adam_s_beta_2_follows_its_schedule_as_in_pytorch():
    """Both averages and the corrections by hand, with the step's own beta_2; the GAN makes a step every two updates."""
    schedule, network = HalfCosine(0.9, 0.99, num_images=40, batch_size=10), dense()
    step = keras.Variable(0, dtype="int64", trainable=False)
    optimizer = prepare(Adam(0.1, beta_1=0.5, beta_2=schedule), network, "generator", step)
    w, m, v = np.array([1.0, -2.0]), 0.0, 0.0
    for update in range(1, 9):
        gradient = np.random.default_rng(update).normal(size=2)
        beta_2 = half_cosine(0.9, 0.99, 40, 10, (update - 1) // 2)
        m, v = 0.5 * m + 0.5 * gradient, beta_2 * v + (1 - beta_2) * gradient**2
        w = w - 0.1 * (m / (1 - 0.5**update)) / (np.sqrt(v / (1 - beta_2**update)) + 1e-7)
        optimizer.apply([tf.constant(gradient[:, None], tf.float32)], network.trainable_variables)
        step.assign(update // 2)
        np.testing.assert_allclose(network.get_weights()[0][:, 0], w, rtol=1e-4)


def test_adam_of_a_number_is_keras_s():
    ours, theirs = dense(), dense()
    gradient = [tf.constant([[0.3], [-0.2]])]
    for network, optimizer in ((ours, Adam(0.1, 0.5, 0.9)), (theirs, keras.optimizers.Adam(0.1, 0.5, 0.9))):
        optimizer.build(network.trainable_variables)
        for _ in range(3):
            optimizer.apply(gradient, network.trainable_variables)
    np.testing.assert_array_equal(ours.get_weights(), theirs.get_weights())


def test_a_scheduled_average_has_no_warm_up_and_counts_the_steps_before():
    network, copy = dense(), dense()
    average = Average(network, copy, HalfLife(HalfCosine(0, 64, num_images=64, batch_size=32), 32))
    expected = np.array([[1.0], [-2.0]])
    for step, half_life in enumerate((0, 32, 64, 64), start=1):
        now = np.random.default_rng(step).normal(size=(2, 1))
        network.set_weights([now])
        average.move(tf.constant(step, tf.int64))
        decay = 0.5 ** (32 / half_life) if half_life else 0.0
        expected = decay * expected + (1 - decay) * now
        np.testing.assert_allclose(copy.get_weights()[0], expected, rtol=1e-5)


@pytest.mark.parametrize("penalty", [gk.penalties.R1, gk.penalties.R2])
def test_a_scheduled_gamma_is_that_of_the_step(penalty):
    """D(x) = x.(1, -2): |grad|^2 = 5."""
    points, network = tf.ones((3, 2)), dense()
    of_step = gk.penalties.StepView(points, points, None, None, None, None, network, None, None)
    term = penalty(HalfCosine(2.0, 1.0, num_images=4, batch_size=2))
    values = [float(term(of_step._replace(iteration=tf.constant(k, tf.int64)), k)) for k in (0, 1, 2, 3)]
    np.testing.assert_allclose(values, [5.0, 3.75, 2.5, 2.5], rtol=1e-6)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: HalfCosine(-1, 0, 10, 1), "`start` must be a finite number >= 0. Received: start=-1"),
        (lambda: HalfCosine(1, float("inf"), 10, 1), "`end`.* Received: end=inf"),
        (lambda: HalfCosine(1, "2", 10, 1), "Received: end='2'"),
        (lambda: HalfCosine(1, 0, 0, 1), "Received: num_images=0"),
        (lambda: HalfCosine(1, 0, 10, 0), "`batch_size`, the images of a step, must be an integer of at least 1"),
        (lambda: HalfCosine(1, 0, 10, 1.5), "batch_size"),
        (lambda: HalfLife(-1, 1), "half_life=-1"),
        (lambda: HalfLife(1, 0), "batch_size"),
        (lambda: HalfLife(1, 1, ramp_up=0), "`ramp_up` must be a finite number > 0, or None. Received: ramp_up=0"),
        (lambda: Adam(beta_2=1.0), r"`beta_2` must be in \[0, 1\). Received: beta_2=1.0"),
        (lambda: Adam(beta_2=HalfCosine(0.9, 1.0, 10, 1)), "Received: beta_2 from 0.9 to 1.0"),
        (lambda: gk.penalties.R1(-1.0), "gamma=-1"),
    ],
)
def test_values_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_average_of_one_is_refused(make_gan):
    with pytest.raises(ValueError, match=r"`ema_decay` must be in \[0, 1\). Received: ema_decay from 0.5 to 1"):
        make_gan(ema_decay=HalfCosine(0.5, 1, 10, 1))


def scheduled():
    """Schedules in every place; half of the way is gone after four steps of eight images."""

    def schedule(start, end):
        return HalfCosine(start, end, num_images=64, batch_size=8)

    return {
        "ema_decay": HalfLife(schedule(0, 100), 8),
        "generator_optimizer": Adam(schedule(1e-2, 1e-3), 0.0, schedule(0.9, 0.99), 1e-8),
        "penalties": [gk.penalties.R1(schedule(1.0, 0.1)), gk.penalties.R2(schedule(1.0, 0.1))],
        "objective": "relativistic_pairing",
    }


def test_a_gan_s_configuration_holds_its_schedules(make_gan, tmp_path):
    gan = make_gan(**scheduled(), discriminator_optimizer=None)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.get_config()["ema_decay"] == gan.get_config()["ema_decay"]
    assert loaded.get_compile_config() == gan.get_compile_config()
    loaded.step.assign(4)
    found = [loaded.optimizer.optimizers[1].beta_2, loaded.generator_optimizer.learning_rate]
    np.testing.assert_allclose(found, [0.945, 5.5e-3], rtol=1e-5)
    assert float(loaded.penalties[1].gamma(4)) == pytest.approx(0.55)


@pytest.mark.thorough
def test_a_run_resumed_in_mid_schedule_equals_an_uninterrupted_one_bit_for_bit(make_gan, dataset, check_resume):
    check_resume(lambda: make_gan(**scheduled(), discriminator_optimizer=None), dataset)


@pytest.mark.thorough
def test_training_follows_every_schedule(make_gan, uint8_images):
    """A rate, a beta and a gamma that are 0 from some step on leave the weights alone from there."""
    gan = make_gan(
        ema_decay=HalfLife(0, 8),
        generator_optimizer=Adam(HalfCosine(1e-2, 0.0, num_images=16, batch_size=8), 0.0, 0.9),
        discriminator_optimizer=None,
        run_eagerly=True,
    )
    weights = [gan.generator.get_weights()]
    for _ in range(4):
        gan.train_on_batch(uint8_images[:8])
        weights.append([np.array(w) for w in gan.generator.trainable_variables])
        for a, b in zip(gan.ema_generator.get_weights(), gan.generator.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)  # of a half-life of 0
    moved = [
        any(np.any(a != b) for a, b in zip(before, after, strict=True))
        for before, after in zip(weights[1:], weights[2:], strict=False)
    ]
    assert moved == [True, False, False]
