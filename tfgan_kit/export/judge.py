"""A GAN's discriminator as it is exported: all that it says about an image in one row of numbers."""

from tfgan_kit.export import contract as names
from tfgan_kit.generation.judgement import CLASSES, CODES, Judgement, takes_labels

import tensorflow as tf


class Judge:
    """A discriminator's outputs side by side, so that one graph has them all.

    Args:
        discriminator: Keras model, images (N, H, W, C), or `[images, labels]`, -> logits or a dict, see `Judgement`.
        image_shape: (H, W, C).
        num_classes: int, or None for an unconditional GAN.

    Attributes:
        num_classes: int; None if the discriminator is not given labels.
        columns: dict name of an exported output -> the slice of its columns.
        variables: the discriminator's.
    """

    def __init__(self, discriminator, image_shape, num_classes):
        self._discriminator = discriminator
        self.variables = discriminator.variables
        self.num_classes = num_classes if takes_labels(discriminator) else None
        row = tf.zeros((1, *image_shape))
        parts = self._parts(row if self.num_classes is None else [row, tf.zeros((1,), tf.int32)])
        self.columns, first = {}, 0
        for name, part in parts.items():
            self.columns[name] = slice(first, first + part.shape[-1])
            first += part.shape[-1]

    def __call__(self, inputs, training=False):
        return tf.concat(list(self._parts(inputs).values()), axis=1)  # (N, 1 + ...)

    def _parts(self, inputs):
        outputs = tf.nest.map_structure(
            lambda output: tf.cast(output, tf.float32), self._discriminator(inputs, training=False)
        )
        logits, heads = Judgement.of(outputs)
        parts = {names.SCORE: logits}
        if CLASSES in heads:
            parts[names.LABEL_PROBABILITIES] = tf.nn.softmax(heads[CLASSES])
        if CODES in heads:
            codes = heads[CODES]
            categories = [tf.nn.softmax(logits) for logits in codes.get("categorical", ())]
            parts[names.CODES] = tf.concat([*categories, *([codes["mean"]] if "mean" in codes else [])], axis=1)
        return parts
