"""A GAN of images to images: pairs in, the paper's step, exact resume, and what it refuses."""

import contextlib

import tfgan_kit as gk
from tfgan_kit.data import from_pairs
from tfgan_kit.data.pairs import PairSource
from tfgan_kit.training.gan import GAN

import keras
import numpy as np
import pytest
import tensorflow as tf

RATE, LAMBDA = 0.1, 10.0
# Squares of 4 pixels, which two halvings keep.
GIVEN = np.kron(np.random.default_rng(0).integers(0, 256, (12, 4, 4, 1)), np.ones((1, 4, 4, 1))).astype(np.uint8)
WANTED = np.repeat(255 - GIVEN, 3, axis=-1)


def networks(normalization="none", dropout=False, condition_channels=1):
    return (
        gk.networks.ResNetGenerator(16, 3, 1, width=4, num_blocks=1, normalization=normalization, dropout=dropout),
        gk.networks.PatchGANDiscriminator(
            16, 3, width=4, num_layers=1, normalization=normalization, condition_channels=condition_channels
        ),
    )


def pix2pix(optimizer="adam", **how):
    gan = GAN(*networks(**how))
    gan.compile(optimizer, penalties=[gk.penalties.Reconstruction(LAMBDA)])
    return gan


def test_the_step_is_the_paper_s():
    """Equations 1, 3 and 4 of arXiv:1611.07004, with the loss that does not saturate of its section 3.3."""
    gan = pix2pix(keras.optimizers.SGD(RATE))
    generator, discriminator = (gk.networks.ResNetGenerator.from_config(gan.generator.get_config()), networks()[1])
    generator.set_weights(gan.generator.get_weights()), discriminator.set_weights(gan.discriminator.get_weights())
    x, y = (tf.cast(images[:4], tf.float32) / 127.5 - 1.0 for images in (GIVEN, WANTED))
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def loss_of_discriminator(fake):
        real, fake = discriminator([y, x]), discriminator([fake, x])
        return cross_entropy(tf.ones_like(real), real) + cross_entropy(tf.zeros_like(fake), fake)

    with tf.GradientTape() as tape:
        loss = loss_of_discriminator(generator(x))
    weights = [weight.value for weight in discriminator.trainable_weights]
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        weight.assign_sub(RATE * gradient)
    with tf.GradientTape() as tape:
        fake = generator(x)
        judged = discriminator([fake, x])
        loss = cross_entropy(tf.ones_like(judged), judged) + LAMBDA * tf.reduce_mean(tf.abs(y - fake))
    weights = [weight.value for weight in generator.trainable_weights]
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        weight.assign_sub(RATE * gradient)

    gan.train_on_batch(GIVEN[:4], WANTED[:4])
    for ours, theirs in ((gan.generator, generator), (gan.discriminator, discriminator)):
        for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-6)


@pytest.mark.thorough
def test_fit_learns_to_translate_and_a_file_translates_alike(tmp_path):
    gan = pix2pix(keras.optimizers.Adam(2e-3), normalization="instance")
    before = np.abs(gan.translate(GIVEN).astype(int) - WANTED).mean()
    history = gan.fit(from_pairs(GIVEN, WANTED, batch_size=4, flip=True), epochs=40, verbose=0).history
    after = np.abs(gan.translate(GIVEN).astype(int) - WANTED).mean()
    assert after < 0.7 * before and history["l1"][-1] < 0.7 * history["l1"][0]
    gan.save(tmp_path / "translator.keras")
    loaded = keras.saving.load_model(tmp_path / "translator.keras")
    np.testing.assert_array_equal(loaded.translate(GIVEN), gan.translate(GIVEN))
    loaded.fit(from_pairs(GIVEN, WANTED, batch_size=4), epochs=1, verbose=0)
    assert gan.evaluate(GIVEN, WANTED, verbose=0, return_dict=True).keys() >= {"d_loss", "g_loss"}


@pytest.mark.thorough
def test_a_resumed_run_ends_in_the_bits_of_an_uninterrupted_one_dropout_included(tmp_path):
    def trained(epochs):
        keras.utils.set_random_seed(3)
        gan = pix2pix(normalization="batch", dropout=True)
        gan.fit(from_pairs(GIVEN, WANTED, batch_size=4), epochs=epochs, verbose=0)
        return gan

    whole, half = trained(4), trained(2)
    half.save(tmp_path / "half.keras")
    resumed = keras.saving.load_model(tmp_path / "half.keras")
    resumed.fit(from_pairs(GIVEN, WANTED, batch_size=4), epochs=2, verbose=0)
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_pairs_are_mirrored_together_and_in_one_order():
    for given, wanted in from_pairs(GIVEN, WANTED, batch_size=5, seed=1, flip=True).take(4).as_numpy_iterator():
        np.testing.assert_array_equal(wanted, np.repeat(255 - given, 3, axis=-1))
    assert PairSource("pairs", GIVEN, WANTED).fingerprint != PairSource("pairs", GIVEN, WANTED[::-1]).fingerprint


def test_a_discriminator_may_judge_images_alone():
    gan = pix2pix(condition_channels=None)
    logs = gan.train_on_batch(GIVEN[:4], WANTED[:4], return_dict=True)
    assert np.isfinite(list(logs.values())).all()


@pytest.mark.parametrize("objective", ["least_squares", "hinge", "wasserstein"])
def test_objectives_and_gradient_penalties_take_patches(objective):
    gan = GAN(*networks())
    gan.compile("adam", "adam", objective=objective, penalties=[gk.penalties.R1(1.0), gk.penalties.Reconstruction()])
    logs = gan.train_on_batch(GIVEN[:4], WANTED[:4], return_dict=True)
    assert {"r1", "l1"} <= logs.keys() and np.isfinite(list(logs.values())).all()


@pytest.mark.thorough
def test_two_replicas_end_in_the_weights_of_one_device(two):
    ends = []
    for scope in (two.scope(), contextlib.nullcontext()):
        with scope:
            keras.utils.set_random_seed(0)
            gan = pix2pix(keras.optimizers.SGD(RATE))
        gan.fit(from_pairs(GIVEN, WANTED, batch_size=4), epochs=2, verbose=0)
        ends.append(gan.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    "what, message",
    [
        (lambda gan: gan.generate(4), "translates images: there are no latents.*translate"),
        (lambda gan: gan.train_on_batch(WANTED[:4]), "pairs, .given, wanted"),
        (lambda gan: gan.train_on_batch(WANTED[:4], WANTED[:4]), "shape"),
        (lambda gan: gan.translate(WANTED), "shape"),
        (lambda gan: gan.translate(GIVEN[0]), r"at least 1 image \(N, H, W, C\)"),
        (lambda gan: gan.compile("adam", "adam", augment="diff_augment"), "leave `augment` out"),
        (lambda gan: GAN(gk.networks.ResNetGenerator(), networks()[1]), "images have one size"),
        (lambda gan: GAN(networks()[0], networks(condition_channels=2)[1]), "does not accept .images, given images"),
        (lambda gan: PairSource("pairs", GIVEN[:3], WANTED), "as many given as wanted"),
        (lambda gan: gk.export_generator(gan, "models/x"), "translates images"),
    ],
)
def test_what_does_not_fit_is_one_sentence(what, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        what(pix2pix())


def test_a_gan_of_latents_translates_nothing(make_gan):
    gan = make_gan()
    with pytest.raises(ValueError, match="use `generate`"):
        gan.translate(GIVEN)
