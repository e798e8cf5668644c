"""InfoGAN's bound: entropies and likelihoods of known laws."""

import types

from tfgan_kit.networks.infogan import Codes
from tfgan_kit.penalties import MutualInformation, StepView

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

N, SIZES, COUNT = 512, [3, 4], 2
LATENTS = np.random.default_rng(0).normal(size=(N, 12)).astype(np.float32)
CODES = Codes(SIZES, COUNT)(LATENTS).numpy()
FIRST, SECOND, NUMBERS = np.split(CODES, [3, 7], axis=1)
MEAN, DEVIATION = NUMBERS * 0.5 + 0.1, np.array([0.5, 3.0])


def heads(categorical, mean=MEAN, deviation=DEVIATION):
    return {
        "codes": {
            "categorical": [tf.constant(logits, tf.float32) for logits in categorical],
            "mean": tf.constant(mean, tf.float32),
            "log_deviation": tf.constant(np.broadcast_to(np.log(deviation), mean.shape), tf.float32),
        }
    }


KNOWN = heads([np.log([0.5, 0.25, 0.25]) * np.ones((N, 1)), SECOND * 5.0])


def step(fake_heads=KNOWN, codes=Codes(SIZES, COUNT)):  # noqa: B008, it has no state
    network = types.SimpleNamespace(codes=codes) if codes else types.SimpleNamespace()
    view = StepView(None, None, None, tf.constant(LATENTS), None, None, None, None, None)
    return view._replace(generator=types.SimpleNamespace(network=network), fake_heads=fake_heads)


def likelihoods():
    """`E log Q` of each categorical code, and of the continuous ones, by their definitions."""
    first = np.log(FIRST @ [0.5, 0.25, 0.25]).mean()
    second = 5.0 - np.log(np.exp(5.0) + 3.0)  # of the right one of 4
    return first, second, stats.norm.logpdf(NUMBERS, MEAN, DEVIATION).sum(axis=1).mean()


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_both_players_minimise_the_negative_likelihood_of_the_codes(player):
    first, second, numbers = likelihoods()
    found = MutualInformation(player, weight=2.0, continuous_weight=0.3).value(step())
    assert float(found) == pytest.approx(-2.0 * (first + second) - 0.3 * numbers, rel=1e-5)


def test_the_bound_is_the_entropy_of_the_codes_plus_their_likelihood():
    found = MutualInformation("generator").logs(step())["mutual_information"]
    assert float(found) == pytest.approx(np.log(3) + np.log(4) + 2 * np.log(2) + sum(likelihoods()), rel=1e-5)


def test_codes_that_are_known_exactly_have_the_information_of_their_entropy():
    found = MutualInformation("generator").logs(step({"codes": {"categorical": [FIRST * 100.0]}}, Codes([3], 0)))
    assert {name: float(value) for name, value in found.items()} == pytest.approx(
        {"mutual_information": np.log(3), "code_accuracy": 1.0}
    )


def test_codes_of_which_nothing_is_known_have_none():
    nothing = {"codes": {"categorical": [tf.zeros((N, 3)), tf.zeros((N, 4))]}}
    found = MutualInformation("generator").logs(step(nothing, Codes(SIZES, 0)))
    assert float(found["mutual_information"]) == pytest.approx(0.0, abs=1e-6)


def test_the_share_of_categories_recovered_is_logged():
    """The first code is always guessed to be 0, the second one is known."""
    found = MutualInformation("generator").logs(step())["code_accuracy"]
    assert float(found) == pytest.approx((FIRST[:, 0].mean() + 1.0) / 2, rel=1e-6)


def test_without_categories_there_is_no_accuracy():
    fake_heads = {"codes": {name: value for name, value in KNOWN["codes"].items() if name != "categorical"}}
    found = MutualInformation("generator").logs(step(fake_heads, Codes([], 2)))
    assert set(found) == {"mutual_information"}


def test_a_number_that_is_known_exactly_keeps_the_loss_finite():
    exact = heads([FIRST, SECOND], NUMBERS, deviation=1e-30)
    found = MutualInformation("generator", weight=0.0, continuous_weight=1.0).value(step(exact))
    assert float(found) == pytest.approx(2 * (np.log(0.01) + 0.5 * np.log(2 * np.pi)), rel=1e-5)


def test_only_the_generator_s_logs_the_bound():
    assert MutualInformation("discriminator").logs(step()) == {}
    assert MutualInformation("discriminator").log_names == ()
    assert (MutualInformation("discriminator").name, MutualInformation("generator").name) == (
        "d_code_loss",
        "g_code_loss",
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(fake_heads={"classes": 0}), "a generator with `codes`, a discriminator with these .*: classes"),
        (dict(codes=None), "a generator without `codes`, a discriminator with these .*: codes"),
        (dict(codes=Codes([3], 2)), r"5 numbers of the generator, 7 \+ 2 of the discriminator"),
    ],
)
def test_networks_without_the_same_codes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MutualInformation().value(step(**arguments))


@pytest.mark.parametrize("name", ["weight", "continuous_weight"])
def test_a_negative_weight_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must not be negative. Received: {name}=-1"):
        MutualInformation(**{name: -1})
