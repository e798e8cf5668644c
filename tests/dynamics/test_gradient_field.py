"""The gradient field and its Jacobian's products: toy games, Dirac-GAN by theory, small networks."""

import tfgan_kit as gk
from tfgan_kit.dynamics import GradientField, eigenvalues
from tfgan_kit.training.batch import Batch

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.training.dirac_gan import DATA, dirac_gan, trajectory
from tests.twins import twins

pytestmark = pytest.mark.thorough

_random = np.random.default_rng(0)


def small_game():
    """A game of 3 and 2 float64 variables without symmetry: L_a, L_b of everything."""
    first, second = _random.normal(size=3), _random.normal(size=2)
    return GradientField.of_losses(
        lambda a, b: tf.reduce_sum(tf.sin(a[0])) * tf.reduce_prod(b[0]) + tf.reduce_sum(a[0] ** 4),
        lambda a, b: tf.reduce_sum(tf.exp(b[0]) * a[0][:2]) + tf.reduce_prod(b[0]) * a[0][2] ** 2,
        [first],
        [second],
    )


def test_bilinear_game_is_a_rotation():
    field = GradientField.of_losses(lambda a, b: a[0] * b[0], lambda a, b: -a[0] * b[0], [1.0], [2.0])
    np.testing.assert_array_equal(field(), [2.0, -1.0])
    np.testing.assert_array_equal(field.dense(), [[0.0, 1.0], [-1.0, 0.0]])
    np.testing.assert_array_equal(field.symmetric([3.0, 5.0]), [0.0, 0.0])
    np.testing.assert_array_equal(field.antisymmetric([3.0, 5.0]), [5.0, -3.0])


def numerically(field, u, w, step):
    return (field(w + step * u) - field(w - step * u)) / (2 * step)


def test_products_agree_with_differences():
    field = small_game()
    u, w = _random.normal(size=5), _random.normal(size=5)
    np.testing.assert_allclose(field.jvp(u, w), numerically(field, u, w, 1e-6), rtol=1e-7)


def test_parts_are_symmetric_and_antisymmetric_and_add_up():
    field, (u, x, w) = small_game(), _random.normal(size=(3, 5))
    jacobian = field.dense(w)
    np.testing.assert_allclose(field.vjp(u, w), jacobian.T @ u, rtol=1e-12)
    assert x @ field.symmetric(u, w) == pytest.approx(u @ field.symmetric(x, w), rel=1e-12)
    assert x @ field.antisymmetric(u, w) == pytest.approx(-u @ field.antisymmetric(x, w), rel=1e-12)
    np.testing.assert_allclose(field.symmetric(u, w) + field.antisymmetric(u, w), jacobian @ u, rtol=1e-12)


def test_a_point_is_where_the_variables_are_unless_given():
    a, b = keras.Variable([[2.0, 3.0]]), tf.Variable([1.0])
    field = GradientField.of_losses(
        lambda a, b: tf.reduce_sum(a[0]) * b[0][0], lambda a, b: -tf.reduce_sum(a[0]) * b[0][0], [a], [b]
    )
    assert field.sizes == (2, 1)
    np.testing.assert_array_equal(field(), [1.0, 1.0, -5.0])
    a.assign([[0.0, 1.0]])
    np.testing.assert_array_equal(field.position(), [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(field(), [1.0, 1.0, -1.0])
    np.testing.assert_array_equal(field([0.0, 0.0, 4.0]), [4.0, 4.0, 0.0])


@pytest.mark.parametrize("first, second", [([], [1.0]), ([1.0], []), ([1.0], [np.float64(1.0)]), ([1], [2])])
def test_players_without_float_variables_of_one_dtype_are_refused(first, second):
    with pytest.raises(ValueError, match="of one float dtype. Received: "):
        GradientField(lambda a, b: (a, b), first, second)


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"3 \+ 2 numbers. Received: shape \(4,\)"):
        small_game().jvp(np.zeros(4))


def test_a_large_jacobian_is_not_formed():
    field = GradientField(lambda a, b: (a, b), [np.zeros(2000)], [np.zeros(1)])
    with pytest.raises(ValueError, match="Received: a game of 2001 variables"):
        field.dense()


# Dirac-GAN


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_dirac_gan_with_r1_has_the_paper_s_eigenvalues(gamma):
    """1801.04406, section 4.1: gamma / 2 +- sqrt(gamma^2 / 4 - f'(0)^2), here of J = -v'.

    At 0, L_D = softplus(-D(0)) + softplus(psi theta) + gamma psi^2 / 2 and L_G = softplus(-psi theta)
    have J = [[gamma, f'], [-f', 0]], f' = sigmoid(0) = 1/2.
    """
    gan = dirac_gan(None, 0.0, 0.0, objective="non_saturating", penalties=[gk.penalties.R1(gamma, interval=3)])
    gan.step.assign(1)  # where the lazy penalty is not due
    field = GradientField.of_gan(gan, DATA)
    np.testing.assert_allclose(field.dense(), [[gamma, 0.5], [-0.5, 0.0]], atol=1e-7)
    root = np.sqrt(complex(gamma**2 / 4 - 1 / 4))
    expected = np.sort_complex([gamma / 2 - root, gamma / 2 + root])
    np.testing.assert_allclose(np.sort_complex(eigenvalues(field, 2)), expected, atol=1e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_dirac_gan_near_balance_moves_by_its_linear_map(gamma):
    """(I - h J)^k: the simultaneous game spirals out without R1, and converges with it."""
    h, steps, start = 0.2, 40, np.array([6e-5, 8e-5])
    gan = dirac_gan(
        gk.updates.Consensus(0.0), *start, rate=h, objective="non_saturating", penalties=[gk.penalties.R1(gamma)]
    )
    step = np.eye(2) - h * np.array([[gamma, 0.5], [-0.5, 0.0]])
    expected = np.linalg.matrix_power(step, steps) @ start
    found = trajectory(gan, steps)[-1]
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.linalg.norm(start))
    assert bool(np.linalg.norm(found) < np.linalg.norm(start)) is (gamma > 0)


@twins(
    "rule",
    [gk.updates.Alternating(), gk.updates.Consensus(0.0), gk.updates.Extragradient()],
    ids=lambda rule: type(rule).__name__,
    quick=2,
)
def test_r1_makes_dirac_gan_converge_from_afar(rule):
    gan = dirac_gan(rule, 1.0, 2.0, rate=0.5, objective="non_saturating", penalties=[gk.penalties.R1(1.0)])
    assert np.linalg.norm(trajectory(gan, 100)[-1]) < 1e-3


# Networks


@pytest.fixture
def seen(uint8_images, labels):
    """A smooth conditional GAN with batch normalization and lazy penalties, and its field's data."""
    latents, images, label = keras.Input((2,)), keras.Input((4, 4, 1)), keras.Input((), dtype="int32")
    x = keras.layers.Concatenate()([latents, keras.layers.Embedding(3, 2)(label)])
    x = gk.layers.BatchNormalization()(keras.layers.Dense(3)(x))
    x = keras.layers.Dense(16, activation="tanh")(keras.layers.Activation("tanh")(x))
    generator = keras.Model([latents, label], keras.layers.Reshape((4, 4, 1))(x))
    x = keras.layers.Concatenate()([keras.layers.Flatten()(images), keras.layers.Embedding(3, 2)(label)])
    x = keras.layers.Dense(1)(keras.layers.Dense(4, activation="tanh")(x))
    gan = gk.GAN(generator, keras.Model([images, label], x), num_classes=3)
    penalties = [gk.penalties.R1(0.5, interval=4), gk.penalties.R2(0.5)]
    gan.compile("adam", "adam", objective="relativistic_pairing", penalties=penalties, run_eagerly=True)
    return gan, (uint8_images, labels)


@pytest.mark.slow
def test_products_of_networks_agree_with_differences(seen):
    """Keras's own batch normalization is 1 to 3 % off here: it stops a gradient that a second derivative needs."""
    gan, data = seen
    field = GradientField.of_gan(gan, *data)
    u = np.random.default_rng(0).normal(size=sum(field.sizes)).astype(np.float32)
    u /= np.linalg.norm(u)
    found, expected = field.jvp(u), numerically(field, u, field.position(), np.float32(1e-2))
    # float32: a difference of 1e-2 is good for 1e-5 / 1e-2 of the field.
    assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected)


def test_products_of_networks_agree_with_the_jacobian_of_a_tape(make_gan, uint8_images):
    gan = make_gan()
    images = gk.pixels.to_float(tf.constant(uint8_images))
    latents = gan.game.latents(Batch.of(images))
    players = [
        [variable.value for variable in network.trainable_variables] for network in (gan.discriminator, gan.generator)
    ]
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape(persistent=True) as tape:
            fake = gan.generator(latents, training=True)
            real_logits, fake_logits = gan.discriminator(images), gan.discriminator(fake)
            d_loss = tf.reduce_mean(tf.nn.softplus(-real_logits) + tf.nn.softplus(fake_logits))
            g_loss = tf.reduce_mean(tf.nn.softplus(-fake_logits))
        gradients = tape.gradient(d_loss, players[0]) + tape.gradient(g_loss, players[1])
        v = tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], axis=0)
    blocks = outer.jacobian(v, players[0] + players[1], experimental_use_pfor=True)
    expected = np.concatenate([np.reshape(block, (len(v), -1)) for block in blocks], axis=1)

    field = GradientField.of_gan(gan, uint8_images)
    np.testing.assert_allclose(field(), v, rtol=1e-4, atol=1e-6)
    u = _random.normal(size=len(v))
    np.testing.assert_allclose(field.jvp(u), expected @ u, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(field.vjp(u), expected.T @ u, rtol=1e-4, atol=1e-5)
    both = field.symmetric(u) + field.antisymmetric(u)
    np.testing.assert_allclose(both, expected @ u, rtol=1e-4, atol=1e-5)


def test_nothing_of_the_gan_changes_and_the_field_stays_when_the_gan_has_moved_on(seen, weights_of):
    gan, data = seen
    before = weights_of(gan)
    field = GradientField.of_gan(gan, *data)
    here, v = field.position(), field()
    field.jvp(v)
    np.testing.assert_array_equal(weights_of(gan), before)
    gan.train_on_batch(*data)
    assert np.abs(field() - v).max() > 1e-3
    np.testing.assert_allclose(field(here), v, rtol=1e-5, atol=1e-6)


def test_a_loss_scale_is_left_out(make_gan, uint8_images):
    """Half precision changes the field by its rounding, not by 2^15."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = make_gan()
    finally:
        keras.config.set_dtype_policy(before)
    expected = GradientField.of_gan(make_gan(), uint8_images)()
    found = GradientField.of_gan(half, uint8_images)()
    assert np.linalg.norm(found - expected) < 0.02 * np.linalg.norm(expected)


def test_a_gan_that_is_not_compiled_is_refused(uint8_images, make_gan):
    whole = make_gan()
    with pytest.raises(ValueError, match="call gan.compile"):
        GradientField.of_gan(gk.GAN(whole.generator, whole.discriminator), uint8_images)
