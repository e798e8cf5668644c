"""Penalties on discriminators whose gradients are known in closed form."""

import tfgan_kit as gk
from tfgan_kit.penalties import StepView
from tfgan_kit.training.batch import Batch

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

N, D = 6, 3
_random = np.random.default_rng(0)
REAL = _random.normal(size=(N, D)).astype(np.float32)
FAKE = _random.normal(size=(N, D)).astype(np.float32) + 2.0
W = np.array([1.0, -2.0, 3.0], np.float32)  # |w|^2 = 14
A = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 1.0]], np.float32)  # symmetric


def linear(x):
    return tf.linalg.matvec(x, W)[:, None]


def quadratic(x):
    """D(x) = x' A x / 2, whose gradient is A x."""
    return 0.5 * tf.reduce_sum(x * tf.linalg.matmul(x, A), axis=1, keepdims=True)


def step(discriminator, real=REAL, fake=FAKE, seed=(1, 2)):
    return StepView(
        tf.constant(real),
        tf.constant(fake),
        None,
        None,
        None,
        None,
        discriminator,
        None,
        lambda shape: Batch.of(real).uniform(tf.constant(seed, tf.int64), shape),
    )


# R1, R2


@pytest.mark.parametrize("penalty", [gk.penalties.R1(gamma=3.0), gk.penalties.R2(gamma=3.0)], ids=["r1", "r2"])
def test_penalty_of_a_linear_discriminator_is_half_gamma_times_its_squared_norm(penalty):
    assert float(penalty.value(step(linear))) == pytest.approx(3.0 / 2 * 14.0, rel=1e-6)


@pytest.mark.parametrize("cls, images", [(gk.penalties.R1, REAL), (gk.penalties.R2, FAKE)], ids=["r1", "r2"])
def test_penalty_of_a_quadratic_discriminator_is_the_mean_square_of_a_x(cls, images):
    expected = 0.7 / 2 * np.mean(np.sum((images @ A) ** 2, axis=1))
    assert float(cls(gamma=0.7).value(step(quadratic))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("cls", [gk.penalties.R1, gk.penalties.R2])
def test_penalty_sums_over_all_axes_of_an_image(cls):
    images = np.zeros((N, 2, 2, D), np.float32)

    def sums(x):  # D(x) = the sum of all pixels, weighted by W: |grad|^2 = 4 * 14
        return tf.reduce_sum(x * W, axis=(1, 2, 3))[:, None]

    value = cls(gamma=2.0).value(step(sums, images, images))
    assert float(value) == pytest.approx(4 * 14.0, rel=1e-6)


@pytest.mark.parametrize("cls", [gk.penalties.R1, gk.penalties.R2])
def test_gamma_zero_is_no_penalty(cls):
    assert float(cls(gamma=0.0).value(step(quadratic))) == 0.0


# Gradient penalties

SLOPE = np.sqrt(14.0)  # of the linear discriminator


@pytest.mark.parametrize("scale", [0.1, 1.0])
@pytest.mark.parametrize(
    "cls, cost",
    [
        (gk.penalties.GradientPenalty, lambda slope: (slope - 1) ** 2),
        (gk.penalties.OneSidedGradientPenalty, lambda slope: max(0.0, slope - 1) ** 2),
        (gk.penalties.ZeroCenteredGradientPenalty, lambda slope: slope**2),
        (gk.penalties.DRAGAN, lambda slope: (slope - 1) ** 2),
    ],
)
def test_cost_of_a_linear_discriminator_is_that_of_its_slope(cls, cost, scale):
    value = cls(weight=3.0).value(step(lambda x: scale * linear(x)))
    assert float(value) == pytest.approx(3.0 * cost(scale * SLOPE), rel=1e-5, abs=1e-6)


def seen_by(penalty, real, fake, seed=(3, 4)):
    """The images on which a penalty takes the discriminator's slope."""
    seen = []

    def spy(x):
        seen.append(x.numpy())
        return tf.reduce_sum(x, axis=1, keepdims=True)

    penalty.value(step(spy, real, fake, seed))
    return seen[0]


def test_dragan_looks_around_real_images_with_gaussian_noise():
    real = np.zeros((4096, 2), np.float32) + 5.0
    noise = (seen_by(gk.penalties.DRAGAN(deviation=0.5), real, real * np.nan) - 5.0) / 0.5
    # Kolmogorov-Smirnov: below 1.95 / sqrt(n) with probability 0.999.
    assert stats.kstest(noise.ravel(), "norm").statistic < 1.95 / np.sqrt(noise.size)


@pytest.mark.parametrize("draw", [0.0, 1 - 2.0**-23])
def test_dragan_of_the_outermost_draws_is_finite(draw):
    around = step(linear)._replace(uniform=lambda shape: tf.fill([N, *shape], draw))
    assert float(gk.penalties.DRAGAN(1.0).value(around)) == pytest.approx((SLOPE - 1) ** 2, rel=1e-5)


@pytest.mark.parametrize("deviation", [0.0, -1.0])
def test_noise_without_a_deviation_is_refused(deviation):
    with pytest.raises(ValueError, match=f"must be positive. Received: deviation={deviation}"):
        gk.penalties.DRAGAN(deviation=deviation)


def mixing_of(seed, count=4096):
    """The mixing factors: with real = 0 and fake = 1 every coordinate of x^ is its row's factor."""
    real = np.zeros((count, 2), np.float32)
    return seen_by(gk.penalties.GradientPenalty(), real, real + 1.0, seed)


def test_gradient_penalty_mixes_uniformly_between_real_and_fake():
    factors = mixing_of((3, 4))[:, 0]
    assert factors.min() >= 0.0 and factors.max() <= 1.0
    # Kolmogorov-Smirnov: below 1.95 / sqrt(n) with probability 0.999.
    order = np.sort(factors)
    distance = np.abs(order - np.arange(1, len(order) + 1) / len(order)).max()
    assert distance < 1.95 / np.sqrt(len(order))


def test_gradient_penalty_mixes_a_row_by_one_factor():
    factors = mixing_of((3, 4))
    np.testing.assert_array_equal(factors[:, 0], factors[:, 1])


@pytest.mark.parametrize("seed, equal", [((3, 4), True), ((3, 5), False)])
def test_gradient_penalty_mixing_comes_from_the_seed_alone(seed, equal):
    assert np.array_equal(mixing_of((3, 4)), mixing_of(seed)) == equal


def test_gradient_penalty_lies_on_the_line_of_its_pair():
    factors = (seen_by(gk.penalties.GradientPenalty(), REAL, FAKE) - REAL) / (FAKE - REAL)
    np.testing.assert_allclose(factors, factors[:, :1] * np.ones(D), atol=1e-4)


# Derivatives


@pytest.mark.parametrize(
    "penalty",
    [
        gk.penalties.R1(),
        gk.penalties.R2(),
        gk.penalties.GradientPenalty(),
        gk.penalties.OneSidedGradientPenalty(),
        gk.penalties.ZeroCenteredGradientPenalty(),
        gk.penalties.DRAGAN(),
    ],
    ids=lambda penalty: type(penalty).__name__,
)
def test_gradient_in_the_weights_equals_finite_differences(penalty):
    """The second derivative, through the inner tape; float64 so that differences are exact."""
    shapes = [(D, 4), (4, 1)]
    first, second = (np.random.default_rng(5).normal(size=shape) for shape in shapes)
    second = tf.constant(second)

    def value(kernel):
        def tanh_net(x):
            return tf.tanh(tf.cast(x, tf.float64) @ kernel) @ second

        return penalty.value(step(tanh_net))

    kernel = tf.Variable(first)
    with tf.GradientTape() as tape:
        total = value(kernel)
    gradient = tape.gradient(total, kernel).numpy()

    def difference(i, j):
        change = np.zeros_like(first)
        change[i, j] = 1e-3
        ahead, behind = value(tf.constant(first + change)), value(tf.constant(first - change))
        return (float(ahead) - float(behind)) / 2e-3

    expected = [[difference(i, j) for j in range(4)] for i in range(D)]
    np.testing.assert_allclose(gradient, expected, rtol=2e-3, atol=2e-2)


@pytest.mark.parametrize(
    "penalty, expected",
    [
        (gk.penalties.R1(), 0.0),
        (gk.penalties.R2(), 0.0),
        (gk.penalties.GradientPenalty(10.0), 10.0),
        (gk.penalties.DRAGAN(10.0), 10.0),
        (gk.penalties.OneSidedGradientPenalty(), 0.0),
        (gk.penalties.ZeroCenteredGradientPenalty(), 0.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_zero_gradient_is_no_nan(penalty, expected):
    scale = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        value = penalty.value(step(lambda x: scale * tf.reduce_sum(x, axis=1, keepdims=True)))
    assert float(value) == pytest.approx(expected)
    assert np.isfinite(tape.gradient(value, scale))


# Lazy


@pytest.mark.parametrize("in_lockstep", [False, True])
def test_lazy_penalty_is_interval_times_the_value_when_due_and_zero_between(in_lockstep):
    penalty = gk.penalties.R1(gamma=2.0, interval=3)  # value 14
    found = tf.function(lambda i: penalty(step(linear), i, in_lockstep))
    values = [float(found(tf.constant(iteration, tf.int64))) for iteration in range(7)]
    assert values == pytest.approx([42.0, 0.0, 0.0, 42.0, 0.0, 0.0, 42.0], rel=1e-6)


@pytest.mark.parametrize("interval", [1, 2, 4])
def test_a_cycle_of_lazy_gradients_has_the_mean_of_the_eager_one(interval):
    penalty = gk.penalties.R1(gamma=2.0, interval=interval)
    w = tf.Variable(W)

    @tf.function
    def gradient(iteration):
        with tf.GradientTape() as tape:
            value = penalty(step(lambda x: tf.linalg.matvec(x, w)[:, None]), iteration)
        return tf.convert_to_tensor(tape.gradient(value, w))

    cycle = [gradient(tf.constant(i, tf.int64)) for i in range(4)]
    np.testing.assert_allclose(np.mean(cycle, axis=0), 2 * W, rtol=1e-5)  # d |w|^2 / d w


def test_lazy_penalty_traces_once():
    traces, penalty = [], gk.penalties.R1(interval=3)

    @tf.function
    def call(iteration):
        traces.append(1)
        return penalty(step(linear), iteration)

    for iteration in range(4):
        call(tf.constant(iteration, tf.int64))
    assert len(traces) == 1


# Bad input


@pytest.mark.parametrize(
    "cls",
    [gk.penalties.R1, gk.penalties.R2, gk.penalties.GradientPenalty, gk.penalties.DRAGAN, gk.penalties.Consistency],
)
@pytest.mark.parametrize("interval", [0, -1, 1.5, "2"])
def test_interval_that_is_no_positive_integer_is_refused(cls, interval):
    with pytest.raises(ValueError, match="an integer >= 1") as error:
        cls(interval=interval)
    assert f"interval={interval!r}" in str(error.value)


@pytest.mark.parametrize(
    "cls, argument",
    [
        (gk.penalties.R1, "gamma"),
        (gk.penalties.R2, "gamma"),
        (gk.penalties.GradientPenalty, "weight"),
        (gk.penalties.LeCam, "weight"),
        (gk.penalties.Consistency, "weight"),
        (gk.penalties.Consistency, "max_shift"),
        (gk.penalties.BalancedConsistency, "fake_weight"),
    ],
)
def test_negative_weight_is_refused(cls, argument):
    with pytest.raises(ValueError, match=f"`{argument}` must not be negative"):
        cls(**{argument: -1.0})


@pytest.mark.parametrize(
    "penalty, name",
    [
        (gk.penalties.R1(), "r1"),
        (gk.penalties.R2(), "r2"),
        (gk.penalties.GradientPenalty(), "gradient_penalty"),
        (gk.penalties.DRAGAN(), "dragan"),
        (gk.penalties.LeCam(), "lecam"),
        (gk.penalties.Consistency(), "consistency"),
        (gk.penalties.BalancedConsistency(), "balanced_consistency"),
    ],
)
def test_penalty_joins_the_discriminator_under_its_own_name(penalty, name):
    assert (penalty.player, penalty.name) == ("discriminator", name)
