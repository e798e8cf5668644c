"""Floating-point operations of a training step, and what this machine can do of them."""

import time

import keras
import numpy as np
import tensorflow as tf

SIZES = (1024, 2048, 4096)  # of square matrices; the best rate counts


def layer_flops(network):
    """Twice the multiply-adds of one image's forward pass, of each layer that matters, in order."""
    kinds = keras.layers.Dense | keras.layers.Conv2D | keras.layers.Conv2DTranspose
    found = []
    for layer in network.layers:
        if isinstance(layer, kinds):
            transposed = isinstance(layer, keras.layers.Conv2DTranspose)
            positions = layer.input.shape[1:-1] if transposed else layer.output.shape[1:-1]
            found.append(2 * int(np.prod(layer.kernel.shape)) * int(np.prod(positions)))
    return found


def flops_an_image(generator, discriminator, generator_passes):
    """Of one training step: a layer's weight gradient costs its forward pass, and its inputs' too.

    The discriminator sees real and fake images, forward and backward without its inputs' gradient;
    then fake ones forward and backward without its weights' gradient. The generator runs
    `generator_passes` times, and backward once without its latents' gradient.
    """
    g, d = layer_flops(generator), layer_flops(discriminator)
    update = 2 * (3 * sum(d) - d[0])
    return update + 2 * sum(d) + (generator_passes + 2) * sum(g) - g[0]


def matmul_rate(dtype, repeats=12):
    """Best FLOP/s of a square product in TensorFlow."""
    return max(_rate(size, _tensorflow_seconds(dtype, size, repeats)) for size in SIZES)


def torch_matmul_rate(process, dtype, repeats=12):
    return max(_rate(size, process.ask(matmul=dtype, size=size, repeats=repeats)["seconds"]) for size in SIZES)


def _rate(size, seconds):
    return 2 * size**3 / min(seconds)


def _tensorflow_seconds(dtype, size, repeats):
    a, b = (tf.cast(tf.random.normal((size, size)), dtype) for _ in range(2))
    product = tf.function(tf.matmul)
    seconds = []
    for _ in range(repeats + 2):
        started = time.perf_counter()
        product(a, b)
        seconds.append(time.perf_counter() - started)
    return seconds[2:]
