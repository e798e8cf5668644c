"""Checks and conversions of the images, labels and seeds that a model receives."""

from tfgan_kit.generation.seeds import image_seeds
from tfgan_kit.pixels import to_float
from tfgan_kit.ranges import require

import numpy as np
import tensorflow as tf

RANGE = (
    "Float images must be in [-1, 1]; give uint8 images as they are, or convert them with tfgan_kit.pixels.to_float."
)


LABELS = "Labels are integer ids, one per image, from 0 to {}; turn one-hot rows into ids with labels.argmax(axis=1)."


def prepare_images(images, image_shape):
    """A batch in the form of the networks' inputs: float32 in [-1, 1], of the generator's shape."""
    if isinstance(images, dict | list | tuple):
        raise ValueError(
            "A data set yields images or (images, labels); convert others to this form with "
            f"dataset.map. Received: {type(images).__name__}"
        )
    images = _of_shape(tf.convert_to_tensor(images), image_shape)
    if images.dtype == tf.uint8:
        return to_float(images)
    if not images.dtype.is_floating:
        raise ValueError(
            f"Images are uint8 in [0, 255] or float in [-1, 1]. Received: images of dtype {images.dtype.name}"
        )
    images = tf.cast(images, tf.float32)
    if len(images.shape) == 4:
        largest = tf.reduce_max(tf.abs(images))
        with tf.control_dependencies([require(largest <= 1.0 + 1e-3, RANGE, "a largest absolute value of", largest)]):
            images = tf.identity(images)
    return images


def _of_shape(images, image_shape):
    """The images, whose shape tf.data may not know before the step is executed."""
    rule = f"The generator makes images of shape {image_shape}; the data must have the same."
    static = images.shape
    if not static.is_compatible_with((None, *image_shape)):
        raise ValueError(f"{rule} Received: images of shape {tuple(static[1:]) if static.rank else static}")
    if not static[1:].is_fully_defined():
        shape = tf.shape(images)
        right = tf.equal(tf.size(shape), 1 + len(image_shape))
        right = tf.cond(right, lambda: tf.reduce_all(shape[1:] == image_shape), lambda: False)
        with tf.control_dependencies([require(right, rule, "images of shape", shape)]):
            images = tf.reshape(images, [-1, *image_shape])
    return images


def prepare_pair(given, images, condition_shape, image_shape):
    """A batch of pairs in the form of the networks' inputs: (given, images), float32 in [-1, 1]."""
    if images is None:
        raise ValueError(
            "This GAN translates images: its data must be pairs, (given, wanted), as Keras's x and y. Received: images "
            "alone."
        )
    return prepare_images(given, condition_shape), prepare_images(images, image_shape)


def prepare_labels(labels, num_classes):
    """A batch's labels in the form of the networks' inputs: int32 (N,); None for an unconditional GAN."""
    if num_classes is None:
        return None
    if labels is None:
        raise ValueError(
            f"This GAN is conditional, {num_classes} classes: its data must be "
            "(images, labels). Received: images alone."
        )
    rule, labels = LABELS.format(num_classes - 1), tf.convert_to_tensor(labels)
    if not labels.dtype.is_integer or not any(labels.shape.is_compatible_with(shape) for shape in ((None,), (None, 1))):
        raise ValueError(f"{rule} Received: labels of shape {labels.shape}, dtype {labels.dtype.name}")
    labels = tf.cast(tf.reshape(labels, [-1]), tf.int32)
    in_range = tf.reduce_all((labels >= 0) & (labels < num_classes))
    with tf.control_dependencies([require(in_range, rule, "labels", labels)]):
        return tf.identity(labels)


def check_seeds(num_images, seed, labels, seeds):
    """The int64 image seeds for the arguments of `GAN.generate`: `seeds` themselves, or those of `seed`."""
    if seeds is None:
        if num_images is None and labels is not None:
            num_images = np.size(labels)
        if num_images is None or num_images < 1:
            raise ValueError(f"Ask for at least 1 image. Received: num_images={num_images}")
        return image_seeds(seed, num_images)
    seeds = np.asarray(seeds)
    if seeds.ndim != 1 or seeds.size == 0 or seeds.dtype.kind not in "iu":
        raise ValueError(
            "`seeds` are integers of shape (N,), one per image, N at least 1. "
            f"Received: shape {seeds.shape}, dtype {seeds.dtype}"
        )
    if seeds.max() > np.iinfo(np.int64).max:
        raise ValueError(f"`seeds` are int64, below 2^63. Received: {seeds.max()} among them")
    if num_images not in (None, len(seeds)):
        raise ValueError(
            "`num_images` and `seeds` disagree; give one of them. "
            f"Received: num_images={num_images}, len(seeds)={len(seeds)}"
        )
    return seeds.astype(np.int64)


def check_labels(labels, count, num_classes):
    """Labels for `GAN.generate`: int32 (count,) from an int or integers (count,)."""
    labels = np.asarray(labels)
    if labels.shape not in ((), (count,)):
        raise ValueError(
            f"`labels` are one integer, or one per image. Received: labels of shape {labels.shape} for {count} images"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"Labels are integers from 0 to {num_classes - 1}. "
            f"Received: labels from {labels.min()} to {labels.max()}, dtype {labels.dtype}"
        )
    return np.full(count, labels, np.int32)
