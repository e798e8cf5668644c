"""The InceptionV3 of the Frechet inception distance: the network of 2015, its published weights."""

from tfgan_kit.metrics.features import resizing
from tfgan_kit.metrics.features.pytorch_weights import fill, folded
from tfgan_kit.networks.network import precision

import keras
import numpy as np
from keras import layers, ops

SIDE = 299
TAPS = {"64": 64, "192": 192, "768": 768, "2048": 2048, "logits_unbiased": 1008, "logits": 1008}


def _convolution(x, name, filters, size, strides=1, padding="same"):
    """Convolution, batch normalization (folded into it by `load_weights`), ReLU."""
    return layers.Conv2D(filters, size, strides, padding, activation="relu", name=name)(x)


def _chain(x, name, *convolutions):
    """Convolutions one after the other: `(suffix, filters, size)`, or with strides 2, then unpadded."""
    for suffix, filters, size, *strides in convolutions:
        unpadded = {"strides": 2, "padding": "valid"} if strides else {}
        x = _convolution(x, f"{name}.{suffix}", filters, size, **unpadded)
    return x


def _average(x):
    return layers.AveragePooling2D(3, 1, "same")(x)  # the border is no part of an average


def _maximum(x):
    return layers.MaxPooling2D(3, 1, "same")(x)


def _halved(x):
    return layers.MaxPooling2D(3, 2)(x)


def _averaged(x):
    """Along one axis, then the other: one sum over 73 x 73 pixels loses ten times more digits of float32."""
    x = ops.cast(x, "float32")  # whatever the convolutions are in
    return ops.mean(ops.mean(x, axis=2), axis=1)  # (N, C)


def _block_a(x, name, pool_filters):
    return layers.Concatenate()(
        [
            _chain(x, name, ("branch1x1", 64, 1)),
            _chain(x, name, ("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)),
            _chain(x, name, ("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)),
            _chain(_average(x), name, ("branch_pool", pool_filters, 1)),
        ]
    )


def _block_b(x, name):
    return layers.Concatenate()(
        [
            _chain(x, name, ("branch3x3", 384, 3, 2)),
            _chain(x, name, ("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3, 2)),
            _halved(x),
        ]
    )


def _block_c(x, name, filters):
    row, column = (1, 7), (7, 1)
    return layers.Concatenate()(
        [
            _chain(x, name, ("branch1x1", 192, 1)),
            _chain(x, name, ("branch7x7_1", filters, 1), ("branch7x7_2", filters, row), ("branch7x7_3", 192, column)),
            _chain(
                x,
                name,
                ("branch7x7dbl_1", filters, 1),
                ("branch7x7dbl_2", filters, column),
                ("branch7x7dbl_3", filters, row),
                ("branch7x7dbl_4", filters, column),
                ("branch7x7dbl_5", 192, row),
            ),
            _chain(_average(x), name, ("branch_pool", 192, 1)),
        ]
    )


def _block_d(x, name):
    return layers.Concatenate()(
        [
            _chain(x, name, ("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3, 2)),
            _chain(
                x,
                name,
                ("branch7x7x3_1", 192, 1),
                ("branch7x7x3_2", 192, (1, 7)),
                ("branch7x7x3_3", 192, (7, 1)),
                ("branch7x7x3_4", 192, 3, 2),
            ),
            _halved(x),
        ]
    )


def _block_e(x, name, pool):
    """`pool` is the average in the first of these blocks and, oddly, the maximum in the second."""
    narrow = _chain(x, name, ("branch3x3_1", 384, 1))
    double = _chain(x, name, ("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3))
    return layers.Concatenate()(
        [
            _chain(x, name, ("branch1x1", 320, 1)),
            _chain(narrow, name, ("branch3x3_2a", 384, (1, 3))),
            _chain(narrow, name, ("branch3x3_2b", 384, (3, 1))),
            _chain(double, name, ("branch3x3dbl_3a", 384, (1, 3))),
            _chain(double, name, ("branch3x3dbl_3b", 384, (3, 1))),
            _chain(pool(x), name, ("branch_pool", 192, 1)),
        ]
    )


def build(path):
    """The network with its weights, as a feature extractor needs it.

    Args:
        path: the file of weights, as `weight_files.find(INCEPTION)` finds it.

    Returns:
        A Keras model: float32 (N, 299, 299, 3), made by `prepare`, -> (features, float32 (N, 2048);
        logits, float32 (N, 1008), without the last layer's bias, as the Inception Score takes them).

    Raises:
        ValueError: the file is not of this network, or damaged.

    Example::

        network = inception.build(find(INCEPTION))
        features, logits = network(inception.prepare(images))

    Reference: Heusel et al., arXiv:1706.08500, section "Frechet inception distance" of the appendix;
    Salimans et al., arXiv:1606.03498, section 4.
    """
    taps = ("2048", "logits_unbiased")
    network = build_inception(taps)
    load_weights(network, path)
    return keras.Model(network.input, [network.output[tap] for tap in taps], name="inception")


def prepare(images, resizer="tf1_bilinear"):
    """Images as the network takes them: resized to 299 x 299 pixels, then (x - 128) / 128.

    Args:
        images: uint8 (N, H, W, 3), or (N, H, W, 1) (grey, repeated).
        resizer: "tf1_bilinear", as in the graph of 2015 and every FID before clean-fid, or "clean".

    Returns:
        float32 (N, 299, 299, 3) in [-1, 1).

    Raises:
        ValueError: images of another dtype or shape, or an unknown resizer.
    """
    return (resizing.resize(images, SIDE, resizer) - np.float32(128)) / np.float32(128)


@precision("float32")  # whatever Keras is set to: a known name stands for one network
def build_inception(taps=("2048",)):
    """The network without its weights: float32 (N, 299, 299, 3) in [-1, 1) -> dict, tap -> array.

    Args:
        taps: names in `TAPS`. Those of a number are features averaged over the image, (N, number);
            "logits_unbiased" and "logits" are (N, 1008), without and with the last layer's bias.

    Reference: Szegedy et al., arXiv:1512.00567, as the graph `inception-2015-12-05` that Heusel et
    al., arXiv:1706.08500, and every published FID use; it differs from Keras's InceptionV3.
    """
    found = {}
    x = images = keras.Input((SIDE, SIDE, 3), name="images")
    x = _convolution(x, "Conv2d_1a_3x3", 32, 3, 2, "valid")
    x = _convolution(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = _halved(_convolution(x, "Conv2d_2b_3x3", 64, 3))
    found["64"] = _averaged(x)
    x = _convolution(x, "Conv2d_3b_1x1", 80, 1)
    x = _halved(_convolution(x, "Conv2d_4a_3x3", 192, 3, padding="valid"))
    found["192"] = _averaged(x)
    x = _block_a(x, "Mixed_5b", 32)
    x = _block_a(x, "Mixed_5c", 64)
    x = _block_a(x, "Mixed_5d", 64)
    x = _block_b(x, "Mixed_6a")
    for name, filters in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = _block_c(x, name, filters)
    found["768"] = _averaged(x)
    x = _block_d(x, "Mixed_7a")
    x = _block_e(x, "Mixed_7b", _average)
    x = _block_e(x, "Mixed_7c", _maximum)
    found["2048"] = _averaged(x)
    found["logits_unbiased"] = layers.Dense(1008, use_bias=False, name="fc")(found["2048"])
    found["logits"] = Bias(name="fc_bias")(found["logits_unbiased"])
    return keras.Model(images, {tap: found[tap] for tap in taps})


class Bias(layers.Layer):
    """Adds a number to each feature."""

    def build(self, input_shape):
        self.bias = self.add_weight(shape=input_shape[-1:], name="bias")

    def call(self, inputs):
        return inputs + self.bias


def load_weights(network, path):
    """Fills a network of `build_inception` from a published file, batch normalization folded in.

    Raises:
        ValueError: a file without one of the network's weights, or with one of another shape.
    """
    fill(network, path, _of_layer, "the FID network")


def _of_layer(name, weights):
    if name == "fc":
        return [weights["fc.weight"].T]
    if name == "fc_bias":
        return [weights["fc.bias"]]
    return folded(weights, f"{name}.conv", f"{name}.bn")
