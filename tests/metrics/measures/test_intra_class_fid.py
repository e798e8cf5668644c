from tfgan_kit.metrics import frechet_distance, gaussian_statistics
from tfgan_kit.metrics.measures.intra_class_fid import intra_class_frechet

import numpy as np
import pytest


def _two_classes(seed, count=200):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.repeat([4, 9], count))
    return random.normal(size=(2 * count, 3)) + 5.0 * (labels == 9)[:, None], labels


def test_each_class_has_the_distance_of_its_own_images():
    (a, labels_a), (b, labels_b) = _two_classes(0), _two_classes(1, count=150)
    found = intra_class_frechet(a, labels_a, b, labels_b)
    expected = {
        c: frechet_distance(gaussian_statistics(a[labels_a == c]), gaussian_statistics(b[labels_b == c]))
        for c in (4, 9)
    }
    assert found.per_class == pytest.approx(expected, rel=1e-12)
    assert found.value == pytest.approx(np.mean([*expected.values()]), rel=1e-12)
    assert found.smallest_class == 150


def test_exchanged_classes_are_seen_here_and_not_in_the_plain_distance():
    a, labels = _two_classes(0)
    exchanged = np.where(labels == 4, 9, 4)
    assert frechet_distance(gaussian_statistics(a), gaussian_statistics(a)) == 0
    assert intra_class_frechet(a, labels, a, exchanged).value == pytest.approx(3 * 5.0**2, rel=0.1)


def test_a_shift_of_one_class_counts_for_that_class_alone():
    a, labels = _two_classes(0)
    found = intra_class_frechet(a, labels, a + 2.0 * (labels == 9)[:, None], labels)
    assert found.per_class[4] == 0
    assert found.per_class[9] == pytest.approx(3 * 2.0**2, rel=1e-9)


POINTS, LABELS = np.zeros((4, 2)), np.array([0, 0, 1, 1])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((POINTS, LABELS, POINTS, LABELS * 0), r"at least 2 images.*\{1: \(2, 0\)\}"),
        ((POINTS, [0, 0, 0, 1], POINTS, LABELS), r"\{1: \(1, 2\)\}"),
        ((POINTS, LABELS[:3], POINTS, LABELS), r"labels_a.shape=\(3,\)"),
        ((POINTS, LABELS, POINTS, LABELS * 1.0), "dtype=float64"),
        ((POINTS[:0], LABELS[:0], POINTS, LABELS), r"labels_a.shape=\(0,\)"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(arguments, message):
    with pytest.raises(ValueError, match=message):
        intra_class_frechet(*arguments)
