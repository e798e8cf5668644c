"""The Inception Score: how sure a classifier is of each image, and how many classes it sees in all."""

from typing import NamedTuple

from tfgan_kit.divergences.samples import real_numbers
from tfgan_kit.metrics.measurement import Measurement

import numpy as np
from scipy.special import entr, log_softmax

SPLITS = 10
# How far from 1 a row of probabilities may sum: bfloat16's of a thousand classes stay within.
PROBABILITY_TOLERANCE = 0.02


class SplitScores(NamedTuple):
    """What `inception_score` found.

    value: the mean over the splits, 1 to K, the number of classes.
    std: the standard deviation of the splits' scores.
    splits, split_size: what was used; the smallest split where they differ.
    """

    value: float
    std: float
    splits: int
    split_size: int


def inception_score(logits, splits=SPLITS, seed=0):
    """The exponential of the mutual information of image and class, in the classifier's opinion.

        IS = exp(mean_x KL(p(y | x) || p(y))) = exp(H(mean_x p(y | x)) - mean_x H(p(y | x)))

    1 where every image gets the same answer, K where every image is sure and the K classes are
    equally frequent. It knows no real images: it sees neither a missing variety within a class
    nor a copied training set. It grows with the size of a split: compare equal counts only.

    Args:
        logits: float (N, K), InceptionV3's with K = 1008 for the published protocol; N >= 2 `splits`. Where no
            number is negative and every row sums to 1 within 0.02, they are a softmax's answers, and taken as the
            probabilities that they are.
        splits: int >= 1, 10 in the paper's code.
        seed: int, shuffles the images; None leaves their order.

    Returns:
        A `SplitScores`, computed in float64 split by split.

    Raises:
        ValueError: logits of a wrong shape or not finite, fewer than two images a split.

    Example:
        >>> round(inception_score(100 * np.eye(10).repeat(20, axis=0), splits=1).value, 6)
        10.0

    Reference: Salimans et al., arXiv:1606.03498, section 4.
    """
    logits = _checked(logits, splits)
    score_of = _score_of_probabilities if are_probabilities(logits) else _score
    count = len(logits)
    order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
    parts = [order[k * count // splits : (k + 1) * count // splits] for k in range(splits)]
    scores = [score_of(logits[part].astype(np.float64)) for part in parts]
    return SplitScores(float(np.mean(scores)), float(np.std(scores)), splits, count // splits)


def are_probabilities(rows):
    """Whether the rows (N, K) are a classifier's probabilities, not logits."""
    return bool((rows >= 0).all() and (abs(rows.sum(axis=1, dtype=np.float64) - 1) < PROBABILITY_TOLERANCE).all())


def score(comparison, seed):
    """The metric `inception_score`, of whichever classifier."""
    if comparison.other.logits is None:
        raise ValueError(
            "An inception_score needs an extractor that is a classifier and answers (features, logits). "
            "Received: features alone"
        )
    found = inception_score(comparison.other.logits, seed=seed)
    return Measurement(found.value, {"std": found.std}, {"splits": found.splits})


def _score(logits):
    log_probabilities = log_softmax(logits, axis=1)  # (n, K)
    probabilities = np.exp(log_probabilities)
    return _exponential(probabilities, -np.einsum("nk,nk->n", probabilities, log_probabilities))


def _score_of_probabilities(rows):
    probabilities = rows / rows.sum(axis=1, keepdims=True)
    return _exponential(probabilities, entr(probabilities).sum(axis=1))


def _exponential(probabilities, entropies):
    information = entr(probabilities.mean(axis=0)).sum() - entropies.mean()
    return float(np.exp(np.clip(information, 0.0, np.log(probabilities.shape[1]))))  # but for rounding no clip


def _checked(logits, splits):
    logits = real_numbers(logits)
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(
            f"`logits` must have the shape (N, K) with K >= 2 classes. Received: logits.shape={logits.shape}"
        )
    if splits < 1 or len(logits) < 2 * splits:
        raise ValueError(
            "An Inception Score needs at least one split and two images in each: generate more "
            f"images or take fewer splits. Received: splits={splits}, {len(logits)} images"
        )
    if not np.isfinite(logits).all():
        raise ValueError(
            "`logits` must be finite: look for NaN or infinity in the images or the classifier. "
            f"Received: {np.count_nonzero(~np.isfinite(logits))} such values"
        )
    return logits
