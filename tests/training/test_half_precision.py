"""What half precision gains is measured, and said."""

import time

from tfgan_kit import processor
from tfgan_kit.training import half_precision

import pytest


def waiting(seconds):
    return lambda: time.sleep(seconds)


@pytest.mark.parametrize(
    "half, float32, words",
    [(0.01, 0.03, "is 3 times as fast as in float32"), (0.03, 0.01, "takes 3 times as long as in float32")],
    ids=["gains", "loses"],
)
def test_the_times_are_of_the_two_and_told_the_right_way_round(half, float32, words):
    found = half_precision.gain(waiting(half), waiting(float32))
    assert found["times_as_fast"] == pytest.approx(float32 / half, rel=0.2)
    assert found["half_ms"] == pytest.approx(1e3 * half, rel=0.2)
    assert words in half_precision.in_words(found | {"times_as_fast": float32 / half}, "It")
    assert {key: found[key] for key in processor.record()} == processor.record()


@pytest.mark.thorough
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_policy_is_told_by_what_a_convolution_takes_here(policy, monkeypatch):
    told = half_precision.expectation(policy)
    assert told.startswith(f"{policy}: a convolution") and processor.describe(processor.record()) in told
    gained = {"times_as_fast": 0.25, **processor.record()}
    monkeypatch.setattr(half_precision, "gain", lambda *_: gained)
    assert "takes 4 times as long" in half_precision.expectation(policy)
    assert half_precision.expectation(policy).endswith("use float32 on this machine.")
    gained["times_as_fast"] = 2.0
    assert "is 2 times as fast" in half_precision.expectation(policy)
    assert "use float32" not in half_precision.expectation(policy)


def test_float32_needs_no_words():
    assert half_precision.expectation("float32") is None
