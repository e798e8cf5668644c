"""Measures a generator against real images, with protocol and floor beside each value."""

from typing import NamedTuple

from tfgan_kit.metrics.catalogue import MEASURES, Real, choose
from tfgan_kit.metrics.data_checks import check_real, suspicions
from tfgan_kit.metrics.features.cache import real_set
from tfgan_kit.metrics.features.domain_classifier import domain_classifier
from tfgan_kit.metrics.features.published import open_extractor
from tfgan_kit.metrics.image_set import Generator, ImageSet, Split, gather, generated_batches, split_indices, spread
from tfgan_kit.metrics.measures.mode_coverage import mode_counter
from tfgan_kit.metrics.measures.precision_recall import neighbour_metrics
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

    | metric | needs | is |
    | --- | --- | --- |
    | `fd` | an extractor | squared Frechet distance over its features; `fid50k` of the FID network's |
    | `kid` | an extractor | unbiased kernel distance over its features |
    | `inception_score` | an extractor that is a classifier | how sure and how varied its answers are |
    | `precision_recall` | an extractor | of the next two: share of images within the others' neighbourhoods |
    | `precision`, `recall` | an extractor | of generated ones near real ones, and the reverse |
    | `density_coverage` | an extractor | of the next two, which outliers move less |
    | `density`, `coverage` | an extractor | real neighbourhoods an image lies in; share of them that hold one |
    | `memorisation` | an extractor | z of generated images' distances to the reference against test images' |
    | `extrapolated_fd` | an extractor, 4 images a feature | `fd` at infinitely many images |
    | `intra_class_fd` | an extractor, a conditional generator | mean over the classes of `fd` |
    | `label_agreement` | domain, a conditional generator | share the classifier gives the label asked |
    | `swd` | - | sliced Wasserstein, x 1000 on patches of images; in their units on points |
    | `ms_ssim` | images of 11 pixels or more | mean similarity of random pairs; beside real ones |
    | `mode_coverage` | known modes | of the next four those that the source allows |
    | `modes` | known modes | modes with a point within 3 deviations, or with a stack |
    | `high_quality` | a mixture | share of points within 3 deviations of a mode |
    | `mode_reverse_kl` | known modes | KL of the modes' histogram from their weights, nats |
    | `mode_spread` | a mixture | deviation within a mode over the mixture's |

    Args:
        generate: a `Generator`, such as `images_of(gan)`; or a callable `(seeds_start, count, None) ->
            samples`: the images whose int64 seeds are seeds_start ... seeds_start + count - 1, as uint8
            [count, H, W, C] (points: float [count, D]). A conditional one is asked for labels in the
            frequencies of the reference.
        source: a `tfgan_kit.data` source.
        metrics: names from the table, each over features also with its extractor's name behind
            (`kid_lite0`; `fid` is `fd_inception`), or None for all that source and extractor allow.
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
        >>> results = evaluate(images_of(gan), tfgan_kit.data.open_source("mnist5k"))
        >>> print(format_table(results))
    """
    return evaluate_in_full(generate, source, metrics, num_images, seed, test_source, extractor).results


def evaluate_in_full(generate, source, metrics=None, num_images=None, seed=0, test_source=None, extractor=None):
    """`evaluate`, with the images and features that the values were made of: an `Evaluation`."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"`seed` lies between 0 and {LARGEST_SEED}. Received: seed={seed}")
    generator = generate if isinstance(generate, Generator) else Generator(generate)
    names, extractor = choose(metrics, source, generator.conditional, extractor)
    _check_test_source(source, test_source)
    num_test = None if test_source is None else test_source.num_images
    split = split_indices(source.num_images, extractor == "domain", seed, num_test)
    num_images = len(split.test) if num_images is None else int(num_images)
    extractor = _opened(extractor, source, split.classifier, seed)
    counter = mode_counter(source) if any(MEASURES[name].needs_modes for name in names) else None

    keep = MAX_IMAGES if {"swd", "ms_ssim"} & set(names) else KEPT_SAMPLES
    if counter or len(source.image_shape) == 1:
        keep = None
    reference = real_set(source, split.reference, extractor, keep)
    test = real_set(test_source or source, split.test, extractor, keep)
    check_real(source, reference, extractor)
    check_real(test_source or source, test, extractor)
    labels = _asked_labels(reference.labels, num_images, seed) if generator.conditional else None
    names = _of_enough(names, metrics is None, num_images, test, reference, labels)
    batches = generated_batches(generator.generate, num_images, source.image_shape, seed, labels)
    generated = gather(batches, extractor, keep)

    protocol = _protocol(source, test_source, seed, reference, test, generated) | generator.facts
    generated, floor = (
        _counted(part, names, counter, reference) for part in (generated, test.part(protocol["floor_count"]))
    )
    real = Real(reference, test, test_source is not None)
    by_features = {} if extractor is None else extractor.protocol()
    counting = {"modes": counter.num_modes} | counter.protocol if counter else {}
    results = [
        _result(
            name,
            real,
            floor,
            generated,
            protocol,
            by_features if MEASURES[name].needs_extractor else {},
            counting if MEASURES[name].needs_modes else {},
        )
        for name in names
    ]
    return Evaluation(results, reference, test, generated, split, extractor)


def _opened(extractor, source, indices, seed):
    """The `FeatureExtractor`, or None; the domain classifier is trained on `source[indices]`."""
    if extractor == "domain":
        return domain_classifier(source, indices, seed)
    return None if extractor is None else open_extractor(extractor)


def _counted(part, names, counter, reference):
    """The set with what several metrics are numbers of: its modes and its neighbourhoods, each computed once."""
    if counter:
        part = part._replace(coverage=counter.count(part.samples))
    if any(MEASURES[name].needs_neighbours for name in names):
        part = part._replace(neighbours=neighbour_metrics(reference.features, part.features))
    return part


def _of_enough(names, drop, num_images, test, reference, labels):
    """The metrics that the images are enough for; the others are dropped where they were not asked for."""
    dimension = 0 if reference.features is None else reference.features.shape[1]
    needed = {name: max(MEASURES[name].smallest, MEASURES[name].images_a_feature * dimension) for name in names}
    twice = labels is not None and _all_twice(reference.labels, test.labels[spread(test.count, num_images)], labels)
    enough = [
        name
        for name in names
        if needed[name] <= min(num_images, test.count) and (twice or not MEASURES[name].needs_classes_twice)
    ]
    if enough and (drop or len(enough) == len(names)):
        return enough
    few = [
        f"{name} {needed[name]}{', two of every class' * MEASURES[name].needs_classes_twice}"
        for name in names
        if name not in enough
    ]
    raise ValueError(
        f"Too few images. Needed, generated and test images each: {'; '.join(few)}. Take more, or "
        f"{'measure ' + ', '.join(enough) + ' alone' if enough else 'a larger data set'}. "
        f"Received: num_images={num_images}, {test.count} test images"
    )


def _all_twice(*label_sets):
    """Whether every class of any set occurs twice in each."""
    classes = np.unique(np.concatenate(label_sets))
    return all((np.bincount(labels, minlength=classes[-1] + 1)[classes] >= 2).all() for labels in label_sets)


def _check_test_source(source, test_source):
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
    """The reference's labels in random order, repeated as often as needed: int32 [num_images]."""
    order = np.random.default_rng([seed, 2]).permutation(len(reference_labels))
    return np.resize(reference_labels[order], num_images).astype(np.int32)


def _protocol(source, test_source, seed, reference, test, generated):
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


def _result(name, real, floor, generated, protocol, *more):
    """A metric's value and floor; `more` are dicts that join the protocol."""
    compare, seed = MEASURES[name].compare, protocol["seed"]
    numbers, settings = compare(real, generated, seed)
    floor, _ = compare(real, floor, seed)
    joined, warnings = {}, []
    for part in (protocol, *more, settings):
        warnings += part.get("warnings", [])
        joined |= part
    full_name = result_name(name, joined.get("extractor"), generated.count, joined.get("extractor_hash"))
    joined |= {"warnings": warnings}
    return {"metric": full_name, "measure": name, **numbers, "floor": floor["value"], "protocol": joined}
