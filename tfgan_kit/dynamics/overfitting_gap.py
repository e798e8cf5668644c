"""Overfitting of a discriminator: its logits on training images against held-out images."""

import typing

from tfgan_kit.dynamics.gradient_field import batch_of

import numpy as np
import tensorflow as tf

ROWS = 64


class OverfittingGap(typing.NamedTuple):
    """Training images minus held-out images.

    Attributes:
        logit, logit_error: floats, difference of mean logits, and its standard error.
        accuracy, accuracy_error: floats, difference of the shares of images with a positive logit
            (classified as real), and its standard error.

    Example:
        >>> accuracy = overfitting_gap(gan, images[:16], images[16:]).accuracy
    """

    logit: float
    logit_error: float
    accuracy: float
    accuracy_error: float


def overfitting_gap(gan, images, held_out_images, labels=None, held_out_labels=None):
    """Mean logit, and accuracy, on training images minus those on held-out ones.

    Zero within the errors if the discriminator generalises. The errors are those of two
    independent samples, sqrt(s1^2 / n1 + s2^2 / n2); the network is in inference mode. The cost is one
    forward pass per image.

    Args:
        gan: compiled `GAN`, on one device.
        images, held_out_images: uint8 or float32 (N, ...), N >= 2 each.
        labels, held_out_labels: int (N,), for a conditional GAN.

    Returns:
        `OverfittingGap`.

    Raises:
        ValueError: fewer than 2 images in one of the sets.

    Example:
        >>> gap = overfitting_gap(gan, images[:16], images[16:])     # trained on, and held out
        >>> memorises = gap.logit / gap.logit_error > 2

    Reference: Karras et al., arXiv:2006.06676, section 3, compares the same logits (as a ratio).
    """
    seen = _logits(gan, images, labels)
    unseen = _logits(gan, held_out_images, held_out_labels)
    if min(len(seen), len(unseen)) < 2:
        raise ValueError(
            "A standard error needs at least 2 images of each. Received: "
            f"{len(seen)} images, {len(unseen)} held-out images"
        )
    return OverfittingGap(*_difference(seen, unseen), *_difference(seen > 0.0, unseen > 0.0))


def _logits(gan, images, labels):
    logits = []
    for start in range(0, len(images), ROWS):
        rows = slice(start, start + ROWS)
        batch = batch_of(gan, images[rows], None if labels is None else labels[rows])
        logits.append(gan.game.logits(batch.images, batch.condition, training=False))
    return tf.concat(logits, axis=0).numpy()[:, 0].astype(np.float64) if logits else np.zeros(0)


def _difference(a, b):
    error = np.sqrt(np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b))
    return float(np.mean(a) - np.mean(b)), float(error)
