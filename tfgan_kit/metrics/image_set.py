"""Sets of real or generated images: which real ones, where generated ones come from, and what metrics read of a set."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit.data.open import open_source
from tfgan_kit.metrics.features.extractor import Features
from tfgan_kit.metrics.measures.frechet import GaussianStatistics, gaussian_statistics

import numpy as np
from tqdm import tqdm

from tfgan_kit_client.images import SEEDS_PER_STREAM

SMALLEST_SOURCE = 16
BATCH_SIZE = 128
MOST_CLASS_BYTES = 2**28  # of the classes' covariances that a set keeps


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
        >>> [len(part) for part in gk.metrics.split_indices(5000, with_classifier=True)]
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


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """N real or generated images, or points, as the metrics need them.

    Its statistics are computed when one is first asked for, and live as long as the set.

    count: int, N.
    samples: uint8 (n, H, W, C), the n <= N that were to be kept; or points, float (n, D).
    features: the extractor's, float32 (N, D); or None.
    logits: the extractor's, float32 (N, K), where it is a classifier; or None.
    labels: int32 (N,), what the images are or were asked to be; or None.
    statistics: the `GaussianStatistics` of the features where they were merged of several machines'; or None.
    """

    count: int
    samples: np.ndarray
    features: np.ndarray | None = None
    logits: np.ndarray | None = None
    labels: np.ndarray | None = None
    statistics: GaussianStatistics | None = None

    def part(self, count):
        """The set of `count` images, evenly spread, since real ones may lie class by class; at most all."""
        if count >= self.count:
            return self
        rows = spread(self.count, count)
        return ImageSet(
            count,
            self.samples[spread(len(self.samples), count)],
            features=None if self.features is None else self.features[rows],
            logits=None if self.logits is None else self.logits[rows],
            labels=None if self.labels is None else self.labels[rows],
        )

    @property
    def classes(self):
        """int32 (N,), the extractor's likeliest class."""
        return Features(self.features, self.logits).classes

    @functools.cached_property
    def gaussian(self):
        """The `GaussianStatistics` of the features."""
        return gaussian_statistics(self.features) if self.statistics is None else self.statistics

    def gaussian_of(self, label):
        """The `GaussianStatistics` of the features of one class, kept while all that are fit into 256 MiB."""
        if label in self._gaussians:
            return self._gaussians[label]
        found = gaussian_statistics(self.features[self.labels == label])
        if 8 * self.features.shape[1] ** 2 * (len(self._gaussians) + 1) <= MOST_CLASS_BYTES:
            self._gaussians[label] = found
        return found

    @functools.cached_property
    def _gaussians(self):
        return {}


class ImageSource(NamedTuple):
    """Where generated images come from, as `evaluate` asks for them.

    generate: callable `(seeds_start, count, labels) -> samples`: the images whose int64 seeds are
        seeds_start ... seeds_start + count - 1, uint8 (count, H, W, C) (points: float (count, D));
        `labels` is int32 (count,) if `conditional`, else None.
    conditional: bool, whether it is asked for labels.
    facts: dict for JSON, what else decides its images: EMA or not, truncation, the server.
    warnings: texts, what has to be known of its images; they stand with every value of them.
    """

    generate: Callable
    conditional: bool = False
    facts: dict = {}
    warnings: tuple = ()


def images_of(gan):
    """The `ImageSource` of a `GAN` or a `GenerativeModel`; ValueError where its weights are not finite."""

    model = gan.generative_model
    if not all(np.isfinite(weight.value.numpy()).all() for weight in model.generator.weights):
        raise ValueError(
            "The generator has diverged: some of its weights are not finite. Go back to an earlier checkpoint. "
            f"Received: the weights of {model.generator.name}"
        )

    def generate(seeds_start, count, labels):
        return gan.generate(seeds=np.arange(seeds_start, seeds_start + count), labels=labels)

    facts = {"ema": bool(getattr(gan, "ema_decay", False)), "truncation_psi": None}
    return ImageSource(generate, gan.num_classes is not None, facts)


def open_source_of_shape(spelling, shape):
    """Opens real samples of a generator's shape: resized where that is square, as they are where it is not.

    Args:
        spelling: as for `tfgan_kit.data.open_source`.
        shape: (H, W, C) of images, (D,) of points.

    Raises:
        ValueError: a source that cannot be opened, or has samples of another shape.
    """
    height, width, channels = shape if len(shape) == 3 else (None, None, None)
    source = open_source(spelling, height if height == width else None, channels)
    if source.image_shape != tuple(shape):
        raise ValueError(
            f"The generator makes samples of the shape {tuple(shape)}, and images are resized to squares only: give "
            f"data of that shape. Received: {spelling!r} with image_shape={source.image_shape}"
        )
    return source


def spread(length, count=None):
    """int64 (min(length, count),), evenly from 0 to length - 1; all where `count` is None."""
    count = length if count is None else min(count, length)
    return np.linspace(0, length - 1, count).astype(np.int64)


def gather(batches, extractor=None, keep=None):
    """The `ImageSet` of (samples, labels or None) batches, with the first `keep` samples."""
    count, samples, answers, labels = 0, [], [], []
    for batch, batch_labels in batches:
        samples.append(first_of(batch, keep, count))
        count += len(batch)
        if extractor is not None:
            answers.append(extractor(batch))
        if batch_labels is not None:
            labels.append(batch_labels)
    features, logits = zip(*answers, strict=True) if answers else ([], [None])
    return ImageSet(count, np.concatenate(samples), *map(joined, (features, logits, labels)))


def first_of(batch, keep, count=0):
    """What is kept of a batch that follows `count` samples, where the first `keep` are; None: all."""
    return batch[: None if keep is None else max(keep - count, 0)]


def joined(parts):
    """Arrays one below the other, those that are None left out; None where there are none."""
    parts = [part for part in parts if part is not None]
    return np.concatenate(parts) if parts else None


def real_batches(source, indices):
    """(samples, labels or None) of `source[indices]`, batch by batch as NumPy arrays."""
    with _bar("reading", len(indices)) as bar:
        for batch in source.ordered(BATCH_SIZE, indices=indices):
            samples, labels = (batch, None) if source.num_classes is None else batch
            yield samples.numpy(), None if labels is None else labels.numpy()
            bar.update(len(samples))


class Asked(NamedTuple):
    """The generated images that are asked for: what `generated_batches` takes after `generate`."""

    num_images: int
    image_shape: tuple
    seed: int = 0
    labels: np.ndarray | None = None


def generated_set(generate, asked, extractor=None, keep=None):
    """The `ImageSet` of generated images.

    Args:
        generate: as of `generated_batches`.
        asked: `Asked`.
        extractor, keep: as of `gather`.
    """
    return gather(generated_batches(generate, *asked), extractor, keep)


def generated_batches(generate, num_images, image_shape, seed=0, labels=None, images=None):
    """(samples, labels or None) of images seed * 2^32 ... + num_images - 1, checked.

    Args:
        generate: `(seeds_start, count, labels or None) -> uint8 (count, H, W, C)`, or float
            (count, D) where `image_shape` is (D,).
        num_images: int.
        image_shape: (H, W, C) or (D,).
        seed: int.
        labels: int32 (num_images,), or None.
        images: range of those that are generated, which starts at a whole batch; None: all.
    """
    images = range(num_images) if images is None else images
    with _bar("generating", len(images)) as bar:
        for start in images[::BATCH_SIZE]:
            count = min(BATCH_SIZE, images.stop - start)
            asked = None if labels is None else labels[start : start + count]
            samples = np.asarray(generate(seed * SEEDS_PER_STREAM + start, count, asked))
            _check_samples(samples, (count, *image_shape))
            yield samples, asked
            bar.update(count)


def _bar(name, count):
    return tqdm(desc=name, total=count, unit="image", delay=2, leave=False)


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
            f"`tfgan_kit.pixels.to_uint8`. Received: samples.dtype={samples.dtype}"
        )
    if len(shape) == 2 and not np.isfinite(samples).all():
        raise ValueError(
            "`generate` must answer finite points: the generator has diverged; go back to an "
            f"earlier checkpoint. Received: {np.sum(~np.isfinite(samples))} values that are not"
        )
