from tfgan_kit.metrics.measures.inception_score import inception_score

import numpy as np
import pytest

from benchmarks.baselines.metric_references import torch, torch_fidelity


def _logits(count, classes, seed=0, scale=3.0):
    return np.random.default_rng(seed).normal(size=(count, classes)) * scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count, splits", [(500, 10), (503, 10), (64, 1)])
def test_score_equals_torch_fidelity_in_its_order(count, splits, dtype):
    logits = _logits(count, 1008).astype(dtype)
    theirs = torch_fidelity.metric_isc.isc_features_to_metric(torch.tensor(logits), splits, rng_seed=2020)
    order = np.random.RandomState(2020).permutation(count)
    found = inception_score(logits[order], splits, seed=None)
    assert found.value == pytest.approx(theirs["inception_score_mean"], rel=1e-10)
    assert found.std == pytest.approx(theirs["inception_score_std"], rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 10, 1008])
def test_sure_and_balanced_answers_score_the_number_of_classes(classes):
    logits = 1000 * np.eye(classes).repeat(2, axis=0)
    assert inception_score(logits, splits=1).value == pytest.approx(classes, rel=1e-12)


def test_equal_answers_score_one():
    assert inception_score(np.tile(_logits(1, 10), (100, 1))).value == pytest.approx(1, abs=1e-12)


def test_sure_answers_score_the_exponential_of_the_entropy_of_the_classes():
    logits = 1000 * np.eye(3)[np.repeat([0, 1, 2], [20, 10, 10])]
    expected = np.exp(np.log(2) / 2 + np.log(4) / 2)
    assert inception_score(logits, splits=1).value == pytest.approx(expected, rel=1e-12)


def test_a_constant_added_to_an_image_changes_nothing():
    logits = _logits(100, 7)
    moved = logits + _logits(100, 1, seed=1, scale=100.0)
    assert inception_score(moved).value == pytest.approx(inception_score(logits).value, rel=1e-12)


@pytest.mark.parametrize("scale", [0.0, 1e-8, 1.0, 100.0, 1e300])
def test_score_is_at_least_one_and_at_most_the_number_of_classes(scale):
    assert 1 <= inception_score(_logits(100, 5, scale=scale)).value <= 5


def test_splits_are_drawn_from_the_seed():
    logits = _logits(100, 5)
    assert inception_score(logits, seed=1) == inception_score(logits, seed=1)
    assert inception_score(logits, seed=1) != inception_score(logits, seed=2)


@pytest.mark.parametrize(
    "logits, splits, message",
    [
        (np.zeros(5), 1, r"logits.shape=\(5,\)"),
        (np.zeros((5, 1)), 1, "K >= 2"),
        (np.zeros((19, 3)), 10, "19 images"),
        (np.zeros((19, 3)), 0, "splits=0"),
        (np.full((20, 3), np.nan), 1, "60 such values"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(logits, splits, message):
    with pytest.raises(ValueError, match=message):
        inception_score(logits, splits)
