"""What one processor has a kernel for and another has not is computed by what all of them have.

The reference is the layer itself: by TensorFlow's own kernel where this processor has one, else by XLA.
"""

from tfgan_kit.export.graph.operations import check_operations
from tfgan_kit.export.graph.optimize import optimize, portable
from tfgan_kit.generation.adapter import called

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

Z, SIDE, CHANNELS = 12, 5, 8
LATENTS = np.random.default_rng(1).standard_normal((3, Z)).astype("float32")
NOT_PORTABLE = {"Conv3DBackpropInputV2", "Conv3D", "Conv2DBackpropInput", "DepthwiseConv2dNative"}


class Raw(keras.layers.Layer):
    """One of TensorFlow's operations, with a kernel of that shape."""

    def __init__(self, function, shape=(1,)):
        super().__init__()
        self.function, self.shape = function, shape

    def build(self, _):
        self.kernel = self.add_weight(shape=self.shape, initializer="normal", name="kernel")

    def call(self, x):
        return self.function(x, tf.convert_to_tensor(self.kernel))


def first(x):
    return tf.transpose(x, [0, 3, 1, 2])


def rows(x, *sides):
    return tf.stack([tf.shape(x)[0], *sides])


def transposed(x, kernel, rates):
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=rows(x, 10, 10, kernel.shape[2]),
        filter=kernel,
        out_backprop=x,
        strides=[1, 2, 2, 1],
        padding="SAME",
        dilations=[1, *rates, 1],
    )


def in_three_dimensions(x, kernel):
    x = tf.reshape(x, [-1, SIDE, SIDE, 4, 2])
    rates = {"strides": [1] * 5, "padding": "SAME", "dilations": [1, 2, 1, 2, 1]}
    y = tf.raw_ops.Conv3D(input=x, filter=kernel, **rates)
    return tf.raw_ops.Conv3DBackpropInputV2(
        input_sizes=rows(x, SIDE, SIDE, 4, 2), filter=kernel, out_backprop=y, **rates
    )


LAYERS = {
    "grouped": lambda: layers.Conv2D(8, 3, groups=4, padding="same"),
    "grouped, strided, to more channels": lambda: layers.Conv2D(24, 2, strides=2, groups=8),
    "grouped and dilated": lambda: layers.Conv2D(8, 3, groups=2, dilation_rate=2),
    "dilated transposed": lambda: layers.Conv2DTranspose(6, 3, dilation_rate=2, padding="same"),
    "unevenly dilated transposed": lambda: layers.Conv2DTranspose(6, 3, dilation_rate=(2, 1)),
    "channels first": lambda: layers.Conv2D(6, 3, data_format="channels_first"),
    "transposed, channels first": lambda: layers.Conv2DTranspose(6, 3, 2, data_format="channels_first"),
    "grouped transposed": lambda: Raw(
        lambda x, k: tf.nn.conv2d_transpose(x, k, rows(x, 10, 10, 8), 2, "SAME"), (3, 3, 4, CHANNELS)
    ),
    "strided and dilated transposed": lambda: Raw(lambda x, k: transposed(x, k, (2, 3)), (3, 3, 6, CHANNELS)),
    "dilated depthwise": lambda: Raw(
        lambda x, k: tf.raw_ops.DepthwiseConv2dNative(
            input=x, filter=k, strides=[1] * 4, padding="SAME", dilations=[1, 2, 2, 1]
        ),
        (3, 3, CHANNELS, 2),
    ),
    "dilated in three dimensions": lambda: Raw(in_three_dimensions, (3, 3, 3, 2, 4)),
    "explicit paddings, channels first": lambda: Raw(
        lambda x, k: tf.nn.conv2d(first(x), k, [1, 1, 2, 1], [[0, 0], [0, 0], [1, 2], [0, 1]], "NCHW"),
        (3, 3, CHANNELS, 6),
    ),
    "grouped, channels first": lambda: Raw(lambda x, k: tf.nn.conv2d(first(x), k, 2, "SAME", "NCHW"), (3, 3, 4, 6)),
    "maxima, channels first": lambda: Raw(lambda x, _: tf.nn.max_pool2d(first(x), [2, 3], [2, 1], "SAME", "NCHW")),
    "means, channels first": lambda: Raw(lambda x, _: tf.nn.avg_pool2d(first(x), 2, 2, "VALID", "NCHW")),
    "a grouped kernel that depends on the input": lambda: Raw(
        lambda x, k: tf.nn.conv2d(x, k * (1.0 + tf.reduce_mean(x)), 1, "SAME"), (3, 3, 4, 6)
    ),
    "a dilated kernel that depends on the input": lambda: Raw(
        lambda x, k: transposed(x, k * (1.0 + tf.reduce_mean(x)), (2, 2)), (3, 3, 6, CHANNELS)
    ),
}


def model(make):
    """Followed by a bias and an activation, which TensorFlow fuses into the operation before."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((Z,)),
            layers.Dense(SIDE * SIDE * CHANNELS),
            layers.Reshape((SIDE, SIDE, CHANNELS)),
            make(),
            layers.Activation("relu"),
        ]
    )


def needing_some_processors(function):
    """Operations of its graph that not every processor has."""
    graph = tf.function(function, input_signature=[tf.TensorSpec([None, Z])]).get_concrete_function().graph
    definition, found = graph.as_graph_def(), set()
    for nodes in (definition.node, *(f.node_def for f in definition.library.function)):
        for node in nodes:
            if "data_format" in node.attr and node.attr["data_format"].s == b"NCHW" and node.op != "BiasAdd":
                found.add(node.op)
            if node.op in NOT_PORTABLE and set(node.attr["dilations"].list.i) - {1}:
                found.add(node.op)
    return found


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
@pytest.mark.parametrize("precision, most", [("float32", 1e-5), ("bfloat16", 0.02)])
def test_it_is_the_same_sum(make, precision, most):
    generator = model(make)
    optimized, report = optimize(generator, Z, precision=precision)
    assert report["made_portable"] >= 1 and not needing_some_processors(optimized)
    expected = called(generator, tf.constant(LATENTS))
    assert np.std(expected) > 0.01  # of which `most` would be much
    np.testing.assert_allclose(tf.function(optimized)(LATENTS), expected, atol=most)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(8, 3, dilation_rate=2),
        lambda: layers.Conv2DTranspose(9, 3, 2),
        lambda: layers.SeparableConv2D(6, 3),
        lambda: layers.MaxPooling2D(),
    ],
    ids=["dilated", "transposed", "separable", "maxima"],
)
def test_what_every_processor_computes_stays(make):
    assert optimize(model(make), Z)[1]["made_portable"] == 0


@pytest.mark.parametrize("num_classes", [None, 3])
def test_a_discriminator_s_scores_are_its_own(num_classes):
    """Keras compiles its grouped convolution by XLA, which a server does not have."""
    keras.utils.set_random_seed(0)
    images, labels = keras.Input((8, 8, 6)), keras.Input((), dtype="int32")
    x = layers.Flatten()(layers.Conv2D(6, 3, strides=2, groups=3, activation="relu")(images))
    if num_classes:
        x = layers.Concatenate()([x, layers.Embedding(num_classes, 4)(labels)])
    given = [images, labels] if num_classes else images
    discriminator = keras.Model(given, layers.Dense(1)(x))
    pixels = np.random.default_rng(0).uniform(-1, 1, (5, 8, 8, 6)).astype("float32")
    rows = [pixels, np.array([0, 1, 2, 0, 1], np.int32)] if num_classes else pixels
    rewritten = portable(discriminator, (8, 8, 6), num_classes)
    assert rewritten is not discriminator
    np.testing.assert_allclose(tf.function(rewritten)(rows), discriminator(rows), atol=1e-5)
    with pytest.raises(ValueError, match="jit_compile"):
        check_operations("discriminate", tf.function(lambda: discriminator(rows)).get_concrete_function())
    check_operations("discriminate", tf.function(lambda: rewritten(rows)).get_concrete_function())


def test_a_discriminator_that_every_processor_computes_is_itself():
    discriminator = keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])
    assert portable(discriminator, (4, 4, 1)) is discriminator
