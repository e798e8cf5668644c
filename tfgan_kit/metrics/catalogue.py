"""The metrics by name: how each compares two image sets, and what it needs."""

from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit.divergences.sliced import DIRECTIONS_PER_REPEAT, REPEATS, sliced_wasserstein
from tfgan_kit.metrics.features.domain_classifier import SIDES, classifiable, empty_classes
from tfgan_kit.metrics.features.extractor import KNOWN
from tfgan_kit.metrics.image_set import ImageSet, spread
from tfgan_kit.metrics.measures.fid_infinity import frechet_infinity
from tfgan_kit.metrics.measures.frechet import frechet_distance, gaussian_statistics
from tfgan_kit.metrics.measures.frechet_error import frechet_standard_error
from tfgan_kit.metrics.measures.inception_score import SPLITS, inception_score
from tfgan_kit.metrics.measures.intra_class_fid import intra_class_frechet
from tfgan_kit.metrics.measures.kernel_distance import SUBSET_SIZE, kernel_distance
from tfgan_kit.metrics.measures.memorisation import LEAST, memorisation
from tfgan_kit.metrics.measures.ms_ssim import FILTER_SIZE, ms_ssim_diversity
from tfgan_kit.metrics.measures.precision_recall import DENSITY_K, PRECISION_K
from tfgan_kit.metrics.measures.sliced_wasserstein import PATCH_SIZE, PATCHES_PER_IMAGE, image_sliced_wasserstein

import numpy as np

ALARM = 1e-3  # a p-value below which the memorisation test warns


_NORMAL_95 = 1.959964  # a standard normal number lies within +- this with probability 0.95


class Real(NamedTuple):
    """The real images that others are compared with, two `ImageSet`s."""

    reference: ImageSet
    test: ImageSet
    apart: bool = False  # whether the test images are of a source of their own


class Measure(NamedTuple):
    """A metric by name.

    compare: `(real, other, seed) -> numbers, settings` of a `Real` and an `ImageSet`: the first dict holds
        "value" and what else was found, "interval" among it where there is one; the second joins the
        protocol, and may hold "warnings".
    needs_extractor: whether it reads features.
    needs_classes: whether the extractor must know the source's own classes, as the domain classifier does.
    needs_logits: whether the extractor must be a classifier.
    needs_conditional: whether it reads the labels that the generator was asked for.
    needs_images: whether it does not take points.
    smallest_side: int, the fewest pixels a side that it takes.
    needs_classes_twice: whether each class must occur twice in every set.
    needs_neighbours: whether it reads the set's `NeighbourMetrics`.
    needs_modes: whether it reads the coverage of the source's modes.
    needs_mixture: whether these must be the Gaussians of a mixture.
    smallest: int, the fewest images that it can be of.
    images_a_feature: int, the fewest for each of an extractor's features.
    """

    compare: Callable
    needs_extractor: bool = False
    needs_classes: bool = False
    needs_logits: bool = False
    needs_conditional: bool = False
    needs_images: bool = False
    smallest_side: int = 0
    needs_classes_twice: bool = False
    needs_neighbours: bool = False
    needs_modes: bool = False
    needs_mixture: bool = False
    smallest: int = 4
    images_a_feature: int = 0


def fd(real, other, seed):
    """The squared Frechet distance over an extractor's features."""
    del seed  # nothing is drawn
    value = frechet_distance(gaussian_statistics(real.reference.features), gaussian_statistics(other.features))
    count, dimension = min(real.reference.count, other.count), other.features.shape[1]
    warning = (
        f"{count} images for {dimension} features: a covariance is singular and the value far "
        "above that of many images; prefer kid, or use more images"
    )
    error = frechet_standard_error(real.reference.features, other.features)
    settings = {"best": "lowest", "warnings": [warning] if count <= dimension else []}
    return _with_interval(value, error, least=0.0), settings


def kid(real, other, seed):
    """The unbiased kernel distance over an extractor's features."""
    found = kernel_distance(real.reference.features, other.features, seed)
    warning = f"kernel subsets of {found.subset_size} images, not {SUBSET_SIZE}: the set is small"
    settings = {
        "best": "lowest",
        "kernel": "(x.y/d + 1)^3, unbiased",
        "subsets": found.num_subsets,
        "subset_size": found.subset_size,
        "warnings": [warning] if found.subset_size < SUBSET_SIZE else [],
    }
    return _with_interval(found.value, found.standard_error) | {"std": found.std}, settings


def extrapolated_fd(real, other, seed):
    """The Frechet distance at an infinite number of generated images, FID-infinity of the FID network."""
    found = frechet_infinity(other.features, gaussian_statistics(real.reference.features), seed)
    numbers = {"value": found.value, "standard_error": found.standard_error, "slope": found.slope}
    return numbers, {"best": "lowest", "sizes": len(found.sizes)}


def intra_class_fd(real, other, seed):
    """The mean over classes of the squared Frechet distance of the images of one class."""
    del seed
    found = intra_class_frechet(real.reference.features, real.reference.labels, other.features, other.labels)
    dimension = other.features.shape[1]
    warning = (
        f"a class of {found.smallest_class} images for {dimension} features: the value is mostly bias; compare it "
        "with real against real only"
    )
    per_class = {str(label): value for label, value in found.per_class.items()}
    settings = {"best": "lowest", "warnings": [warning] if found.smallest_class <= dimension else []}
    return {"value": found.value, "per_class": per_class}, settings


def score(real, other, seed):
    """The Inception Score, of whichever classifier."""
    del real
    if other.logits is None:
        raise ValueError(
            "An inception_score needs an extractor that is a classifier and answers (features, logits). "
            "Received: features alone"
        )
    found = inception_score(other.logits, seed=seed)
    return {"value": found.value, "std": found.std}, {"best": "highest", "splits": found.splits}


def label_agreement(real, other, seed):
    """The share of images to which the domain classifier gives the label asked for."""
    del real, seed
    return _share(float(np.mean(other.classes == other.labels)), other.count), {"best": "highest"}


def swd(real, other, seed):
    """The sliced Wasserstein distance: of patches of images, or of points."""
    settings = {"best": "lowest", "directions": REPEATS * DIRECTIONS_PER_REPEAT}
    if other.samples.ndim == 2:
        found = sliced_wasserstein(real.reference.samples, other.samples, seed)
        return {"value": found.value, "std": found.std}, settings | {"unit": "the points'"}
    images, reference = other.samples, real.reference.samples
    count = min(len(images), len(reference))  # of unequal counts it takes twenty times as long
    found = image_sliced_wasserstein(reference[spread(len(reference), count)], images[:count], seed)
    levels = {str(side): value for side, value in found.levels.items()}
    settings |= {"unit": "1e-3", "patches_per_image": PATCHES_PER_IMAGE, "images_used": count}
    return {"value": found.value, "std": found.std, "levels": levels}, settings


def _of_neighbours(field):
    """A number of the `NeighbourMetrics`, by its field."""

    def compare(real, other, seed):
        del seed
        value = getattr(other.neighbours, field)
        settings = {"best": "highest", "k": PRECISION_K if field in ("precision", "recall") else DENSITY_K}
        if field == "density":
            return {"value": value}, settings
        return _share(value, other.count if field == "precision" else real.reference.count), settings

    return Measure(compare, needs_extractor=True, needs_neighbours=True, smallest=DENSITY_K + 1)


def memorisation_z(real, other, seed):
    """How far generated images lie nearer to the reference than test images do, as a normal deviate."""
    found = memorisation(real.reference.features, real.test.features, other.features, seed=seed)
    numbers = {name: number if np.isfinite(number) else None for name, number in found._asdict().items()}
    unseen = (
        "the test images may have been trained on, too, and copies of them are not found: name unseen ones by "
        "--test_dataset"
    )
    warning = (
        f"generated images lie nearer to the reference than test images do (p = "
        f"{min(found.p_value, found.first_p_value):.2g}): look at the nearest real images in the report for copies"
    )
    copies = 2 * min(found.p_value, found.first_p_value) < ALARM
    warnings = [warning] * copies + [unseen] * (not real.apart)
    return {"value": numbers.pop("z")} | numbers, {"best": "0", "warnings": warnings}


def ms_ssim(real, other, seed):
    """The mean MS-SSIM of random pairs of images, which noise lowers as variety does."""
    del real
    found = ms_ssim_diversity(other.samples, seed=seed)
    settings = {"best": "lowest", "pairs": found.pairs, "scales": found.scales, "filter_size": found.filter_size}
    return _with_interval(found.value, found.standard_error), settings


def _of_modes(field, best, needs_mixture=False):
    """A number of a `ModeCoverage`, by its field."""

    def compare(real, other, seed):
        del real, seed  # the law itself is the reference
        return {"value": getattr(other.coverage, field)}, {"best": best}

    return Measure(compare, needs_modes=True, needs_mixture=needs_mixture)


def _with_interval(value, standard_error, least=-np.inf):
    """A value with its 95 % interval, cut at the least that it can be; without one where the error is not known."""
    if not np.isfinite(standard_error):
        return {"value": value}
    reach = _NORMAL_95 * standard_error
    return {"value": value, "interval": [max(value - reach, least), value + reach]}


def _share(share, count):
    """A share of `count` images with the interval of Wilson (1927), which stays within 0 and 1."""
    squared = _NORMAL_95**2 / count
    centre, reach = share + squared / 2, _NORMAL_95 * np.sqrt(share * (1 - share) / count + squared / (4 * count))
    low, high = (centre - reach) / (1 + squared), (centre + reach) / (1 + squared)
    return {"value": share, "interval": [max(float(low), 0.0), min(float(high), 1.0)]}


MEASURES = {
    "fd": Measure(fd, needs_extractor=True),
    "kid": Measure(kid, needs_extractor=True),
    "extrapolated_fd": Measure(extrapolated_fd, needs_extractor=True, smallest=40, images_a_feature=4),
    "intra_class_fd": Measure(
        intra_class_fd, needs_extractor=True, needs_conditional=True, needs_classes_twice=True, smallest=20
    ),
    "inception_score": Measure(score, needs_extractor=True, needs_logits=True, smallest=2 * SPLITS),
    "label_agreement": Measure(label_agreement, needs_extractor=True, needs_classes=True, needs_conditional=True),
    "precision": _of_neighbours("precision"),
    "recall": _of_neighbours("recall"),
    "density": _of_neighbours("density"),
    "coverage": _of_neighbours("coverage"),
    "memorisation": Measure(memorisation_z, needs_extractor=True, smallest=LEAST),
    "swd": Measure(swd, smallest_side=PATCH_SIZE),
    "ms_ssim": Measure(ms_ssim, needs_images=True, smallest_side=FILTER_SIZE),
    "modes": _of_modes("modes", "highest"),
    "high_quality": _of_modes("high_quality", "highest", needs_mixture=True),
    "mode_reverse_kl": _of_modes("reverse_kl", "lowest"),
    "mode_spread": _of_modes("spread", "1", needs_mixture=True),
}


GROUPS = {
    "precision_recall": ("precision", "recall"),
    "density_coverage": ("density", "coverage"),
    "mode_coverage": ("modes", "high_quality", "mode_reverse_kl", "mode_spread"),
}


_FID = {"fid": "fd_inception"}  # what the field calls it


def choose(metrics, source, conditional=False, extractor=None):
    """The measures to take and the extractor they need.

    A name may end in its extractor's, `kid_lite0`; `fid` is `fd_inception`. One evaluation has one.

    Args:
        metrics: names, or None for all that the source and the extractor allow.
        source: a `tfgan_kit.data` source.
        conditional: bool, whether the generator takes labels.
        extractor: "domain", "inception", "lite0", anything else that makes features, or None: what the
            names end in, or "domain" where the source allows it.

    Returns:
        (names of `MEASURES`, without doubles, in order; the extractor, None where none is needed).

    Raises:
        ValueError: an unknown name, two extractors, a metric that the source does not allow.
    """
    if conditional and source.labels is None:
        raise ValueError(
            f"A conditional generator is asked for labels, and {source.name!r} has none: use a "
            "labelled source. Received: conditional=True"
        )
    asked = [] if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    parts = [_parted(name) for name in asked]
    known = [*MEASURES, *GROUPS]
    unknown = [name for name, (base, _) in zip(asked, parts, strict=True) if base not in known]
    if unknown or (metrics is not None and not asked):
        raise ValueError(
            f"Unknown metric: choose from {', '.join([*known, *_FID])}, each over features also with "
            f"its extractor's name behind, {', '.join(KNOWN)}. Received: metrics={metrics!r}"
        )
    given = extractor
    extractor = _agreed(extractor, {suffix for _, suffix in parts if suffix}, source)
    allowed = allowed_metrics(source, conditional, extractor)
    names = [m for base, _ in parts for m in _members(base, allowed)]
    if metrics is None:  # of a network of one's own it is not known whether it is a classifier
        names = [name for name in allowed if extractor in KNOWN or not MEASURES[name].needs_logits]
    if not names:
        raise ValueError(
            f"No metric takes images of fewer than {PATCH_SIZE} pixels a side without an extractor: give one, or "
            f"larger images. Received: {source.name!r} with image_shape={source.image_shape}"
        )
    _check_allowed(names, allowed, source, conditional, extractor, metrics)
    if any(MEASURES[name].needs_extractor for name in names):
        return list(dict.fromkeys(names)), extractor
    if given is not None:
        raise ValueError(
            f"None of these metrics reads features: leave the extractor out. Received: extractor={given!r}, "
            f"metrics={names}"
        )
    return list(dict.fromkeys(names)), None


def measures_of(name):
    """The names of `MEASURES` that a requested name stands for, with or without its extractor's."""
    base, _ = _parted(name)
    return GROUPS.get(base, (base,))


def allowed_metrics(source, conditional=False, extractor=None):
    """The names of the metrics that a source, a generator that takes labels or not, and an extractor allow."""
    extractor = _agreed(extractor, set(), source)
    images = len(source.image_shape) == 3
    features = images and extractor is not None and (extractor != "domain" or classifiable(source))
    return [
        name
        for name, measure in MEASURES.items()
        if (features or not measure.needs_extractor)
        and (extractor == "domain" or not measure.needs_classes)
        and (conditional or not measure.needs_conditional)
        and (images or not measure.needs_images)
        and (not images or min(source.image_shape[:2]) >= measure.smallest_side)
        and (source.mixture or source.digits or not measure.needs_modes)
        and (source.mixture or not measure.needs_mixture)
    ]


def _parted(name):
    """(measure or group, extractor or None) of a requested name."""
    name = _FID.get(name, name)
    if name in MEASURES or name in GROUPS:
        return name, None
    base, _, suffix = name.rpartition("_")
    return (base, suffix) if suffix in KNOWN else (name, None)


def _agreed(extractor, suffixes, source):
    """The one extractor that an argument and the names' ends ask for; "domain" where they are silent."""
    name = extractor if isinstance(extractor, str) else getattr(extractor, "name", None)
    asked = suffixes | ({name} if extractor is not None else set())
    if len(asked) > 1:
        raise ValueError(
            "One evaluation has one extractor: measure again for another. "
            f"Received: extractor={extractor!r}, and metrics of {', '.join(sorted(suffixes))}"
        )
    if extractor is None and not asked:
        return "domain" if classifiable(source) else None
    return asked.pop() if extractor is None else extractor


def _members(name, allowed):
    """The allowed metrics of a group, all of them where none is; or the metric itself."""
    members = GROUPS.get(name, (name,))
    return [member for member in members if member in allowed] or members


def _check_allowed(names, allowed, source, conditional, extractor, metrics):
    forbidden = [name for name in names if name not in allowed]
    if forbidden:
        empty = empty_classes(source)
        empty = f", classes without an image: {empty}" if empty else ""
        raise ValueError(
            f"{', '.join(forbidden)} cannot be measured on {source.name!r} (image_shape={source.image_shape}, "
            f"num_classes={source.num_classes}{empty}, conditional={conditional}, extractor={extractor!r}): features "
            "need images and an extractor (domain: labelled images of at least 2 classes, none of them empty, and "
            f"{SIDES[0]} to {SIDES[1]} pixels a side; inception and lite0: any), inception_score one that is a "
            "classifier, label_agreement the domain classifier and a conditional generator, mode_coverage a source "
            f"whose modes are known (ring8, grid25, skewed25, stacked:PATH). Choose from {', '.join(allowed)}. "
            f"Received: metrics={metrics!r}"
        )
