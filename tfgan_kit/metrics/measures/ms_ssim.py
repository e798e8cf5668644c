"""MS-SSIM diversity: how alike generated images are to each other."""

from typing import NamedTuple

from tfgan_kit.metrics.measurement import Measurement

import numpy as np
import tensorflow as tf
from tqdm import tqdm

PAIRS = 1000  # at 64 pixels in colour they take half a second on two cores
FILTER_SIZE = 11
# Table 1 of Wang et al. (2003), the finest scale first.
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
_BATCH = 32


class MSSSIMDiversity(NamedTuple):
    """What `ms_ssim_diversity` found.

    value: the mean over the pairs, in [0, 1].
    standard_error: how far other images of the same generator would move it.
    pairs: int, the pairs that it is the mean of.
    scales: int, 1 to 5; values of different numbers of scales are not comparable.
    filter_size: int, the side of the Gaussian window in pixels.
    """

    value: float
    standard_error: float
    pairs: int
    scales: int
    filter_size: int


def ms_ssim_diversity(images, labels=None, seed=0, pairs=PAIRS):
    """The mean multi-scale structural similarity of random pairs of one set's images.

        MS-SSIM(x, y) = l_S(x, y)^w_S prod_{s = 1..S} cs_s(x, y)^w_s

    with the contrast and structure cs_s at scale s and the luminance l_S at the coarsest. Images that
    are all the same give 1. The lower, the more diverse, but noise is the lowest of all: a good value is
    that of as many real images. It sees a generator that repeats itself, not whether its images are
    good.

    Args:
        images: uint8 (N, H, W, C), N >= 4, H, W >= 11.
        labels: int (N,), at least 2 images of each class; pairs are then of one class, as in the paper. A
            class counts as often as it occurs; the paper has a value for each.
        seed: int, draws the pairs.
        pairs: int >= 2. No image is in two of them, so there are at most N / 2, and they are independent.

    Returns:
        An `MSSSIMDiversity`. Images of 176 pixels or more have the original 5 scales; smaller ones as many
        as leave a side of 11 pixels, the filter's, with the first weights scaled to sum to one: 4 from 88
        pixels, 3 from 44, 2 from 22, else 1.

    Raises:
        ValueError: images of another type, too small or too few; labels of another shape, or a class with
            a single image.

    Example:
        >>> ms_ssim_diversity(np.zeros((4, 16, 16, 1), np.uint8)).value  # all the same
        1.0

    Reference: Odena et al., arXiv:1610.09585, section 4.2; Wang, Simoncelli and Bovik
    (2003), eq. 7. As in `tf.image.ssim_multiscale`, channels are averaged and a negative cs counts as 0.
    """
    images, labels = _checked(images, labels, pairs)
    scales = num_scales(min(images.shape[1:3]))
    chosen = disjoint_pairs(labels, np.random.default_rng(seed))[:pairs]
    values = _ms_ssim(images, chosen, scales)
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return MSSSIMDiversity(float(np.mean(values)), float(error), len(values), scales, FILTER_SIZE)


def ms_ssim(comparison, seed):
    """The metric `ms_ssim`: of random pairs of images."""
    found = ms_ssim_diversity(comparison.other.samples, seed=seed)
    settings = {"pairs": found.pairs, "scales": found.scales, "filter_size": found.filter_size}
    return Measurement(found.value, settings=settings, standard_error=found.standard_error)


def num_scales(side):
    """The scales of images of a side, at most 5: side / 2^(scales - 1) is at least the filter's."""
    return min(int(np.log2(side / FILTER_SIZE)) + 1, len(_WEIGHTS))


def disjoint_pairs(labels, random):
    """int64 (K, 2): random pairs of different images with one label, no image twice, in random order."""
    order = random.permutation(len(labels))
    classes = [order[labels[order] == label] for label in np.unique(labels)]
    pairs = np.concatenate([rows[: len(rows) // 2 * 2].reshape(-1, 2) for rows in classes])
    return random.permutation(pairs)


def _ms_ssim(images, pairs, scales):
    """float64 (K,), of `images[pairs]`; on the CPU, since a GPU's TF32 has no digits for E[x^2] - E[x]^2."""
    weights = tuple((_WEIGHTS[:scales] / _WEIGHTS[:scales].sum()).tolist())
    values = []
    with tf.device("CPU:0"), tqdm(desc="ms-ssim", total=pairs.size, unit="image", delay=2, leave=False) as bar:
        for start in range(0, len(pairs), _BATCH):
            batch = pairs[start : start + _BATCH]
            values.append(_compiled(images[batch[:, 0]], images[batch[:, 1]], weights).numpy())
            bar.update(batch.size)
    return np.concatenate(values).astype(np.float64)


@tf.function(reduce_retracing=True)
def _compiled(x, y, weights):
    return tf.image.ssim_multiscale(x, y, 255, weights, FILTER_SIZE)


def _checked(images, labels, pairs):
    images = np.asarray(images)
    if images.ndim != 4 or images.dtype != np.uint8 or min(images.shape[1:3]) < FILTER_SIZE:
        raise ValueError(
            f"MS-SSIM needs images uint8 (N, H, W, C) with H, W >= {FILTER_SIZE}, the side of its filter. "
            f"Received: images.dtype={images.dtype}, images.shape={images.shape}"
        )
    if len(images) < 4 or pairs < 2:
        raise ValueError(
            "An error of the mean needs 2 pairs, of 4 images: generate more. "
            f"Received: {len(images)} images, pairs={pairs}"
        )
    labels = np.zeros(len(images), np.int32) if labels is None else np.asarray(labels)
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"Every image needs one integer label: {len(images)}. "
            f"Received: labels.shape={labels.shape}, labels.dtype={labels.dtype}"
        )
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < 2:
        raise ValueError(
            "Every class needs 2 images to make a pair: generate more, or leave these classes out. "
            f"Received: a single image of {classes[counts < 2].tolist()}"
        )
    return images, labels
