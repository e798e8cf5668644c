"""Which metrics, by which extractor: what is asked for against what the data allow."""

from tfgan_kit.metrics.domain_classifier import SIDES, classifiable, empty_classes
from tfgan_kit.metrics.feature_extractor import KNOWN
from tfgan_kit.metrics.measures import GROUPS, MEASURES
from tfgan_kit.metrics.sliced_wasserstein import PATCH_SIZE

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
        name for name, measure in MEASURES.items()
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
