"""What the game is built to carry: halves of a generator, buffers that move, several outputs, images as conditions."""

import tfgan_kit as gk
from tfgan_kit.training.averaging import Average
from tfgan_kit.training.batch import Batch
from tfgan_kit.training.penalty_networks import PenaltyNetwork
from tfgan_kit.training.player import Player

import keras
import numpy as np
import pytest
import tensorflow as tf

N, Z, W, D = 5, 3, 4, 2


@keras.saving.register_keras_serializable("tests.player")
class TwoHalves(keras.Model):
    """A mapping of latents to w, and a synthesis of w to points, as StyleGANs have them."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = Z
        self.mapping = keras.Sequential([keras.Input((Z,)), keras.layers.Dense(W, "tanh")])
        self.synthesis = keras.Sequential([keras.Input((W,)), keras.layers.Dense(D)])

    def call(self, latents):
        return self.synthesis(self.mapping(latents))


@keras.saving.register_keras_serializable("tests.player")
class PathLength(gk.penalties.Penalty):
    """`E |J_w^T y|^2`, y ~ U: of a linear synthesis |K y|^2, K its kernel (W, D)."""

    player, name = "generator", "path_length"

    def value(self, step):
        w = step.generator.part("mapping")(step.latents)
        with tf.GradientTape() as tape:
            tape.watch(w)
            product = tf.reduce_sum(step.generator.part("synthesis")(w) * step.uniform([D]))
        return tf.reduce_mean(tf.reduce_sum(tf.square(tape.gradient(product, w)), axis=1))


def two_halves(**arguments):
    keras.utils.set_random_seed(1)
    judge = keras.Sequential([keras.Input((D,)), keras.layers.Dense(1)])
    gan = gk.GAN(TwoHalves(), judge)
    gan.compile("sgd", "sgd", **arguments)
    return gan


def test_a_penalty_reaches_the_halves_of_a_generator():
    gan = two_halves(penalties=[PathLength()])
    kernel = gan.generator.synthesis.layers[-1].kernel.numpy()
    batch = Batch.of(tf.zeros((N, D)))
    draws = batch.uniform(gan.draws.of_penalties(1), [D]).numpy()
    latents = gan.game.latents(batch)
    _, logs = gan.game.generator_loss(batch, gan.game.generator(latents), latents)
    expected = np.mean(np.sum((draws @ kernel.T) ** 2, axis=1))
    assert float(logs["path_length"]) == pytest.approx(expected, rel=1e-5)


def test_a_half_s_gradient_reaches_the_network_s_own_weights():
    network = TwoHalves()
    latents = tf.random.stateless_normal((N, Z), (0, 0))
    network(latents)
    given = PenaltyNetwork(network, latents[:1]).given(None)
    kernel = network.synthesis.layers[-1].kernel
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(given.part("synthesis")(given.part("mapping")(latents)))
    w = network.mapping(latents).numpy()
    np.testing.assert_allclose(tape.gradient(total, kernel.value), np.tile(w.sum(0)[:, None], D), rtol=1e-5)


def test_an_average_of_half_life_one_step_is_halfway():
    source, copy = (keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(2))
    source.set_weights([np.array([[4.0]]), np.array([2.0])])
    copy.set_weights([np.array([[0.0]]), np.array([0.0])])
    Average(source, copy, decay=0.5).move(tf.constant(10**6, tf.int64))
    assert [float(w) for w in np.concatenate([w.ravel() for w in copy.get_weights()])] == [2.0, 1.0]


class WithCounts(keras.Sequential):
    @property  # Keras would count the variables of a list twice
    def copied_by_average(self):
        return [self.layers[-1].bias]


def test_an_average_copies_what_its_network_says():
    source, copy = (WithCounts([keras.Input((1,)), keras.layers.Dense(1)]) for _ in range(2))
    source.set_weights([np.array([[4.0]]), np.array([2.0])])
    copy.set_weights([np.array([[0.0]]), np.array([0.0])])
    Average(source, copy, decay=0.75).move(tf.constant(10**6, tf.int64))
    assert [float(w) for w in np.concatenate([w.ravel() for w in copy.get_weights()])] == [1.0, 2.0]


def test_every_output_of_a_player_is_float32():
    x = keras.Input((D,))
    half = keras.layers.Dense(1, dtype="mixed_bfloat16")
    network = keras.Model(x, [half(x), keras.layers.Dense(2, dtype="mixed_bfloat16")(x)])
    player = Player("discriminator", network, keras.optimizers.SGD(), tf.zeros((1, D)))
    logits, features = player(tf.ones((N, D)))
    assert (logits.dtype, logits.shape, features.dtype, features.shape) == (tf.float32, (N, 1), tf.float32, (N, 2))


def test_a_condition_of_images_goes_with_its_rows():
    """As image to image has it: a structure with a row an image."""
    images = tf.reshape(tf.range(6.0), (6, 1, 1, 1))
    batch = Batch.of(images, {"edges": -images})
    for k, part in enumerate(batch.parts(2)):
        np.testing.assert_array_equal(part.condition["edges"], -images[k::2])
    np.testing.assert_array_equal(batch.move(1, 3).condition["edges"], -images[1::3])
