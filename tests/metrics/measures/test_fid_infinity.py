from tfgan_kit.divergences.gaussian import Gaussian
from tfgan_kit.metrics.measures.fid_infinity import frechet_infinity

import numpy as np
import pytest

DIMENSION = 16
VARIANCES = np.linspace(0.5, 2, DIMENSION)
REFERENCE = Gaussian(np.zeros(DIMENSION), np.diag(VARIANCES))
TRUTH = DIMENSION * 0.1**2 + np.sum((1 - np.sqrt(VARIANCES)) ** 2)


def _found(seed, count=800):
    return frechet_infinity(np.random.default_rng(seed).normal(0.1, size=(count, DIMENSION)), REFERENCE, seed)


@pytest.fixture(scope="module")
def repeats():
    return [_found(seed) for seed in range(40)]


def test_the_bias_of_the_plain_distance_falls_to_what_repeats_cannot_tell_from_zero(repeats):
    plain = np.array([found.distances[-1] for found in repeats]) - TRUTH
    extrapolated = np.array([found.value for found in repeats]) - TRUTH
    errors = [np.std(values) / np.sqrt(len(values)) for values in (plain, extrapolated)]
    assert np.mean(plain) > 5 * errors[0]
    assert abs(np.mean(extrapolated)) < 3 * errors[1]


def test_the_truth_lies_within_the_stated_error(repeats):
    scores = np.array([(found.value - TRUTH) / found.standard_error for found in repeats])
    assert np.mean(abs(scores) < 2) >= 0.8
    assert 0.5 < scores.std() < 1.6


def test_distances_on_a_line_are_extrapolated_exactly(monkeypatch):
    module = "tfgan_kit.metrics.measures.fid_infinity"
    monkeypatch.setattr(f"{module}.frechet_distance", lambda statistics, reference: 3 + 50 / statistics.count)
    found = _found(0)
    assert found.value == pytest.approx(3, rel=1e-9)
    assert found.slope == pytest.approx(50, rel=1e-9)
    assert found.standard_error == pytest.approx(0, abs=1e-9)


def test_sizes_are_evenly_spaced_from_a_tenth_to_all():
    np.testing.assert_array_equal(_found(0, count=1400).sizes, np.linspace(140, 1400, 15).astype(int))


def test_the_seed_alone_draws_the_subsets():
    assert _found(3).value == _found(3).value
    features = np.random.default_rng(0).normal(size=(200, 4))
    reference = Gaussian(np.zeros(4), np.eye(4))
    assert frechet_infinity(features, reference, 1).value != frechet_infinity(features, reference, 2).value


@pytest.mark.parametrize(
    "features, num_sizes, message",
    [
        (np.zeros(5), 15, r"features.shape=\(5,\)"),
        (np.zeros((63, 16)), 15, "at least 64 images.*Received: 63"),
        (np.zeros((39, 2)), 15, "at least 40 images"),
        (np.zeros((64, 16)), 2, "num_sizes=2"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(features, num_sizes, message):
    with pytest.raises(ValueError, match=message):
        frechet_infinity(features, REFERENCE, num_sizes=num_sizes)
