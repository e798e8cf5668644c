"""Every measure of two sets, on numbers of any type and size: right, or refused in a sentence."""

from tfgan_kit import divergences, metrics
from tfgan_kit.metrics.measures import sliced_wasserstein

import numpy as np
import pytest
import tensorflow as tf

# Whole numbers below 128, exact in each type below.
X, Y = np.round(np.random.default_rng(0).normal(size=(2, 40, 2)) * 9) + [[[60.0, 60.0]], [[66.0, 58.0]]]
LABELS = np.arange(40) % 2

HOMOGENEOUS = {  # and the power of the points' unit that a value has
    "assignment_wasserstein": (divergences.assignment_wasserstein, 1),
    "assignment_wasserstein, order 3": (lambda x, y: divergences.assignment_wasserstein(x, y, 3), 1),
    "sliced_wasserstein": (lambda x, y: divergences.sliced_wasserstein(x, y, directions=4), 1),
    "sliced_wasserstein, order 60": (lambda x, y: divergences.sliced_wasserstein(x, y, 0, 1, 4, 60), 1),
    "nearest_neighbour_kl": (lambda x, y: divergences.nearest_neighbour_kl(x, y, 3), 0),
    "neighbour_metrics": (metrics.neighbour_metrics, 0),
    "memorisation": (lambda x, y: metrics.memorisation(x, y, y)[:2], 0),
    "nearest_training": (lambda x, y: metrics.nearest_training(x, y)[1], 1),
}
MEASURES = {name: measure for name, (measure, _) in HOMOGENEOUS.items()} | {
    "sinkhorn_divergence": lambda x, y: divergences.sinkhorn_divergence(x, y, 400.0).value,
    "frechet_distance": lambda x, y: metrics.frechet_distance(*map(metrics.gaussian_statistics, (x, y))),
    "frechet_standard_error": metrics.frechet_standard_error,
    "frechet_infinity": lambda x, y: metrics.frechet_infinity(x, metrics.gaussian_statistics(y), 0, 3)[:3],
    "intra_class_frechet": lambda x, y: metrics.intra_class_frechet(x, LABELS, y, LABELS).value,
    "kernel_distance": lambda x, y: metrics.kernel_distance(x, y, num_subsets=3)[:3],
    "maximum_mean_discrepancy": metrics.maximum_mean_discrepancy,
    "inception_score": lambda x, y: metrics.inception_score(x).value,
}
TYPES = {
    name: lambda points, name=name: points.astype(name)
    for name in ("uint8", "int8", "uint16", "int64", "float16", "longdouble")
} | {"bfloat16 tensor": lambda points: tf.cast(points, tf.bfloat16), "lists": lambda points: points.tolist()}
REFUSED = {
    "NaN": np.where(X > 70, np.nan, X),
    "infinity": np.where(X > 70, -np.inf, X),
    "texts": X.astype(str),
    "complex numbers": X + 0j,
    "times": X.astype("datetime64[s]"),
    "objects": X.astype(object),
    "None": None,
    "masked": np.ma.masked_greater(X, 70),
    "ragged": [[1.0, 2.0], [3.0]],
    "empty": X[:0],
    "a line": X[:, 0],
}


@pytest.mark.parametrize("name", MEASURES)
def test_a_type_that_holds_the_numbers_gives_the_value_of_float64(name):
    expected = np.asarray(MEASURES[name](X, Y))
    found = {of: np.asarray(MEASURES[name](cast(X), cast(Y))) for of, cast in TYPES.items()}
    assert {of: value for of, value in found.items() if not np.array_equal(value, expected)} == {}


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-600, 2.0**600, 2.0**1000])
@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_another_unit_of_the_points_is_that_of_the_value(name, unit):
    measure, power = HOMOGENEOUS[name]
    expected = np.asarray(measure(X, Y)) * unit**power
    np.testing.assert_allclose(np.asarray(measure(X * unit, Y * unit)), expected, rtol=1e-9)


@pytest.mark.parametrize("unit", [1e-140, 1e140])
def test_sinkhorn_divergence_grows_as_the_square_of_the_unit(unit):
    expected = divergences.sinkhorn_divergence(X, Y, 400.0).value * unit * unit
    assert divergences.sinkhorn_divergence(X * unit, Y * unit, 400.0 * unit * unit).value == pytest.approx(expected)


@pytest.mark.parametrize("name", MEASURES)
def test_what_is_not_a_finite_table_of_numbers_is_refused_in_a_sentence(name):
    told = {}
    for kind, points in REFUSED.items():
        try:
            told[kind] = MEASURES[name](points, Y)
        except ValueError as error:
            if "Received" not in str(error):
                told[kind] = error
    assert told == {}


@pytest.mark.parametrize("size", [1e-320, 1e-160, 1e60, 1e150, 1e160, 1e306])
@pytest.mark.parametrize("name", MEASURES)
def test_a_value_is_a_number_or_refused(name, size):
    try:
        values = MEASURES[name](X / 100 * size, Y / 100 * size)
    except ValueError as error:
        assert "Received" in str(error)
    else:
        assert np.isfinite(np.asarray(values)).all()


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_set_is_at_no_negative_distance_from_itself(dtype, swapped):
    x = X.astype(dtype)
    y = x[::-1] if swapped else x
    found = {
        "assignment": divergences.assignment_wasserstein(x, y),
        "sliced": divergences.sliced_wasserstein(x, y, directions=4).value,
        "sinkhorn": divergences.sinkhorn_divergence(x, y, 40.0, max_iterations=100).value,
        "frechet": MEASURES["frechet_distance"](x, y),
    }
    assert min(found.values()) >= 0 and max(found.values()) < (1e-3 if swapped else 1e-300), found


def test_integers_that_float64_alone_can_subtract_are_right():
    ends = np.array([[-(2**63)]]), np.array([[2**63 - 1]])
    assert divergences.assignment_wasserstein(*ends) == pytest.approx(2.0**64)
    assert divergences.wasserstein_1d(*(end[0] for end in ends)) == pytest.approx(2.0**64)


def test_large_float32_features_have_the_kernel_distance_of_float64():
    x, y = ((points + 1000).astype(np.float32) for points in (X, Y))
    assert metrics.kernel_distance(x, y) == metrics.kernel_distance(x.astype(np.float64), y.astype(np.float64))


@pytest.mark.parametrize("k", [True, 2.0, "3", 0])
def test_counts_are_whole_numbers(k):
    for measure in (
        lambda: metrics.precision_recall(X, Y, k),
        lambda: metrics.nearest_training(X, Y, k),
        lambda: divergences.nearest_neighbour_kl(X, Y, k),
        lambda: metrics.kernel_distance(X, Y, num_subsets=k),
        lambda: divergences.sinkhorn_divergence(X, Y, 1.0, max_iterations=k),
    ):
        with pytest.raises(ValueError, match="an integer of at least"):
            measure()


def test_features_in_the_place_of_statistics_are_told_what_to_give():
    with pytest.raises(ValueError, match="metrics.gaussian_statistics.features"):
        metrics.frechet_distance(X, Y)


@pytest.mark.parametrize("kind", ["NaN", "texts", "complex numbers", "masked"])
def test_images_that_are_no_numbers_are_refused(kind):
    images = REFUSED[kind][:32].reshape(1, 8, 8, 1)
    with pytest.raises(ValueError, match="finite|real numbers|Masked"):
        metrics.image_sliced_wasserstein(images, np.zeros((1, 8, 8, 1)))


@pytest.mark.parametrize("unit", [1 / 255, 1e-200, 1e200])
def test_images_in_another_unit_have_the_sliced_distance_of_uint8(unit, monkeypatch):
    monkeypatch.setattr(sliced_wasserstein, "PATCHES_PER_IMAGE", 4)
    a, b = np.random.default_rng(0).integers(0, 256, (2, 6, 8, 8, 1), np.uint8)
    expected = metrics.image_sliced_wasserstein(a, b).value
    assert metrics.image_sliced_wasserstein(a * unit, b * unit).value == pytest.approx(expected, rel=1e-4)
