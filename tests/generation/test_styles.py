"""Styles w: their images are those of the latents, and mixed layer by layer."""

import tfgan_kit as gk
from tfgan_kit.generation.generative_model import GenerativeModel
from tfgan_kit.generation.seeds import latents_from_seeds
from tfgan_kit.generation.styles import has_styles, style_mixing

import keras
import numpy as np
import pytest

from tests.generation.test_films import style_model

SEEDS = gk.image_seeds(3, 5)


@pytest.fixture(scope="module")
def model():
    return style_model()


@pytest.fixture(scope="module")
def labelled():
    return style_model(num_classes=3)


def ws_of(model, seeds, labels=None, **truncation):
    return model.latents_to_w(latents_from_seeds(seeds, model.latent_dim), labels, **truncation)


def test_a_stylegan_has_styles_and_others_have_none(model, make_gan):
    assert has_styles(model.generator) and not has_styles(make_gan().generator)


def test_styles_and_latents_make_the_images_of_their_seeds(model):
    images = model.generate(seeds=SEEDS)
    np.testing.assert_array_equal(model.images_of_w(ws_of(model, SEEDS)), images)
    np.testing.assert_array_equal(model.images_of_latents(latents_from_seeds(SEEDS, 4)), images)


@pytest.mark.thorough
def test_styles_of_labels_make_the_images_of_their_class(labelled):
    labels = [0, 2, 1, 1, 0]
    images = labelled.generate(seeds=SEEDS, labels=labels)
    np.testing.assert_array_equal(labelled.images_of_w(ws_of(labelled, SEEDS, labels)), images)
    np.testing.assert_array_equal(labelled.images_of_latents(latents_from_seeds(SEEDS, 4), labels), images)


def test_truncation_takes_w_toward_its_mean(model):
    """w_avg + psi (w - w_avg) on the first `truncation_cutoff` ws, a psi for each row."""
    psi, mean = np.array([0.0, 0.5, 1.0, -1.0, 2.0]), np.array(model.generator.mapping.w_avg)
    ws, truncated = ws_of(model, SEEDS), ws_of(model, SEEDS, truncation_psi=psi, truncation_cutoff=2)
    assert ws.shape == (5, model.generator.num_ws, 4) and ws.dtype == np.float32
    np.testing.assert_allclose(truncated[:, :2], mean + psi[:, None, None] * (ws[:, :2] - mean), atol=1e-5)
    np.testing.assert_allclose(truncated[:, 2:], ws[:, 2:], atol=1e-6)


@pytest.mark.thorough
@pytest.mark.parametrize("noise_mode", ["const", "none", "random"])
def test_a_row_s_image_does_not_depend_on_its_batch(noise_mode, model):
    ws = ws_of(model, gk.image_seeds(0, 70))  # more than are made at a time
    images = model.images_of_w(ws, noise_mode)
    np.testing.assert_array_equal(model.images_of_w(ws[66:67], noise_mode), images[66:67])
    np.testing.assert_array_equal(model.images_of_w(ws[1:4], noise_mode), images[1:4])


def test_noise_modes_make_different_images(model):
    ws = ws_of(model, SEEDS)
    constant, none, random = (model.images_of_w(ws, mode) for mode in ("const", "none", "random"))
    assert (constant != none).any() and (constant != random).any() and (none != random).any()
    np.testing.assert_array_equal(model.images_of_w(ws), constant)  # the generator's own


def test_mixed_styles_are_the_columns_in_their_layers_and_the_rows_elsewhere(model):
    table = style_mixing(model, SEEDS[:2], SEEDS[2:], layers=[0, 2])
    assert table.shape == (3, 4, 8, 8, 3) and not table[0, 0].any()
    np.testing.assert_array_equal(table[1:, 0], model.generate(seeds=SEEDS[:2]))
    np.testing.assert_array_equal(table[0, 1:], model.generate(seeds=SEEDS[2:]))
    row, column = ws_of(model, SEEDS[[1, 4]])
    mixed = np.stack([column[0], row[1], column[2], *row[3:]])
    np.testing.assert_array_equal(table[2, 3], model.images_of_w(mixed[None])[0])


def test_without_layers_the_first_half_of_a_small_network_is_mixed(model):
    """8 pixels take 4 ws: all of the authors' 0 to 6 would be the column's image."""
    expected = style_mixing(model, SEEDS[:1], SEEDS[1:2], layers=[0, 1])
    np.testing.assert_array_equal(style_mixing(model, SEEDS[:1], SEEDS[1:2]), expected)
    assert (expected[1, 1] != expected[0, 1]).any()


@pytest.mark.thorough
def test_a_table_is_of_each_seed_s_class_or_of_one(labelled):
    own, second = (style_mixing(labelled, SEEDS[:2], SEEDS[2:], labels=labels) for labels in (None, 1))
    np.testing.assert_array_equal(own[0, 1:], labelled.generate(seeds=SEEDS[2:]))
    np.testing.assert_array_equal(second[0, 1:], labelled.generate(seeds=SEEDS[2:], labels=1))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: m.latents_to_w(np.zeros((2, 5))), r"\(N, 4\)"),
        (lambda m: m.latents_to_w(np.zeros((0, 4))), "at least 1 row"),
        (lambda m: m.latents_to_w(np.zeros((1, 4)), labels=[0]), "unconditional"),
        (lambda m: m.latents_to_w(np.zeros((1, 4)), truncation_psi=3.0), "from -2 to 2"),
        (lambda m: m.latents_to_w(np.zeros((1, 4)), truncation_cutoff=5), "from 0 to 4"),
        (lambda m: m.images_of_w(np.zeros((1, 4))), r"\(N, 4, 4\)"),
        (lambda m: m.images_of_w(np.zeros((1, 4, 4)), "constant"), "const, none, random"),
        (lambda m: style_mixing(m, [1], [2], layers=[4]), "from 0 to 3"),
        (lambda m: style_mixing(m, [1], [2], layers=[]), "at least one"),
        (lambda m: style_mixing(m, [], [2]), "one per image"),
    ],
)
def test_what_is_no_style_is_refused(call, message, model):
    with pytest.raises(ValueError, match=message):
        call(model)


def test_a_generator_without_styles_says_so(make_gan):
    gan = make_gan()
    for call in (
        lambda: gan.latents_to_w(np.zeros((1, 3))),
        lambda: gan.images_of_w(np.zeros((1, 2, 3))),
        lambda: style_mixing(gan, [0], [1]),
    ):
        with pytest.raises(ValueError, match="Only a StyleGAN has styles.*Received: generator of type Functional"):
            call()


@pytest.mark.thorough
def test_a_stylegan3_has_styles_without_noise():
    keras.utils.set_random_seed(0)
    model = GenerativeModel.of(
        gk.networks.StyleGAN3Generator(8, latent_dim=4, w_dim=4, channel_base=32, channel_max=4, num_layers=4)
    )
    images = model.generate(seeds=SEEDS[:2])
    np.testing.assert_array_equal(model.images_of_w(ws_of(model, SEEDS[:2])), images)
    assert style_mixing(model, SEEDS[:1], SEEDS[1:2]).shape == (2, 2, 8, 8, 3)
    with pytest.raises(ValueError, match="adds no noise.*StyleGAN3Generator"):
        model.images_of_w(ws_of(model, SEEDS), "none")
