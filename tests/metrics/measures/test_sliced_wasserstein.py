from tfgan_kit.metrics import image_sliced_wasserstein, laplacian_pyramid, sliced_wasserstein
from tfgan_kit.metrics.measures.sliced_wasserstein import _patches, level_sides, upsample

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import wasserstein_distance


def _points(count, dimension=2, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dimension))


def _images(count, height, width, channels, seed=0):
    noise = np.random.default_rng(seed).normal(size=(count, height, width, channels))
    smooth = gaussian_filter(noise, (0, 1, 1, 0))
    return np.clip(128 + 200 * smooth, 0, 255).astype(np.uint8)


def test_distance_of_shifted_points_on_a_line_is_the_shift():
    x = _points(100, dimension=1)
    assert sliced_wasserstein(x, x + 3.0).value == pytest.approx(3.0)


@pytest.mark.parametrize("dimension, mean_cosine", [(2, 2 / np.pi), (3, 1 / 2)])
def test_distance_of_shifted_points_is_the_mean_projection_of_the_shift(dimension, mean_cosine):
    # |cos| has variance 1/D - mean^2 on the sphere; 4 x 4096 directions, five deviations.
    x = _points(50, dimension)
    shift = np.full(dimension, 2.0 / np.sqrt(dimension))
    error = 2.0 * np.sqrt((1 / dimension - mean_cosine**2) / (4 * 4096))
    found = sliced_wasserstein(x, x + shift, directions=4096)
    assert found.value == pytest.approx(2.0 * mean_cosine, abs=5 * error)


@pytest.mark.parametrize("n, m", [(40, 40), (40, 25), (7, 50)])
def test_distance_on_a_line_agrees_with_scipy_at_unequal_counts(n, m):
    x, y = _points(n, 1, seed=1), 2 * _points(m, 1, seed=2)
    expected = wasserstein_distance(x[:, 0], y[:, 0])
    assert sliced_wasserstein(x, y).value == pytest.approx(expected, rel=1e-10)


def test_distance_of_a_permuted_set_is_zero():
    x = _points(100)
    assert sliced_wasserstein(x, x[::-1]).value == 0


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (16, 20, 3), (45, 31, 1), (8, 8, 1)])
def test_distance_of_identical_images_is_zero_at_any_size(shape):
    images = _images(10, *shape)
    assert image_sliced_wasserstein(images, images).value == 0
    assert image_sliced_wasserstein(images, _images(10, *shape, seed=1)).value > 0


@pytest.mark.parametrize(
    "side, sides",
    [(64, [64, 32, 16]), (28, [28, 14]), (16, [16]), (8, [8]), (27, [27, 14]), (256, [256, 128, 64, 32, 16])],
)
def test_levels_halve_down_to_14_pixels(side, sides):
    assert level_sides(side) == sides


@pytest.mark.parametrize("shape", [(28, 28, 1), (45, 31, 3)])
def test_pyramid_levels_add_up_to_the_images(shape):
    images = _images(3, *shape)
    levels = laplacian_pyramid(images, 3)
    rebuilt = levels[-1]
    for level in levels[-2::-1]:
        rebuilt = level + upsample(rebuilt, level.shape)
    np.testing.assert_allclose(rebuilt, images, atol=1e-3)


def test_pyramid_of_a_constant_image_is_zero_but_for_the_coarsest_level():
    fine, coarse = laplacian_pyramid(np.full((1, 28, 28, 1), 90, np.uint8), 2)
    np.testing.assert_allclose(fine, 0, atol=1e-4)
    np.testing.assert_allclose(coarse, 90, rtol=1e-6)


def test_distance_ignores_brightness_and_contrast_of_a_whole_set():
    # Patches are normalised by their own set's mean and deviation, as in the paper.
    images = (_images(20, 28, 28, 1) // 2).astype(np.uint8)
    assert image_sliced_wasserstein(images, 2 * images).value < 0.01


@pytest.mark.slow
@pytest.mark.thorough
def test_distance_rises_with_blur(reference_digits, held_out_digits):
    reference, held_out = reference_digits[0][:150], held_out_digits[0][:150]
    blurred = [held_out] + [
        np.round(gaussian_filter(held_out.astype(float), (0, s, s, 0))).astype(np.uint8) for s in (0.5, 0.8, 1.2)
    ]
    values = [image_sliced_wasserstein(reference, images).value for images in blurred]
    assert np.all(np.diff(values) > 0)


@pytest.mark.parametrize("chunk", [1, 7])
def test_patches_do_not_depend_on_how_images_are_batched(chunk):
    images = _images(20, 28, 28, 1)
    whole = _patches(images, 1, seed=0)
    np.testing.assert_array_equal(_patches(images, 1, seed=0, chunk=chunk), whole)


@pytest.mark.parametrize(
    "measure, x, y, message",
    [
        (sliced_wasserstein, np.zeros((5, 2)), np.zeros((5, 3)), "same dimension"),
        (sliced_wasserstein, np.zeros(5), np.zeros(5), r"[\[(]N, D[\])]"),
        (sliced_wasserstein, np.full((5, 2), np.nan), np.zeros((5, 2)), "finite"),
        (image_sliced_wasserstein, np.zeros((5, 6, 6, 1)), np.zeros((5, 6, 6, 1)), ">= 7"),
        (image_sliced_wasserstein, np.zeros((5, 8, 8, 1)), np.zeros((5, 8, 8, 3)), "one shape"),
        (image_sliced_wasserstein, np.zeros((0, 8, 8, 1)), np.zeros((5, 8, 8, 1)), "N >= 1"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(measure, x, y, message):
    with pytest.raises(ValueError, match=message):
        measure(x, y)
