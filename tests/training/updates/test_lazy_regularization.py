"""Lazy penalties in updates of their own, against PyTorch's Adam in the order of the rule, and what they cost."""

import tfgan_kit as gk
from tfgan_kit.training.batch import Batch
from tfgan_kit.training.updates.lazy_regularization import lazy_interval

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.twins import twins

pytestmark = pytest.mark.thorough

N, D, Z, RATE, BETAS = 6, 2, 3, 0.02, (0.3, 0.9)
POINTS = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(Z, D)).astype(np.float32)
V, C = np.array([[0.7], [-0.4]], np.float32), np.array([0.2], np.float32)


@keras.saving.register_keras_serializable("test_lazy_regularization")
class Energy(gk.penalties.Penalty):
    """The mean square of what the generator makes."""

    player, name, log_names = "generator", "energy", ("height",)
    uses_fake_images = False

    def value(self, step):
        return tf.reduce_mean(tf.square(step.generator(step.latents)))

    def logs(self, step):
        return {"height": tf.constant(2.0)}


def adam(interval):
    return gk.updates.corrected_for_lazy(keras.optimizers.Adam(RATE, *BETAS, epsilon=1e-8), interval)


def linear_gan(update=None, intervals=(2, 3), optimizers=None, **arguments):
    generator = keras.Sequential([keras.Input((Z,)), keras.layers.Dense(D, use_bias=False)])
    discriminator = keras.Sequential([keras.Input((D,)), keras.layers.Dense(1)])
    generator.set_weights([W])
    discriminator.set_weights([V, C])
    gan = gk.GAN(generator, discriminator)
    gan.compile(
        *(optimizers or (adam(intervals[1]), adam(intervals[0]))),
        "wasserstein",
        [gk.penalties.R1(0.5, intervals[0]), Energy(intervals[1])],
        update or gk.updates.LazyRegularization(),
        **arguments,
    )
    return gan


def weights_of(gan):
    return [np.array(w) for w in (*gan.generator.weights, *gan.discriminator.weights)]


def by_pytorch(gan, steps, intervals):
    """The authors' loop in our order: D, G, and, where due, D's penalty and G's, one Adam for each player."""
    w, v, c = (torch.tensor(x, requires_grad=True) for x in (W, V, C))
    real = torch.tensor(POINTS)
    optimizers = [
        torch.optim.Adam(parameters, RATE * share, [beta**share for beta in BETAS], eps=1e-8)
        for parameters, share in zip(([v, c], [w]), (k / (k + 1) for k in intervals), strict=True)
    ]

    def move(player, loss):
        (w.grad, v.grad, c.grad) = (None, None, None)
        loss.backward()
        optimizers[player].step()

    for step in range(steps):
        gan.step.assign(step)
        z, of_penalty = (torch.tensor(np.array(gan.game.latents(Batch.of(POINTS), k))) for k in (0, 3))
        move(0, ((z @ w).detach() @ v - real @ v).mean() + 0 * c.sum())
        move(1, -((z @ w) @ v + c).mean())
        if step % intervals[0] == 0:
            move(0, intervals[0] * 0.5 / 2 * (v**2).sum() + 0 * c.sum())
        if step % intervals[1] == 0:
            move(1, intervals[1] * ((of_penalty @ w) ** 2).mean())
    gan.step.assign(0)
    return [x.detach().numpy() for x in (w, v, c)]


@twins("intervals", [(2, 3), (4, 2)])
def test_the_weights_are_those_of_the_authors_loop(intervals):
    gan = linear_gan(intervals=intervals)
    expected = by_pytorch(gan, 7, intervals)
    gan.fit(POINTS, batch_size=N, epochs=7, shuffle=False, verbose=0)
    for found, value in zip(weights_of(gan), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)
    updates = [7 + len(range(0, 7, interval)) for interval in intervals]
    found = [int(optimizer.iterations) for optimizer in (gan.discriminator_optimizer, gan.generator_optimizer)]
    assert found == updates


def test_logs_are_the_interval_times_the_penalty_where_it_is_due():
    gan = linear_gan(run_eagerly=True, optimizers=("sgd", keras.optimizers.SGD(0.0)))
    logs = [gan.train_on_batch(POINTS, return_dict=True) for _ in range(4)]
    r1 = 2 * 0.5 / 2 * np.sum(V**2)
    found = [[log["r1"], log["height"]] for log in logs]
    np.testing.assert_allclose(found, [[r1, 6], [0, 0], [r1, 0], [0, 6]], rtol=1e-5)


def test_without_lazy_penalties_it_is_alternating():
    found = []
    for update in (gk.updates.LazyRegularization(2, 1), gk.updates.Alternating(2, 1)):
        gan = linear_gan(update, intervals=(1, 1))
        gan.fit(POINTS, batch_size=N, epochs=3, shuffle=False, verbose=0)
        found.append(weights_of(gan))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@twins("parts", [2, 3])
def test_a_lazy_update_in_parts_is_the_update_in_one(parts):
    found = []
    for count in (1, parts):
        sgd = [keras.optimizers.SGD(RATE) for _ in range(2)]  # Adam enlarges rounding
        gan = linear_gan(gk.updates.LazyRegularization(gradient_accumulation_steps=count), optimizers=sgd)
        gan.fit(POINTS, batch_size=N, epochs=4, shuffle=False, verbose=0)
        found.append(weights_of(gan))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@twins(
    "make",
    [
        lambda: gk.penalties.R2(0.5, 2),
        lambda: gk.penalties.GradientPenalty(0.5, 2),
        lambda: gk.penalties.DRAGAN(0.5, interval=2),
    ],
    ids=["r2", "gradient_penalty", "dragan"],
)
def test_penalties_of_generated_images_have_images_of_the_update_s_latents(make):
    """D is linear, so every one of these is of its slope |v| alone; the mean of generated images does not matter."""
    gan = linear_gan(run_eagerly=True, optimizers=("sgd", keras.optimizers.SGD(0.0)))
    gan.compile("sgd", keras.optimizers.SGD(0.0), "wasserstein", [make()], gk.updates.LazyRegularization())
    slope = np.sqrt(np.sum(V**2))
    expected = {"r2": 2 * 0.5 / 2 * slope**2}.get(make().name, 2 * 0.5 * (slope - 1) ** 2)
    assert float(gan.train_on_batch(POINTS, return_dict=True)[make().name]) == pytest.approx(expected, rel=1e-4)


def test_statistics_move_in_the_step_s_own_passes_alone(make_gan, uint8_images):
    """A penalty of generated images makes some more, which leave the generator's batch statistics alone."""
    found = []
    for penalties in ((), [gk.penalties.R2(0.0, interval=2)]):
        arguments = dict(generator_optimizer="sgd", discriminator_optimizer=keras.optimizers.SGD(0.0))
        gan = make_gan(penalties=penalties, update=gk.updates.LazyRegularization(), run_eagerly=True, **arguments)
        gan.train_on_batch(uint8_images)
        found.append([np.array(w) for w in gan.generator.non_trainable_weights])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(make_gan, dataset, check_resume):
    """Three steps an epoch, penalties every second: the resumed run begins in a step without."""
    penalties = [gk.penalties.R1(0.1, interval=2), Energy(interval=2)]
    check_resume(lambda: make_gan(update=gk.updates.LazyRegularization(), penalties=penalties), dataset)


def test_half_precision_counts_the_updates(mixed_policy, make_gan, dataset):
    gan = make_gan(update=gk.updates.LazyRegularization(), penalties=[gk.penalties.R1(0.1, interval=2)])
    history = gan.fit(dataset, verbose=0).history
    assert np.isfinite([values[-1] for values in history.values()]).all()
    assert int(gan.discriminator_optimizer.iterations) + int(history.get("d_skipped", [0])[0]) == 5


@pytest.mark.slow
def test_xla_trains_a_whole_step(make_gan, dataset):
    update, penalties = gk.updates.LazyRegularization(), [gk.penalties.R1(0.1, interval=2)]
    gan = make_gan(update=update, penalties=penalties, jit_compile=True)
    assert np.isfinite(list(gan.fit(dataset, verbose=0).history.values())).all()
    assert int(gan.discriminator_optimizer.iterations) == 5


@pytest.mark.parametrize("interval", [1, 4, 16])
def test_the_correction_is_the_papers(interval):
    adam = gk.schedules.Adam(0.0025, beta_1=0.5, beta_2=0.99, epsilon=1e-8)
    found = gk.updates.corrected_for_lazy(adam, interval)
    share = interval / (interval + 1) if interval > 1 else 1.0
    assert type(found) is gk.schedules.Adam and found is not adam
    values = float(found.learning_rate), found.beta_1, found.beta_2, found.epsilon
    assert values == pytest.approx((0.0025 * share, 0.5**share, 0.99**share, 1e-8))
    assert float(adam.learning_rate) == pytest.approx(0.0025)


@pytest.mark.parametrize(
    "optimizer, interval, message",
    [
        (keras.optimizers.SGD(0.1), 4, "an Adam.* Received: SGD with"),
        (keras.optimizers.Adam(gk.schedules.HalfCosine(1, 0, 10, 1)), 4, "give a schedule of the corrected values"),
        (keras.optimizers.Adam(), 0, "`interval` must be an integer of at least 1"),
    ],
)
def test_what_cannot_be_corrected_is_refused(optimizer, interval, message):
    with pytest.raises(ValueError, match=message):
        gk.updates.corrected_for_lazy(optimizer, interval)


def test_two_intervals_of_one_player_are_refused():
    penalties = [gk.penalties.R1(interval=2), gk.penalties.R2(interval=3), Energy(interval=4)]
    assert lazy_interval(penalties, "generator") == 4
    with pytest.raises(ValueError, match="the discriminator the same.* r1 with interval=2, r2 with interval=3"):
        lazy_interval(penalties, "discriminator")


def test_more_updates_than_a_step_has_seeds_for_are_refused():
    with pytest.raises(ValueError, match="two of them for penalties"):
        gk.updates.LazyRegularization(510, 1)
