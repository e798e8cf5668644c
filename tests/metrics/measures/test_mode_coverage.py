"""Mode coverage on mixtures that are known, and what a collapsed generator does to it."""

import types

from tfgan_kit import metrics
from tfgan_kit.data import open_source
from tfgan_kit.data.origins.mixtures import MIXTURES, Mixture
from tfgan_kit.metrics.measures import mode_coverage as module
from tfgan_kit.metrics.measures.mode_coverage import mode_coverage, stack_coverage

import numpy as np
import pytest
from scipy import stats

from tests.fixtures.idx import write_idx

over_mixtures = pytest.mark.parametrize("name", MIXTURES)
COUNT = 50_000
NEAR_SHARE = stats.chi2.cdf(9, 2)  # of a Gaussian in the plane within 3 deviations
# The variance of a coordinate of what is left: E[r^2 / 2 | r < 3], r^2 / 2 exponential.
NEAR_DEVIATION = np.sqrt(1 - 4.5 * np.exp(-4.5) / (1 - np.exp(-4.5)))


@over_mixtures
def test_the_mixtures_own_points_have_the_numbers_of_theory(name):
    mixture = MIXTURES[name]
    found = mode_coverage(mixture.draw(COUNT, seed=1), mixture)
    assert found.modes == len(mixture.means)
    error = np.sqrt(NEAR_SHARE * (1 - NEAR_SHARE) / COUNT)
    assert found.high_quality == pytest.approx(NEAR_SHARE, abs=4 * error)
    # 2 N KL is chi2 of K - 1 degrees of freedom.
    assert found.reverse_kl < stats.chi2.ppf(0.9999, len(mixture.means) - 1) / (2 * COUNT * NEAR_SHARE)
    assert found.spread == pytest.approx(NEAR_DEVIATION, rel=0.01)


@over_mixtures
def test_a_generator_of_one_mode_covers_one(name):
    mixture = MIXTURES[name]
    points = mixture.means[3] + mixture.deviation * np.random.default_rng(0).normal(size=(2500, 2))
    found = mode_coverage(points, mixture)
    assert found.modes == 1
    assert found.reverse_kl == pytest.approx(-np.log(mixture.weights[3]))


def test_only_near_points_count():
    mixture = Mixture(np.array([[0.0, 0.0], [10.0, 0.0]]), 1.0, np.array([0.25, 0.75]))
    points = np.array([[2.9, 0.0], [0.0, -2.9], [0.0, 3.1], [10.0, 0.0], [5.0, 0.0]])
    found = mode_coverage(points, mixture)
    assert found.modes == 2
    assert found.high_quality == pytest.approx(3 / 5)
    shares = np.array([2 / 3, 1 / 3])
    assert found.reverse_kl == pytest.approx(np.sum(shares * np.log(shares / mixture.weights)))
    # The first mode's two points: variances 2.9^2 / 2 of each coordinate, around their own mean.
    assert found.spread == pytest.approx(np.sqrt(2.9**2 / 2))


@pytest.mark.parametrize("factor", [0.2, 1.0])
def test_spread_is_the_width_of_a_mode_and_not_its_place(factor):
    mixture = MIXTURES["grid25"]
    narrow = mixture._replace(deviation=factor * 0.2 * mixture.deviation)
    moved = narrow.draw(COUNT) + mixture.deviation
    assert mode_coverage(moved, mixture).spread == pytest.approx(factor * 0.2, rel=0.02)


def test_no_near_point_is_infinitely_far():
    found = mode_coverage(np.full((5, 2), 100.0), MIXTURES["ring8"])
    assert (found.modes, found.high_quality, found.reverse_kl) == (0, 0.0, np.inf)
    assert np.isnan(found.spread)


@pytest.mark.parametrize(
    "points, message",
    [
        (np.zeros((3, 4)), r"shape \(N, 2\).*Received: points.shape=\(3, 4\)"),
        (np.zeros((0, 2)), "N >= 1"),
        (np.zeros(2), r"shape \(N, 2\)"),
        (np.full((2, 2), np.nan), "NaN. Received: 2 that are"),
    ],
)
def test_points_of_another_kind_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        mode_coverage(points, MIXTURES["ring8"])


def test_skewed_weights_sum_to_one_and_differ_by_three():
    weights = MIXTURES["skewed25"].weights
    assert weights.sum() == pytest.approx(1.0)
    assert weights.max() / weights.min() == pytest.approx(3.0)


# As metrics of `evaluate`


def evaluated(name, names):
    mixture = MIXTURES[name]

    def generate(first, count, labels):
        return mixture.draw(count, seed=first % 2**32)

    return {r["metric"]: r for r in metrics.evaluate(generate, open_source(name), names, 2500)}


@pytest.mark.thorough
def test_evaluate_takes_the_group_by_its_name():
    found = evaluated("grid25", "mode_coverage")
    assert list(found) == ["modes", "high_quality", "mode_reverse_kl", "mode_spread"]
    assert found["modes"]["value"] == found["modes"]["floor"] == 25
    assert found["high_quality"]["value"] == pytest.approx(NEAR_SHARE, abs=0.01)


@pytest.mark.slow
@pytest.mark.thorough
def test_evaluate_measures_modes_of_a_mixture_unasked():
    assert {"modes", "mode_reverse_kl", "swd"} <= set(evaluated("ring8", None))


def test_modes_of_other_data_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.random.default_rng(0).normal(size=(99, 2)).astype(np.float32))
    with pytest.raises(ValueError, match="modes, high_quality.*cannot be measured.*modes are known"):
        metrics.evaluate(lambda *_: None, open_source(f"npz:{tmp_path}/a.npz"), "mode_coverage")


# Stacks of images, whose modes a classifier counts


def brightness(images):
    """Its class is an image's brightness over 25: no network, no errors."""
    return types.SimpleNamespace(classes=images[:, 0, 0, 0] // 25)


def stacks(classes, side=8):
    """uint8 (N, side, side, C) of classes (N, C)."""
    pixels = (25 * np.asarray(classes)).astype(np.uint8)
    return np.broadcast_to(pixels[:, None, None], (len(pixels), side, side, pixels.shape[1]))


def test_even_stacks_have_the_divergence_of_sampling_alone():
    classes = np.random.default_rng(0).integers(10, size=(26_000, 3))
    found = stack_coverage(stacks(classes, 1), brightness, 10)
    assert found.modes == 1000
    # 2 N KL is chi-squared with K - 1 degrees of freedom: 0.0192 nats +- 0.0009.
    assert 2 * 26_000 * found.reverse_kl == pytest.approx(999, abs=5 * np.sqrt(2 * 999))


def test_a_collapsed_generator_of_stacks_has_one_mode_and_log_k_nats():
    found = stack_coverage(stacks(np.full((500, 3), 7)), brightness, 10)
    assert (found.modes, found.reverse_kl) == (1, pytest.approx(np.log(1000)))


def test_which_channel_shows_a_digit_makes_another_mode():
    found = stack_coverage(stacks([[1, 2, 3], [3, 2, 1], [1, 3, 2], [1, 2, 3]]), brightness, 10)
    assert found.modes == 3


@pytest.fixture
def bars(tmp_path, monkeypatch):
    """Stacks of bars at one of four places, which a classifier learns in a moment."""
    monkeypatch.setattr(module, "COUNTING_STEPS", 200)
    labels = np.random.default_rng(0).integers(4, size=600).astype(np.uint8)
    images = np.random.default_rng(1).integers(0, 60, (600, 8, 8)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 2] = 250
    write_idx(tmp_path, images, labels)
    return open_source(f"stacked:{tmp_path}")


@pytest.mark.thorough
def test_evaluate_counts_the_modes_of_stacks_with_a_classifier_of_single_images(bars):
    real = next(iter(bars.ordered(4000))).numpy()

    def repeats_one_bar(start, count, labels):
        half = real[start % 2**32 :][:count].copy()
        half[..., 2] = half[..., 1]
        return half

    results = metrics.evaluate(repeats_one_bar, bars, "mode_coverage", num_images=3000)
    found = {result["metric"]: result for result in results}
    assert list(found) == ["modes", "mode_reverse_kl"]
    assert found["modes"]["protocol"]["counting_accuracy"] > 0.99
    assert found["modes"]["protocol"]["modes"] == found["modes"]["floor"] == 64
    assert found["modes"]["value"] == 16  # the third channel is the second once more
    # ln 4 nats are missing; the few classes are not quite even.
    assert found["mode_reverse_kl"]["value"] == pytest.approx(np.log(4), abs=0.03)
    assert found["mode_reverse_kl"]["floor"] < 0.03
