"""From latents and a condition to pixels, in batches of any size."""

from tfgan_kit.pixels import to_uint8

import tensorflow as tf


def pack(x, condition=None):
    """The input of a network: `x`, or `[x, condition]`."""
    return x if condition is None else [x, condition]


def sample(generator, latents, condition=None):
    """The images of latents (and labels): uint8 (N, H, W, C); points stay float32.

    Odd batches are padded by one row: on a CPU oneDNN uses another algorithm for odd batches from 3
    on, and some pixels of a DCGAN then differ by one level from those of other batches.
    """
    count = tf.shape(latents)[0]
    padding = tf.where(count > 1, count % 2, 0)
    padded = tf.nest.map_structure(lambda rows: tf.concat([rows, rows[:padding]], axis=0), pack(latents, condition))
    images = generator(padded, training=False)[:count]
    return to_uint8(images) if images.shape.rank == 4 else images
