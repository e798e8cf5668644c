"""Projection into w: the schedule, the noise, and images that are found again."""

import tfgan_kit as gk
from tfgan_kit.generation import projection
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.generation.projection import Search, mean_and_deviation, project_styles

import numpy as np
import pytest
import tensorflow as tf

from tests.generation.tiny_styles import TinyStyles

SIDE = 8


def styles(noise_strength=0.0):
    """Images that are linear in w, well conditioned, within [-1, 1]."""
    random = np.random.default_rng(0)
    q, _ = np.linalg.qr(random.standard_normal((SIDE * SIDE, 6)))
    kernels = [0.6 * q.T[:, :], 0.4 * np.roll(q.T, 9, axis=1)]
    return TinyStyles(0.5 * np.eye(6), kernels, SIDE, noise_strength)


def model_of(generator):
    return GenerativeModel(generator, generator.latent_dim, None, (SIDE, SIDE, 1))


# Schedule: arXiv:1912.04958, appendix D, and the defaults of the authors' projector


@pytest.mark.parametrize(
    "step, rate", [(0, 0.0), (25, 0.05), (50, 0.1), (500, 0.1), (750, 0.1), (875, 0.05), (1000, 0.0)]
)
def test_the_step_size_rises_over_50_steps_and_falls_over_the_last_250(step, rate):
    assert Search().learning_rate_at(step) == pytest.approx(rate, abs=1e-12)


@pytest.mark.parametrize("step, noise", [(0, 0.05), (375, 0.0125), (750, 0.0), (1000, 0.0)])
def test_the_noise_of_w_falls_to_zero_at_three_quarters(step, noise):
    assert Search().noise_at(step) == pytest.approx(noise, abs=1e-12)


@pytest.mark.parametrize(
    "arguments",
    [
        dict(space="z"),
        dict(steps=0),
        dict(learning_rate=0.0),
        dict(learning_rate=np.nan),
        dict(noise=-1.0),
        dict(seed=2**40),
    ],
)
def test_a_search_out_of_range_is_refused(arguments):
    with pytest.raises(ValueError, match="Received: "):
        Search(**arguments)


# Noise


def regularization(n):
    """sum over scales of mean(n roll_x n)^2 + mean(n roll_y n)^2, halved while a side is above 8."""
    total = 0.0
    while True:
        total += np.mean(n * np.roll(n, 1, 1)) ** 2 + np.mean(n * np.roll(n, 1, 0)) ** 2
        if min(n.shape) <= 8:
            return total
        n = n.reshape(n.shape[0] // 2, 2, n.shape[1] // 2, 2).mean(axis=(1, 3))


@pytest.mark.parametrize("shape", [(32, 32), (8, 8), (4, 4), (16, 24)])
def test_the_regularization_of_noise_is_its_formula(shape):
    noise = np.random.default_rng(1).standard_normal(shape)
    found = projection.noise_regularization(tf.constant(noise, tf.float32))
    np.testing.assert_allclose(found, regularization(noise), rtol=1e-4)


def test_noise_of_a_checkerboard_is_as_far_from_white_as_can_be():
    """Neighbours are opposite: mean(n roll n) = -1 in x and y; its 2 x 2 means are 0."""
    board = tf.constant((-1.0) ** np.add.outer(np.arange(16), np.arange(16)), tf.float32)
    np.testing.assert_allclose(projection.noise_regularization(board), 2.0, rtol=1e-6)


def test_white_noise_has_mean_0_and_mean_square_1():
    noise = projection.white(tf.constant(np.random.default_rng(0).uniform(3, 9, (8, 8)), tf.float32)).numpy()
    np.testing.assert_allclose([noise.mean(), np.mean(noise**2)], [0, 1], atol=1e-5)


# Distances


def test_the_distance_of_pixels_is_the_mean_squared_error():
    one, other = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 5, 3)).astype(np.float32)
    found = projection.distances(projection.pixels(tf.constant(one)), projection.pixels(tf.constant(other)))
    np.testing.assert_allclose(found, np.square(one - other).mean(axis=(1, 2, 3)), rtol=1e-5)


# The mean and the deviation of w


def test_the_deviation_of_w_is_that_of_the_whole_vector():
    """w = z / 2 with 6 coordinates: E|w|^2 = 6 / 4. Of 10,000 samples the standard error is 0.4 %."""
    mean, deviation = mean_and_deviation(styles())
    assert mean.shape == (1, 6) and deviation.shape == (1,)
    np.testing.assert_allclose(deviation, np.sqrt(1.5), rtol=0.02)
    np.testing.assert_allclose(mean, 0.0, atol=0.02)


# Images


@pytest.mark.thorough
@pytest.mark.parametrize("space", ["w", "w+"])
def test_generated_images_are_found_again(space):
    model = model_of(styles())
    images = model.generate(2, seed=5)
    found = project_styles(model, images, search=Search(space=space, steps=100))
    assert found.ws.shape == (2, 2, 6) and found.images.shape == images.shape
    assert found.psnr.min() > 40 and found.mean_psnr.max() < 30
    np.testing.assert_allclose(found.images.astype(int), images, atol=2)
    assert (np.ptp(found.ws, axis=1).max() > 0) == (space == "w+")


def test_noise_is_searched_and_the_generator_keeps_its_own():
    generator = styles(noise_strength=0.1)
    before = [weight.copy() for weight in generator.get_weights()]
    model = model_of(generator)
    found = project_styles(model, model.generate(1, seed=2), search=Search(steps=30))
    for weight, value in zip(before, generator.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, value)
    made = generator.synthesis(tf.constant(found.ws)).numpy()
    np.testing.assert_allclose(found.images, np.clip(np.round((made + 1) * 127.5), 0, 255), atol=1)


def test_an_image_is_found_alike_in_any_batch():
    model = model_of(styles())
    images = model.generate(3, seed=1)
    search = Search(steps=5, search_noise=False)
    whole = project_styles(model, images, search=search).ws
    np.testing.assert_allclose(project_styles(model, images[:1], search=search).ws, whole[:1], atol=1e-5)


def test_a_film_begins_at_the_mean_and_ends_at_the_answer():
    model, ways = model_of(styles()), []
    found = project_styles(
        model, model.generate(1), search=Search(steps=4), on_step=lambda step, ws: ways.append((step, ws))
    )
    assert [step for step, _ in ways] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(ways[0][1], np.tile(mean_and_deviation(model.generator)[0], (1, 2, 1)), atol=1e-6)
    np.testing.assert_array_equal(ways[-1][1], found.ws)


def test_a_generator_without_w_names_the_search_of_latents(make_gan):
    gan = make_gan()
    with pytest.raises(ValueError, match="search its latents by `project`"):
        project_styles(gan, gan.generate(1))


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"images of shape \(4, 4, 1\)"):
        project_styles(model_of(styles()), np.zeros((1, 4, 4, 1), np.uint8))


@pytest.mark.thorough
def test_a_real_stylegan_is_searched_with_its_noise():
    """A step moves each noise and w; the generator's own variables stay."""
    generator = gk.networks.StyleGAN2Generator(16, 1, latent_dim=4, w_dim=4, channel_base=32, mapping_layers=1)
    for layer in generator.synthesis.style_layers:
        layer.noise_strength.assign(0.5)
    before = [weight.copy() for weight in generator.get_weights()]
    model = GenerativeModel(generator, 4, None, (16, 16, 1))
    images = model.generate(1, seed=3)
    found = project_styles(model, images, search=Search(steps=8))
    assert len(projection.noises_of(generator)) == 5  # of levels 4, 8, 8, 16, 16
    assert np.abs(found.ws - mean_and_deviation(generator)[0]).max() > 1e-3
    for weight, value in zip(before, generator.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, value)
