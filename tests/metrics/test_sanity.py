"""The sanity table: each metric moves the right way as real digits are made worse, and as training goes on."""

import dataclasses

import tfgan_kit as gk
from tfgan_kit.metrics import images_of
from tfgan_kit.metrics.catalogue import MEASURES
from tfgan_kit.metrics.comparison import Comparison, RealSets
from tfgan_kit.metrics.features.cache import real_set
from tfgan_kit.metrics.image_set import gather, generated_batches, split_indices, spread
from tfgan_kit.presets import from_preset

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.twins import twins

DISTANCES = ("fd", "kid", "extrapolated_fd", "intra_class_fd", "swd")
PATCHED = 120  # images whose patches are compared: their sliced distances take the most time
NEIGHBOURS = ("precision", "recall", "density", "coverage")


def _blur(images, labels, strength):
    return np.round(gaussian_filter(images.astype(float), (0, strength, strength, 0))), labels


def _noise(images, labels, strength):
    return np.clip(images + np.random.default_rng(0).normal(0, strength, images.shape), 0, 255), labels


def _dropped_classes(images, labels, strength):
    return images[labels >= strength], labels[labels >= strength]


def _duplicated_modes(images, labels, strength):
    """Every image of the classes below `strength` becomes the first of its class."""
    copies = images.copy()
    for label in range(strength):
        copies[labels == label] = images[labels == label][0]
    return copies, labels


# Damage, its strengths, the metrics that must rise with it, those that must fall. What a metric cannot see
# stands in no column: precision and density do not look for lost modes, nor does a label's agreement.
TABLE = [
    (_blur, (0.5, 0.6, 0.8), DISTANCES, ("inception_score", "label_agreement", *NEIGHBOURS)),
    (_noise, (15, 30, 60), DISTANCES, ("inception_score", "label_agreement", "recall", "coverage")),
    (_dropped_classes, (1, 2, 4), ("fd", "kid", "extrapolated_fd"), ("inception_score", "recall", "coverage")),
    (_duplicated_modes, (1, 3, 6), DISTANCES, ("recall", "coverage")),
]


@pytest.fixture(scope="module")
def real(digits, digit_classifier, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFGAN_KIT_CACHE", str(tmp_path_factory.mktemp("features")))
        split = split_indices(5000, with_classifier=True)
        return RealSets(
            real_set(digits, split.reference, digit_classifier, keep=PATCHED),
            real_set(digits, split.test, digit_classifier),
        )


def _measured(name, real, found):
    return MEASURES[name].value(Comparison(real, found), 0)


@pytest.fixture(scope="module")
def values(real):
    """`values(found, names)`: a number a metric, of an `ImageSet` in the place of generated images."""

    def measure(found, names):
        patched = dataclasses.replace(found, samples=found.samples[spread(found.count, PATCHED)])
        return np.array([_measured(name, real, patched).value for name in names])

    return measure


@pytest.mark.thorough
@twins("damage, strengths, rising, falling", TABLE, ids=[row[0].__name__ for row in TABLE])
def test_every_metric_moves_the_right_way_step_by_step(
    damage, strengths, rising, falling, real, values, digit_classifier
):
    sets = [real.test]
    for strength in strengths:
        images, labels = damage(real.test.samples, real.test.labels, strength)
        sets.append(gather([(images.astype(np.uint8), labels)], digit_classifier))
    changes = np.diff([values(part, rising + falling) for part in sets], axis=0)  # (strengths, metrics)
    up, down = changes[:, : len(rising)], changes[:, len(rising) :]
    assert [name for name, steps in zip(rising, up.T, strict=True) if not (steps > 0).all()] == []
    assert [name for name, steps in zip(falling, down.T, strict=True) if not (steps < 0).all()] == []


@pytest.mark.thorough
@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
def test_copied_training_images_are_found_where_distances_praise_them(share, real):
    copied = np.random.default_rng(0).random(real.test.count) < share
    features = np.where(copied[:, None], real.reference.features, real.test.features)
    copies = dataclasses.replace(real.test, features=features)
    (z, fd), (_, honest_fd) = (
        [_measured(name, real, part).value for name in ("memorisation", "fd")] for part in (copies, real.test)
    )
    assert z < -2.3 and fd < honest_fd  # a normal deviate: below in 1 of 100 honest generators


@pytest.mark.thorough
def test_the_memorisation_warning_is_for_copies_alone(real):
    real = real._replace(apart=True)
    assert "look at the nearest" in _measured("memorisation", real, real.reference).warnings[0]
    assert not _measured("memorisation", real, real.test).warnings


@pytest.mark.thorough
def test_test_images_that_may_have_been_trained_on_are_said_so(real):
    assert "--test_dataset" in _measured("memorisation", real, real.test).warnings[0]


@pytest.mark.thorough
@pytest.mark.slow
def test_a_later_checkpoint_of_the_same_run_is_better_by_every_metric(digits, real, values, digit_classifier):
    gan = from_preset("dcgan_mnist", image_shape=(28, 28, 1), num_classes=10)
    names = ("fd", "kid", "intra_class_fd", "swd", "precision", "recall", "density", "coverage")
    found = []
    for steps in (60, 200):
        gan.fit(gk.data.training_dataset(digits, 64), epochs=1, steps_per_epoch=steps, verbose=0)
        generate = images_of(gan).generate
        batches = generated_batches(generate, 1250, (28, 28, 1), 0, real.test.labels)
        images = gather(batches, digit_classifier)
        found.append(values(images, names))
    change = np.subtract(*reversed(found))
    assert (change[:4] < 0).all() and (change[4:] > 0).all(), dict(zip(names, change, strict=True))
