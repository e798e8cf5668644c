"""Measures a generator against real images, with protocol and floor beside each value."""

import numpy as np

from tfgan_kit.metrics.classifier_training import RECIPE
from tfgan_kit.metrics.domain_classifier import TRUSTED_ACCURACY, domain_classifier
from tfgan_kit.metrics.image_set import gather, generated_batches, real_batches
from tfgan_kit.metrics.measures import GROUPS, MEASURES
from tfgan_kit.metrics.mode_coverage import mode_counter
from tfgan_kit.metrics.sliced_wasserstein import MAX_IMAGES
from tfgan_kit.metrics.split import split_indices

SMALLEST_COUNT = 4


def evaluate(generate, source, metrics=None, num_images=None, seed=0, test_source=None,
             conditional=False):
    """Measures generated images against a real data set.

    The source is split at random by the seed: with a domain classifier 50 % train it, 25 % are
    the reference and 25 % the test; without one half is the reference and half the test. A value
    compares reference and generated images; its floor compares reference and real test images:
    no generator that has learnt the data set is expected below it.

    | metric | needs | is |
    | --- | --- | --- |
    | `fd_domain` | labels | squared Frechet distance over the domain classifier's features |
    | `kid_domain` | labels | unbiased kernel distance over the same features |
    | `label_agreement` | labels, `conditional` | share the classifier gives the label asked |
    | `swd` | - | sliced Wasserstein, x 1000 on patches of images; in their units on points |
    | `mode_coverage` | known modes | of the next four those that the source allows |
    | `modes` | known modes | modes with a point within 3 deviations, or with a stack |
    | `high_quality` | a mixture | share of points within 3 deviations of a mode |
    | `mode_reverse_kl` | known modes | KL of the modes' histogram from their weights, nats |
    | `mode_spread` | a mixture | deviation within a mode over the mixture's |

    Args:
        generate: a callable `(seeds_start, count, labels) -> samples`: the images whose int64
            seeds are seeds_start ... seeds_start + count - 1, as uint8 [count, H, W, C] (points:
            float [count, D]). `labels` is int32 [count] if `conditional`, else None.
        source: a `tfgan_kit.data` source.
        metrics: names from the table, or None for those the source allows (`swd` only where
            there is no classifier).
        num_images: int >= 4, or None for the count of the test images, which makes value and
            floor comparable.
        seed: int >= 0; decides the split, the images' seeds, subsets and directions.
        test_source: another source of the same kind, e.g. a published test set, or None.
        conditional: bool; labels are then asked for in the frequencies of the reference.

    Returns:
        A list of dicts, one a metric, ready for JSON: "metric", "value", "floor", "protocol", and
        "std" over the subsets or directions where there is one.

    Raises:
        ValueError: an unknown metric, one the source does not allow, too few images, or samples
            of another shape, type or number than asked for.

    Example:
        >>> results = evaluate(generate, tfgan_kit.data.open_source("mnist5k"))
        >>> print(format_table(results))
    """
    names = checked_metrics(metrics, source, conditional)
    _check_test_source(source, test_source)
    with_classifier = any(MEASURES[name].needs_classifier for name in names)
    num_test = None if test_source is None else test_source.num_images
    split = split_indices(source.num_images, with_classifier, seed, num_test)
    num_images = _checked_count(num_images, len(split.test))
    classifier = domain_classifier(source, split.classifier, seed) if with_classifier else None

    counter = mode_counter(source) if any(MEASURES[name].needs_modes for name in names) else None

    keep = None if counter or len(source.image_shape) == 1 else MAX_IMAGES if "swd" in names else 0
    reference = gather(real_batches(source, split.reference), classifier, keep)
    test = gather(real_batches(test_source or source, split.test), classifier, keep)
    labels = _asked_labels(reference.labels, num_images, seed) if conditional else None
    batches = generated_batches(generate, num_images, source.image_shape, seed, labels)
    generated = gather(batches, classifier, keep)

    protocol = _protocol(source, test_source, seed, reference, test, generated)
    floor = test.first(protocol["floor_count"])
    if counter:
        generated, floor = (part._replace(coverage=counter.count(part.samples)) for part in (generated, floor))
    extractor = _extractor_protocol(classifier, len(split.classifier)) if with_classifier else {}
    counting = {"modes": counter.num_modes} | counter.protocol if counter else {}
    return [
        _result(name, reference, floor, generated, protocol,
                extractor if MEASURES[name].needs_classifier else {},
                counting if MEASURES[name].needs_modes else {})
        for name in names
    ]


def allowed_metrics(source, conditional=False):
    """The names of the metrics that a source, and a generator that takes labels, allow."""
    classes = source.num_classes if source.labels is not None else None
    has_classifier = len(source.image_shape) == 3 and (classes or 0) >= 2
    return [
        name for name, measure in MEASURES.items()
        if (has_classifier or not measure.needs_classifier)
        and (conditional or not measure.needs_conditional)
        and (source.mixture or source.digits or not measure.needs_modes)
        and (source.mixture or not measure.needs_mixture)
    ]


def checked_metrics(metrics, source, conditional=False):
    """The metrics to compute, in order; ValueError for an unknown or a forbidden one."""
    if conditional and source.labels is None:
        raise ValueError(
            f"A conditional generator is asked for labels, and {source.name!r} has none: use a "
            "labelled source. Received: conditional=True"
        )
    allowed = allowed_metrics(source, conditional)
    if metrics is None:
        return [name for name in allowed if name != "swd" or "fd_domain" not in allowed]
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    names = [part for name in names for part in _members(name, allowed)]
    unknown = [name for name in names if name not in MEASURES]
    if unknown or not names:
        raise ValueError(
            f"Unknown metric: choose from {', '.join([*MEASURES, *GROUPS])}. Received: metrics={metrics!r}"
        )
    forbidden = [name for name in names if name not in allowed]
    if forbidden:
        raise ValueError(
            f"{', '.join(forbidden)} cannot be measured on {source.name!r} (image_shape="
            f"{source.image_shape}, num_classes={source.num_classes}, conditional={conditional}): "
            "a domain classifier needs labelled images of at least 2 classes, label_agreement a "
            "conditional generator, mode_coverage a source whose modes are known (ring8, grid25, "
            f"skewed25, stacked:PATH). Choose from {', '.join(allowed)}. "
            f"Received: metrics={metrics!r}"
        )
    return list(dict.fromkeys(names))


def _members(name, allowed):
    """The allowed metrics of a group, all of them where none is; or the metric itself."""
    members = GROUPS.get(name, (name,))
    return [member for member in members if member in allowed] or members


def _checked_count(num_images, num_test_images):
    if num_images is None:
        return num_test_images
    if num_images < SMALLEST_COUNT:
        raise ValueError(
            f"`num_images` must be at least {SMALLEST_COUNT}; leave it out for the count of the "
            f"test images, {num_test_images}. Received: num_images={num_images}"
        )
    return int(num_images)


def _check_test_source(source, test_source):
    if test_source is None:
        return
    if test_source.fingerprint == source.fingerprint:
        raise ValueError(
            "`test_source` holds the same images as `source`: leave it out, and a quarter of the "
            f"source is the test. Received: test_source={test_source.name!r}"
        )
    facts = [(s.image_shape, s.num_classes) for s in (source, test_source)]
    if facts[0] != facts[1] or test_source.num_images < SMALLEST_COUNT:
        raise ValueError(
            f"`test_source` must have at least {SMALLEST_COUNT} images of the source's shape and "
            f"classes, {facts[0]}. Received: test_source={test_source.name!r} with "
            f"{test_source.num_images} images, {facts[1]}"
        )


def _asked_labels(reference_labels, num_images, seed):
    """The reference's labels in random order, repeated as often as needed: int32 [num_images]."""
    order = np.random.default_rng([seed, 2]).permutation(len(reference_labels))
    return np.resize(reference_labels[order], num_images).astype(np.int32)


def _protocol(source, test_source, seed, reference, test, generated):
    floor_count = min(generated.count, test.count)
    warning = (
        f"the floor is of {floor_count} test images, the value of {generated.count} generated ones"
    )
    return {
        "reference_source": source.name,
        "reference_fingerprint": source.fingerprint,
        "reference_count": reference.count,
        "test_source": (test_source or source).name,
        "test_fingerprint": (test_source or source).fingerprint,
        "test_count": test.count,
        "floor_count": floor_count,
        "generated_count": generated.count,
        "labels": None if generated.labels is None else "as frequent as in the reference",
        "seed": seed,
        "warnings": [warning] if floor_count < generated.count else [],
    }


def _extractor_protocol(classifier, training_count):
    warning = (
        f"the domain classifier is right on {classifier.accuracy:.1%} of held-out images, below "
        f"{TRUSTED_ACCURACY:.0%}: trust no small differences"
    )
    return {
        "extractor": f"domain_classifier_{RECIPE}",
        "extractor_accuracy": classifier.accuracy,
        "extractor_trusted": classifier.trusted,
        "extractor_training_count": training_count,
        "extractor_held_out_count": classifier.held_out_count,
        "extractor_hash": classifier.weights_hash,
        "warnings": [] if classifier.trusted else [warning],
    }


def _result(name, reference, floor, generated, protocol, *more):
    """A metric's value and floor; `more` are dicts that join the protocol."""
    compare, seed = MEASURES[name].compare, protocol["seed"]
    numbers, details = compare(reference, generated, seed)
    floor, _ = compare(reference, floor, seed)
    joined, warnings = {}, []
    for part in (protocol, *more, details):
        warnings += part.get("warnings", [])
        joined |= part
    return {"metric": name, **numbers, "floor": floor["value"], "protocol": joined | {"warnings": warnings}}
