"""A set of images beside the real ones: what the metrics are values of."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit.metrics.image_set import ImageSet
from tfgan_kit.metrics.measures.frechet import frechet_distance
from tfgan_kit.metrics.measures.precision_recall import neighbour_metrics


class RealSets(NamedTuple):
    """The real images that others are compared with.

    reference: the `ImageSet` that generated images are measured against.
    test: the `ImageSet` that gives the floor.
    apart: bool, whether the test images are of a source of their own.
    """

    reference: ImageSet
    test: ImageSet
    apart: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """A set beside the real ones, with what several metrics read off both: each is computed once, when asked for.

    real: the `RealSets`.
    other: the `ImageSet` that is measured: generated images, or test images for the floor.
    count_modes: callable, samples -> `ModeCoverage`; None where no modes are known.
    """

    real: RealSets
    other: ImageSet
    count_modes: Callable | None = None

    @functools.cached_property
    def frechet_distance(self):
        """The squared Frechet distance of the two sets' features."""
        return frechet_distance(self.real.reference.gaussian, self.other.gaussian)

    @functools.cached_property
    def neighbours(self):
        """Their `NeighbourMetrics`."""
        return neighbour_metrics(self.real.reference.features, self.other.features)

    @functools.cached_property
    def coverage(self):
        """The other set's `ModeCoverage`."""
        return self.count_modes(self.other.samples)
