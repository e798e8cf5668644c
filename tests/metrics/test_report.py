"""The report says what is good and what is not, by the value's place beside its floor."""

import types

from tfgan_kit.metrics.image_set import ImageSet
from tfgan_kit.metrics.report import collapse, verdict

import numpy as np
import pytest


@pytest.mark.parametrize(
    "best, value, floor, kind, share",
    [
        ("lowest", 0.9, 1.0, "good", 1.0),
        ("lowest", 1.2, 1.0, "good", 1 / 1.2),
        ("lowest", 2.0, 1.0, "fair", 0.5),
        ("lowest", 40.0, 1.0, "bad", 1 / 40),
        ("lowest", -0.1, 0.0, "good", 1.0),
        ("highest", 0.9, 0.9, "good", 1.0),
        ("highest", 1.2, 0.9, "good", 1.0),
        ("highest", 0.45, 0.9, "fair", 0.5),
        ("highest", 0.0, 0.9, "bad", 0.0),
        ("0", -0.5, 0.1, "good", 1.0),
        ("0", -8.0, 0.1, "bad", 1 / 8),
        ("1", 1.0, 1.0, "good", 1.0),
        ("1", 0.5, 1.0, "bad", 0.2),
    ],
)
def test_a_verdict_is_the_share_of_what_real_images_reach(best, value, floor, kind, share):
    found = verdict(best, value, floor)
    assert (found.kind, found.share) == (kind, pytest.approx(share))


@pytest.mark.parametrize(
    "best, value, floor", [("lowest", 1.0, 0.0), ("highest", 1.0, 0.0), ("lowest", np.nan, 1.0), ("0", 1.0, np.inf)]
)
def test_what_cannot_be_compared_has_no_verdict(best, value, floor):
    assert verdict(best, value, floor) is None


def evaluation(generated, **results):
    real = np.random.default_rng(1).integers(0, 256, (64, 8, 8, 1), np.uint8)
    return types.SimpleNamespace(
        generated=ImageSet(len(generated), generated),
        reference=ImageSet(64, real),
        results=[{"measure": name, "metric": name, "value": v, "floor": 0.8} for name, v in results.items()],
    )


def test_a_collapsed_generator_is_called_one():
    noise = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8)
    assert collapse(evaluation(noise, recall=0.7, coverage=0.6)) == []
    (sentence,) = collapse(evaluation(noise // 100 + np.uint8(90)))
    assert sentence.startswith("Collapsed: the generated images are nearly one image. Two of them are")
    (sentence,) = collapse(evaluation(noise, recall=0.1))
    assert "Little variety, or far from the data: recall is 0.1, where real images reach 0.8" in sentence
