from tfgan_kit.metrics.measures.ms_ssim import disjoint_pairs, ms_ssim_diversity, num_scales

import numpy as np
import pytest
from scipy.ndimage import correlate1d


def _noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _window(image):
    """The weighted local mean of Wang et al. (2004): 11 x 11, deviation 1.5, inside the image."""
    taps = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    for axis in (0, 1):
        image = correlate1d(image, taps / taps.sum(), axis)
    return image[5:-5, 5:-5]


def _literal(x, y, weights):
    """Eq. 7 of Wang et al. (2003), of two images in [0, 255], averaged over channels."""
    x, y = x.astype(float), y.astype(float)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    value = np.ones(x.shape[2])
    for scale, weight in enumerate(weights):
        mean_x, mean_y = _window(x), _window(y)
        covariance = _window(x * y) - mean_x * mean_y
        variances = _window(x * x) - mean_x**2 + _window(y * y) - mean_y**2
        term = (2 * covariance + c2) / (variances + c2)
        if scale == len(weights) - 1:
            term *= (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        value *= np.maximum(term.mean(axis=(0, 1)), 0) ** weight
        x, y = _halved(x), _halved(y)
    return value.mean()


def _halved(image):
    """The means of 2 x 2 pixels; an odd side has its last pixel twice."""
    even = np.pad(image, [(0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)], "edge")
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4


@pytest.mark.thorough
@pytest.mark.parametrize(
    "shape, weights",
    [
        ((16, 20, 3), (1,)),
        ((28, 28, 1), (0.0448, 0.2856)),
        ((45, 63, 3), (0.0448, 0.2856, 0.3001)),
        ((176, 176, 1), (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)),
    ],
)
def test_value_and_error_equal_the_definition_over_the_pairs(shape, weights):
    clean, noise = _noise(1, *shape, seed=1) / 2, _noise(8, *shape) / 2
    images = (clean + noise).astype(np.uint8)  # correlated, so that no term is cut off at zero
    pairs = disjoint_pairs(np.zeros(8, int), np.random.default_rng(0))
    expected = [_literal(*images[pair], np.array(weights) / sum(weights)) for pair in pairs]
    found = ms_ssim_diversity(images)
    assert found.value == pytest.approx(np.mean(expected), rel=5e-5)  # float32
    assert found.standard_error == pytest.approx(np.std(expected, ddof=1) / 2, rel=1e-3)
    assert found[2:] == (4, len(weights), 11)


@pytest.mark.parametrize(
    "side, scales", [(11, 1), (21, 1), (22, 2), (43, 2), (44, 3), (87, 3), (88, 4), (175, 4), (176, 5), (1024, 5)]
)
def test_images_have_as_many_scales_as_the_filter_fits_in(side, scales):
    assert num_scales(side) == scales


@pytest.mark.thorough
@pytest.mark.parametrize("side", [11, 28, 45])
def test_images_all_the_same_have_the_value_one(side):
    found = ms_ssim_diversity(_noise(1, side, side, 3).repeat(6, axis=0))
    assert found.value == pytest.approx(1, abs=1e-6)
    assert found.standard_error == pytest.approx(0, abs=1e-6)


@pytest.mark.thorough
def test_independent_noise_has_a_value_near_zero():
    assert 0 <= ms_ssim_diversity(_noise(64, 64, 64, 3)).value < 0.05


def test_the_more_images_share_the_higher_the_value():
    shared, own = _noise(1, 32, 32, 3, seed=1), _noise(64, 32, 32, 3)
    blends = [(share * shared + (1 - share) * own).astype(np.uint8) for share in (0, 0.25, 0.5, 0.75, 1)]
    assert np.all(np.diff([ms_ssim_diversity(images).value for images in blends]) > 0)


def test_copied_digits_are_less_diverse_than_the_digits(reference_digits):
    digits = reference_digits[0][:200]
    values = [ms_ssim_diversity(digits[np.arange(200) % kept]).value for kept in (200, 20, 5)]
    assert values == sorted(values) and values[2] > 1.2 * values[0]


def test_digits_of_one_class_are_more_alike_than_of_all(reference_digits):
    images, labels = (part[:600] for part in reference_digits)
    within, across = ms_ssim_diversity(images, labels), ms_ssim_diversity(images)
    assert within.value > across.value + 4 * (within.standard_error + across.standard_error)


def test_pairs_are_of_one_class_and_no_image_is_in_two():
    labels = np.random.default_rng(1).integers(0, 5, 101)
    pairs = disjoint_pairs(labels, np.random.default_rng(0))
    assert len(pairs) == sum(np.bincount(labels) // 2)
    assert len(np.unique(pairs)) == pairs.size
    np.testing.assert_array_equal(labels[pairs[:, 0]], labels[pairs[:, 1]])


def test_fewer_pairs_than_there_are_come_from_every_class():
    labels = np.repeat([0, 1], 1000)
    first = disjoint_pairs(labels, np.random.default_rng(0))[:100, 0]
    assert abs(np.mean(labels[first]) - 0.5) < 4 * 0.5 / np.sqrt(100)


def test_every_pair_is_as_likely_as_any_other():
    draws = [disjoint_pairs(np.zeros(4, int), np.random.default_rng(seed))[0] for seed in range(3000)]
    counts = np.unique(np.sort(draws), axis=0, return_counts=True)[1]
    expected = 3000 / 6
    assert len(counts) == 6
    assert np.sum((counts - expected) ** 2 / expected) < 20.5  # chi-squared of 5 degrees, p = 0.001


def test_the_seed_alone_draws_the_pairs():
    images = _noise(40, 16, 16, 1)
    assert ms_ssim_diversity(images, seed=3) == ms_ssim_diversity(images, seed=3)
    assert ms_ssim_diversity(images, seed=3).value != ms_ssim_diversity(images, seed=4).value


def test_at_most_the_pairs_asked_for_are_measured():
    images = _noise(41, 16, 16, 1)
    assert [ms_ssim_diversity(images, pairs=pairs).pairs for pairs in (2, 7, 100)] == [2, 7, 20]


def test_the_value_of_other_images_lies_within_the_stated_error():
    found = [ms_ssim_diversity(_noise(80, 16, 16, 1, seed=seed)) for seed in range(40)]
    errors = np.array([one.standard_error for one in found])
    assert np.std([one.value for one in found]) == pytest.approx(np.sqrt(np.mean(errors**2)), rel=0.35)


@pytest.mark.parametrize(
    "images, labels, pairs, message",
    [
        (np.zeros((9, 10, 16, 1), np.uint8), None, 9, r"H, W >= 11.*\(9, 10, 16, 1\)"),
        (np.zeros((9, 16, 16, 1)), None, 9, "dtype=float64"),
        (np.zeros((9, 16, 16), np.uint8), None, 9, r"\(N, H, W, C\)"),
        (np.zeros((3, 16, 16, 1), np.uint8), None, 9, "Received: 3 images"),
        (np.zeros((9, 16, 16, 1), np.uint8), None, 1, "pairs=1"),
        (np.zeros((4, 16, 16, 1), np.uint8), [0, 1, 0], 9, r"labels.shape=\(3,\)"),
        (np.zeros((4, 16, 16, 1), np.uint8), [0.0] * 4, 9, "labels.dtype=float64"),
        (np.zeros((4, 16, 16, 1), np.uint8), [0, 0, 0, 7], 9, r"single image of \[7\]"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(images, labels, pairs, message):
    with pytest.raises(ValueError, match=message):
        ms_ssim_diversity(images, labels, pairs=pairs)
