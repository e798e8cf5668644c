from tfgan_kit.metrics.measures.inception_score import inception_score
from tfgan_kit.metrics.streaming import InceptionScore

import numpy as np
import pytest
from scipy.special import softmax

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


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bool"])
def test_a_softmax_s_answers_are_taken_as_the_probabilities(dtype):
    answers = softmax(_logits(100, 10), axis=1)
    logits = np.log(answers)
    if dtype == "bool":  # one-hot rows
        answers = answers == answers.max(axis=1, keepdims=True)
        logits = 1000 * answers
    found = inception_score(answers.astype(dtype)).value
    assert found == pytest.approx(inception_score(logits).value, rel=2e-3 if dtype == "float16" else 1e-6)
    metric = InceptionScore(10)
    for part in np.split(answers.astype(dtype), 4):
        metric.update_state(None, part)
    assert float(metric.result()) == pytest.approx(inception_score(answers.astype(dtype), splits=1).value, rel=1e-6)


def test_logits_that_are_not_all_probabilities_are_logits():
    logits = np.concatenate([softmax(_logits(50, 10), axis=1), [[0.5] * 10] * 10])  # the last rows sum to 5
    expected = np.log(softmax(logits, axis=1))
    assert inception_score(logits).value == pytest.approx(inception_score(expected).value, rel=1e-9)


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
