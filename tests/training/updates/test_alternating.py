"""One training step against the same mathematics by hand, and what each move is given."""

import tfgan_kit as gk
from tfgan_kit.training.batch import Batch

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.twins import twins

pytestmark = pytest.mark.thorough

N, D, Z, RATE = 6, 2, 3, 0.1
POINTS = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
V, C = np.array([0.7, -0.4]), np.array([0.2])  # D(x) = v.x + c
W, B = np.random.default_rng(1).normal(size=(Z, D)), np.array([0.1, -0.3])  # G(z) = z W + b


def linear_gan(update, objective="non_saturating", penalties=(), **arguments):
    generator = keras.Sequential([keras.Input((Z,)), keras.layers.Dense(D)])
    discriminator = keras.Sequential([keras.Input((D,)), keras.layers.Dense(1)])
    generator.set_weights([W, B])
    discriminator.set_weights([V[:, None], C])
    gan = gk.GAN(generator, discriminator)
    sgd = keras.optimizers.SGD
    gan.compile(sgd(RATE), sgd(RATE), objective, penalties, update, **arguments)
    return gan


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def one_step_by_hand(gan, real, discriminator_steps, generator_steps, gamma=0.0):
    """Non-saturating losses and R1, simultaneous nothing: each move sees the last one's weights.

    dL_D/dv = E_real (s(D) - 1) x + E_fake s(D) y + gamma v,   dL_G/dy = -(1 - s(D(y))) v / n
    """
    v, c, w, b = V.copy(), C.copy(), W.copy(), B.copy()
    shared = discriminator_steps == generator_steps == 1
    for move in range(discriminator_steps):
        x = real[move::discriminator_steps]
        y = np.array(gan.game.latents(Batch.of(x), move)) @ w + b
        on_real, on_fake = sigmoid(x @ v + c) - 1, sigmoid(y @ v + c)
        gradient_v = (on_real[:, None] * x + on_fake[:, None] * y).mean(axis=0) + gamma * v
        v, c = v - RATE * gradient_v, c - RATE * (on_real + on_fake).mean()
    for move in range(generator_steps):
        z = np.array(gan.game.latents(Batch.of(x), 0 if shared else discriminator_steps + move))
        slope = -(1 - sigmoid((z @ w + b) @ v + c))[:, None] * v / len(z)  # dL_G / dy
        w, b = w - RATE * z.T @ slope, b - RATE * slope.sum(axis=0)
    return [w, b, v[:, None], c]


@pytest.mark.parametrize("discriminator_steps, generator_steps", [(1, 1), (3, 1), (1, 2), (2, 3)])
@twins("gamma", [0.5, 0.0])
def test_one_step_equals_the_mathematics_by_hand(discriminator_steps, generator_steps, gamma):
    penalties = [gk.penalties.R1(gamma=gamma)] if gamma else []
    update = gk.updates.Alternating(discriminator_steps, generator_steps)
    gan = linear_gan(update, penalties=penalties, run_eagerly=True)
    expected = one_step_by_hand(gan, POINTS, discriminator_steps, generator_steps, gamma)
    gan.fit(POINTS, batch_size=N, shuffle=False, verbose=0)
    found = gan.generator.get_weights() + gan.discriminator.get_weights()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@twins("discriminator_steps, generator_steps", [(1, 1), (2, 2)])
@twins("parts", [2, 3])
def test_a_move_in_parts_is_the_move_in_one(discriminator_steps, generator_steps, parts):
    """Nothing in these networks looks at a batch; 3 rows a move do not divide by 2."""
    whole, in_parts = (
        linear_gan(gk.updates.Alternating(discriminator_steps, generator_steps, n), penalties=[gk.penalties.R1(0.5)])
        for n in (1, parts)
    )
    logs = [gan.fit(POINTS, batch_size=N, epochs=3, shuffle=False, verbose=0).history for gan in (whole, in_parts)]
    for a, b in zip(whole.get_weights(), in_parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for name, values in logs[0].items():
        np.testing.assert_allclose(logs[1][name], values, rtol=1e-4)
    assert int(in_parts.generator_optimizer.iterations) == 3 * generator_steps


@twins("objective", gk.objectives.OBJECTIVES, quick=6)
def test_shared_pass_equals_separate_passes(objective, make_gan, uint8_images):
    """The Keras guide's step (a generator pass a player) from the same latents and images.

    Batch normalization's statistics are left out: a second pass moves them twice.
    """
    sgd = dict(generator_optimizer="sgd", discriminator_optimizer="sgd")  # Adam enlarges rounding
    gan, guide = (make_gan(objective=objective, run_eagerly=True, **sgd) for _ in range(2))
    images = gk.pixels.to_float(tf.constant(uint8_images))
    loss = gk.objectives.get(objective)
    latents = guide.game.latents(Batch.of(images), 0)
    generator, discriminator = guide.generator, guide.discriminator

    fake = generator(latents, training=True)
    with tf.GradientTape() as tape:
        value = loss.discriminator_loss(discriminator(images), discriminator(fake))
    variables = discriminator.trainable_variables
    gradients = tape.gradient(value, [v.value for v in variables])
    guide.discriminator_optimizer.apply(gradients, variables)
    with tf.GradientTape() as tape:
        fake = generator(latents, training=True)
        value = loss.generator_loss(discriminator(images), discriminator(fake))
    variables = generator.trainable_variables
    gradients = tape.gradient(value, [v.value for v in variables])
    guide.generator_optimizer.apply(gradients, variables)

    gan.fit(uint8_images, batch_size=24, shuffle=False, verbose=0)
    for ours, theirs in [(gan.generator, generator), (gan.discriminator, discriminator)]:
        for a, b in zip(ours.trainable_variables, theirs.trainable_variables, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


class Moves:
    """Records what a GAN's moves are given."""

    def __init__(self, game, monkeypatch):
        self.real, self.latents, self.generator_passes = [], [], 0
        discriminator_loss, generator_loss, network = (
            game.discriminator_loss,
            game.generator_loss,
            game.generator.network,
        )

        def of_discriminator(batch, fake, latents, *rest):
            self.real.append(np.array(batch.images))
            self.latents.append(np.array(latents))
            return discriminator_loss(batch, fake, latents, *rest)

        def of_generator(batch, fake, latents, *rest):
            self.latents.append(np.array(latents))
            return generator_loss(batch, fake, latents, *rest)

        class Counted:
            trainable_variables = network.trainable_variables

            def __call__(counted, *arguments, **keywords):
                self.generator_passes += 1
                return network(*arguments, **keywords)

        monkeypatch.setattr(game, "discriminator_loss", of_discriminator)
        monkeypatch.setattr(game, "generator_loss", of_generator)
        monkeypatch.setattr(game.generator, "network", Counted())


@pytest.fixture(params=[(1, 1), (3, 1), (2, 2)], ids=str, scope="module")
def recorded(request):
    gan = linear_gan(gk.updates.Alternating(*request.param), run_eagerly=True)
    with pytest.MonkeyPatch.context() as patch:
        moves = Moves(gan.game, patch)
        gan.fit(POINTS, batch_size=N, shuffle=False, verbose=0)
    return *request.param, gan, moves


def test_each_player_moves_as_often_as_the_rule_says(recorded):
    discriminator_steps, generator_steps, gan, moves = recorded
    assert len(moves.real) == discriminator_steps
    assert int(gan.discriminator_optimizer.iterations) == discriminator_steps
    assert int(gan.generator_optimizer.iterations) == generator_steps
    assert int(gan.step) == 1


def test_the_discriminator_s_moves_share_out_the_batch(recorded):
    """Every image is seen exactly once in a step."""
    seen = np.concatenate(recorded[-1].real)
    assert len(seen) == N
    assert {tuple(row) for row in seen} == {tuple(row) for row in POINTS}


def test_every_move_has_latents_of_its_own(recorded):
    discriminator_steps, generator_steps, _, moves = recorded
    different = {latents.tobytes() for latents in moves.latents}
    shared = discriminator_steps == generator_steps == 1
    assert len(different) == (1 if shared else discriminator_steps + generator_steps)


def test_one_generator_pass_serves_both_when_each_player_moves_once(recorded):
    discriminator_steps, generator_steps, _, moves = recorded
    shared = discriminator_steps == generator_steps == 1
    assert moves.generator_passes == (1 if shared else discriminator_steps + generator_steps)


def test_two_steps_draw_different_latents():
    gan = linear_gan(gk.updates.Alternating())
    first = np.array(gan.game.latents(Batch.of(POINTS), 0))
    gan.step.assign_add(1)
    assert not np.array_equal(first, gan.game.latents(Batch.of(POINTS), 0))


def test_labels_stay_with_their_images(monkeypatch, make_gan, uint8_images, labels):
    gan = make_gan(conditional=True, update=gk.updates.Alternating(2), run_eagerly=True)
    seen, loss = [], gan.game.discriminator_loss

    def discriminator_loss(batch, *rest):
        seen.append((np.array(batch.images), np.array(batch.condition)))
        return loss(batch, *rest)

    monkeypatch.setattr(gan.game, "discriminator_loss", discriminator_loss)
    gan.fit(uint8_images, labels, batch_size=24, shuffle=False, verbose=0)
    label_of = {row.tobytes(): label for row, label in zip(uint8_images, labels, strict=True)}
    rows, found = (np.concatenate(x) for x in zip(*seen, strict=True))
    assert [label_of[gk_row.tobytes()] for gk_row in to_uint8(rows)] == list(found)


def to_uint8(images):
    return gk.pixels.to_uint8(images).numpy()


def test_logs_name_both_players_and_the_penalties(make_gan, uint8_images):
    penalties = [gk.penalties.R1(interval=2), gk.penalties.R2()]
    gan = make_gan(penalties=penalties, update=gk.updates.Alternating(2), run_eagerly=True)
    history = gan.fit(uint8_images, batch_size=12, verbose=0).history
    assert set(history) == {"d_loss", "g_loss", "r1", "r2", "divergence_bound", "real_score", "fake_score"}


@pytest.mark.parametrize("steps", [0, -1, 1.5, "2", None])
@pytest.mark.parametrize("player", ["discriminator_steps", "generator_steps"])
def test_steps_that_are_no_positive_integer_are_refused(player, steps):
    with pytest.raises(ValueError, match=f"updated at least once.*{player}={steps}"):
        gk.updates.Alternating(**{player: steps})


def test_config_is_lossless():
    update = gk.updates.Alternating(3, 2, 4)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(update))
    assert type(copy) is gk.updates.Alternating
    assert copy.get_config() == {"discriminator_steps": 3, "generator_steps": 2, "gradient_accumulation_steps": 4}


def test_batch_smaller_than_the_discriminator_s_moves_is_refused():
    gan = linear_gan(gk.updates.Alternating(discriminator_steps=4))
    images = tf.data.Dataset.from_tensors(POINTS[:3])
    with pytest.raises(ValueError, match="must hold at least 4 .*Received: a batch of 3"):
        gan.fit(images, verbose=0)


def test_last_batch_smaller_than_the_discriminator_s_moves_is_refused():
    gan = linear_gan(gk.updates.Alternating(discriminator_steps=4))
    with pytest.raises(ValueError, match="must hold at least 4.* Received: a batch of"):
        gan.fit(POINTS, batch_size=5, verbose=0)  # 5 rows, then 1


@keras.saving.register_keras_serializable("test_alternating")
class DrawsOfTheMove(gk.penalties.Penalty):
    name = "draws_of_the_move"

    def __init__(self, player):
        super().__init__()
        self.player, self.seen = player, []

    def value(self, step):
        self.seen.append(step.uniform([2]).numpy().tobytes())
        return tf.constant(0.0)

    def get_config(self):
        return {"player": self.player}


@pytest.mark.parametrize("player, moves", [("discriminator", 3), ("generator", 2)])
def test_penalties_draw_anew_in_every_move(player, moves):
    penalty = DrawsOfTheMove(player)
    gan = linear_gan(gk.updates.Alternating(3, 2), run_eagerly=True, penalties=[penalty])
    gan.fit(POINTS, batch_size=N, shuffle=False, verbose=0)
    assert len(penalty.seen) == len(set(penalty.seen)) == moves * (len(POINTS) // N)


@pytest.mark.parametrize("discriminator_steps, generator_steps", [(1, 1), (3, 2)])
def test_a_learning_rate_schedule_counts_the_gan_s_steps(discriminator_steps, generator_steps, tmp_path):
    """One of 4 steps is over after 4 steps, whatever each player's updates are; a file keeps it."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([0, 1, 2], [0.4, 0.3, 0.2, 0.1])
    gan = linear_gan(gk.updates.Alternating(discriminator_steps, generator_steps))
    gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate), update=gan.update, run_eagerly=True)
    seen = []
    for _ in range(4):
        seen.append([float(optimizer.learning_rate) for optimizer in gan.optimizer.optimizers])
        gan.train_on_batch(POINTS)
        gan.save(tmp_path / "gan.keras")
        gan = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_allclose(seen, [[r, r] for r in (0.4, 0.3, 0.2, 0.1)], rtol=1e-6)
    assert int(gan.discriminator_optimizer.iterations) == 4 * discriminator_steps


def test_a_schedule_s_rate_is_the_one_that_moves_the_weights():
    """Plain descent: three updates of a step move a constant slope by three times that step's rate."""
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.4, 0.1])
    gan = linear_gan(gk.updates.Alternating(3, 1))
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(rate), objective="wasserstein", update=gan.update)
    slopes = []
    for step in range(2):
        rows = [POINTS[move::3] for move in range(3)]
        fakes = [np.array(gan.game.latents(Batch.of(x), k)) @ W + B for k, x in enumerate(rows)]
        slopes.append(sum((fake.mean(0) - x.mean(0)) for x, fake in zip(rows, fakes, strict=True)))
        before = gan.discriminator.get_weights()[0][:, 0]
        gan.train_on_batch(POINTS)
        moved = gan.discriminator.get_weights()[0][:, 0] - before
        np.testing.assert_allclose(moved, -(0.4, 0.1)[step] * slopes[-1], rtol=1e-4, atol=1e-6)
