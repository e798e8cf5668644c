"""Augmentation in the game: who sees what, with which draws, and what is kept in a file."""

import tfgan_kit as gk
from tfgan_kit.training.batch import Batch

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import IMAGE_SHAPE, dense_generator


@keras.saving.register_keras_serializable("tests")
class Doubled(gk.augment.Augmentation):
    """Doubles images, and keeps what it changed and the draws of each look."""

    def __init__(self):
        self.seen, self.draws = [], []

    def draw(self, uniform, image_shape, step):
        self.draws.append(uniform([1]))

        def change(images):
            self.seen.append(images)
            return 2.0 * images

        return change


def linear_discriminator(shape=IMAGE_SHAPE):
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.Dense(1)(keras.layers.Flatten()(images)))


def linear_gan(generator=None, **arguments):
    gan = gk.GAN(generator or dense_generator(), linear_discriminator())
    gan.compile("sgd", "sgd", **arguments)
    return gan


@pytest.fixture
def batch(uint8_images):
    return Batch.of(gk.pixels.to_float(tf.constant(uint8_images[:8])))


def both_losses(gan, batch):
    latents = gan.game.latents(batch)
    fake = gan.game.generator(latents)
    d_loss, d_logs = gan.game.discriminator_loss(batch, fake, latents)
    g_loss, g_logs = gan.game.generator_loss(batch, fake, latents)
    return fake, d_logs | g_logs


@pytest.mark.parametrize("objective, looks", [("hinge", 3), ("relativistic_pairing", 4)])
def test_all_that_the_discriminator_sees_is_changed(objective, looks, batch):
    augment = Doubled()
    gan = linear_gan(objective=objective, augment=augment)
    fake, logs = both_losses(gan, batch)
    expected = [batch.images, fake, fake, batch.images][:looks]
    for found, images in zip(augment.seen, expected, strict=True):
        np.testing.assert_array_equal(found, images)
    np.testing.assert_allclose(logs["real_score"], np.mean(gan.discriminator(2.0 * batch.images)), rtol=1e-5)
    np.testing.assert_allclose(logs["fake_score"], np.mean(gan.discriminator(2.0 * fake)), rtol=1e-5)


def test_every_look_every_step_and_every_seed_has_draws_of_its_own(batch):
    made = []
    for seed, step in ((0, 0), (0, 1), (1, 0)):
        augment = Doubled()
        gan = gk.GAN(dense_generator(), linear_discriminator(), seed=seed)
        gan.compile("sgd", "sgd", objective="relativistic_pairing", augment=augment)
        gan.step.assign(step)
        both_losses(gan, batch)
        made += [draws.numpy() for draws in augment.draws]
    numbers = np.concatenate(made)
    assert len(made) == 3 * 4
    assert len(np.unique(numbers)) == numbers.size


def test_r1_is_taken_on_the_clean_image(batch):
    """D(T(x)) = w . 2 x, so |grad|^2 = 4 |w|^2; 2 |w|^2 with gamma = 1."""
    gan = linear_gan(augment=Doubled(), penalties=[gk.penalties.R1(gamma=1.0)])
    _, logs = both_losses(gan, batch)
    weights = gan.discriminator.layers[-1].kernel.numpy()
    np.testing.assert_allclose(logs["r1"], 2.0 * np.sum(weights**2), rtol=1e-5)


class Dimmed(Doubled):
    """Multiplies each row by a number drawn for it."""

    def draw(self, uniform, image_shape, step):
        self.draws.append(uniform([1, 1, 1]))
        return lambda images, factors=self.draws[-1]: factors * images


def test_r1_has_the_draws_of_the_real_and_r2_those_of_the_generated_images(batch):
    augment = Dimmed()
    gan = linear_gan(augment=augment, penalties=[gk.penalties.R1(gamma=1.0), gk.penalties.R2(gamma=1.0)])
    _, logs = both_losses(gan, batch)
    weights = np.sum(gan.discriminator.layers[-1].kernel.numpy() ** 2)
    for name, factors in zip(("r1", "r2"), augment.draws, strict=False):
        np.testing.assert_allclose(logs[name], 0.5 * np.mean(factors.numpy() ** 2) * weights, rtol=1e-5)


class Logits(gk.penalties.Penalty):
    """Keeps the logits of the loss and those of the penalty's own passes."""

    name = "logits"

    def value(self, step):
        self.of_loss = step.real_logits, step.fake_logits
        self.own = step.discriminator(step.real_images), step.fake_discriminator(step.fake_images)
        return 0.0


@pytest.mark.parametrize("augment", ["ada", "diff_augment"])
def test_penalties_see_the_draws_of_the_loss(augment, batch):
    logits = Logits()
    augment = gk.augment.ADA("bgcfnc", p=1.0) if augment == "ada" else augment
    both_losses(linear_gan(augment=augment, penalties=[logits]), batch)
    np.testing.assert_allclose(logits.own, logits.of_loss, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("augment", [gk.augment.ADA("bgcfnc", p=1.0), gk.augment.DiffAugment()])
def test_the_generator_s_gradient_goes_through_the_change(augment, batch):
    """Against a central difference of g_loss along the last bias: the change and the logits are affine."""
    gan = linear_gan(objective="wasserstein", augment=augment)
    bias = gan.generator.layers[-2].bias
    bias.assign(0.1 * np.arange(16) - 0.8)

    def loss():
        latents = gan.game.latents(batch)
        return gan.game.generator_loss(batch, gan.game.generator(latents, training=False), latents)[0]

    with tf.GradientTape() as tape:
        value = loss()
    gradient = tape.gradient(value, bias.value).numpy()
    start, direction = bias.numpy(), np.sign(gradient)
    sides = []
    for sign in (1.0, -1.0):
        bias.assign(start + sign * 1e-2 * direction)
        sides.append(float(loss()))
    assert np.abs(gradient).max() > 1e-3
    assert np.dot(gradient, direction) == pytest.approx((sides[0] - sides[1]) / 2e-2, rel=1e-2)


def test_apa_passes_generated_images_off_as_real(batch):
    gan = linear_gan(augment=gk.augment.APA(p=1.0))
    fake, logs = both_losses(gan, batch)
    np.testing.assert_allclose(logs["real_score"], logs["fake_score"], rtol=1e-6)
    assert float(logs["augment_p"]) == 1.0
    np.testing.assert_allclose(logs["augment_sign"], np.mean(np.sign(gan.discriminator(fake))))


def test_points_are_refused_when_the_gan_is_compiled():
    networks = gk.networks.MLPGenerator(2, latent_dim=3), gk.networks.MLPDiscriminator(2)
    with pytest.raises(ValueError, match=r"ADA changes images .H, W, C., not points.*shape \(2,\)"):
        gk.GAN(*networks).compile("sgd", "sgd", augment="ada")
    gk.GAN(*networks).compile("sgd", "sgd", augment="apa")


# Training


@pytest.mark.thorough
def test_evaluate_and_generate_do_not_augment(make_gan, uint8_images):
    augment = Doubled()
    gan, plain = make_gan(augment=augment), make_gan()
    assert gan.evaluate(uint8_images, verbose=0) == plain.evaluate(uint8_images, verbose=0)
    np.testing.assert_array_equal(gan.generate(2), plain.generate(2))
    assert augment.seen == []


@pytest.mark.thorough
def test_p_grows_with_a_discriminator_that_is_sure_and_is_kept_in_the_file(make_gan, uint8_images, tmp_path):
    gan = make_gan(augment=gk.augment.ADA(target=-0.99, interval=2, speed=1.0))
    gan.discriminator.layers[-1].bias.assign([50.0])  # every sign is 1
    history = gan.fit(uint8_images, batch_size=8, epochs=2, verbose=0).history
    assert history["augment_sign"] == [1.0, 1.0]
    # p is 0 in steps 1 and 2, 16 / 1000 in 3 and 4, 32 / 1000 in 5 and 6
    np.testing.assert_allclose(history["augment_p"], [0.016 / 3, 0.08 / 3], rtol=1e-5)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.augment.get_config() == gan.augment.get_config()
    assert float(loaded.augment.probability(0)) == float(gan.augment.probability(0)) == pytest.approx(0.048)


@pytest.mark.slow
@pytest.mark.parametrize(
    "augment",
    [
        lambda: gk.augment.ADA("color", target=-0.5, interval=2, speed=0.05),
        lambda: gk.augment.ADA("bgcfnc", target=-0.5, interval=2, speed=0.05),
        lambda: gk.augment.APA(target=-0.5, interval=2, speed=0.05),
        gk.augment.DiffAugment,
    ],
    ids=["ada", "ada_whole", "apa", "diff_augment"],
)
def test_a_resumed_run_ends_in_the_same_bits(augment, check_resume, make_gan, dataset):
    check_resume(lambda: make_gan(augment=augment(), penalties=[gk.penalties.R1(interval=2)]), dataset)


@pytest.mark.thorough
@pytest.mark.parametrize("augment", [None, pytest.param("ada", marks=pytest.mark.slow)])
def test_a_file_without_augmentation_loads_and_takes_one(augment, make_gan, uint8_images, tmp_path):
    gan = make_gan()
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.augment is None
    loaded.compile("sgd", "sgd", augment=augment)
    assert np.isfinite(loaded.train_on_batch(uint8_images[:8])).all()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "arguments",
    [
        {"update": gk.updates.Alternating(gradient_accumulation_steps=2)},
        pytest.param({"update": gk.updates.Alternating(2, 1)}, marks=pytest.mark.slow),
        pytest.param({"update": gk.updates.Extragradient()}, marks=pytest.mark.slow),
        pytest.param({"update": gk.updates.Consensus(0.1)}, marks=pytest.mark.slow),
        pytest.param({"jit_compile": True}, marks=pytest.mark.slow),
    ],
    ids=["accumulation", "two_moves", "extragradient", "consensus", "xla"],
)
def test_signs_are_counted_once_an_image_under_every_update_rule(arguments, make_gan, uint8_images):
    augment = gk.augment.ADA({"xflip": 1.0}, target=-0.99, interval=1, speed=1.0)
    gan = make_gan(augment=augment, **arguments)
    gan.discriminator.layers[-1].bias.assign([50.0])
    gan.fit(uint8_images, batch_size=8, epochs=2, verbose=0)
    assert float(augment.probability(0)) == pytest.approx(0.048)
