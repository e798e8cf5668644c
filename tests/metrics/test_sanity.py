"""Each distance rises as real digits are made worse: blur, noise, lost and repeated modes."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tfgan_kit.metrics import frechet_distance, gaussian_statistics, kernel_distance


def _fd_domain(reference, features):
    return frechet_distance(gaussian_statistics(reference), gaussian_statistics(features))


def _kid_domain(reference, features):
    return kernel_distance(reference, features, num_subsets=10, subset_size=700).value


def _blur(images, labels, strength):
    del labels
    return np.round(gaussian_filter(images.astype(float), (0, strength, strength, 0)))


def _noise(images, labels, strength):
    del labels
    return np.clip(images + np.random.default_rng(0).normal(0, strength, images.shape), 0, 255)


def _dropped_classes(images, labels, strength):
    return images[labels >= strength]


def _duplicated_mode(images, labels, strength):
    """Every image of the classes below `strength` becomes one and the same."""
    copies = images.copy()
    copies[labels < strength] = images[labels == 0][0]
    return copies


@pytest.mark.parametrize("distance", [_fd_domain, _kid_domain])
@pytest.mark.parametrize("damage, strengths", [
    (_blur, (0.5, 0.8, 1.2)),
    (_noise, (10, 30, 60)),
    (_dropped_classes, (1, 2, 4)),
    (_duplicated_mode, (1, 2, 4)),
])
def test_distance_rises_strictly(
        distance, damage, strengths, digit_classifier, reference_digits, held_out_digits):
    reference = digit_classifier(reference_digits[0])[0]
    values = [distance(reference, digit_classifier(held_out_digits[0])[0])]
    for strength in strengths:
        damaged = damage(*held_out_digits, strength).astype(np.uint8)
        values.append(distance(reference, digit_classifier(damaged)[0]))
    assert np.all(np.diff(values) > 0), values
