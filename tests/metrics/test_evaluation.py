import json
import re

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.metrics import (
    ImageSource,
    allowed_metrics,
    evaluate,
    format_table,
    frechet_distance,
    gaussian_statistics,
    images_of,
    split_indices,
)
from tfgan_kit.metrics.features import domain_training

import numpy as np
import pytest

pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def _cache(cache_with_classifier, monkeypatch):
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(cache_with_classifier))


def _replay(images):
    """A generator whose image of seed k is images[k modulo their number]."""
    return lambda start, count, labels: images[np.arange(start, start + count) % len(images)]


def _pictures(count=40, shape=(8, 8, 1), seed=0, labels=None):
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return ArraySource(f"pictures{seed}", images, labels)


def _by_name(results):
    """Results by the name of their measure, without extractor and count."""
    return {result["metric"].split("_domain")[0]: result for result in results}


def _conditional(generate):
    return ImageSource(generate, conditional=True)


@pytest.mark.parametrize("num_images", [16, 17, 5000])
def test_split_parts_are_disjoint_and_cover_the_source(num_images):
    split = split_indices(num_images, with_classifier=True, seed=3)
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(num_images))
    assert len(split.classifier) == num_images // 2
    assert abs(len(split.reference) - len(split.test)) <= 1


def test_split_depends_on_the_seed_alone():
    first, again, other = (split_indices(100, True, seed).test for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_split_for_a_test_source_leaves_all_the_rest_as_reference():
    split = split_indices(100, with_classifier=True, num_test_images=7)
    assert (len(split.classifier), len(split.reference)) == (50, 50)
    assert not set(split.classifier) & set(split.reference)
    np.testing.assert_array_equal(split.test, np.arange(7))


def test_real_test_images_as_generated_ones_score_the_floor(digits, held_out_digits):
    names = [name for name in allowed_metrics(digits) if name != "swd"]  # which has its own test, on few images
    results = evaluate(_replay(held_out_digits[0]), digits, names)
    assert {"fd_domain_1250", "precision_domain_1250"} <= {result["metric"] for result in results}
    values = {result["metric"]: result["value"] for result in results}
    assert values == pytest.approx({result["metric"]: result["floor"] for result in results})


def test_protocol_says_how_each_value_was_made(digits, held_out_digits):
    (result,) = evaluate(_replay(held_out_digits[0]), digits, ["fd_domain"], num_images=300)
    protocol = json.loads(json.dumps(result))["protocol"]
    expected = {
        "reference_source": "mnist5k",
        "reference_count": 1250,
        "generated_count": 300,
        "test_count": 1250,
        "floor_count": 300,
        "seed": 0,
        "extractor": "domain",
        "resizer": "none",
        "extractor_recipe": 1,
        "extractor_training_count": 2500,
        "extractor_trusted": True,
        "warnings": [],
        "reference_fingerprint": digits.fingerprint,
        "labels": None,
    }
    assert {key: protocol[key] for key in expected} == expected
    assert protocol["extractor_accuracy"] >= 0.97


def test_table_names_every_metric_and_every_warning(digits, held_out_digits):
    results = evaluate(_replay(held_out_digits[0]), digits, ["fd", "kid"], num_images=50)
    header, fd, kid, protocol, *warnings = format_table(results).splitlines()
    assert header.split() == ["metric", "value", "real", "against", "real"]
    assert fd.startswith("fd_domain_50 ") and kid.startswith("kid_domain_50 ") and " [" in kid
    assert protocol.startswith("50 generated / 1250 reference / 1250 test images of mnist5k, seed 0; classifier 9")
    assert any("a covariance is singular" in line for line in warnings)
    assert any("subsets of 25 images" in line for line in warnings)


def test_generator_that_obeys_labels_agrees_with_them(digits, held_out_digits):
    images, labels = held_out_digits
    asked = []

    def obedient(start, count, wanted):
        asked.append(wanted)
        return np.stack([images[labels == label][start % 50] for label in wanted])

    results = _by_name(evaluate(_conditional(obedient), digits, "label_agreement", 500))
    assert results["label_agreement"]["value"] > 0.95
    assert results["label_agreement"]["floor"] > 0.97
    asked = np.concatenate(asked)
    assert asked.dtype == np.int32
    assert np.bincount(asked, minlength=10).min() > 25


def test_generator_that_ignores_labels_agrees_by_chance(digits, held_out_digits):
    (result,) = evaluate(_conditional(_replay(held_out_digits[0])), digits, ["label_agreement"], 1000)
    assert result["value"] == pytest.approx(0.1, abs=0.05)


def test_labels_are_asked_for_as_often_as_in_the_reference(digits, held_out_digits):
    asked = []

    def generate(start, count, labels):
        asked.append(labels)
        return held_out_digits[0][:count]

    evaluate(_conditional(generate), digits, ["label_agreement"])
    reference = digits.labels[split_indices(5000, True).reference]
    np.testing.assert_array_equal(np.bincount(np.concatenate(asked)), np.bincount(reference))


def test_every_image_is_asked_for_by_its_seed_once():
    asked = []

    def generate(start, count, labels):
        assert labels is None
        asked.extend(range(start, start + count))
        return np.zeros((count, 8, 8, 1), np.uint8)

    evaluate(generate, _pictures(), num_images=300, seed=2)
    assert asked == list(range(2 * 2**32, 2 * 2**32 + 300))


def test_unlabelled_images_are_measured_by_sliced_wasserstein():
    source = _pictures(shape=(28, 28, 3))
    split = split_indices(40, with_classifier=False)
    test = np.stack([image.numpy() for image in source.ordered(40).unbatch()])[split.test]
    (result,) = evaluate(_replay(test), source, "swd")
    assert result["metric"] == "swd"
    assert result["value"] == result["floor"] > 0
    assert set(result["levels"]) == {"28", "14"}


def test_points_are_measured_by_plain_sliced_wasserstein():
    points = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    (result,) = evaluate(_replay(points + [3, 0]), ArraySource("normal", points))
    assert result["value"] == pytest.approx(3 * 2 / np.pi, rel=0.1)
    assert result["floor"] < 0.2


def test_test_source_gives_the_floor():
    source, test_source = _pictures(), _pictures(count=30, seed=1)
    images = np.concatenate([batch.numpy() for batch in test_source.ordered(30)])
    (result,) = evaluate(_replay(images), source, test_source=test_source)
    assert result["value"] == result["floor"]
    protocol = result["protocol"]
    assert (protocol["reference_count"], protocol["test_count"]) == (40, 30)
    assert protocol["test_source"] == "pictures1"


def test_result_is_the_same_twice():
    source, generate = _pictures(), _replay(np.zeros((5, 8, 8, 1), np.uint8))
    assert evaluate(generate, source) == evaluate(generate, source)


def test_untrusted_extractor_is_flagged(monkeypatch):
    monkeypatch.setattr(domain_training, "STEPS", 2)
    source = _pictures(labels=np.arange(40) % 2)  # noise: nothing to learn
    results = evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), source, ["fd_domain"])
    assert results[0]["protocol"]["extractor_trusted"] is False
    assert any("below 97%" in text for text in results[0]["protocol"]["warnings"])


def test_more_generated_than_test_images_is_flagged():
    (result,) = evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), _pictures(), num_images=100)
    assert result["protocol"]["floor_count"] == 20
    assert "the floor is of 20 test images" in result["protocol"]["warnings"][0]


@pytest.mark.parametrize(
    "shape, labels, conditional, expected",
    [
        ((8, 8, 1), None, False, ["swd"]),
        ((8, 8, 1), np.arange(40) % 2, False, ["fd", "kid", "swd"]),
        ((8, 8, 1), np.arange(40) % 2, True, ["fd", "kid", "label_agreement", "swd"]),
        ((8, 8, 1), np.zeros(40, int), False, ["swd"]),
        ((4, 8, 1), np.arange(40) % 2, False, []),
    ],
)
def test_allowed_metrics_follow_from_the_source(shape, labels, conditional, expected):
    asked = {"fd", "kid", "label_agreement", "swd", "modes"}
    found = allowed_metrics(_pictures(shape=shape, labels=labels), conditional)
    assert [name for name in found if name in asked] == expected


@pytest.mark.parametrize(
    "options, message",
    [
        ({"metrics": ["fie"]}, "choose from fd, kid, .*fid"),
        ({"metrics": ["fid"], "extractor": "lite0"}, "One evaluation has one extractor"),
        ({"metrics": []}, "choose from"),
        ({"metrics": ["fd_domain"]}, "Choose from swd"),
        ({"generate": _conditional(_replay(np.zeros((5, 8, 8, 1), np.uint8)))}, "has none"),
        ({"num_images": 3}, "num_images=3"),
        ({"seed": 3_000_000_000}, "seed=3000000000"),
        ({"test_source": _pictures()}, "the same images"),
        ({"test_source": _pictures(shape=(8, 8, 3))}, "source's shape"),
        ({"generate": _replay(np.zeros((5, 8, 8, 3), np.uint8))}, r"\(20, 8, 8, 3\)"),
        ({"generate": _replay(np.zeros((5, 8, 8, 1), np.float32))}, "to_uint8"),
        ({"source": _pictures(count=15)}, "num_images=15"),
        ({"source": _pictures(shape=(4, 8, 1))}, r"fewer than 7 pixels.*\(4, 8, 1\)"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(options, message):
    arguments = {"generate": _replay(np.zeros((5, 8, 8, 1), np.uint8)), "source": _pictures(), **options}
    with pytest.raises(ValueError, match=message):
        evaluate(**arguments)


def test_diverged_points_are_refused():
    source = ArraySource("points", np.arange(80, dtype=np.float32).reshape(40, 2))
    with pytest.raises(ValueError, match="diverged"):
        evaluate(_replay(np.full((5, 2), np.nan)), source)


@pytest.mark.parametrize(
    "images, words",
    [
        (np.zeros((5, 8, 8, 1), np.uint8), "all the same"),
        (np.random.default_rng(0).integers(0, 2, (50, 8, 8, 1), np.uint8), "without scaling"),
        (
            np.random.default_rng(0).integers(128, 256, (50, 8, 8, 1), np.uint8),
            "generated .* where .-1, 1. is expected",
        ),
        (np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8), None),
        (np.random.default_rng(0).integers(122, 134, (50, 8, 8, 1), np.uint8), None),  # grey, as before any training
    ],
)
def test_a_collapsed_generator_or_a_wrong_range_is_said(images, words):
    (result,) = evaluate(_replay(images), _pictures())
    warnings = " ".join(result["protocol"]["warnings"])
    assert re.search(words, warnings) if words else not warnings


@pytest.mark.parametrize(
    "pixels, words",
    [
        (np.random.default_rng(0).integers(0, 2, (40, 8, 8, 1), np.uint8), "every real pixel is 0 or 1"),
        (np.random.default_rng(0).integers(124, 256, (40, 8, 8, 1), np.uint8), "hardly any real pixel"),
    ],
)
def test_real_images_in_a_wrong_range_are_said_so(pixels, words):
    images = np.random.default_rng(1).integers(0, 256, (50, 8, 8, 1), np.uint8)
    (result,) = evaluate(_replay(images), ArraySource("odd", pixels))
    assert words in result["protocol"]["warnings"][0]


def test_real_samples_that_are_all_the_same_are_refused():
    with pytest.raises(ValueError, match="real samples .* all the same.*source='grey'"):
        evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), ArraySource("grey", np.full((40, 8, 8, 1), 9, np.uint8)))


def test_an_extractor_that_answers_a_constant_is_refused():
    def blind(images):
        return np.ones((len(images), 3), np.float32)

    with pytest.raises(ValueError, match="the same for every real image.*extractor='blind'"):
        evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), _pictures(), ["fd"], extractor=blind)


def test_a_class_without_an_image_is_named():
    source = _pictures(labels=np.arange(40) % 2 * 3)
    results = evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), source)
    assert {result["measure"] for result in results} == {"swd"}
    assert "classes [1, 2]" in results[0]["protocol"]["warnings"][0]
    with pytest.raises(ValueError, match=r"num_classes=4, classes without an image: \[1, 2\]"):
        evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), source, ["fd"])


def test_the_floor_of_fewer_images_holds_every_class_of_a_sorted_set(digits, held_out_digits):
    (few,) = evaluate(_replay(held_out_digits[0][::5]), digits, ["fd"], num_images=250)
    (all_,) = evaluate(_replay(held_out_digits[0]), digits, ["fd"])
    assert few["floor"] < 8 * all_["floor"]  # its bias grows as 1 / n; of the first two digits alone it is 50 times


def test_too_few_images_are_refused_with_the_least_and_what_to_take_instead(digits):
    with pytest.raises(ValueError, match="extrapolated_fd 256. Take more, or measure fd alone.*num_images=100"):
        evaluate(_replay(np.zeros((5, 28, 28, 1), np.uint8)), digits, ["fd", "extrapolated_fd"], num_images=100)


def test_metrics_that_are_not_asked_for_are_left_out_where_images_are_few(monkeypatch):
    monkeypatch.setattr(domain_training, "STEPS", 2)
    source = _pictures(labels=np.arange(40) % 2)
    names = {result["metric"] for result in evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), source)}
    assert {"fd_domain_10", "coverage_domain_10", "swd"} <= names
    assert not {"extrapolated_fd_domain_10", "memorisation_domain_10", "inception_score_domain_10"} & names


def test_any_callable_is_an_extractor_and_names_its_values():
    def corner(images):
        return images[:, :2, :2, 0].reshape(len(images), 4)

    source = _pictures()
    images = np.concatenate([batch.numpy() for batch in source.ordered(40)])
    results = evaluate(_replay(images), source, ["fd", "precision_recall"], num_images=20, extractor=corner)
    assert [r["metric"] for r in results] == ["fd_corner_20", "precision_corner_20", "recall_corner_20"]
    reference, generated = images[split_indices(40, False).reference], images[:20]
    expected = frechet_distance(*(gaussian_statistics(corner(part)) for part in (reference, generated)))
    assert results[0]["value"] == pytest.approx(expected, rel=1e-9)


def test_a_classifier_of_ones_own_has_an_inception_score_where_it_is_asked_for():
    def classifier(images):
        rows = images.reshape(len(images), -1).astype(np.float32)
        return rows[:, :4], rows[:, :3]

    source, generate = _pictures(), _replay(np.random.default_rng(5).integers(0, 256, (50, 8, 8, 1), np.uint8))
    (result,) = evaluate(generate, source, "inception_score", num_images=20, extractor=classifier)
    assert result["metric"] == "inception_score_classifier_20" and result["value"] > 1
    names = {result["measure"] for result in evaluate(generate, source, extractor=classifier)}
    assert "fd" in names and "inception_score" not in names
    with pytest.raises(ValueError, match="features alone"):
        evaluate(generate, source, "inception_score", 20, extractor=lambda images: classifier(images)[0])


def test_an_extractor_that_nothing_reads_is_refused():
    with pytest.raises(ValueError, match="leave the extractor out.*'typo'"):
        evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), _pictures(), "swd", extractor="typo")


def test_a_class_that_is_rare_costs_one_metric_not_the_evaluation(monkeypatch):
    monkeypatch.setattr(domain_training, "STEPS", 2)
    source = _pictures(count=200, labels=np.r_[np.arange(197) % 2, [2, 2, 2]])
    generate = _conditional(_replay(np.random.default_rng(5).integers(0, 256, (50, 8, 8, 1), np.uint8)))
    names = {result["measure"] for result in evaluate(generate, source, seed=1)}
    assert "fd" in names and "intra_class_fd" not in names
    with pytest.raises(ValueError, match="two of every class"):
        evaluate(generate, source, "intra_class_fd", seed=1)


def test_real_images_that_were_resized_are_said_so():
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    source = ArraySource("large", images, image_size=8, channels=1)
    (result,) = evaluate(_replay(np.zeros((5, 8, 8, 1), np.uint8)), source)
    assert any("resized, from (16, 16, 3) to (8, 8, 1)" in text for text in result["protocol"]["warnings"])
    assert result["protocol"]["image_shape"] == [8, 8, 1]


def test_images_of_a_gan_whose_weights_are_not_finite_are_refused(make_gan):
    gan = make_gan()
    gan.ema_generator.weights[0].assign(gan.ema_generator.weights[0] * np.nan)
    with pytest.raises(ValueError, match="diverged"):
        images_of(gan)
