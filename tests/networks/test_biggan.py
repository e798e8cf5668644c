"""BigGAN's networks: sizes, conditions and truncation; tests/convert/test_biggan.py holds their values."""

import tfgan_kit as gk
from tfgan_kit.networks import (
    BigGANDeepDiscriminator,
    BigGANDeepHubGenerator,
    BigGANDiscriminator,
    BigGANGenerator,
    FlatBigGANGenerator,
)
from tfgan_kit.networks.truncation import resampled

import keras
import numpy as np
import pytest
import tensorflow as tf

SMALL = dict(latent_dim=6, width=2, num_classes=3, shared_dim=4, attention=())
LABELS = tf.constant([0, 2])
HALVED = [(True, 16, 8), (False, 8, 4), (False, 4, 2), (False, 2, 1)]


@pytest.mark.parametrize(("shape", "base"), [((8, 12, 3), (4, 6)), ((28, 28, 1), (7, 7)), ((16, 24, 3), (4, 6))])
def test_images_may_be_oblong_and_of_any_base(shape, base):
    generator = FlatBigGANGenerator(shape, **SMALL)
    assert generator([tf.zeros((2, 6)), LABELS]).shape == (2, *shape)
    assert generator.get_layer("linear").layer.units == base[0] * base[1] * 8
    discriminator = BigGANDiscriminator(shape, width=2, num_classes=3, attention=())
    assert discriminator([tf.zeros((2, *shape)), LABELS]).shape == (2, 1)


def test_a_list_of_channels_sets_the_number_of_stages_and_with_it_the_base():
    generator = BigGANGenerator((8, 8, 3), **SMALL | dict(width=[5, 6, 7]))
    assert generator.get_layer("linear").layer.units == 2 * 2 * 5
    assert [generator.get_layer(f"block{k}_0_conv2").layer.filters for k in (0, 1)] == [6, 7]


def test_hierarchical_latents_reach_one_block_each():
    """A part of the latents changes the gain of its own block, and no other."""
    generator = BigGANGenerator((16, 16, 3), **SMALL)  # parts of 2: first layer, block 0, block 1
    first, other = tf.zeros((1, 6)), tf.constant([[0.0, 0.0, 1.0, -1.0, 0.0, 0.0]])
    seen = [
        keras.Model(generator.inputs, generator.get_layer(name).input[1]) for name in ("block0_0_bn1", "block1_0_bn1")
    ]
    changed = [not np.array_equal(of([first, LABELS[:1]]), of([other, LABELS[:1]])) for of in seen]
    assert changed == [True, False]


def test_a_discriminator_judges_real_and_generated_images_in_one_pass():
    assert BigGANDiscriminator((8, 8, 3), width=2, num_classes=3, attention=()).rows_are_independent


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: BigGANGenerator((31, 31, 3), **SMALL), r"base.*Received: image_shape=\(31, 31, 3\)"),
        (lambda: BigGANGenerator((16, 16, 3), **SMALL | dict(width=[2] * 5)), "for 4 stages"),
        (lambda: BigGANGenerator((16, 16, 3), **SMALL | dict(latent_dim=7)), "multiple of 3. Received: latent_dim=7"),
        (lambda: BigGANGenerator((16, 16, 3), **SMALL | dict(attention=(32,))), "heights.*8, 16. Received: 32"),
        (lambda: BigGANGenerator((16, 16, 3), **SMALL | dict(shared_dim=None)), "FlatBigGANGenerator"),
        (lambda: BigGANGenerator((16, 16, 3), **SMALL | dict(num_classes=0)), "num_classes=0"),
        (lambda: BigGANDeepDiscriminator((8, 8, 3), depth=0), "depth=0"),
        (lambda: BigGANDeepHubGenerator(HALVED, width=1), "at least 4.*Received: 2 channels in block3"),
        (lambda: BigGANDeepHubGenerator([(True, 8, 8)]), "Received: 8 to 8 after 16"),
        (lambda: BigGANDeepHubGenerator(HALVED[:3]), "The last block.*Received: 2"),
        (lambda: gk.layers.SelfAttention()(tf.zeros((1, 4, 4, 7))), "at least 8 channels.*channels=7"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()


# Truncation


def test_latents_within_the_threshold_stay():
    latents = tf.constant(np.random.default_rng(0).uniform(-0.5, 0.5, (3, 50)).astype(np.float32))
    np.testing.assert_array_equal(resampled(latents, tf.random.uniform((3, 50), seed=1), tf.fill([3], 0.5)), latents)


@pytest.mark.parametrize("psi", [0.04, 0.5, 2.0])
def test_latents_have_the_law_of_drawing_again_until_they_are_within(psi):
    """The distribution function of N(0, 1) within [-psi, psi], by the Kolmogorov-Smirnov distance."""
    random = np.random.default_rng(2)
    latents, uniforms = random.normal(size=(1, 40_000)), random.uniform(size=(1, 40_000))
    rows = resampled(
        tf.constant(latents, tf.float32), tf.constant(uniforms, tf.float32), tf.constant([psi], tf.float32)
    )
    found = np.sort(rows.numpy()[0].astype(np.float64))
    assert np.abs(found).max() <= psi + 1e-7
    normal = tf.math.erf(found / np.sqrt(2)).numpy()
    expected = 0.5 + 0.5 * normal / tf.math.erf(psi / np.sqrt(2.0)).numpy()
    distance = np.abs(expected - np.arange(len(found)) / len(found)).max()
    assert distance < 1.95 / np.sqrt(len(found))  # exceeded once in a thousand samples


@pytest.mark.parametrize("uniform", [0.0, np.float32(1 - 2**-24)])
def test_the_ends_of_the_uniform_law_stay_within_the_threshold(uniform):
    found = resampled(tf.constant([[30.0]]), tf.constant([[uniform]]), tf.constant([10.0]))
    assert abs(float(found[0, 0])) <= 10.0
