"""The Frechet distance within each class: what a conditional generator does with its label."""

from typing import NamedTuple

from tfgan_kit.divergences.samples import real_numbers
from tfgan_kit.metrics.measurement import Measurement
from tfgan_kit.metrics.measures.frechet import frechet_distance, gaussian_statistics

import numpy as np
from tqdm import tqdm


class IntraClassFrechet(NamedTuple):
    """What `intra_class_frechet` found.

    value: the mean of the classes' distances.
    per_class: dict from label to squared Frechet distance.
    smallest_class: the images in the smallest class of either set: the value's bias is its.
    """

    value: float
    per_class: dict
    smallest_class: int


def intra_class_frechet(features_a, labels_a, features_b, labels_b):
    """The mean over classes of the squared Frechet distance between the images of one class.

        mean_c d^2(N(m_a^c, C_a^c), N(m_b^c, C_b^c))

    It sees a class that has collapsed, or has another's images, where the distance of all images
    together hardly moves. Each class has few images: the bias is much larger than that of the
    plain distance, and depends on their number; compare equal counts only.

    Args:
        features_a, features_b: float (N, D) and (M, D).
        labels_a, labels_b: int (N,) and (M,), in both sets the same classes, 2 images of each or more.

    Returns:
        An `IntraClassFrechet`.

    Raises:
        ValueError: a class that one set lacks or has a single image of, labels of a wrong shape.

    Example:
        >>> features, labels = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
        >>> round(intra_class_frechet(features, labels, features + 3, labels).value, 6)
        18.0

    Reference: Miyato and Koyama, arXiv:1802.05637, section 4 (intra FID).
    """
    features_a, labels_a = _checked("a", features_a, labels_a)
    features_b, labels_b = _checked("b", features_b, labels_b)
    return _over_classes(
        labels_a,
        labels_b,
        lambda label: gaussian_statistics(features_a[labels_a == label]),
        lambda label: gaussian_statistics(features_b[labels_b == label]),
    )


def intra_class_fd(comparison, seed):
    """The metric `intra_class_fd`: the mean over classes of the squared Frechet distance of the images of one."""
    del seed  # nothing is drawn
    reference, other = comparison.real.reference, comparison.other
    found = _over_classes(reference.labels, other.labels, reference.gaussian_of, other.gaussian_of)
    dimension = other.features.shape[1]
    warning = (
        f"a class of {found.smallest_class} images for {dimension} features: the value is mostly bias; compare it "
        "with real against real only"
    )
    per_class = {str(label): value for label, value in found.per_class.items()}
    warnings = (warning,) if found.smallest_class <= dimension else ()
    return Measurement(found.value, {"per_class": per_class}, warnings=warnings)


def _over_classes(labels_a, labels_b, gaussian_a, gaussian_b):
    """The `IntraClassFrechet` of two sets' labels and their functions, label -> `GaussianStatistics`."""
    classes = np.union1d(labels_a, labels_b)
    counts = np.array([[np.count_nonzero(labels == c) for c in classes] for labels in (labels_a, labels_b)])
    _check_counts(classes, counts)
    per_class = {}
    with tqdm(desc="classes", total=counts.sum(), unit="image", delay=2, leave=False) as bar:
        for label, count in zip(classes.tolist(), counts.sum(axis=0), strict=True):
            per_class[label] = frechet_distance(gaussian_a(label), gaussian_b(label))
            bar.update(count)
    return IntraClassFrechet(float(np.mean([*per_class.values()])), per_class, int(counts.min()))


def _checked(name, features, labels):
    features, labels = real_numbers(features), np.asarray(labels)
    if features.ndim != 2 or labels.shape != features.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            "Every image needs features and one integer label, shapes (N, D) and (N,). Received: "
            f"features_{name}.shape={features.shape}, labels_{name}.shape={labels.shape}, dtype={labels.dtype}"
        )
    if not len(labels):
        raise ValueError(f"Both sets need images. Received: labels_{name}.shape={labels.shape}")
    return features, labels


def _check_counts(classes, counts):
    poor = {int(c): (int(a), int(b)) for c, a, b in zip(classes, *counts, strict=True) if min(a, b) < 2}
    if poor:
        raise ValueError(
            "Every class needs at least 2 images in both sets: leave these classes out of both, or "
            f"generate more of them. Received: of class (a, b) images: {poor}"
        )
