"""SNGAN's and SAGAN's networks: sizes of the paper, what a block computes, what is refused."""

import tfgan_kit as gk
from tfgan_kit.layers import SpectralNormalization

import keras
import numpy as np
import pytest
import tensorflow as tf

GENERATORS = (gk.networks.SNGANGenerator, gk.networks.SAGANGenerator)
DISCRIMINATORS = (gk.networks.SNGANDiscriminator, gk.networks.SAGANDiscriminator)


def parameters(network):
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def convolution(size, inputs, outputs):
    return (size * size * inputs + 1) * outputs


def of_generator(base, first, widths):
    blocks = sum(
        2 * i + convolution(3, i, o) + 2 * o + convolution(3, o, o) + convolution(1, i, o)
        for i, o in zip((first, *widths), widths, strict=False)
    )
    return 129 * base**2 * first + blocks + 2 * widths[-1] + convolution(3, widths[-1], 3)


def of_discriminator(first, shortcuts):
    """`shortcuts`: (inputs, outputs, whether there is a convolution in the shortcut) of each block but the first."""
    blocks = sum(
        convolution(3, i, i) + convolution(3, i, o) + (convolution(1, i, o) if learned else 0)
        for i, o, learned in shortcuts
    )
    last = shortcuts[-1][1] + 1  # dense
    return convolution(3, 3, first) + convolution(3, first, first) + convolution(1, 3, first) + blocks + last


@pytest.mark.thorough
def test_networks_of_the_papers_sizes_have_the_papers_parameters():
    """Tables 3 and 4 of arXiv:1802.05957, counted by hand."""
    assert parameters(gk.networks.SNGANGenerator(32)) == of_generator(4, 256, (256, 256, 256))
    assert parameters(gk.networks.SNGANGenerator(48)) == of_generator(6, 512, (256, 128, 64))
    cifar = [(128, 128, True), (128, 128, False), (128, 128, False)]
    assert parameters(gk.networks.SNGANDiscriminator(32)) == of_discriminator(128, cifar)
    stl = [(64, 128, True), (128, 256, True), (256, 512, True), (512, 1024, True)]
    assert parameters(gk.networks.SNGANDiscriminator(48)) == of_discriminator(64, stl)


@pytest.mark.parametrize("num_classes", [None, 3])
def test_height_and_width_are_a_base_times_a_power_of_two(num_classes):
    generator = gk.networks.SNGANGenerator((12, 20), 1, 5, (8, 4, 4), num_classes)
    discriminator = gk.networks.SNGANDiscriminator((12, 20), 1, (4, 6, 6), 2, num_classes)
    labels = [] if num_classes is None else [tf.constant([0, 2])]
    latents = tf.random.stateless_normal((2, 5), (0, 0))
    images = generator([latents, *labels] if labels else latents)
    assert images.shape == (2, 12, 20, 1) and np.abs(images).max() <= 1.0
    assert discriminator([images, *labels] if labels else images).shape == (2, 1)


@pytest.mark.parametrize("cls", DISCRIMINATORS)
def test_every_kernel_of_a_discriminator_is_divided_by_its_norm(cls):
    attention = {"attention": 8} if "SAGAN" in cls.__name__ else {}
    discriminator = cls(16, 1, (8, 8), num_classes=3, **attention)
    inner = [layer for layer in discriminator._flatten_layers() if hasattr(layer, "kernel")]
    divided = [layer.layer for layer in discriminator._flatten_layers() if isinstance(layer, SpectralNormalization)]
    assert {id(layer) for layer in inner} <= {id(layer) for layer in divided}
    assert any(isinstance(layer, keras.layers.Embedding) for layer in divided)


def test_a_sngan_generator_has_no_spectral_norms_and_a_sagan_generator_only_such():
    sngan = gk.networks.SNGANGenerator(8, widths=(4, 4))
    sagan = gk.networks.SAGANGenerator(8, widths=(8, 8), attention=8)
    kinds = [[type(layer) for layer in network._flatten_layers()] for network in (sngan, sagan)]
    assert SpectralNormalization not in kinds[0]
    assert kinds[1].count(SpectralNormalization) == 9  # dense, three convolutions, the last, and four of attention


@pytest.mark.parametrize("variant, adds", [("paper", lambda x: x), ("mimicry", lambda x: np.maximum(x, 0.0))])
def test_a_block_without_a_convolution_in_its_shortcut_adds_what_the_variant_says(variant, adds):
    """The second block, whose residual is 0, gives what it adds."""
    discriminator = gk.networks.SNGANDiscriminator(8, 1, (4, 4), num_downsamplings=1, variant=variant)
    # ReLU leaves nothing of it, whatever its kernel, and the biases behind are 0.
    discriminator.get_layer("block2_conv1").layer.bias.assign(-tf.ones(4) * 1e6)
    ends = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.Add)]
    between = keras.Model(discriminator.input, [end.output for end in ends])
    first, second = between(tf.random.stateless_normal((2, 8, 8, 1), (3, 4)))
    assert (first.numpy() < 0).any()
    np.testing.assert_array_equal(second, adds(first.numpy()))


def test_logits_are_the_sum_over_pixels_and_the_projection():
    discriminator = gk.networks.SNGANDiscriminator(8, 1, (4, 4), num_downsamplings=1, num_classes=3)
    images, labels = tf.random.stateless_normal((5, 8, 8, 1), (0, 1)), tf.constant([0, 1, 2, 0, 1])
    last = [layer for layer in discriminator.layers if isinstance(layer, keras.layers.Add)][1]
    maps = keras.Model(discriminator.inputs, last.output)([images, labels]).numpy()
    h = np.maximum(maps, 0.0).sum(axis=(1, 2))
    dense, embedding = discriminator.get_layer("logit"), discriminator.get_layer("embedding")
    weights = dense.layer.kernel.numpy()[:, 0] / float(dense.sigma())
    rows = embedding.layer.embeddings.numpy()[labels.numpy()] / float(embedding.sigma())
    expected = h @ weights + (rows * h).sum(axis=1)
    np.testing.assert_allclose(discriminator([images, labels])[:, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: gk.networks.SNGANGenerator(40), "32, 48, 64, 128 pixels; give `widths`.*image_size=40"),
        (lambda: gk.networks.SNGANGenerator(10, widths=(4, 4, 4)), "whole number times 4.*image_size=10"),
        (lambda: gk.networks.SNGANGenerator((8, 10), widths=(4, 4, 4)), r"whole number times 4.*\(8, 10\)"),
        (lambda: gk.networks.SNGANGenerator(8, widths=(4, 0)), r"each at least 1.*\(4, 0\)"),
        (lambda: gk.networks.SNGANGenerator(8, widths=()), "each at least 1"),
        (lambda: gk.networks.SNGANGenerator(8, widths=(4, 4), variant="torch"), "paper, mimicry.*variant='torch'"),
        (lambda: gk.networks.SNGANGenerator(8, widths=(4, 4), num_classes=0), "at least 1, or None.*num_classes=0"),
        (lambda: gk.networks.SNGANDiscriminator(40), "32, 48, 64, 128 pixels; give `widths`.*image_size=40"),
        (lambda: gk.networks.SNGANDiscriminator(8, widths=(4, 4), num_downsamplings=3), "number of blocks, 2"),
        (lambda: gk.networks.SNGANDiscriminator(6, widths=(4, 4)), "whole number times 4.*image_size=6"),
        (lambda: gk.networks.SAGANGenerator(8, widths=(8, 8), attention=4), "height of the maps of a block: 8. R"),
        (lambda: gk.networks.SAGANDiscriminator(8, widths=(8, 8), attention=8), "maps of a block: 4, 2. Received"),
        (lambda: gk.networks.SAGANGenerator(8, widths=(4, 4), attention=8), "at least 8 channels"),
    ],
)
def test_what_a_network_cannot_have_is_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
