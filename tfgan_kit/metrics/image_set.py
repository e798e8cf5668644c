"""What the metrics see of a set of images, gathered batch by batch."""

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

BATCH_SIZE = 128
SEEDS_PER_SEED = 2**32  # image k of seed s has the name s * 2^32 + k (DESIGN.md, Randomness)


class ImageSet(NamedTuple):
    """N real or generated images, or points, as the metrics need them.

    count: int, N.
    samples: uint8 [n, H, W, C], the first n <= N that were to be kept; or points, float [n, D].
    features, classes: the extractor's answers, float32 [N, 64] and int32 [N]; or None.
    labels: int32 [N], what the images are or were asked to be; or None.
    coverage: the `ModeCoverage` of them all, where modes are counted; not of a part.
    """

    count: int
    samples: np.ndarray
    features: np.ndarray | None
    classes: np.ndarray | None
    labels: np.ndarray | None
    coverage: tuple | None = None

    def first(self, count):
        """The set of the first `count` images; all of them where there are not so many."""
        parts = (None if values is None else values[:count] for values in self[1:-1])
        return ImageSet(min(count, self.count), *parts)


def gather(batches, classifier=None, keep=None):
    """The `ImageSet` of (samples, labels or None) batches, with the first `keep` samples."""
    count, samples, answers, labels = 0, [], [], []
    for batch, batch_labels in batches:
        samples.append(batch[: None if keep is None else max(keep - count, 0)])
        count += len(batch)
        if classifier is not None:
            answers.append(classifier(batch))
        if batch_labels is not None:
            labels.append(batch_labels)
    features, classes = zip(*answers, strict=True) if answers else (None, None)
    return ImageSet(count, np.concatenate(samples), _joined(features), _joined(classes),
                    _joined(labels or None))


def real_batches(source, indices):
    """(samples, labels or None) of `source[indices]`, batch by batch as NumPy arrays."""
    for batch in source.ordered(BATCH_SIZE, indices=indices):
        if source.labels is None:
            yield batch.numpy(), None
        else:
            yield batch[0].numpy(), batch[1].numpy()


def generated_batches(generate, num_images, image_shape, seed=0, labels=None):
    """(samples, labels or None) of images seed * 2^32 ... + num_images - 1, checked.

    Args:
        generate: `(seeds_start, count, labels or None) -> uint8 [count, H, W, C]`, or float
            [count, D] where `image_shape` is (D,).
        num_images: int.
        image_shape: (H, W, C) or (D,).
        seed: int.
        labels: int32 [num_images], or None.
    """
    with tqdm(desc="generating", total=num_images, unit="image", delay=2, leave=False) as bar:
        for start in range(0, num_images, BATCH_SIZE):
            count = min(BATCH_SIZE, num_images - start)
            asked = None if labels is None else labels[start : start + count]
            samples = np.asarray(generate(seed * SEEDS_PER_SEED + start, count, asked))
            _check_samples(samples, (count, *image_shape))
            yield samples, asked
            bar.update(count)


def images_of(gan):
    """`gan.generate` as `generated_batches` and `evaluate` call it: by first seed, count and labels."""

    def generate(seeds_start, count, labels):
        return gan.generate(seeds=np.arange(seeds_start, seeds_start + count), labels=labels)

    return generate


def _joined(parts):
    return None if parts is None else np.concatenate(parts)


def _check_samples(samples, shape):
    if samples.shape != shape:
        raise ValueError(
            f"`generate` must answer samples of the shape {shape}, as the data set's are: open "
            "the data set at the generator's size and channels. "
            f"Received: samples.shape={samples.shape}"
        )
    if len(shape) == 4 and samples.dtype != np.uint8:
        raise ValueError(
            "`generate` must answer uint8 images [0, 255]: convert floats in [-1, 1] with "
            f"`tfgan_kit.data.pixels.to_uint8`. Received: samples.dtype={samples.dtype}"
        )
    if len(shape) == 2 and not np.isfinite(samples).all():
        raise ValueError(
            "`generate` must answer finite points: the generator has diverged; go back to an "
            f"earlier checkpoint. Received: {np.sum(~np.isfinite(samples))} values that are not"
        )
