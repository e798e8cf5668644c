"""InfoGAN's codes: their law, their way back to latents, and the head that recovers them."""

import tfgan_kit as gk
from tfgan_kit.networks.infogan import Codes

import keras
import numpy as np
import pytest
from scipy import stats

LATENTS = np.random.default_rng(0).normal(size=(6000, 8)).astype(np.float32)
CHOSEN = [[0, 1, 0, 1, 0, 0.5, -0.25], [1, 0, 0, 0, 1, -1.0, 1.0]]


def coded(**arguments):
    arguments = dict(categorical=[3, 2], continuous=2) | arguments
    return gk.networks.InfoGANGenerator(gk.networks.MLPGenerator(latent_dim=8, width=4), **arguments)


def test_categories_are_uniform_and_independent_and_numbers_are_uniform_from_minus_one_to_one():
    codes = Codes([3, 2], 2)(LATENTS).numpy()
    assert set(np.unique(codes[:, :5])) == {0.0, 1.0}
    table = codes[:, :3].T @ codes[:, 3:5]
    assert table.sum() == len(LATENTS)
    assert stats.chisquare(table.ravel()).pvalue > 1e-3  # of all pairs being equally likely
    for numbers in codes[:, 5:].T:
        assert stats.kstest(numbers, stats.uniform(-1, 2).cdf).pvalue > 1e-3


def test_the_wrapped_generator_receives_codes_and_the_other_latents():
    generator = coded()
    rows = np.concatenate([generator.codes(LATENTS[:5]), LATENTS[:5, 7:]], axis=1)
    np.testing.assert_array_equal(generator(LATENTS[:5]), generator.generator(rows))


def test_latents_of_codes_stand_for_them_and_are_otherwise_as_they_were():
    generator, latents = coded(), LATENTS[:2]
    changed = generator.with_codes(latents, CHOSEN).numpy()
    np.testing.assert_allclose(generator.codes(changed), CHOSEN, atol=2e-6)
    np.testing.assert_array_equal(changed[:, 7:], latents[:, 7:])
    for part in (slice(0, 3), slice(3, 5)):  # two latents changed places
        np.testing.assert_array_equal(np.sort(changed[:, part]), np.sort(latents[:, part]))


def test_latents_of_zeros_are_given_any_code():
    generator = coded()
    changed = generator.with_codes(np.zeros((2, 8), np.float32), CHOSEN)
    np.testing.assert_allclose(generator.codes(changed), CHOSEN, atol=2e-6)


def test_the_latents_own_codes_change_nothing():
    generator = coded()
    codes = generator.codes(LATENTS)
    found = generator.with_codes(LATENTS, codes).numpy()
    inside = np.abs(LATENTS[:, 5:7]).max(axis=1) < 3  # beyond, float32 has few numbers below 1
    np.testing.assert_array_equal(found[:, :5], LATENTS[:, :5])
    np.testing.assert_allclose(found[inside], LATENTS[inside], atol=1e-3)


def test_a_conditional_generator_has_codes_too():
    inner = gk.networks.DCGANGenerator(8, 1, latent_dim=8, width=2, num_classes=3)
    generator = gk.networks.InfoGANGenerator(inner, [3, 2], 2)
    assert (generator.latent_dim, generator.num_classes) == (8, 3)
    assert generator([LATENTS[:2], np.array([0, 2], np.int32)]).shape == (2, 8, 8, 1)


def test_codes_are_float32_under_mixed_precision(mixed_policy):
    codes = coded().codes(LATENTS)
    assert codes.dtype == "float32"
    np.testing.assert_array_equal(codes, Codes([3, 2], 2, dtype="float32")(LATENTS))


@pytest.mark.parametrize(
    "make",
    [coded, lambda: gk.networks.InfoGANDiscriminator(gk.networks.MLPDiscriminator(width=4), [3, 2], 2, width=5)],
    ids=["generator", "discriminator"],
)
def test_a_file_holds_the_network_bit_for_bit(make, tmp_path):
    network = make()
    rows = LATENTS[:4, : network.inputs[0].shape[-1]]
    network.save(tmp_path / "model.keras")
    found = keras.tree.flatten(keras.saving.load_model(tmp_path / "model.keras")(rows))
    for one, other in zip(found, keras.tree.flatten(network(rows)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "categorical, continuous, expected",
    [
        ([3, 2], 2, {"categorical": [(4, 3), (4, 2)], "mean": (4, 2), "log_deviation": (4, 2)}),
        ([3], 0, {"categorical": [(4, 3)]}),
        ([], 1, {"mean": (4, 1), "log_deviation": (4, 1)}),
    ],
)
def test_the_discriminator_has_parameters_for_every_code(categorical, continuous, expected):
    inner = gk.networks.MLPDiscriminator(width=4)
    outputs = gk.networks.InfoGANDiscriminator(inner, categorical, continuous, width=5)(LATENTS[:4, :2])
    np.testing.assert_array_equal(outputs["logits"], inner(LATENTS[:4, :2]))
    assert keras.tree.map_structure(lambda output: tuple(output.shape), outputs["codes"]) == expected


@pytest.mark.parametrize("codes", [np.zeros((2, 6)), np.zeros((3, 7)), np.full((2, 7), 1.5)])
def test_codes_of_another_shape_or_range_are_refused(codes):
    with pytest.raises(ValueError, match=r"Codes are \(N, 7\).* numbers in \[-1, 1\]. Received: codes"):
        coded().with_codes(LATENTS[:2], codes)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(categorical=[0]), "`categorical` must be at least 1. Received: categorical=0"),
        (dict(continuous=-1), "`continuous` must not be negative. Received: continuous=-1"),
        (dict(categorical=[], continuous=0), r"At least one code is needed. Received: categorical=\[\]"),
        (dict(categorical=[8], continuous=1), "take 9 latents, more than there are.*latent_dim=8"),
    ],
)
def test_codes_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        coded(**arguments)
