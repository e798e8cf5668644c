"""Which modes of a known law a generator makes, how often, and how wide."""

import functools
from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit.divergences import discrete
from tfgan_kit.divergences.samples import real_numbers
from tfgan_kit.metrics.features.domain_classifier import domain_classifier
from tfgan_kit.metrics.measurement import Measurement

import numpy as np
from scipy.spatial.distance import cdist

NEAR = 3.0  # deviations within which a point counts for its mode
COUNTING_STEPS = 4000  # of the classifier that counts stacks, 64 images each


class ModeCoverage(NamedTuple):
    """What `mode_coverage` or `stack_coverage` found.

    modes: int, those with at least one point within 3 deviations, or one stack.
    high_quality: float, the share of points within 3 deviations of a mode; in the plane 0.989 of
        the mixture's own points. None of stacks.
    reverse_kl: float, KL of the (near) points' histogram of modes from the mixture's weights, in
        nats; inf where no point is near. Real samples of N points have about (K - 1) / (2 N).
    spread: float, the deviation of the near points around their own mean in each mode, over the
        mixture's, averaged over the modes with 2 points or more; in the plane 0.974 of the mixture's
        own, since the far ones are left out; NaN where no mode has 2. None of stacks.
    """

    modes: int
    high_quality: float | None
    reverse_kl: float
    spread: float | None


def mode_coverage(points, mixture):
    """How a generator's points lie on the modes of a mixture that is known.

    Args:
        points: float (N, D).
        mixture: has `means` (K, D), `deviation` and `weights` (K,), as `origins.mixtures.Mixture`.

    Returns:
        A `ModeCoverage`.

    Raises:
        ValueError: points of another rank or dimension, none, or NaN.

    O(N K) time and memory.

    Example:
        >>> mixture = gk.data.open_source("grid25").mixture
        >>> mode_coverage(mixture.means[:20], mixture).modes
        20

    Reference: Lin et al., PacGAN (arXiv:1712.04086), section 4.1 and its authors' code, which counts
    near points only in the histogram; the spread is ours.
    """
    points = real_numbers(points).astype(np.float64, copy=False)
    dimension = mixture.means.shape[1]
    if points.ndim != 2 or points.shape[1] != dimension or not len(points):
        raise ValueError(
            f"Points on this mixture have the shape (N, {dimension}), N >= 1. Received: points.shape={points.shape}"
        )
    if np.isnan(points).any():
        raise ValueError(f"Points must not be NaN. Received: {np.isnan(points).any(axis=1).sum()} that are")
    distances = cdist(points, mixture.means)  # (N, K)
    nearest = distances.argmin(axis=1)
    near = distances.min(axis=1) < NEAR * mixture.deviation
    counts = np.bincount(nearest[near], minlength=len(mixture.means))
    return ModeCoverage(
        modes=int(np.count_nonzero(counts)),
        high_quality=float(near.mean()),
        reverse_kl=discrete.kl(counts / counts.sum(), mixture.weights) if near.any() else np.inf,
        spread=_spread(points[near], nearest[near], counts) / mixture.deviation,
    )


def stack_coverage(images, classifier, num_classes):
    """How often a generator of stacks makes each combination of classes.

    Args:
        images: uint8 (N, H, W, C), each channel an image of a class of its own.
        classifier: uint8 (N, H, W, 1) -> answers with `classes`, int (N,), as a `DomainClassifier`; its
            errors count as modes, so it must be a good one, and no generator may have met it.
        num_classes: int, K; there are K^C modes, and the histogram is compared with even weights.

    Returns:
        A `ModeCoverage`; no image is far from every mode, so `high_quality` and `spread` are None.

    Reference: Metz et al., arXiv:1611.02163, section 3.3; Lin et al., arXiv:1712.04086, section 4.2.

    Example::

        stack_coverage(gan.generate(26000), classifier, num_classes=10).modes
    """
    num_channels = images.shape[-1]
    classes = [classifier(images[..., c : c + 1]).classes for c in range(num_channels)]
    modes = np.ravel_multi_index(classes, [num_classes] * num_channels)
    counts = np.bincount(modes, minlength=num_classes**num_channels)
    even = np.full(len(counts), 1 / len(counts))
    reverse_kl = discrete.kl(counts / counts.sum(), even)
    return ModeCoverage(int(np.count_nonzero(counts)), None, reverse_kl, None)


class ModeCounter(NamedTuple):
    """How the modes of one source are counted.

    count: callable, samples -> `ModeCoverage`.
    num_modes: int, K.
    protocol: dict for JSON, what else decides the numbers.
    """

    count: Callable
    num_modes: int
    protocol: dict


def mode_counter(source):
    """The `ModeCounter` of a source whose modes are known, or None.

    Stacks are counted by a domain classifier of their own, trained on five sixths of the single
    images (2 minutes at 28x28 on one core; 99.2 % right on the other MNIST digits) and cached.
    """
    if source.mixture is not None:
        count = functools.partial(mode_coverage, mixture=source.mixture)
        return ModeCounter(count, len(source.mixture.means), {})
    if source.digits is None:
        return None
    digits = source.digits
    order = np.random.default_rng(0).permutation(digits.num_images)
    classifier = domain_classifier(digits, order[len(order) // 6 :], steps=COUNTING_STEPS)
    count = functools.partial(stack_coverage, classifier=classifier, num_classes=digits.num_classes)
    protocol = {"counting_accuracy": classifier.accuracy, "counting_hash": classifier.weights_hash}
    return ModeCounter(count, digits.num_classes ** source.image_shape[-1], protocol)


def mode_value(field):
    """The metric that is a field of the `ModeCoverage`: the law itself is the reference."""

    def value(comparison, seed):
        del seed  # nothing is drawn
        return Measurement(getattr(comparison.coverage, field))

    return value


def _spread(points, modes, counts):
    """The mean over modes of the root mean variance of a coordinate."""
    deviations = [np.sqrt(points[modes == k].var(axis=0, ddof=1).mean()) for k in np.flatnonzero(counts > 1)]
    return float(np.mean(deviations)) if deviations else np.nan
