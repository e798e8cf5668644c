"""From latents and a condition to pixels, in batches of any size."""

from tfgan_kit.pixels import to_uint8

import tensorflow as tf


def pack(x, condition=None):
    """The input of a network: `x`, or `[x, condition]`, or the condition alone where there is no x."""
    if x is None:
        return condition
    return x if condition is None else [x, condition]


def in_even_batches(function, inputs):
    """The pixels of `function(inputs)`: uint8 (N, H, W, C); points stay float32.

    Odd batches are padded by one row: on a CPU oneDNN uses another algorithm for odd batches from 3
    on, and some pixels of a DCGAN then differ by one level from those of other batches.

    Args:
        function: callable of a structure of tensors of N rows, to images or points.
        inputs: that structure.
    """
    count = tf.shape(tf.nest.flatten(inputs)[0])[0]
    padding = tf.where(count > 1, count % 2, 0)
    padded = tf.nest.map_structure(lambda rows: tf.concat([rows, rows[:padding]], axis=0), inputs)
    images = function(padded)[:count]
    return to_uint8(images) if images.shape.rank == 4 else images


def sample(generator, latents, condition=None):
    """The images of latents (and labels), in even batches: uint8 (N, H, W, C); points stay float32."""
    return in_even_batches(lambda inputs: generator(inputs, training=False), pack(latents, condition))
