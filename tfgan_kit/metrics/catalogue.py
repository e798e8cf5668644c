"""The metrics by name: what each is, what it needs, and which of them an evaluation can have."""

from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit.metrics.features.domain_classifier import SIDES, classifiable, empty_classes
from tfgan_kit.metrics.features.extractor import KNOWN
from tfgan_kit.metrics.measurement import interval_of_a_generated_share as of_a_generated_share
from tfgan_kit.metrics.measurement import interval_of_a_real_share as of_a_real_share
from tfgan_kit.metrics.measurement import interval_of_its_error as of_its_error
from tfgan_kit.metrics.measures.fid_infinity import extrapolated_fd
from tfgan_kit.metrics.measures.frechet import fd
from tfgan_kit.metrics.measures.frechet_error import fd_interval
from tfgan_kit.metrics.measures.inception_score import SPLITS, score
from tfgan_kit.metrics.measures.intra_class_fid import intra_class_fd
from tfgan_kit.metrics.measures.kernel_distance import kid
from tfgan_kit.metrics.measures.label_agreement import label_agreement
from tfgan_kit.metrics.measures.memorisation import LEAST, memorisation_z
from tfgan_kit.metrics.measures.mode_coverage import mode_value
from tfgan_kit.metrics.measures.ms_ssim import FILTER_SIZE, ms_ssim
from tfgan_kit.metrics.measures.precision_recall import DENSITY_K, neighbour_value
from tfgan_kit.metrics.measures.sliced_wasserstein import PATCH_SIZE, swd

import numpy as np

# What a metric may require: see `REQUIREMENTS`.
FEATURES, LOGITS, DOMAIN = "features", "logits", "domain classifier"
CONDITIONAL, TWO_OF_A_CLASS = "conditional generator", "two of a class"
PATCHES, WINDOWS = "patches", "windows"
MODES, MIXTURE = "modes", "mixture"


class Offer(NamedTuple):
    """What an evaluation has for its metrics.

    source: the `tfgan_kit.data` source.
    conditional: bool, whether the generator takes labels.
    extractor: a name, a `FeatureExtractor`, or what one is made of; None where there is none.
    label_sets: the labels of the reference, the floor and the generated images; None before they are known.
    """

    source: object
    conditional: bool
    extractor: object
    label_sets: tuple | None = None

    @property
    def is_of_images(self):
        return len(self.source.image_shape) == 3

    def is_as_large_as(self, side):
        return self.is_of_images and min(self.source.image_shape[:2]) >= side

    def has_features(self):
        if self.extractor == "domain":
            return self.is_of_images and classifiable(self.source)
        return self.is_of_images and self.extractor is not None

    def has_logits(self):
        """None of a network of one's own: what it answers is seen when it is asked."""
        return True if self.extractor in KNOWN else None

    def has_two_of_a_class(self):
        """Whether each class of any set occurs twice in all of them."""
        if self.label_sets is None:
            return True
        classes = np.unique(np.concatenate(self.label_sets))
        counts = [np.bincount(labels, minlength=classes[-1] + 1)[classes] for labels in self.label_sets]
        return all((count >= 2).all() for count in counts)


class Requirement(NamedTuple):
    """What a metric may require of an `Offer`.

    is_met: callable, `Offer` -> bool; None where only the evaluation tells.
    sentence: what is required, in words.
    """

    is_met: Callable
    sentence: str


REQUIREMENTS = {
    FEATURES: Requirement(
        Offer.has_features,
        "images and an extractor (domain: labelled images of at least 2 classes, none of them empty, and "
        f"{SIDES[0]} to {SIDES[1]} pixels a side; inception, lite0 and one of your own: any)",
    ),
    LOGITS: Requirement(Offer.has_logits, "an extractor that is a classifier"),
    DOMAIN: Requirement(lambda offer: offer.extractor == "domain", "the domain classifier"),
    CONDITIONAL: Requirement(lambda offer: bool(offer.conditional), "a conditional generator"),
    TWO_OF_A_CLASS: Requirement(Offer.has_two_of_a_class, "two of every class"),
    PATCHES: Requirement(
        lambda offer: not offer.is_of_images or offer.is_as_large_as(PATCH_SIZE),
        f"points, or images of at least {PATCH_SIZE} pixels a side",
    ),
    WINDOWS: Requirement(
        lambda offer: offer.is_as_large_as(FILTER_SIZE), f"images of at least {FILTER_SIZE} pixels a side"
    ),
    MODES: Requirement(
        lambda offer: bool(offer.source.mixture or offer.source.digits),
        "a source whose modes are known (ring8, grid25, skewed25, stacked:PATH)",
    ),
    MIXTURE: Requirement(
        lambda offer: bool(offer.source.mixture), "a source that is a mixture (ring8, grid25, skewed25)"
    ),
}


class Measure(NamedTuple):
    """A metric by name.

    description: what it is, in a line.
    value: `(comparison, seed) -> Measurement` of a `Comparison`.
    best: "lowest", "highest", or the best value.
    requires: names of `REQUIREMENTS`.
    interval: `(comparison, measurement) -> [low, high]` at 95 %, or None where it is not known; asked of
        generated images, not of the floor.
    fewest: int, the fewest images that it can be of.
    fewest_a_feature: int, the fewest for each of an extractor's features.
    """

    description: str
    value: Callable
    best: str
    requires: frozenset
    interval: Callable | None = None
    fewest: int = 4
    fewest_a_feature: int = 0


def _needs(*names):
    return frozenset(names)


MEASURES = {
    "fd": Measure(
        "squared Frechet distance of Gaussians fitted to features; `fid50k` of the FID network's (arXiv:1706.08500)",
        fd, "lowest", _needs(FEATURES), fd_interval,
    ),
    "kid": Measure(
        "unbiased kernel distance of subsets of features (arXiv:1801.01401)",
        kid, "lowest", _needs(FEATURES), of_its_error,
    ),
    "extrapolated_fd": Measure(
        "`fd` at infinitely many generated images, FID-infinity (arXiv:1911.07023)",
        extrapolated_fd, "lowest", _needs(FEATURES), fewest=40, fewest_a_feature=4,
    ),
    "intra_class_fd": Measure(
        "mean over the classes of `fd` (arXiv:1802.05637)",
        intra_class_fd, "lowest", _needs(FEATURES, CONDITIONAL, TWO_OF_A_CLASS), fewest=20,
    ),
    "inception_score": Measure(
        "how sure and how varied a classifier's answers are (arXiv:1606.03498)",
        score, "highest", _needs(FEATURES, LOGITS), fewest=2 * SPLITS,
    ),
    "label_agreement": Measure(
        "share of images to which the domain classifier gives the label asked for",
        label_agreement, "highest", _needs(FEATURES, DOMAIN, CONDITIONAL), of_a_generated_share,
    ),
    "precision": Measure(
        "share of generated images within real ones' neighbourhoods (arXiv:1904.06991)",
        neighbour_value("precision"), "highest", _needs(FEATURES), of_a_generated_share, DENSITY_K + 1,
    ),
    "recall": Measure(
        "share of real images within generated ones' neighbourhoods (arXiv:1904.06991)",
        neighbour_value("recall"), "highest", _needs(FEATURES), of_a_real_share, DENSITY_K + 1,
    ),
    "density": Measure(
        "real neighbourhoods that a generated image lies in, over k (arXiv:2002.09797)",
        neighbour_value("density"), "highest", _needs(FEATURES), fewest=DENSITY_K + 1,
    ),
    "coverage": Measure(
        "share of real neighbourhoods that hold a generated image, which outliers move less (arXiv:2002.09797)",
        neighbour_value("coverage"), "highest", _needs(FEATURES), of_a_real_share, DENSITY_K + 1,
    ),
    "memorisation": Measure(
        "z of the distances to the reference, against test images' (arXiv:2004.05675)",
        memorisation_z, "0", _needs(FEATURES), fewest=LEAST,
    ),
    "swd": Measure(
        "sliced Wasserstein distance: of patches of images, x 1000 (arXiv:1710.10196), or of points, in their unit",
        swd, "lowest", _needs(PATCHES),
    ),
    "ms_ssim": Measure(
        "similarity of random pairs (arXiv:1610.09585); noise is the lowest of all: look at the floor",
        ms_ssim, "lowest", _needs(WINDOWS), of_its_error,
    ),
    "modes": Measure(
        "modes with a point within 3 deviations, or with a stack (arXiv:1712.04086)",
        mode_value("modes"), "highest", _needs(MODES),
    ),
    "high_quality": Measure(
        "share of points within 3 deviations of a mode (arXiv:1712.04086)",
        mode_value("high_quality"), "highest", _needs(MODES, MIXTURE),
    ),
    "mode_reverse_kl": Measure(
        "KL of the modes' histogram from their weights, in nats (arXiv:1712.04086)",
        mode_value("reverse_kl"), "lowest", _needs(MODES),
    ),
    "mode_spread": Measure(
        "deviation within a mode over the mixture's", mode_value("spread"), "1", _needs(MODES, MIXTURE)
    ),
}  # fmt: skip

GROUPS = {
    "precision_recall": ("precision", "recall"),
    "density_coverage": ("density", "coverage"),
    "mode_coverage": ("modes", "high_quality", "mode_reverse_kl", "mode_spread"),
}
_FID = {"fid": "fd_inception"}  # what the field calls it


class Choice(NamedTuple):
    """What is measured.

    names: list of names of `MEASURES`, without doubles, in order.
    extractor: a name, a `FeatureExtractor`, or what one is made of; None where no metric reads features.
    by_name: bool, whether the metrics were asked for by name; others may be left out where images are too few.
    classifier_steps: int, training steps of the extractor "domain"; None is its recipe's.
    """

    names: list
    extractor: object
    by_name: bool
    classifier_steps: int | None = None


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
        A `Choice`.

    Raises:
        ValueError: an unknown name, two extractors, a metric that the source does not allow.
    """
    if conditional and source.num_classes is None:
        raise ValueError(
            f"A conditional generator is asked for labels, and {source.name!r} has none: use a "
            "labelled source. Received: conditional=True"
        )
    asked = [_parted(name) for name in _listed(metrics)]
    offer = Offer(source, conditional, _agreed(extractor, {suffix for _, suffix in asked if suffix}, source))
    allowed = _allowed(offer)
    if metrics is None:
        names = [name for name in allowed if all(_answers(name, offer))]
    else:
        names = [member for base, _ in asked for member in _members(base, allowed)]
    _check_names(names, allowed, offer, metrics)
    reads_features = any(FEATURES in MEASURES[name].requires for name in names)
    if extractor is not None and not reads_features:
        raise ValueError(
            f"None of these metrics reads features: leave the extractor out. Received: extractor={extractor!r}, "
            f"metrics={names}"
        )
    return Choice(list(dict.fromkeys(names)), offer.extractor if reads_features else None, metrics is not None)


def enough(choice, offer, dimension, num_images, num_test):
    """The names of a `Choice` that the images are enough for; the others are left out where not asked for by name.

    Args:
        choice: the `Choice`.
        offer: the `Offer`, its `label_sets` known.
        dimension: int, the extractor's features; 0 without one.
        num_images, num_test: int, generated and test images.

    Raises:
        ValueError: too few images for any, or for one that was asked for.
    """
    of_classes = offer.label_sets is not None and offer.has_two_of_a_class()
    needed, names = {}, []
    for name in choice.names:
        measure = MEASURES[name]
        needed[name] = max(measure.fewest, measure.fewest_a_feature * dimension)
        if needed[name] <= min(num_images, num_test) and (of_classes or TWO_OF_A_CLASS not in measure.requires):
            names.append(name)
    if names and (len(names) == len(choice.names) or not choice.by_name):
        return names
    two = f", {REQUIREMENTS[TWO_OF_A_CLASS].sentence}"
    few = [
        f"{name} {needed[name]}{two if TWO_OF_A_CLASS in MEASURES[name].requires else ''}"
        for name in choice.names
        if name not in names
    ]
    raise ValueError(
        f"Too few images. Needed, generated and test images each: {'; '.join(few)}. Take more, or "
        f"{'measure ' + ', '.join(names) + ' alone' if names else 'a larger data set'}. "
        f"Received: num_images={num_images}, {num_test} test images"
    )


def measures_of(name):
    """The names of `MEASURES` that a requested name stands for, with or without its extractor's."""
    base, _ = _parted(name)
    return GROUPS.get(base, (base,))


def allowed_metrics(source, conditional=False, extractor=None):
    """The names of the metrics that a source, a generator that takes labels or not, and an extractor allow.

    Example:
        >>> gk.metrics.allowed_metrics(gk.data.open_source("ring8"))
        ['swd', 'modes', 'high_quality', 'mode_reverse_kl', 'mode_spread']
    """
    return _allowed(Offer(source, conditional, _agreed(extractor, set(), source)))


def markdown_tables():
    """The metrics and their requirements as the two tables of docs/metrics.md."""
    group_of = {name: group for group, names in GROUPS.items() for name in names}
    rows = [
        f"| `{name}`{f' of `{group_of[name]}`' if name in group_of else ''} | {measure.description} | {measure.best} | "
        f"{'95 %' if measure.interval else ''} | {', '.join(n for n in REQUIREMENTS if n in measure.requires)} |"
        for name, measure in MEASURES.items()
    ]
    required = [f"| {name} | {requirement.sentence} |" for name, requirement in REQUIREMENTS.items()]
    return "\n".join(
        [
            *("| `--metrics` | is | best | interval | needs |", "| --- | --- | --- | --- | --- |", *rows, ""),
            *("| needs | that is |", "| --- | --- |", *required),
        ]
    )


def _listed(metrics):
    """The names that are asked for: a list; one name stands for itself, None for none."""
    asked = [] if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    known = [*MEASURES, *GROUPS]
    if any(_parted(name)[0] not in known for name in asked) or (metrics is not None and not asked):
        raise ValueError(
            f"Unknown metric: choose from {', '.join([*known, *_FID])}, each over features also with "
            f"its extractor's name behind, {', '.join(KNOWN)}. Received: metrics={metrics!r}"
        )
    return asked


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


def _allowed(offer):
    return [name for name in MEASURES if all(answer is not False for answer in _answers(name, offer))]


def _answers(name, offer):
    """Whether each requirement of a metric is met: True, False, or None where only the evaluation tells."""
    return [REQUIREMENTS[required].is_met(offer) for required in MEASURES[name].requires]


def _members(name, allowed):
    """The allowed metrics of a group, all of them where none is; or the metric itself."""
    members = GROUPS.get(name, (name,))
    return [member for member in members if member in allowed] or members


def _check_names(names, allowed, offer, metrics):
    source = offer.source
    if not names:
        raise ValueError(
            f"No metric takes images of fewer than {PATCH_SIZE} pixels a side without an extractor: give one, or "
            f"larger images. Received: {source.name!r} with image_shape={source.image_shape}"
        )
    lacking = {name: _lacking(name, offer) for name in names if name not in allowed}
    if lacking:
        empty = empty_classes(source)
        empty = f", classes without an image: {empty}" if empty else ""
        raise ValueError(
            f"{', '.join(lacking)} cannot be measured on {source.name!r} (image_shape={source.image_shape}, "
            f"num_classes={source.num_classes}{empty}, conditional={offer.conditional}, extractor="
            f"{offer.extractor!r}): {'; '.join(f'{name} needs {what}' for name, what in lacking.items())}. "
            f"Choose from {', '.join(allowed)}. Received: metrics={metrics!r}"
        )


def _lacking(name, offer):
    """What a metric requires and is not there, in words."""
    lacking = [r for n, r in REQUIREMENTS.items() if n in MEASURES[name].requires and r.is_met(offer) is False]
    return " and ".join(requirement.sentence for requirement in lacking)
