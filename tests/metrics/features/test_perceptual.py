"""Perceptual features: the networks against others of the same weights, and what a distance must be."""

from tfgan_kit.generation.projection import distances
from tfgan_kit.metrics.features import efficientnet_lite0, perceptual

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def edges(tmp_path_factory):
    """(path, arrays) of random weights, laid out as in the file of HED."""
    random, path = np.random.default_rng(0), tmp_path_factory.mktemp("vgg") / "edges.h5"
    arrays, inputs = [], 3
    with h5py.File(path, "w") as file:
        for block, (repeats, filters) in enumerate(perceptual._CONVOLUTIONS, 1):
            for k in range(repeats):
                kernel = random.standard_normal((3, 3, inputs, filters), np.float32) * (2 / 9 / inputs) ** 0.5
                pair = [kernel, 0.1 * random.standard_normal(filters, np.float32)]
                for part, array in enumerate(pair):
                    file[f"block{block}/layers/conv2d{f'_{k}' if k else ''}/vars/{part}"] = array
                arrays += pair
                inputs = filters
    return path, arrays


def test_vgg16_is_keras_s_own(edges):
    path, arrays = edges
    theirs = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    theirs.set_weights(arrays)
    names = ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"]
    theirs = keras.Model(theirs.input, [theirs.get_layer(name).output for name in names])
    images = np.random.default_rng(1).uniform(-100, 100, (2, 32, 32, 3)).astype(np.float32)
    for ours, expected in zip(perceptual.vgg16(path)(images), theirs(images), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-3)


def test_vgg16_is_given_blue_green_red_without_their_means():
    """Keras's own preparation of images in [0, 255]."""
    levels = np.random.default_rng(1).uniform(0, 255, (1, 4, 4, 3)).astype(np.float32)
    expected = keras.applications.vgg16.preprocess_input(levels.copy())
    np.testing.assert_allclose(perceptual._as_caffe(levels / 127.5 - 1), expected, atol=1e-3)


def test_the_trunk_of_lite0_is_its_beginning(monkeypatch):
    """The maps of 224 pixels are those inside of the whole network, of the same random weights."""
    random = np.random.default_rng(0)

    def fill(network, *_):
        for layer in network.layers:
            seed = np.random.default_rng(sum(map(ord, layer.name)))
            layer.set_weights([0.2 * seed.standard_normal(weight.shape) for weight in layer.get_weights()])

    monkeypatch.setattr(efficientnet_lite0, "fill", fill)
    whole, trunk = efficientnet_lite0.build(None), efficientnet_lite0.trunk(None)
    images = random.uniform(-1, 1, (1, 224, 224, 3)).astype(np.float32)
    found = trunk(images)
    assert [tuple(x.shape[1:]) for x in found] == [(112, 112, 16), (56, 56, 24), (28, 28, 40), (14, 14, 112)]
    inside = keras.Model(whole.input, whole.get_layer("blocks.0.project_conv").output)(images)
    np.testing.assert_allclose(found[0], inside, rtol=1e-4, atol=1e-4)


@pytest.fixture
def maps(edges, monkeypatch):
    monkeypatch.setattr(perceptual, "find", lambda file, path: path)
    return perceptual.feature_maps("vgg16", edges[0])


@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 96, 3), (512, 512, 1)])
def test_images_of_any_size_have_features_of_length_1(maps, shape):
    """Five depths, each weighed by the root of a fifth."""
    found = maps(tf.constant(np.random.default_rng(0).uniform(-1, 1, (1, *shape)), tf.float32))
    assert [x.shape[-1] for x in found] == [64, 128, 256, 512, 512]
    for x in found:
        np.testing.assert_allclose(tf.reduce_sum(x**2, -1), np.full(x.shape[:-1], 0.2), rtol=1e-3)


def test_a_distance_is_0_of_an_image_to_itself_and_grows_with_what_is_done_to_it(maps):
    image = tf.constant(np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)), tf.float32)
    own = maps(image)
    apart = [float(distances(own, maps(image + shift))[0]) for shift in (0.0, 0.1, 0.5)]
    assert apart[0] == 0 < apart[1] < apart[2] < 4


def test_another_network_is_refused():
    with pytest.raises(ValueError, match="one of lite0, vgg16. Received: name='alex'"):
        perceptual.feature_maps("alex")
