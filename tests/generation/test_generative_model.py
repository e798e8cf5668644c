"""The generative model's differentiability: latents found, and moved, by gradient."""

import tfgan_kit as gk
from tfgan_kit.generation import latent_search
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.generation.seeds import latents_from_seeds

import keras
import numpy as np
import pytest

from tests.conftest import IMAGE_SHAPE, LATENT_DIM

# project


def psnr(a, b):
    """In dB, of uint8 images: peak 255."""
    error = np.mean((a.astype(np.float64) - b) ** 2, axis=(1, 2, 3))
    return 10 * np.log10(255**2 / np.maximum(error, 1e-6))  # found again to the last level


@pytest.mark.thorough
@pytest.mark.parametrize("conditional", [False, True])
def test_a_generated_image_is_found_again(conditional, make_gan):
    gan = make_gan(conditional)
    images = gan.generate(3, seed=5)
    labels = gan.labels_of(gk.image_seeds(5, 3))
    found = gan.project(images, labels, starts=4, steps=200)
    assert found.latents.shape == (3, LATENT_DIM)
    assert found.images.shape == (3, *IMAGE_SHAPE) and found.images.dtype == np.uint8
    assert found.psnr.min() > 30
    # What is reported is what the latents give, up to the rounding to whole levels.
    np.testing.assert_allclose(np.minimum(found.psnr, 45), np.minimum(psnr(images, found.images), 45), atol=2)


@pytest.mark.thorough
def test_projection_is_deterministic_and_named_by_its_seed(make_gan):
    gan = make_gan()
    images = gan.generate(2)
    first, again, other = (gan.project(images, starts=1, steps=3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.latents, again.latents)
    assert np.abs(first.latents - other.latents).max() > 0.1


def test_the_best_of_the_starts_counts():
    """G(z) = z as a pixel: with no step to speak of, the nearest start is the answer."""
    generator = keras.Sequential([keras.Input((1,)), keras.layers.Reshape((1, 1, 1))])
    images = np.array([0.5, -0.5], np.float32).reshape(2, 1, 1, 1)
    starts = np.array([[[0.9], [0.4], [-1.0]], [[0.9], [0.4], [-1.0]]], np.float32)
    latents, errors = latent_search.project(generator, images, starts, steps=1, learning_rate=1e-6)
    np.testing.assert_allclose(latents[:, 0], [0.4, -1.0], atol=1e-5)
    np.testing.assert_allclose(errors, [0.01, 0.25], atol=1e-5)


@pytest.mark.thorough
def test_more_images_than_at_once_are_projected_alike(make_gan):
    gan = make_gan()
    count = latent_search.IMAGES_AT_ONCE + 1
    found = gan.project(gan.generate(count), starts=1, steps=2)
    assert found.latents.shape == (count, LATENT_DIM)


def test_psnr_of_images_in_minus_one_to_one():
    # A mean squared error of 0.04 against a peak of 2: 10 log10(4 / 0.04) = 20 dB.
    np.testing.assert_allclose(latent_search.decibels(np.array([0.04, 4.0])), [20.0, 0.0], atol=1e-12)


@pytest.mark.thorough
def test_projecting_changes_no_weight(make_gan, weights_of):
    gan = make_gan()
    before = weights_of(gan)
    gan.project(gan.generate(1), starts=1, steps=2)
    gan.refine(np.zeros((2, LATENT_DIM)), steps=2)
    np.testing.assert_array_equal(weights_of(gan), before)


def test_labels_are_asked_for(make_gan):
    gan = make_gan(conditional=True)
    with pytest.raises(ValueError, match="needs the labels"):
        gan.project(gan.generate(1))
    with pytest.raises(ValueError, match="needs the labels"):
        gan.refine(np.zeros((1, LATENT_DIM)))


@pytest.mark.parametrize("arguments", [dict(starts=0), dict(steps=0)])
def test_a_search_without_a_start_or_a_step_is_refused(arguments, make_gan):
    gan = make_gan()
    with pytest.raises(ValueError, match="at least 1 start"):
        gan.project(gan.generate(1), **arguments)


def test_images_of_another_shape_are_refused(make_gan):
    with pytest.raises(ValueError, match=r"images of shape \(4, 4, 3\)"):
        make_gan().project(np.zeros((1, 4, 4, 3), np.uint8))


# refine


def linear_gan(slope):
    """G(z) = z as points, D(x) = slope . x: the energy is |z|^2 / 2 - slope . z."""
    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, use_bias=False)])
    discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    gan = gk.GAN(generator, discriminator, ema_decay=0.0)
    generator.set_weights([np.eye(2)])
    discriminator.set_weights([np.reshape(slope, (2, 1))])
    return gan


def test_langevin_sampling_reaches_the_law_of_its_energy():
    """exp(-|z|^2 / 2 + s . z) is N(s, I); a step of 0.1 leaves the variance 1 / (1 - 0.1 / 4)."""
    slope = np.array([2.0, -1.0])
    latents = np.random.default_rng(0).normal(size=(20_000, 2))
    found = linear_gan(slope).refine(latents, steps=150, step_size=0.1)
    # Standard errors: 1 / sqrt(20,000) = 0.007 of a mean, sqrt(2) times that of a variance.
    np.testing.assert_allclose(found.mean(axis=0), slope, atol=4 * 0.0072)
    np.testing.assert_allclose(found.var(axis=0), 1 / (1 - 0.1 / 4), atol=4 * 0.0103)


@pytest.mark.thorough
def test_a_conditional_gan_refines_by_its_labels(make_gan):
    gan, latents = make_gan(conditional=True), np.ones((2, LATENT_DIM), np.float32)
    first, other = (gan.refine(latents, labels=labels, steps=3) for labels in ([0, 1], [0, 2]))
    np.testing.assert_allclose(first[0], other[0], atol=1e-6)
    assert np.abs(first[1] - other[1]).max() > 1e-6


def test_refined_latents_come_from_the_seed_and_their_own_row():
    gan, latents = linear_gan([1.0, 0.0]), np.ones((5, 2))
    first, again, other = (gan.refine(latents, steps=3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    np.testing.assert_allclose(gan.refine(latents[:2], steps=3), first[:2], atol=1e-6)


@pytest.mark.parametrize(
    "arguments", [dict(latents=np.zeros((3, 5))), dict(latents=np.zeros(2)), dict(steps=0), dict(step_size=0.0)]
)
def test_latents_and_steps_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueError, match=r"`refine` takes latents \(N, 2\)"):
        linear_gan([1.0, 0.0]).refine(**({"latents": np.zeros((1, 2))} | arguments))


# A generator that was trained elsewhere


def sigmoid_generator():
    """Latents (N, 1, 1, 4), one-hot labels (N, 3), pixels in [0, 1], as the PyTorch zoos have them."""
    latents, labels = keras.Input((1, 1, 4)), keras.Input((3,), name="labels")
    x = keras.layers.Concatenate()([keras.layers.Flatten()(latents), labels])
    x = keras.layers.Dense(16, activation="sigmoid")(x)
    return keras.Model([latents, labels], keras.layers.Reshape((4, 4, 1))(x))


def test_a_foreign_generator_makes_its_own_pixels():
    keras.utils.set_random_seed(0)
    generator = sigmoid_generator()
    model = GenerativeModel.of(generator, output_range=(0.0, 1.0))
    assert (model.latent_dim, model.num_classes, model.image_shape) == (4, 3, (4, 4, 1))
    seeds = gk.image_seeds(2, 5)
    latents, labels = latents_from_seeds(seeds, 4).numpy(), model.labels_of(seeds)
    pixels = generator([latents[:, None, None], np.eye(3, dtype=np.float32)[labels]]).numpy()
    np.testing.assert_array_equal(model.generate(5, seed=2), np.round(255 * pixels).astype(np.uint8))


def test_a_foreign_generator_finds_its_own_image_again():
    keras.utils.set_random_seed(0)
    model = GenerativeModel.of(sigmoid_generator(), output_range=(0.0, 1.0))
    images = model.generate(2, seed=1)
    found = model.project(images, model.labels_of(gk.image_seeds(1, 2)), starts=2, steps=150)
    assert found.psnr.min() > 30


def test_a_model_that_is_no_generator_is_refused():
    with pytest.raises(ValueError, match="Received"):
        GenerativeModel.of(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]))
