"""Two replicas with half a batch each end where one device ends with the whole of it."""

import tfgan_kit as gk
from tfgan_kit.distribution import strategies

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.distribution import games
from tests.twins import twins

ONE = strategies.get("none")


def slow(*arguments):
    """A case of which the fast ones hold a like: with normalization the graph takes half a minute to trace."""
    return pytest.param(*arguments, marks=pytest.mark.slow)


@twins(
    "normalization, case",
    [
        (False, "gradient_penalty"),
        (False, "generator_steps"),
        (False, "lazy_r1"),
        (False, "lazy_updates"),
        (False, "clipping"),
        (False, "regularizer"),
        (False, "accumulation"),
        (False, "extragradient"),
        (True, "plain"),
        slow(True, "discriminator_steps"),
        slow(True, "accumulation"),
        slow(True, "lazy_r1"),
        (False, "pairs"),
        (False, "lecam"),
        (False, "schedule"),
        (False, "ada"),
        (False, "apa"),
        (False, "diff_augment"),
        slow(True, "pairs"),
        slow(True, "extragradient"),
        (False, "consensus"),
        slow(True, "consensus"),
    ],
)
def test_two_replicas_end_in_the_weights_and_logs_of_one_device(two, normalization, case):
    assert two.num_replicas_in_sync == 2
    one_gan = games.make(ONE, case, normalization)
    two_gan = games.make(two, case, normalization)
    start = games.weights_of(one_gan)
    (one_history, one_evaluation), (history, evaluation) = games.play(one_gan), games.play(two_gan)
    expected, found = games.weights_of(one_gan), games.weights_of(two_gan)
    assert np.abs(expected - start).max() > 1e-3  # something was learnt
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert history.keys() == one_history.keys()
    np.testing.assert_allclose(list(history.values()), list(one_history.values()), atol=1e-5)
    assert evaluation == pytest.approx(one_evaluation, abs=1e-5)


@pytest.mark.slow
def test_every_replica_ends_with_the_same_bits(two):
    gan = games.make(two, normalization=True)
    gan.fit(games.IMAGES, games.LABELS, batch_size=games.BATCH, epochs=2, verbose=0)
    for variable in [*gan.generator.weights, *gan.discriminator.weights, *gan.ema_generator.weights]:
        first, second = two.experimental_local_results(variable.value)
        np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_a_data_set_of_ours_gives_two_replicas_the_batches_of_one(two):
    one_gan, two_gan = games.make(ONE), games.make(two)
    for gan in (one_gan, two_gan):
        data = gk.data.from_arrays(games.IMAGES, games.LABELS, batch_size=6)
        gan.fit(data, epochs=3, verbose=0)
    assert two_gan.steps_trained == one_gan.steps_trained == 3 * 4
    np.testing.assert_allclose(games.weights_of(two_gan), games.weights_of(one_gan), atol=1e-5)


@pytest.mark.slow
def test_validation_during_fit_is_the_one_device_s(two):
    histories = [
        games.make(strategy)
        .fit(
            games.IMAGES,
            games.LABELS,
            batch_size=8,
            epochs=2,
            shuffle=False,
            verbose=0,
            validation_data=(games.IMAGES[:10], games.LABELS[:10]),
        )
        .history
        for strategy in (ONE, two)
    ]
    assert histories[1]["val_d_loss"] == pytest.approx(histories[0]["val_d_loss"], abs=1e-5)


@pytest.mark.slow
def test_a_checkpoint_goes_from_two_replicas_to_one_and_back(two, tmp_path):
    gan = games.make(two)
    games.play(gan)
    gan.save(tmp_path / "gan.keras")
    alone = keras.saving.load_model(tmp_path / "gan.keras")
    np.testing.assert_array_equal(games.weights_of(alone), games.weights_of(gan))
    with two.scope():
        again = keras.saving.load_model(tmp_path / "gan.keras")
    games.play(gan, epochs=1)
    for loaded in (alone, again):
        with pytest.warns(UserWarning, match="order of this data cannot be restored"):
            games.play(loaded, epochs=1)
    np.testing.assert_array_equal(games.weights_of(again), games.weights_of(gan))
    np.testing.assert_allclose(games.weights_of(alone), games.weights_of(gan), atol=1e-5)


@pytest.mark.slow
def test_a_checkpoint_of_one_device_s_speed_settings_loads_on_two_replicas(two, tmp_path):
    """Keras's default of one GPU is XLA, which replicas cannot do."""
    gan = games.make(ONE)
    gan.jit_compile, gan.steps_per_execution = True, 4
    gan.save(tmp_path / "gan.keras")
    with two.scope():
        loaded = keras.saving.load_model(tmp_path / "gan.keras")
    loaded.fit(gk.data.from_arrays(games.IMAGES, games.LABELS, batch_size=8), verbose=0)
    assert np.isfinite(games.weights_of(loaded)).all()


def test_the_game_is_looked_at_on_one_device(two):
    with pytest.raises(ValueError, match="on one device: .*Received: a GAN on 2 replicas"):
        gk.dynamics.GradientField.of_gan(games.make(two), games.IMAGES, games.LABELS)


def test_images_are_generated_as_on_one_device(two):
    labels = np.arange(4) % games.CLASSES
    expected = games.make(ONE).generate(4, labels=labels)
    np.testing.assert_array_equal(games.make(two).generate(4, labels=labels), expected)


# Loss scaling


def test_an_overflow_on_one_replica_skips_the_update_on_both_and_is_counted(two):
    """Keras alone asks replica 0 only, before the gradients are summed."""
    gan = games.make(two, dtype="mixed_float16")
    before = games.weights_of(gan)
    update = gan.game.discriminator.update

    def overflow_on_replica_1(gradients):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        factor = tf.where(replica == 1, np.inf, 1.0)
        update([factor * tf.convert_to_tensor(g) for g in gradients])

    gan.game.discriminator.update = overflow_on_replica_1
    history = gan.fit(games.IMAGES[:16], games.LABELS[:16], batch_size=8, verbose=0).history
    assert history["d_skipped"] == [2.0]
    assert history["g_skipped"] == [0.0]
    after = games.weights_of(gan)
    assert np.isfinite(after).all()
    assert gan.discriminator_optimizer.dynamic_scale.numpy() == 2.0**15 / 4
    start = sum(w.shape.num_elements() for w in gan.generator.weights)
    count = sum(w.shape.num_elements() for w in gan.discriminator.weights)
    np.testing.assert_array_equal(after[start : start + count], before[start : start + count])
    assert not np.array_equal(after[:start], before[:start])


# What is refused


class Adapting(gk.penalties.Penalty):
    """Keeps a variable that each replica would assign a number of its own."""

    def build(self, state):
        self.kept = state.add_weight(name="adapting", trainable=False)

    def value(self, step):
        return 0.0


def networks_made_outside(two):
    pair = games.networks()
    with two.scope():
        gk.GAN(*pair, num_classes=games.CLASSES).compile("sgd", "sgd")


def optimizer_made_outside(two):
    optimizer = games.sgd()
    with two.scope():
        gk.GAN(*games.networks(), num_classes=games.CLASSES).compile(optimizer, "sgd")


def unsynchronized_statistics(two):
    with two.scope():
        generator, discriminator = games.networks(normalization=True)
        next(x for x in generator.layers if hasattr(x, "synchronized")).synchronized = False
        gk.GAN(generator, discriminator, num_classes=games.CLASSES).compile("sgd", "sgd")


def compile_with(**arguments):
    def compile_gan(two):
        with two.scope():
            gan = gk.GAN(*games.networks(), num_classes=games.CLASSES)
            gan.compile(
                **{
                    "generator_optimizer": "sgd",
                    "discriminator_optimizer": "sgd",
                    **{name: value() if callable(value) else value for name, value in arguments.items()},
                }
            )

    return compile_gan


@pytest.mark.parametrize(
    "attempt, message",
    [
        (networks_made_outside, "generator.*strategy.scope"),
        (optimizer_made_outside, "optimizers under `with strategy.scope"),
        (unsynchronized_statistics, "synchronized=True"),
        (compile_with(jit_compile=True), "XLA.*jit_compile=True"),
        (compile_with(steps_per_execution=4), "steps_per_execution=4"),
        (compile_with(objective="relativistic_average"), "average of the whole batch.*2 replicas"),
        (compile_with(penalties=lambda: [Adapting()]), "the same on every replica.*adapting with aggregation='none'"),
        (
            compile_with(generator_optimizer=lambda: games.sgd(gradient_accumulation_steps=2)),
            r"Alternating\(gradient_accumulation_steps",
        ),
    ],
)
def test_what_replicas_cannot_do_is_refused_with_the_reason(two, attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt(two)


def test_attributes_set_after_compile_are_refused_when_training_begins(two):
    gan = games.make(two)
    gan.steps_per_execution = 2
    with pytest.raises(ValueError, match="steps_per_execution=2"):
        games.play(gan)


def test_a_batch_with_fewer_rows_than_replicas_is_refused(two):
    gan = games.make(two)
    with pytest.raises(ValueError, match="leave 1 rows out.*Received: 9 rows, batch_size=4"):
        gan.fit(games.IMAGES[:9], games.LABELS[:9], batch_size=4, verbose=0)
    data = tf.data.Dataset.from_tensors((games.IMAGES[:1], games.LABELS[:1]))
    with pytest.raises(ValueError, match=r"a row for each of the 2 replicas.* Received: rows \[?[01] [01]"):
        gan.fit(data, verbose=0)


def test_images_are_predicted_on_one_device(two):
    """33 rows leave a last batch of one, which two replicas could not share."""
    latents = np.random.default_rng(0).normal(size=(33, games.LATENT_DIM)).astype(np.float32)
    labels = np.arange(33, dtype=np.int32) % games.CLASSES
    alone = games.make(ONE).predict([latents, labels], verbose=0)
    np.testing.assert_allclose(games.make(two).predict([latents, labels]), alone, atol=1e-6)


def test_a_batch_by_hand_is_refused(two):
    with pytest.raises(ValueError, match="use `fit`"):
        games.make(two).train_on_batch(games.IMAGES[:8], games.LABELS[:8])


def test_a_validation_split_is_refused(two):
    with pytest.raises(ValueError, match="give validation_data"):
        games.make(two).fit(games.IMAGES, games.LABELS, validation_split=0.5, verbose=0)


def test_a_python_generator_is_refused(two):
    batches = ((games.IMAGES, games.LABELS) for _ in range(2))
    with pytest.raises(ValueError, match="tf.data.Dataset.*generator"):
        games.make(two).fit(batches, verbose=0)


# The strategy of a name


def test_a_preset_s_rate_decays_on_two_replicas_as_on_one(two):
    alone = gk.from_preset("mlp_mixture", (2,))
    with two.scope():
        both = gk.from_preset("mlp_mixture", (2,))
    for name in ("generator_optimizer", "discriminator_optimizer"):
        found, expected = (getattr(gan, name).get_config()["learning_rate"] for gan in (both, alone))
        assert found == expected and "CosineDecay" in str(found)


def test_numbers_of_the_replicas_are_summed_exactly(two):
    total = strategies.sum_over_workers(two)
    assert total([1, 0, 2**23 - 1]).tolist() == [2, 0, 2**24 - 2]


def test_an_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="none, mirrored, multi_worker, tpu.*'mirorred'"):
        strategies.get("mirorred")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "{",
        "[]",
        '{"cluster": {}}',
        ('{"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": 1}}'),
    ],
)
def test_a_bad_tf_config_is_refused_with_an_example(monkeypatch, value):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if value is not None:
        monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(ValueError, match="TF_CONFIG.*host0:12345.*Received"):
        strategies.get("multi_worker")
