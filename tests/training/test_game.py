"""What a training step asks of the networks: statistics, precision, shared passes, states."""

import tfgan_kit as gk
from tfgan_kit.runs.run import Run
from tfgan_kit.training import penalty_networks

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import IMAGE_SHAPE, dense_discriminator, dense_generator
from tests.twins import twins

pytestmark = pytest.mark.thorough


def discriminator(*layers):
    images = keras.Input(IMAGE_SHAPE)
    x = keras.layers.Flatten()(images)
    for layer in layers:
        x = layer(x)
    return keras.Model(images, keras.layers.Dense(1, dtype="float32")(x))


def game(judge, **arguments):
    gan = gk.GAN(dense_generator(), judge)
    gan.compile("sgd", "sgd", **arguments)
    return gan


# Penalties


class Seen(gk.penalties.Penalty):
    """Keeps what the penalty's discriminator answers, and its squared gradient."""

    name = "seen"

    def value(self, step):
        self.logits = step.discriminator(step.real_images)
        return gk.penalties.R1(gamma=1.0).value(step)


def test_penalties_leave_batch_statistics_alone(uint8_images):
    plain, penalized = (
        game(discriminator(keras.layers.Dense(4), keras.layers.BatchNormalization()), penalties=p, run_eagerly=True)
        for p in ((), [gk.penalties.R1(gamma=0.0)])
    )
    penalized.set_weights(plain.get_weights())
    for gan in (plain, penalized):
        gan.fit(uint8_images, batch_size=12, shuffle=False, verbose=0)
    for a, b in zip(plain.discriminator.weights, penalized.discriminator.weights, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)


class R1OfItsOwn(gk.penalties.R1):
    uses_image_gradients = False


class R2OfItsOwn(gk.penalties.R2):
    uses_image_gradients = False


@pytest.mark.parametrize("normalization", [[], [keras.layers.BatchNormalization]], ids=["independent", "coupled"])
@pytest.mark.parametrize("augment", [None, gk.augment.DiffAugment()], ids=["clean", "augmented"])
def test_r1_and_r2_of_the_losses_pass_are_those_of_passes_of_their_own(normalization, augment, uint8_images):
    shared, own = [gk.penalties.R1(0.7), gk.penalties.R2(0.3)], [R1OfItsOwn(0.7), R2OfItsOwn(0.3)]
    found = []
    for penalties in (shared, own):
        keras.utils.set_random_seed(0)
        first, last = (
            keras.layers.Dense(8),
            keras.layers.Dense(4, "tanh"),
        )  # without which nothing of a sum gets through
        judge = discriminator(first, *(make() for make in normalization), last)
        gan = game(judge, penalties=penalties, augment=augment, run_eagerly=True)
        logs = gan.train_on_batch(uint8_images, return_dict=True)
        found.append([logs["r1"], logs["r2"], *(weight.numpy() for weight in judge.trainable_weights)])
    assert found[0][0] > 1e-4 and found[0][1] > 1e-4
    for of_shared, of_own in zip(*found, strict=True):
        np.testing.assert_allclose(of_shared, of_own, rtol=1e-4, atol=1e-6)


def test_penalties_are_computed_in_float32(mixed_policy, uint8_images):
    """The value is that of a float32 network of the same weights, to float32's rounding."""
    seen = Seen()
    judge = discriminator(keras.layers.Dense(64, activation="tanh"), keras.layers.Dense(64))
    gan = game(judge, penalties=[seen], run_eagerly=True)
    keras.config.set_dtype_policy("float32")
    alike = discriminator(keras.layers.Dense(64, activation="tanh"), keras.layers.Dense(64))
    alike.set_weights(judge.get_weights())
    images = gk.pixels.to_float(tf.constant(uint8_images))
    with tf.GradientTape() as tape:
        tape.watch(images)
        expected = alike(images)
    squares = tf.reduce_sum(tf.square(tape.gradient(expected, images)), axis=[1, 2, 3])
    logs = gan.train_on_batch(uint8_images, return_dict=True)
    np.testing.assert_allclose(seen.logits, expected, rtol=1e-5, atol=1e-6)
    assert float(logs["seen"]) == pytest.approx(0.5 * float(tf.reduce_mean(squares)), rel=1e-5)


@keras.saving.register_keras_serializable("tests")
class NoTrainingArgument(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1, dtype=self.dtype_policy)

    def call(self, images):
        return self.dense(tf.reshape(images, (-1, 16)))


def test_a_network_without_a_training_argument_takes_penalties(uint8_images):
    gan = game(NoTrainingArgument(), penalties=[gk.penalties.R1()], run_eagerly=True)
    assert np.isfinite(gan.fit(uint8_images, verbose=0).history["r1"]).all()


def test_a_half_network_whose_first_layers_are_frozen_takes_penalties(mixed_policy, uint8_images):
    judge = discriminator(keras.layers.Dense(4), keras.layers.BatchNormalization())
    judge.layers[2].trainable = False
    gan = game(judge, penalties=[gk.penalties.R1()], run_eagerly=True)
    assert np.isfinite(gan.fit(uint8_images, verbose=0).history["r1"]).all()


# One pass for real and generated images


@pytest.mark.parametrize(
    "layers, expected",
    [
        ([keras.layers.Dense(4), keras.layers.LeakyReLU()], True),
        ([keras.layers.LayerNormalization()], True),
        ([keras.layers.BatchNormalization()], False),
        ([keras.layers.Lambda(lambda x: x - tf.reduce_mean(x, axis=0))], False),
        (
            [
                keras.layers.Reshape((4, 4)),
                keras.layers.TimeDistributed(keras.layers.BatchNormalization()),
                keras.layers.Flatten(),
            ],
            False,
        ),
    ],
    ids=["row_wise", "layer_norm", "batch_norm", "lambda", "wrapped_batch_norm"],
)
def test_rows_are_known_to_be_independent_or_not(layers, expected):
    assert penalty_networks.rows_are_independent(discriminator(*layers)) is expected


def test_a_network_s_own_call_is_not_taken_to_be_row_wise():
    assert not penalty_networks.rows_are_independent(NoTrainingArgument())


def test_one_pass_learns_what_two_learn(uint8_images):
    together, apart = (game(discriminator(keras.layers.Dense(4)), run_eagerly=True) for _ in range(2))
    apart.set_weights(together.get_weights())
    assert together.game.discriminator.rows_are_independent
    apart.game.discriminator.rows_are_independent = False
    for gan in (together, apart):
        gan.fit(uint8_images, batch_size=12, shuffle=False, verbose=0)
    for a, b in zip(together.get_weights(), apart.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


# Files


@keras.saving.register_keras_serializable("tests")
class Adapting(gk.penalties.Penalty):
    """Counts its own values, as an adapting strength would."""

    name = "adapting"

    def build(self, state):
        self.count = state.add_weight(name="count", shape=(), initializer="zeros", trainable=False)

    def value(self, step):
        self.count.assign_add(1.0)
        return tf.reduce_mean(step.real_logits) * 0.0


def test_what_a_penalty_adapts_is_in_the_checkpoint(tmp_path, dataset):
    gan = game(dense_discriminator(), penalties=[Adapting()], run_eagerly=True)
    gan.fit(dataset, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert float(loaded.penalties[0].count) == 3.0
    loaded.fit(dataset, verbose=0)
    assert float(loaded.penalties[0].count) == 6.0


def test_a_resumed_run_goes_on_with_the_masks_of_dropout(dataset, check_resume):
    def make():
        keras.utils.set_random_seed(1)
        return game(discriminator(keras.layers.Dense(8), keras.layers.Dropout(0.5, seed=3)))

    check_resume(make, dataset)


def test_a_second_compile_replaces_the_first(tmp_path, dataset, make_gan):
    gan = make_gan(penalties=[Adapting()])
    gan.compile(gan.generator_optimizer, gan.discriminator_optimizer, penalties=[Adapting()], run_eagerly=True)
    gan.fit(dataset, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert float(loaded.penalties[0].count) == 3.0


# Ways to run


@twins(
    "update",
    [gk.updates.Alternating(), gk.updates.Alternating(2, 1), gk.updates.Alternating(gradient_accumulation_steps=2)],
    ids=["plain", "two_moves", "accumulation"],
)
def test_xla_trains_a_whole_step(update, make_gan, uint8_images):
    gan = make_gan(update=update, penalties=[gk.penalties.R1(interval=2)], jit_compile=True)
    history = gan.fit(uint8_images, batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert gan.steps_trained == 6


# Refused


def test_an_optimizer_s_own_average_is_refused():
    with pytest.raises(ValueError, match=r"GAN\(ema_decay"):
        gk.GAN(dense_generator(), dense_discriminator()).compile(keras.optimizers.Adam(use_ema=True), "adam")


@pytest.mark.parametrize(
    "arguments",
    [{"sample_weight": np.ones(24)}, {"class_weight": {0: 1.0, 1: 2.0}}],
    ids=["sample_weight", "class_weight"],
)
def test_weights_of_rows_are_refused(arguments, make_gan, uint8_images):
    with pytest.raises(ValueError, match=f"leave `{next(iter(arguments))}` out"):
        make_gan().fit(uint8_images, verbose=0, **arguments)


def test_a_dictionary_of_images_is_refused(make_gan, uint8_images):
    data = tf.data.Dataset.from_tensor_slices({"image": uint8_images}).batch(8)
    with pytest.raises(ValueError, match="images or .images, labels.*dict"):
        make_gan().fit(data, verbose=0)


def test_more_moves_than_a_step_has_seeds_for_are_refused():
    with pytest.raises(ValueError, match="512 updates"):
        gk.updates.Alternating(512, 1)


# Data whose order is lost


def test_a_resumed_run_on_arrays_warns(tmp_path, make_gan, uint8_images):
    gan = make_gan(run_eagerly=True)
    gan.fit(uint8_images, verbose=0)
    gan.fit(uint8_images, verbose=0)  # the same session: nothing is resumed
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    with pytest.warns(UserWarning, match="order of this data cannot be restored"):
        loaded.fit(uint8_images, verbose=0)


def test_checkpoints_of_a_run_on_a_data_set_of_one_s_own_warn(tmp_path, reused_gan, uint8_images):
    data = tf.data.Dataset.from_tensor_slices(uint8_images).batch(8)
    callback = gk.callbacks.RunRecorder(Run(tmp_path))
    with pytest.warns(UserWarning, match="order of this data cannot be restored"):
        reused_gan().fit(data, callbacks=[callback], verbose=0)


def test_a_data_set_of_ours_does_not_warn(tmp_path, reused_gan, dataset):
    callback = gk.callbacks.RunRecorder(Run(tmp_path))
    reused_gan().fit(dataset, callbacks=[callback], verbose=0)  # warnings are errors here
    assert Run(tmp_path).newest() is not None
