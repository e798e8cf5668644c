"""Duality gap and overfitting gap, in closed form on a game of two numbers."""

import tfgan_kit as gk
from tfgan_kit.dynamics import duality_gap, overfitting_gap

import keras
import numpy as np
import pytest
from scipy import stats

from benchmarks.training.dirac_gan import DATA, dirac_gan

POINTS = np.random.default_rng(0).normal(size=(30, 1)).astype(np.float32)
OTHERS = np.random.default_rng(1).normal(0.3, 2.0, size=(20, 1)).astype(np.float32)


@pytest.mark.parametrize("steps", [1, 4])
def test_duality_gap_of_the_bilinear_game(steps):
    """M = -psi theta; k steps of h: psi' = psi - k h theta, theta' = theta + k h psi."""
    h, psi, theta = 0.1, 0.6, 0.8
    found = duality_gap(dirac_gan(None, psi, theta, h), DATA, steps=steps)
    expected = [
        steps * h * (psi**2 + theta**2), -psi * theta,
        -(psi - steps * h * theta) * theta, -psi * (theta + steps * h * psi),
    ]  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_duality_gap_is_measured_on_other_rows_than_those_that_find_it():
    """Even rows are a, odd rows b: M = psi (b - theta), and one step of h finds psi' = psi + h (a - theta)."""
    h, psi, theta, a, b = 0.1, 0.6, 0.8, 0.5, -0.3
    images = np.array([[a], [b]] * 2, np.float32)
    found = duality_gap(dirac_gan(None, psi, theta, h), images, steps=1)
    assert found.value == pytest.approx(psi * (b - theta), rel=1e-5)
    assert found.best_discriminator == pytest.approx((psi + h * (a - theta)) * (b - theta), rel=1e-5)


@pytest.mark.thorough
def test_duality_gap_vanishes_in_balance_and_changes_nothing(weights_of):
    adam = {"generator_optimizer": "adam", "discriminator_optimizer": "adam"}
    gan = dirac_gan(None, objective="non_saturating", penalties=[gk.penalties.R1(1.0)], **adam)
    gan.train_on_batch(DATA)
    before = weights_of(gan)
    assert duality_gap(gan, DATA, steps=3).gap > 1e-3
    np.testing.assert_array_equal(weights_of(gan), before)
    balanced = dirac_gan(None, 0.0, 0.0, objective="non_saturating")
    assert duality_gap(balanced, DATA, steps=3).gap == 0.0


def test_best_responses_go_on_with_the_optimizer_s_state():
    """Momentum 0.5 and a velocity u: psi' = psi + 0.5 u - h theta."""
    sgd = keras.optimizers.SGD(0.1, momentum=0.5)
    gan = dirac_gan(None, 0.6, 0.8, discriminator_optimizer=sgd)
    sgd.momentums[0].assign([[0.2]])
    found = duality_gap(gan, DATA, steps=1)
    assert found.best_discriminator == pytest.approx(-(0.6 + 0.1 - 0.08) * 0.8, rel=1e-5)


@pytest.mark.parametrize("rows, arguments", [(4, {"steps": 0}), (3, {}), (4, {"batch_size": 0})])
def test_best_responses_without_moves_or_images_are_refused(rows, arguments):
    with pytest.raises(ValueError, match=f"Received: steps=.*{rows} images"):
        duality_gap(dirac_gan(None), DATA[:rows], **arguments)


def test_overfitting_gap_is_welch_s_difference():
    """The logit is psi x; SciPy's t statistic of unequal variances is the gap over its error."""
    psi = 0.6
    found = overfitting_gap(dirac_gan(None, psi), POINTS, OTHERS)
    assert found.logit == pytest.approx(psi * (POINTS.mean() - OTHERS.mean()), rel=1e-5)
    statistic = stats.ttest_ind(POINTS[:, 0], OTHERS[:, 0], equal_var=False).statistic
    assert found.logit / found.logit_error == pytest.approx(statistic, rel=1e-5)
    shares = (POINTS > 0).astype(float)[:, 0], (OTHERS > 0).astype(float)[:, 0]
    assert found.accuracy == pytest.approx(shares[0].mean() - shares[1].mean())
    statistic = stats.ttest_ind(*shares, equal_var=False).statistic
    assert found.accuracy / found.accuracy_error == pytest.approx(statistic, rel=1e-6)


def test_overfitting_gap_takes_labels_in_batches_of_any_size(make_gan):
    """80 images go through in 64 and 16."""
    images = np.random.default_rng(0).integers(0, 256, (80, 4, 4, 1), np.uint8)
    labels = np.arange(80) % 3
    gap = overfitting_gap(make_gan(conditional=True), images, images, labels, labels)
    assert (gap.logit, gap.accuracy) == (0.0, 0.0)
    assert gap.logit_error > 0.0


def test_too_few_images_for_an_error_are_refused():
    with pytest.raises(ValueError, match="Received: 30 images, 1 held-out"):
        overfitting_gap(dirac_gan(None), POINTS, OTHERS[:1])
