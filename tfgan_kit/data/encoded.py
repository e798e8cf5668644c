"""Images that stay encoded (files, or bytes in memory) and are decoded when they are read."""

from tfgan_kit.data.decode import decode_image
from tfgan_kit.data.resize import fit_images
from tfgan_kit.data.source import Source, parallelism

import numpy as np
import tensorflow as tf


class EncodedSource(Source):
    """A source whose images are decoded and resized, in parallel, when they are read.

    Args:
        name: the spelling that opens it.
        images: `EncodedImages`.
        image_shape: (S, S, C) that every image is fitted to.
        fingerprint: sha256 hex digest.
        labels: None, or int32 (N,).
        class_names: None, or K names.
        native_shape: the result of `native_shape`.
    """

    def __init__(self, name, images, image_shape, fingerprint, labels=None, class_names=None, native_shape=None):
        super().__init__(name, len(images), image_shape, fingerprint, labels, class_names, native_shape)
        self._images = images

    def _read(self, rows, batch_size, flip, drop_remainder):
        size, _, channels = self.image_shape

        def load(index, mirrored):
            image = fit_images(self._images.decode(index), size, channels)
            if flip:  # without mirroring, tf.reverse would only make a slow copy
                image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)
            return self._with_labels(tf.ensure_shape(image, self.image_shape), index)

        images = rows.unbatch().map(load, num_parallel_calls=parallelism(), deterministic=True)
        return images.batch(batch_size, drop_remainder=drop_remainder).prefetch(2)


class EncodedImages:
    """N encoded images, decoded by index inside a graph.

    Args:
        strings: N file paths, or N encoded images as bytes.
        through_pillow: bool (N,), `needs_pillow` of each.
        are_paths: whether `strings` are paths.
        shape: (H, W, C) of all decoded images; None where they differ, or may differ.

    Attributes:
        through_pillow: as given, and True for those that `measure` found to need Pillow, too.
    """

    def __init__(self, strings, through_pillow, are_paths, shape=(None, None, None)):
        self.through_pillow = np.array(through_pillow, bool)
        self._are_paths = are_paths
        self._shape = shape
        with tf.device("CPU:0"):
            self._strings = tf.constant(strings, tf.string)

    def __len__(self):
        return len(self.through_pillow)

    def decode(self, index):
        """int64 scalar -> uint8 (H, W, 1 to 4)."""
        content = tf.gather(self._strings, index)
        if self._are_paths:
            content = tf.io.read_file(content)
        through_pillow = self.through_pillow.any()
        if through_pillow and not self.through_pillow.all():
            through_pillow = tf.gather(self.through_pillow, index)
        return tf.ensure_shape(decode_image(content, through_pillow), self._shape)

    def measure(self, progress):
        """Decodes every image once, as in training, and returns the sizes.

        What TensorFlow's decoder refuses is tried with Pillow, and read with it from then on.

        Args:
            progress: wraps an iterable of N items, as `tqdm` does.

        Returns:
            int64 (M, 5), a row for each image that can be decoded: its index, height, width,
            channels, and 1 if it is grey.
        """
        found = self._examined(np.arange(len(self)), progress)
        refused = np.setdiff1d(np.flatnonzero(~self.through_pillow), found[:, 0])
        if refused.size:
            self.through_pillow[refused] = True
            found = np.concatenate([found, self._examined(refused, iter)])
        return found[found[:, 0].argsort()]

    def _examined(self, indices, progress):
        def examine(index):
            image = self.decode(index)
            channels = tf.shape(image)[-1]
            colour = image[..., : channels - 1 + channels % 2]
            is_clear = (image[..., -1:] == 0) & (channels % 2 == 0)  # white, whatever its colour
            is_grey = tf.reduce_all((colour == colour[..., :1]) | is_clear)
            return tf.concat([[index], tf.shape(image, tf.int64), [tf.cast(is_grey, tf.int64)]], 0)

        rows = tf.data.Dataset.from_tensor_slices(indices).map(examine, num_parallel_calls=parallelism())
        options = tf.data.Options()
        options.autotune.enabled = False
        rows = rows.ignore_errors().with_options(options).as_numpy_iterator()
        return np.array(list(progress(rows)), np.int64).reshape(-1, 5)

    def keep(self, found):
        """Only the images that `measure` could decode, with their common shape."""
        kept, sizes = found[:, 0], found[:, 1:4]
        shape = [int(s[0]) if (s == s[0]).all() else None for s in sizes.T]
        with tf.device("CPU:0"):
            strings = tf.gather(self._strings, kept)
        return EncodedImages(strings, self.through_pillow[kept], self._are_paths, shape)


def fitted_shape(name, found, image_size, channels):
    """The image shape (S, S, C) of a source of these images.

    Args:
        name: the spelling, for the message.
        found: int64 (M, 5) from `EncodedImages.measure`.
        image_size: S, or None for their size, if all are square and of one size.
        channels: C, or None for 1 if all are grey, else 3.

    Raises:
        ValueError: image_size is None and the images are not square, or not of one size.
    """
    if channels is None:
        channels = _channels(found)
    if image_size is not None:
        return image_size, image_size, channels
    sizes = np.unique(found[:, 1:3], axis=0)
    if len(sizes) == 1 and sizes[0, 0] == sizes[0, 1]:
        return int(sizes[0, 0]), int(sizes[0, 0]), channels
    what = "not square" if len(sizes) == 1 else f"of {len(sizes)} different sizes"
    (low_height, low_width), (high_height, high_width) = sizes.min(axis=0), sizes.max(axis=0)
    raise ValueError(
        f"The images of {name} are {what}, {low_width} to {high_width} wide and {low_height} to "
        f"{high_height} high: pass image_size, e.g. image_size=64, to crop each to its central "
        f"square and resize it. Received: image_size=None"
    )


def native_shape(found):
    """(H, W, C) of images that all have one size, before they are resized; otherwise None.

    Args:
        found: int64 (M, 5) from `EncodedImages.measure`.
    """
    sizes = np.unique(found[:, 1:3], axis=0)
    return (*sizes[0].tolist(), _channels(found)) if len(sizes) == 1 else None


def _channels(found):
    return 1 if found[:, 4].all() else 3
