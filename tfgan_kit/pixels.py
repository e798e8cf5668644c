"""The two conversions of pixels: uint8 [0, 255] to float [-1, 1] and back."""

import tensorflow as tf


def to_float(images):
    """uint8 [0, 255] of any shape -> float32 [-1, 1]; 0 becomes -1 and 255 becomes 1 exactly."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_uint8(images):
    """float [-1, 1] of any shape -> uint8 [0, 255], rounded to the nearest level, clipped outside.

    The inverse of `to_float`: `to_uint8(to_float(x)) == x` for all 256 levels.
    """
    levels = tf.round((tf.cast(images, tf.float32) + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)
