"""Measures a generator against real images, with protocol and floor beside each value."""

from typing import NamedTuple

from tfgan_kit.metrics import image_set
from tfgan_kit.metrics.catalogue import FEATURES, MEASURES, MODES, Offer, choose, enough
from tfgan_kit.metrics.comparison import Comparison, RealSets
from tfgan_kit.metrics.data_checks import check_real, suspicions
from tfgan_kit.metrics.features.cache import real_set
from tfgan_kit.metrics.features.domain_classifier import domain_classifier
from tfgan_kit.metrics.features.published import open_extractor
from tfgan_kit.metrics.image_set import Asked, ImageSet, ImageSource, Split, split_indices, spread
from tfgan_kit.metrics.measures.mode_coverage import mode_counter
from tfgan_kit.metrics.measures.sliced_wasserstein import MAX_IMAGES
from tfgan_kit.metrics.protocol import result_name

import numpy as np

LARGEST_SEED = 2**31 - 1  # times 2^32, an image's name is an int64
KEPT_SAMPLES = 64  # of every set, to be looked at


class Evaluation(NamedTuple):
    """An evaluation with all it was made of.

    results: list of dicts, as `evaluate` returns them.
    reference, test, generated: `ImageSet`s.
    split: the `Split` of the source.
    extractor: the `FeatureExtractor`, or None.
    """

    results: list
    reference: ImageSet
    test: ImageSet
    generated: ImageSet
    split: Split
    extractor: object


def evaluate(generate, source, metrics=None, num_images=None, seed=0, test_source=None, extractor=None):
    """Measures generated images against a real data set.

    The source is split at random by the seed: with a domain classifier 50 % train it, 25 % are
    the reference and 25 % the test; without one half is the reference and half the test. A value
    compares reference and generated images; its floor compares reference and real test images:
    no generator that has learnt the data set is expected below it.

    Args:
        generate: an `ImageSource`, such as `images_of(gan)`; or a callable `(seeds_start, count, None) ->
            samples`: the images whose int64 seeds are seeds_start ... seeds_start + count - 1, as uint8
            (count, H, W, C) (points: float (count, D)). A conditional one is asked for labels in the
            frequencies of the reference.
        source: a `tfgan_kit.data` source.
        metrics: names from the table in docs/metrics.md, each over features also with its extractor's name
            behind (`kid_lite0`; `fid` is `fd_inception`), or None for all that source and extractor allow,
            `allowed_metrics`.
        num_images: int >= 4, or None for the count of the test images, which makes value and
            floor comparable.
        seed: int, 0 to 2^31 - 1; decides the split, the images' seeds, subsets and directions.
        test_source: another source of the same kind, e.g. a published test set, or None.
        extractor: "domain", "inception", "lite0", or what `feature_extractor` takes: a `FeatureExtractor`,
            a Keras model, a callable, a path. None: "domain" where the labels allow it.

    Returns:
        A list of dicts, one a metric, for JSON: "metric" (its name with the extractor's and the number of
        images, `fd_domain_1250`), "measure" (without them, `fd`), "value", "floor", "protocol"; "interval" at
        95 % and "std" where there are any. A value may be infinite or NaN (`mode_reverse_kl`).

    Raises:
        ValueError: an unknown metric, one the source does not allow, too few images, or samples
            of another shape, type or number than asked for, real images or features that are all the same.

    Example:
        >>> (result,) = gk.metrics.evaluate(gk.metrics.images_of(gan), source, ["swd"])
        >>> result["value"] > result["floor"]
        True
    """
    return evaluate_in_full(generate, source, metrics, num_images, seed, test_source, extractor).results


def evaluate_in_full(generate, source, metrics=None, num_images=None, seed=0, test_source=None, extractor=None):
    """`evaluate`, with the images and features that the values were made of: an `Evaluation`."""
    images = generate if isinstance(generate, ImageSource) else ImageSource(generate)
    choice = choose(metrics, source, images.conditional, extractor)
    return evaluate_choice(images, source, choice, num_images, seed, test_source)


def evaluate_choice(images, source, choice, num_images=None, seed=0, test_source=None, place=image_set):
    """`evaluate_in_full` of what was chosen.

    Args:
        images: an `ImageSource`.
        choice: a `Choice`, of this source and this generator.
        source, num_images, seed, test_source: as `evaluate`.
        place: where images are made and looked at: what has `gather` and `generated_set` of `image_set`, such as
            `tfgan_kit.metrics.workers.Cluster`.

    Returns:
        An `Evaluation`.
    """
    _check(source, seed, test_source)
    split = split_indices(source.num_images, choice.extractor == "domain", seed, test_source and test_source.num_images)
    extractor = _opened(choice, source, split.classifier, seed)
    counter = mode_counter(source) if any(MODES in MEASURES[name].requires for name in choice.names) else None
    keep = _kept_samples(choice.names, source)
    real = _real_sets(source, test_source, split, extractor, keep, place.gather)
    num_images = real.test.count if num_images is None else int(num_images)
    labels = _asked_labels(real.reference.labels, num_images, seed) if images.conditional else None
    choice = choice._replace(names=_of_enough(choice, source, real, num_images, labels))
    asked = Asked(num_images, source.image_shape, seed, labels)
    generated = place.generated_set(images.generate, asked, extractor, keep)

    protocol = _protocol(source, test_source, seed, real, generated) | images.facts
    floor = real.test.part(protocol["floor_count"])
    value, floor = (Comparison(real, other, counter and counter.count) for other in (generated, floor))
    by_features = {} if extractor is None else extractor.protocol()
    of_modes = {"modes": counter.num_modes} | counter.protocol if counter else {}
    parts = {FEATURES: by_features, MODES: of_modes}
    results = [_result(name, value, floor, protocol, parts, images.warnings) for name in choice.names]
    return Evaluation(results, real.reference, real.test, generated, split, extractor)


def _result(name, value, floor, protocol, parts, warnings):
    """A metric's value and floor as a dict.

    Args:
        name: of `MEASURES`.
        value, floor: the `Comparison`s of generated and of test images.
        protocol: dict, what decides the values of all metrics.
        parts: dict, requirement -> what decides the values of those that have it.
        warnings: texts, of the generated images.
    """
    measure, seed = MEASURES[name], protocol["seed"]
    found = measure.value(value, seed)
    interval = None if measure.interval is None else measure.interval(value, found)
    joined = [protocol, *(part for required, part in parts.items() if required in measure.requires)]
    joined += [{"best": measure.best, **found.settings, "warnings": found.warnings}, {"warnings": warnings}]
    whole = {key: setting for part in joined for key, setting in part.items()}
    whole["warnings"] = [text for part in joined for text in part.get("warnings", ())]
    return {
        "metric": result_name(name, whole.get("extractor"), value.other.count, whole.get("extractor_hash")),
        "measure": name,
        "value": found.value,
        **({} if interval is None else {"interval": interval}),
        **found.more,
        "floor": measure.value(floor, seed).value,
        "protocol": whole,
    }


def _opened(choice, source, indices, seed):
    """The `FeatureExtractor`, or None; the domain classifier is trained on `source[indices]`."""
    if choice.extractor == "domain":
        return domain_classifier(source, indices, seed, steps=choice.classifier_steps)
    return None if choice.extractor is None else open_extractor(choice.extractor)


def _kept_samples(names, source):
    """How many samples of a set its metrics read; None for all."""
    if len(source.image_shape) == 1 or any(MODES in MEASURES[name].requires for name in names):
        return None
    return MAX_IMAGES if {"swd", "ms_ssim"} & set(names) else KEPT_SAMPLES


def _real_sets(source, test_source, split, extractor, keep, gather):
    """The `RealSets`, checked."""
    reference = real_set(source, split.reference, extractor, keep, gather)
    test = real_set(test_source or source, split.test, extractor, keep, gather)
    check_real(source, reference, extractor)
    check_real(test_source or source, test, extractor)
    return RealSets(reference, test, test_source is not None)


def _of_enough(choice, source, real, num_images, labels):
    """The chosen metrics that there are images enough for."""
    sets = None
    if labels is not None:
        sets = (real.reference.labels, real.test.labels[spread(real.test.count, num_images)], labels)
    features = real.reference.features
    offer = Offer(source, labels is not None, choice.extractor, sets)
    return enough(choice, offer, 0 if features is None else features.shape[1], num_images, real.test.count)


def _check(source, seed, test_source):
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"`seed` lies between 0 and {LARGEST_SEED}. Received: seed={seed}")
    if test_source is None:
        return
    if test_source.fingerprint == source.fingerprint:
        raise ValueError(
            "`test_source` holds the same images as `source`: leave it out, and a quarter of the "
            f"source is the test. Received: test_source={test_source.name!r}"
        )
    facts = [(s.image_shape, s.num_classes) for s in (source, test_source)]
    if facts[0] != facts[1]:
        raise ValueError(
            f"`test_source` must have images of the source's shape and classes, {facts[0]}. "
            f"Received: test_source={test_source.name!r} with {facts[1]}"
        )


def _asked_labels(reference_labels, num_images, seed):
    """The reference's labels in random order, repeated as often as needed: int32 (num_images,)."""
    order = np.random.default_rng([seed, 2]).permutation(len(reference_labels))
    return np.resize(reference_labels[order], num_images).astype(np.int32)


def _protocol(source, test_source, seed, real, generated):
    reference, test = real.reference, real.test
    floor_count = min(generated.count, test.count)
    warning = f"the floor is of {floor_count} test images, the value of {generated.count} generated ones"
    return {
        "reference_source": source.name,
        "reference_fingerprint": source.fingerprint,
        "reference_count": reference.count,
        "image_shape": list(source.image_shape),
        "test_source": (test_source or source).name,
        "test_fingerprint": (test_source or source).fingerprint,
        "test_count": test.count,
        "floor_count": floor_count,
        "generated_count": generated.count,
        "labels": None if generated.labels is None else "as frequent as in the reference",
        "seed": seed,
        "warnings": [
            *([warning] if floor_count < generated.count else []),
            *_resized(source, test_source),
            *suspicions(source, generated, reference),
        ],
    }


def _resized(*sources):
    return [
        f"the images of {source.name} are resized, from {native} to {source.image_shape}"
        for source in sources
        if source is not None
        if (native := source.native_shape) != source.image_shape
    ]
