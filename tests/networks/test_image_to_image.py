"""Networks of images to images: sizes, patches, normalization, dropout, and what they refuse."""

import tfgan_kit as gk

import keras
import numpy as np
import pytest
import tensorflow as tf


@pytest.mark.parametrize("num_layers, field", [(1, 16), (2, 34), (3, 70), (5, 286)])
def test_a_logit_sees_a_patch_of_the_stated_size(num_layers, field):
    discriminator = gk.networks.PatchGANDiscriminator(width=1, channels=1, num_layers=num_layers, normalization="none")
    side = 2 * field + 2**num_layers
    images = tf.Variable(tf.random.normal([1, side, side, 1]))
    with tf.GradientTape() as tape:
        logits = discriminator(images)
        middle = logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]
    seen = np.flatnonzero(np.abs(tape.gradient(middle, images)[0, ..., 0]).sum(axis=0))
    assert seen[-1] - seen[0] + 1 == field


@pytest.mark.parametrize("size", [(40, 24), (37, 50)])
def test_patches_are_of_images_of_any_size(size):
    discriminator = gk.networks.PatchGANDiscriminator(width=2, num_layers=2)
    assert discriminator(tf.zeros([1, *size, 3])).shape[1:3] == tuple((side // 4) - 2 for side in size)


def test_a_resnet_takes_images_of_any_size_and_keeps_it():
    generator = gk.networks.ResNetGenerator(channels=1, input_channels=3, width=2, num_blocks=1)
    for size in ((16, 16), (24, 20)):
        assert generator(tf.zeros([2, *size, 3])).shape == (2, *size, 1)


@pytest.mark.parametrize("affine", [False, True])
def test_instance_normalization_is_keras_s_group_normalization_of_one_channel_a_group(affine):
    images = tf.random.normal([3, 5, 7, 4], mean=2.0, stddev=3.0)
    ours = gk.layers.InstanceNormalization(affine=affine)
    theirs = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5, center=affine, scale=affine)
    ours.build(images.shape), theirs.build(images.shape)
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        value = np.random.default_rng(0).normal(size=one.shape)
        one.assign(value), other.assign(value)
    np.testing.assert_allclose(ours(images), theirs(images), atol=1e-5)


def test_dropout_is_of_training_alone_and_in_three_maps():
    generator = gk.networks.UNetGenerator(image_size=128, width=1, num_downs=7)
    assert sum(isinstance(layer, keras.layers.Dropout) for layer in generator.layers) == 2  # a 256-pixel one has three
    images = tf.random.normal([2, 128, 128, 3])
    np.testing.assert_array_equal(generator(images, training=False), generator(images, training=False))
    assert np.abs(generator(images, training=True) - generator(images, training=True)).max() > 0
    paper = gk.networks.UNetGenerator(width=1)
    assert sum(isinstance(layer, keras.layers.Dropout) for layer in paper.layers) == 3


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: gk.networks.UNetGenerator(image_size=100), "multiples of 256: resize"),
        (lambda: gk.networks.UNetGenerator(image_size=None), "multiples of 256"),
        (lambda: gk.networks.UNetGenerator(num_downs=4), "from 5 to 15"),
        (lambda: gk.networks.ResNetGenerator(image_size=30), "multiples of 4"),
        (lambda: gk.networks.ResNetGenerator(num_blocks=0), "num_blocks=0"),
        (lambda: gk.networks.PatchGANDiscriminator(normalization="layer"), "one of batch, instance"),
        (lambda: gk.networks.PatchGANDiscriminator(image_size=(8, "x")), "image_size="),
    ],
)
def test_sizes_that_it_has_not_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
