"""From latents (and labels) to pixels, whatever the batch."""

from tfgan_kit.pixels import to_uint8

import tensorflow as tf


def sample(generator, latents, labels=None):
    """What `generator` makes of latents (and labels): uint8 (N, H, W, C); points stay float32.

    Odd batches are padded by one row: on a CPU oneDNN takes another algorithm for odd batches from
    3 on, and some pixels of a DCGAN then differ by one level from those of any other batch.
    """
    count = tf.shape(latents)[0]
    padding = tf.where(count > 1, count % 2, 0)
    latents = tf.concat([latents, latents[:padding]], axis=0)
    if labels is None:
        images = generator(latents, training=False)
    else:
        images = generator([latents, tf.concat([labels, labels[:padding]], axis=0)], training=False)
    images = images[:count]
    return to_uint8(images) if images.shape.rank == 4 else images
