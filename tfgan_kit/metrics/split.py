"""Which images train the extractor, which are the reference, which are the test."""

from typing import NamedTuple

import numpy as np

SMALLEST_SOURCE = 16


class Split(NamedTuple):
    """Disjoint, sorted int64 indices into a source; `test` is into `test_source` where given.

    classifier: the images an extractor may be trained on; empty where there is no extractor.
    reference: the images the generated ones are measured against.
    test: the real images that give the floor.
    """

    classifier: np.ndarray
    reference: np.ndarray
    test: np.ndarray


def split_indices(num_images, with_classifier, seed=0, num_test_images=None):
    """Splits a source at random into classifier, reference and test images.

    With a classifier 50 % / 25 % / 25 %, without 0 / 50 % / 50 %. Where the test images come from
    another source the reference is all of the rest. The draw depends on (seed, num_images) alone.

    Args:
        num_images: int >= 16, the images of the source.
        with_classifier: bool, whether an extractor is trained on a part of them.
        seed: int >= 0.
        num_test_images: int, the images of a separate test source, or None.

    Returns:
        A `Split`.

    Example:
        >>> [len(part) for part in split_indices(5000, with_classifier=True)]
        [2500, 1250, 1250]
    """
    if num_images < SMALLEST_SOURCE:
        raise ValueError(
            f"Evaluation needs a source of at least {SMALLEST_SOURCE} images, to split into "
            f"reference and test images: use a larger one. Received: num_images={num_images}"
        )
    order = np.random.default_rng(seed).permutation(num_images)
    classifier, rest = np.split(order, [num_images // 2 if with_classifier else 0])
    if num_test_images is None:
        reference, test = np.split(rest, [(len(rest) + 1) // 2])
    else:
        reference, test = rest, np.arange(num_test_images)
    return Split(np.sort(classifier), np.sort(reference), np.sort(test))
