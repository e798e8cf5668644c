"""Discriminators of several outputs in the game: who sees what, gradients, logs, files, resume."""

import tfgan_kit as gk
from tfgan_kit.penalties import R1, AuxiliaryClassifier, MutualInformation
from tfgan_kit.training.batch import Batch

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import IMAGE_SHAPE, LATENT_DIM, NUM_CLASSES, dense_discriminator, dense_generator
from tests.twins import twins

CODES = dict(categorical=[2], continuous=1)
CLASSIFIERS = [AuxiliaryClassifier("discriminator"), AuxiliaryClassifier("generator", weight=0.5)]
INFORMATION = [MutualInformation("discriminator"), MutualInformation("generator")]


def acgan(penalties=(), seed=7, **arguments):
    keras.utils.set_random_seed(seed)
    gan = gk.GAN(
        dense_generator(conditional=True),
        gk.networks.ACGANDiscriminator(dense_discriminator(), NUM_CLASSES),
        num_classes=NUM_CLASSES,
    )
    gan.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(2e-2), penalties=penalties, **arguments)
    return gan


def infogan(penalties=(), seed=7, **arguments):
    keras.utils.set_random_seed(seed)
    gan = gk.GAN(
        gk.networks.InfoGANGenerator(dense_generator(), **CODES),
        gk.networks.InfoGANDiscriminator(dense_discriminator(), **CODES, width=4),
    )
    gan.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(2e-2), penalties=penalties, **arguments)
    return gan


def batch_of(gan, count=6):
    images = np.random.default_rng(0).uniform(-1, 1, (count, *IMAGE_SHAPE)).astype(np.float32)
    labels = tf.constant(np.arange(count) % NUM_CLASSES, tf.int32)
    return Batch.of(tf.constant(images), labels if gan.num_classes else None)


def losses_and_gradients(gan):
    """Of each player: its loss, the gradients of all of its weights, its logs."""
    batch = batch_of(gan)
    latents = gan.game.latents(batch)
    with gan.game.generator.tape() as tape:
        fake = gan.game.generator(latents, batch.condition)
        loss, logs = gan.game.generator_loss(batch, fake, latents)
    found = {"generator": (loss, tape.gradients(loss), logs)}
    with gan.game.discriminator.tape() as tape:
        loss, logs = gan.game.discriminator_loss(batch, fake, latents)
    return found | {"discriminator": (loss, tape.gradients(loss), logs)}


# What the discriminator is given, and what the objective is


def test_a_discriminator_that_recovers_labels_is_not_given_them():
    gan = acgan()
    images = batch_of(gan).images
    expected = gan.discriminator(images, training=True)["logits"]
    np.testing.assert_array_equal(gan.game.logits(images, tf.zeros(6, tf.int32)), expected)


@keras.saving.register_keras_serializable("tests.heads")
class Subclassed(keras.Model):
    """Not functional: it states itself that it is given no labels."""

    takes_labels = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1 + NUM_CLASSES)

    def call(self, images):
        both = self.dense(keras.ops.reshape(images, (-1, 16)))
        return {"logits": both[:, :1], "classes": both[:, 1:]}


def test_a_subclass_states_that_it_recovers_labels():
    gan = gk.GAN(dense_generator(conditional=True), Subclassed(), num_classes=NUM_CLASSES)
    gan.compile("adam", "adam", penalties=CLASSIFIERS)
    assert set(losses_and_gradients(gan)["generator"][2]) >= {"g_class_loss", "fake_class_accuracy"}


def test_an_unconditional_discriminator_is_still_refused_by_a_conditional_generator():
    with pytest.raises(ValueError, match=r"does not accept the generator's output, \[images, labels\]"):
        gk.GAN(dense_generator(conditional=True), dense_discriminator(), num_classes=NUM_CLASSES)


@pytest.mark.parametrize("make", [acgan, infogan])
@pytest.mark.parametrize("objective", ["hinge", "relativistic_pairing"])
def test_losses_without_penalties_are_those_of_the_logits_alone(make, objective):
    """As of the same game against the discriminator under the heads, whose weights are the same."""
    gan = make(objective=objective)
    plain = gk.GAN(gan.generator, gan.discriminator.discriminator) if make is infogan else None
    found = losses_and_gradients(gan)
    if plain:
        plain.compile("adam", "adam", objective=objective)
        expected = losses_and_gradients(plain)
        for player in found:
            assert float(found[player][0]) == pytest.approx(float(expected[player][0]), rel=1e-6)
    heads = [
        gradient
        for variable, gradient in zip(gan.discriminator.trainable_variables, found["discriminator"][1], strict=True)
        if variable.path.startswith(("classes", "codes", "category", "mean", "log_deviation"))
    ]
    assert heads and heads == [None] * len(heads)


def test_r1_is_of_the_logits_alone():
    headed, plain = infogan([R1()]), infogan([R1()])
    plain = gk.GAN(plain.generator, plain.discriminator.discriminator)
    plain.compile("adam", "adam", penalties=[R1()])
    values = [float(losses_and_gradients(gan)["discriminator"][2]["r1"]) for gan in (headed, plain)]
    assert values[0] == pytest.approx(values[1], rel=1e-6) and values[0] > 0


@pytest.mark.parametrize("penalty", [gk.penalties.LeCam(start=0), gk.penalties.Consistency(max_shift=1, flip=False)])
def test_penalties_of_logits_see_logits(penalty):
    _, _, logs = losses_and_gradients(infogan([penalty]))["discriminator"]
    assert logs[penalty.name].shape == () and np.isfinite(logs[penalty.name])


# Penalties of the heads


@pytest.mark.parametrize(
    "make, penalties, keys",
    [
        (acgan, CLASSIFIERS, ({"d_class_loss", "real_class_accuracy"}, {"g_class_loss", "fake_class_accuracy"})),
        (infogan, INFORMATION, ({"d_code_loss"}, {"g_code_loss", "mutual_information", "code_accuracy"})),
    ],
)
def test_heads_reach_both_players(make, penalties, keys):
    gan = make(penalties)
    found, without = losses_and_gradients(gan), losses_and_gradients(make())
    for (player, mine), network in zip(
        (("discriminator", keys[0]), ("generator", keys[1])), (gan.discriminator, gan.generator), strict=True
    ):
        loss, gradients, logs = found[player]
        name = next(iter(mine & {f"{player[0]}_class_loss", f"{player[0]}_code_loss"}))
        assert mine <= set(logs)
        assert float(loss) == pytest.approx(float(without[player][0]) + float(logs[name]), rel=1e-5)
        assert [v.path for v, g in zip(network.trainable_variables, gradients, strict=True) if g is None] == []
        first, before = (tf.convert_to_tensor(each[0]) for each in (gradients, without[player][1]))
        assert not np.allclose(first, before)


def test_the_log_s_class_loss_is_the_cross_entropy_of_the_discriminator_s_own_output():
    gan = acgan(CLASSIFIERS)
    batch = batch_of(gan)
    classes = gan.discriminator(batch.images, training=True)["classes"]
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(batch.condition, classes)
    _, _, logs = losses_and_gradients(gan)["discriminator"]
    assert float(logs["d_class_loss"]) == pytest.approx(float(expected), rel=1e-5)


def test_codes_are_those_of_the_latents_that_made_the_images():
    gan = infogan(INFORMATION)
    batch = batch_of(gan)
    latents = gan.game.latents(batch)
    logits = gan.discriminator(gan.generator(latents, training=True), training=True)["codes"]["categorical"][0]
    wanted = latents.numpy()[:, :2].argmax(axis=1)
    found = losses_and_gradients(gan)["generator"][2]["code_accuracy"]
    assert float(found) == pytest.approx(np.mean(logits.numpy().argmax(axis=1) == wanted), abs=1e-6)


def test_a_penalty_without_its_networks_is_refused_before_a_weight_moves():
    gan = gk.GAN(dense_generator(), dense_discriminator())
    gan.compile("adam", "adam", penalties=INFORMATION)
    with pytest.raises(ValueError, match="a generator without `codes`"):
        losses_and_gradients(gan)


# What a discriminator may return


def returning(outputs):
    images = keras.Input(IMAGE_SHAPE)
    features = keras.layers.Flatten()(images)
    return keras.Model(images, keras.tree.map_structure(lambda units: keras.layers.Dense(units)(features), outputs))


@pytest.mark.parametrize(
    "outputs, received",
    [
        ([1, 3], r"\[\(1, 1\), \(1, 3\)\]"),
        ({"score": 1}, r"\{'score': \(1, 1\)\}"),
        ({"logits": 2}, r"\{'logits': \(1, 2\)\}"),
        (2, r"\(1, 2\)"),
    ],
)
def test_what_is_no_logit_is_refused(outputs, received):
    with pytest.raises(ValueError, match=f"a dict, they are `logits`. Received: .* returns {received}"):
        gk.GAN(dense_generator(), returning(outputs))


def test_classes_of_another_number_are_refused():
    with pytest.raises(ValueError, match=r"a logit for each class.* Received: \(1, 4\) for one row, num_classes=3"):
        gk.GAN(dense_generator(conditional=True), returning({"logits": 1, "classes": 4}), num_classes=NUM_CLASSES)


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_only_the_logits_are_looked_at_for_a_bound(run_eagerly):
    """A head may end in whatever it likes."""
    images = keras.Input(IMAGE_SHAPE)
    features = keras.layers.Flatten()(images)
    head = keras.layers.Activation("sigmoid")(features)
    judge = keras.Model(images, {"logits": keras.layers.Dense(1)(features), "share": head})
    gan = gk.GAN(dense_generator(), judge)
    gan.compile("adam", "adam", run_eagerly=run_eagerly)
    gan.train_on_batch(np.zeros((4, *IMAGE_SHAPE), np.float32))  # a warning would be an error


def test_refine_follows_the_logits():
    """One step of a linear game: z moves along the gradient of D's logit, plus known noise."""
    gan = acgan()
    latents = np.zeros((3, LATENT_DIM), np.float32)
    labels = tf.constant([0, 1, 2])
    with tf.GradientTape() as tape:
        z = tf.constant(latents)
        tape.watch(z)
        images = gan.ema_generator([z, labels], training=False)
        total = tf.reduce_sum(gan.discriminator(images, training=False)["logits"])
    noise = tf.random.stateless_normal((3, LATENT_DIM), [0, 0], alg="philox")
    expected = 0.005 * tape.gradient(total, z) + 0.1 * noise
    np.testing.assert_allclose(gan.refine(latents, [0, 1, 2], steps=1, step_size=0.01), expected, atol=1e-6)


# Training


@pytest.mark.slow
@pytest.mark.parametrize("make, penalties", [(infogan, INFORMATION), (acgan, [*CLASSIFIERS, R1(interval=2)])])
def test_a_resumed_run_ends_in_the_same_bits(make, penalties, uint8_images, labels, check_resume):
    data = gk.data.from_arrays(uint8_images, labels if make is acgan else None, batch_size=8)
    check_resume(lambda: make(penalties), data)


@pytest.mark.thorough
@twins(
    "update",
    [gk.updates.Consensus(0.1), gk.updates.Alternating(2, 1, 2), gk.updates.Extragradient()],
    ids=lambda update: type(update).__name__,
)
def test_every_update_rule_logs_what_is_recovered(update, uint8_images, labels):
    gan = acgan(CLASSIFIERS, update=update)
    history = gan.fit(uint8_images, labels, batch_size=8, verbose=0).history
    assert {"real_class_accuracy", "fake_class_accuracy", "d_class_loss", "g_class_loss"} <= set(history)


@pytest.mark.slow
def test_the_game_s_measures_take_the_logits(uint8_images, labels):
    gan = acgan(CLASSIFIERS)
    monitor = gk.callbacks.GameMonitor(uint8_images[:8], uint8_images[8:16], labels[:8], labels[8:16], response_steps=1)
    history = gan.fit(uint8_images, labels, batch_size=8, verbose=0, callbacks=[monitor]).history
    assert np.isfinite([history[name] for name in ("overfitting_gap", "duality_gap", "path_cosine")]).all()


@pytest.mark.thorough
@twins("make", [infogan, acgan])
def test_a_gan_of_heads_trains_in_mixed_precision_with_r1(make, set_policy, uint8_images, labels):
    set_policy("mixed_float16")
    gan = make([*(INFORMATION if make is infogan else CLASSIFIERS), R1()], run_eagerly=True)
    history = gan.fit(uint8_images, labels if make is acgan else None, batch_size=12, verbose=0).history
    assert np.isfinite([value for name, value in history.items() if "skipped" not in name]).all()
