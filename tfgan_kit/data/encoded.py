"""Images that stay encoded (files, or bytes in memory) and are decoded as they are read."""

import numpy as np
import tensorflow as tf

from tfgan_kit.data.decode import decode_image
from tfgan_kit.data.fit import composite_on_white, fit_images
from tfgan_kit.data.source import Source, parallelism


class EncodedSource(Source):
    """A source whose images are decoded and resized in parallel as they are read.

    Args:
        name: the spelling that opens it.
        images: an `EncodedImages`: where the bytes are.
        image_shape: (S, S, C) that every image is fitted to.
        fingerprint: sha256 hex digest.
        labels: None, or int32 [N].
        class_names: None, or K names.
    """

    def __init__(self, name, images, image_shape, fingerprint, labels=None, class_names=None):
        super().__init__(name, len(images), image_shape, fingerprint, labels, class_names)
        self._images = images

    def _read(self, rows, batch_size, flip, drop_remainder):
        size, _, channels = self.image_shape

        def load(index, mirrored):
            image = fit_images(self._images.decode(index), size, channels)
            if flip:
                image = tf.cond(mirrored, lambda: image[:, ::-1], lambda: image)
            return image if self.labels is None else (image, tf.gather(self.labels, index))

        images = rows.unbatch().map(load, num_parallel_calls=parallelism(), deterministic=True)
        return images.batch(batch_size, drop_remainder=drop_remainder).prefetch(2)


class EncodedImages:
    """N encoded images, by index, inside a graph.

    Args:
        strings: N file paths, or N encoded images as bytes.
        through_pillow: bool [N], what `needs_pillow` said of each.
        are_paths: whether `strings` are paths.
    """

    def __init__(self, strings, through_pillow, are_paths):
        with tf.device("CPU:0"):
            self._strings = tf.constant(strings, tf.string)
            self._through_pillow = tf.constant(through_pillow, tf.bool) if np.any(through_pillow) else None
        self._are_paths = are_paths

    def __len__(self):
        return len(self._strings)

    def decode(self, index):
        """int64 scalar -> uint8 [H, W, 1 to 4]."""
        content = tf.gather(self._strings, index)
        if self._are_paths:
            content = tf.io.read_file(content)
        through_pillow = False if self._through_pillow is None else tf.gather(self._through_pillow, index)
        return decode_image(content, through_pillow)

    def measure(self, progress):
        """Decodes every image once, as training will, and says what is there.

        Args:
            progress: wraps an iterable of N things, as `tqdm` does.

        Returns:
            int64 [M, 4], a row for each image that could be decoded: its index, height, width, and
            1 if it is grey.
        """

        def examine(index):
            image = composite_on_white(self.decode(index))
            is_grey = tf.reduce_all(image == image[..., :1])
            return tf.stack([index, *tf.unstack(tf.shape(image, tf.int64)[:2]), tf.cast(is_grey, tf.int64)])

        indices = tf.data.Dataset.range(len(self))
        rows = indices.map(examine, num_parallel_calls=parallelism(), deterministic=True).ignore_errors()
        options = tf.data.Options()
        options.autotune.enabled = False
        return np.array(list(progress(rows.with_options(options).as_numpy_iterator())), np.int64).reshape(-1, 4)
