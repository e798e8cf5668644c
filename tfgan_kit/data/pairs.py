"""Pairs of images, a given one and the one that it is to be translated to."""

import hashlib

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.source import Source

import tensorflow as tf


class PairSource(Source):
    """A source of pairs in memory: its batches are (given, wanted), as Keras's x and y.

    Args:
        name: for messages.
        given, wanted: uint8 (N, H, W, C) or (N, H, W), row by row; sizes and channels may differ.
        image_size: None, or the side S to crop and resize all images to, once.

    Attributes: those of `Source`, whose `image_shape` is that of the wanted images; and
        condition_shape: (H, W, C) of the given ones.

    Raises:
        ValueError: other numbers of given and of wanted images, or what `ArraySource` refuses.

    Example:
        >>> PairSource("pairs", np.zeros([5, 8, 8, 1], np.uint8), np.zeros([5, 8, 8, 3], np.uint8)).condition_shape
        (8, 8, 1)
    """

    def __init__(self, name, given, wanted, image_size=None):
        self._sides = tuple(
            ArraySource(f"{what} images of {name}", images, image_size=image_size)
            for what, images in (("given", given), ("wanted", wanted))
        )
        first, second = self._sides
        if first.num_images != second.num_images or len(first.image_shape) != 3 or len(second.image_shape) != 3:
            raise ValueError(
                "Pairs are as many given as wanted images, (N, H, W, C), row by row. Received: "
                f"{first.num_images} given of shape {first.image_shape}, {second.num_images} wanted of shape "
                f"{second.image_shape}"
            )
        fingerprint = hashlib.sha256(f"{first.fingerprint} {second.fingerprint}".encode()).hexdigest()
        super().__init__(name, second.num_images, second.image_shape, fingerprint)
        self.condition_shape = first.image_shape

    def _read(self, rows, batch_size, flip, drop_remainder):
        return tf.data.Dataset.zip(*(side._read(rows, batch_size, flip, drop_remainder) for side in self._sides))
