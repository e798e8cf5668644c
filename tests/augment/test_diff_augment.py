"""DiffAugment against the authors' code, with their draws."""

import pathlib
import zlib

import tfgan_kit as gk

import numpy as np
import pytest
import tensorflow as tf

FIXTURE = np.load(pathlib.Path(__file__).parent.parent / "fixtures" / "networks" / "diffaugment.npz")
IMAGES = np.tanh(np.random.RandomState(zlib.crc32(b"diffaug")).standard_normal((4, 3, 11, 15))).astype(np.float32)
IMAGES = tf.constant(IMAGES.transpose(0, 2, 3, 1))
STEP = tf.constant(0)
# What the authors draw integers from: translations of -1 to 1 rows and -2 to 2 columns; offsets of a box of 6 of 11
# rows and 8 of 15 columns, 0 to 11 and 0 to 15.
RANGES = {"translation": [(-1, 3), (-2, 5)], "cutout": [(0, 12), (0, 16)]}


def authors_draws(name):
    """The draws of a fixture, as the uniform numbers that they are made of."""
    parts = {"color": 3, "translation": 2, "cutout": 2}
    draws = iter(np.ravel(FIXTURE[f"{name}_draw{k}"]) for k in range(sum(parts[part] for part in name.split("+"))))
    calls = []
    for part in name.split("+"):
        columns = [next(draws) for _ in range(parts[part])]
        if part in RANGES:
            columns = [(x - low + 0.5) / count for x, (low, count) in zip(columns, RANGES[part], strict=True)]
        calls.append(np.stack(columns, axis=1))
    calls = iter(calls)
    return lambda shape: tf.constant(next(calls).reshape([4, *shape]), tf.float32)


def changed(policy, images=IMAGES, uniform=None):
    uniform = uniform or (lambda shape: tf.random.stateless_uniform([len(images), *shape], [1, 2]))
    return gk.augment.DiffAugment(policy).draw(uniform, tuple(images.shape[1:]), STEP)(images)


@pytest.mark.parametrize("name", ["color", "translation", "cutout", "color+translation+cutout"])
def test_images_are_the_authors(name):
    expected = FIXTURE[name].transpose(0, 2, 3, 1)
    found = changed(tuple(name.split("+")), uniform=authors_draws(name))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * max(1.0, np.abs(expected).max()))


def test_the_fixture_s_color_is_not_the_identity():
    assert np.abs(FIXTURE["color"].transpose(0, 2, 3, 1) - IMAGES).max() > 0.1


@pytest.mark.parametrize("draw, shift", [(0.0, -2), (1 - 2**-23, 2)])
def test_translations_reach_an_eighth_both_ways_and_zeros_move_in(draw, shift):
    images = tf.ones([1, 16, 16, 1])
    found = changed(("translation",), images, lambda shape: tf.fill([1, *shape], np.float32(draw)))[0, :, :, 0].numpy()
    kept = slice(None, -shift) if shift > 0 else slice(-shift, None)
    expected = np.zeros((16, 16))
    expected[kept, kept] = 1.0
    np.testing.assert_array_equal(found, expected)


def test_the_gradient_of_all_transformations_is_the_slope():
    """The change is affine: a difference of any size is exact."""
    direction = tf.random.stateless_normal(IMAGES.shape, [3, 4])
    weights = tf.random.stateless_normal(IMAGES.shape, [5, 6])
    change = gk.augment.DiffAugment().draw(authors_draws("color+translation+cutout"), (11, 15, 3), STEP)
    with tf.GradientTape() as tape:
        tape.watch(IMAGES)
        value = tf.reduce_sum(weights * change(IMAGES))
    slope = tf.reduce_sum(tape.gradient(value, IMAGES) * direction)
    expected = tf.reduce_sum(weights * (change(IMAGES + direction) - change(IMAGES)))
    np.testing.assert_allclose(slope, expected, rtol=1e-4)


def test_alpha_keeps_its_values():
    images = tf.concat([IMAGES, IMAGES[..., :1]], axis=-1)
    found = changed(("color",), images, authors_draws("color"))
    np.testing.assert_array_equal(found[..., 3], images[..., 3])
    np.testing.assert_allclose(found[..., :3], changed(("color",), uniform=authors_draws("color")), atol=1e-6)


@pytest.mark.parametrize("policy", [(), ("colour",), ("color", "color")])
def test_a_policy_of_other_names_is_refused(policy):
    with pytest.raises(ValueError, match="color, translation, cutout at most once.*Received: policy="):
        gk.augment.DiffAugment(policy)


def test_a_translation_takes_images_of_any_channels():
    gk.augment.DiffAugment("translation").check((8, 8, 7))
    with pytest.raises(ValueError, match=r"1 channel .grey.*Received: images of shape \(8, 8, 7\)"):
        gk.augment.DiffAugment().check((8, 8, 7))
