"""Images made and looked at by all nodes of a Ray cluster, for `evaluate`: the same features, in the order of seeds."""

import functools

from tfgan_kit.generation.workers import Crew, Worker
from tfgan_kit.metrics.image_set import BATCH_SIZE, Asked, ImageSet, first_of, gather, generated_batches, joined
from tfgan_kit.metrics.measures.frechet import GaussianStatistics, gaussian_statistics

import numpy as np
from tqdm import tqdm

TASK = 8 * BATCH_SIZE  # images of a task, at least: some seconds of work, and few MB of answers


class MeasureWorker(Worker):
    """Makes images by a model of its own, and looks at them with an extractor of its own.

    Args:
        wanted: as of `Worker`.
        open_model: callable that returns what has `generate(seeds=, labels=)`.
        extractor: a `FeatureExtractor`, or None.
    """

    def __init__(self, wanted, open_model, extractor):
        super().__init__(wanted)
        self._open_model, self._extractor = open_model, extractor

    @functools.cached_property
    def _model(self):
        return self._open_model()

    def _generate(self, seeds_start, count, labels):
        return self._model.generate(seeds=np.arange(seeds_start, seeds_start + count), labels=labels)

    def generated(self, asked, images, keep):
        """The `ImageSet` of a range of the images that are asked for, with the statistics of its features."""
        batches = generated_batches(self._generate, *asked, images)
        found = gather(batches, self._extractor, None if keep is None else max(keep - images.start, 0))
        return with_statistics(found)

    def features(self, samples):
        """The extractor's `Features` of real samples."""
        return self._extractor(samples)


class Cluster:
    """A cluster in the place of this process, for `evaluate_choice`.

    Args:
        ray: the module, inside `tfgan_kit.generation.workers.cluster`.
        open_model: as of `MeasureWorker`; it can be pickled.

    Example::

        with workers.cluster("auto") as ray:
            evaluate_choice(images, source, choice, place=Cluster(ray, open_model))
    """

    def __init__(self, ray, open_model):
        self._ray, self._open_model = ray, open_model
        self._crews = {}  # by the extractor: actors have one of their own

    def gather(self, batches, extractor=None, keep=None):
        """As `image_set.gather`: batches are read here, their features made there."""
        kept, count, labels = [], 0, []

        def samples():
            nonlocal count
            for batch, batch_labels in batches:
                kept.append(first_of(batch, keep, count))
                count += len(batch)
                labels.append(batch_labels)
                yield batch

        found = self._in_order(lambda actor, batch: actor.features.remote(batch), samples(), extractor)
        features, logits = zip(*found, strict=True)
        return ImageSet(count, np.concatenate(kept), *map(joined, (features, logits, labels)))

    def generated_set(self, generate, asked, extractor=None, keep=None):
        """As `image_set.generated_set`; `generate` is not called, since the actors have models of their own."""
        del generate
        asked = self._ray.put(Asked(*asked)), asked.num_images
        ranges = [range(start, min(start + TASK, asked[1])) for start in range(0, asked[1], TASK)]
        with tqdm(desc="generating", total=asked[1], unit="image", delay=2, leave=False) as bar:
            parts = self._in_order(
                lambda actor, images: actor.generated.remote(asked[0], images, keep),
                ranges, extractor, lambda part: bar.update(part.count),
            )  # fmt: skip
        return merged(parts)

    def _in_order(self, call, tasks, extractor, tell=lambda answer: None):
        """The answers to the tasks in their order, told as they come."""
        found = {}
        for number, answer in self._crew(extractor).results(call, tasks):
            found[number] = answer
            tell(answer)
        return [found[number] for number in range(len(found))]

    def _crew(self, extractor):
        """The actors with this extractor; those with another are ended, since a cluster has no place for both."""
        if extractor not in self._crews:
            for crew in self._crews.values():
                crew.close()
            self._crews = {extractor: Crew(self._ray, MeasureWorker, self._open_model, extractor)}
        return self._crews[extractor]


def with_statistics(part):
    """A part of a set, with the `GaussianStatistics` of its features."""
    statistics = None if part.features is None else gaussian_statistics(part.features)
    return ImageSet(part.count, part.samples, part.features, part.logits, part.labels, statistics)


def merged(parts):
    """The `ImageSet` of its parts, in order; their statistics are merged, not computed again.

    Args:
        parts: list of `ImageSet`s, each with `statistics` or none with it.

    Example:
        >>> halves = [with_statistics(ImageSet(4, np.zeros((4, 2)), np.eye(4))) for _ in range(2)]
        >>> merged(halves).gaussian.count
        8
    """
    statistics = None
    if parts[0].statistics is not None:
        statistics = GaussianStatistics(parts[0].features.shape[1])
        for part in parts:
            statistics.merge(part.statistics)
    names = ("features", "logits", "labels")
    columns = [joined([getattr(part, name) for part in parts]) for name in names]
    samples = np.concatenate([part.samples for part in parts])
    return ImageSet(sum(part.count for part in parts), samples, *columns, statistics)
