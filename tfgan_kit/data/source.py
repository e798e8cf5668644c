"""A source: a finite, ordered set of images with random access, and the two ways to read it."""

import os

from tfgan_kit.data.order import positions_to_flips, positions_to_indices

import numpy as np
import tensorflow as tf


class Source:
    """A finite, ordered set of images (or points) with random access by index.

    `open_source` makes one. `ArraySource` holds decoded pixels in memory, `EncodedSource` decodes
    as it reads; a subclass says how in `_read`, everything else is here.

    Args:
        name: the spelling that opens it, e.g. `"mnist5k"`, `"folder:/data/cats"`.
        num_images: N, how many there are, at least 1.
        image_shape: (H, W, C) for images, (D,) for points.
        fingerprint: sha256 hex digest of the content, to tell whether two runs saw the same data.
        labels: None, or int32 NumPy array [N] with values in [0, num_classes).
        class_names: None, or one name a class.

    Attributes: the arguments, `num_classes` (None for an unlabelled source), `native_shape` (image_shape
        before the images were resized, where all had one), and what its modes are told by, if they are
        known: `mixture`, the `points.Mixture` that points were drawn from, or `digits`, the labelled
        source of the single images that were stacked (`data.stacked`).

    Example:

        source = open_source("mnist5k")
        for images, labels in source.training(batch_size=64).take(100):
            print(images.shape)  # (64, 28, 28, 1), uint8
    """

    def __init__(self, name, num_images, image_shape, fingerprint, labels=None, class_names=None):
        self.name = name
        self.num_images = int(num_images)
        self.image_shape = tuple(int(d) for d in image_shape)
        self.native_shape = self.image_shape
        self.fingerprint = fingerprint
        self.labels = labels
        with tf.device("CPU:0"):  # a gather on the CPU must not fetch them from a GPU each time
            self._label_tensor = None if labels is None else tf.constant(labels, tf.int32)
        self.class_names = None if class_names is None else list(class_names)
        self.mixture = self.digits = None
        self.num_classes = None
        if labels is not None:
            self.num_classes = len(class_names) if class_names else int(labels.max()) + 1

    def training(self, batch_size, seed=0, flip=False, start_step=0):
        """The endless training data, shuffled anew every epoch.

        The element at position p = step * batch_size + row is fixed by (seed, p), so
        `training(start_step=k)` equals `training()` with k batches skipped, at no cost. Batches run
        across the end of an epoch and are always full.

        Args:
            batch_size: 1 to num_images.
            seed: int; the same seed gives the same batches.
            flip: mirror each image left to right with probability 1/2, drawn from (seed, p).
            start_step: how many batches to leave out, at least 0.

        Returns:
            An infinite `tf.data.Dataset` of uint8 [B, H, W, C] (float32 [B, D] for points), or of
            pairs (images, int32 labels [B]) when the source has labels.

        Raises:
            ValueError: on a bad argument, or when the source holds fewer images than a batch.
        """
        self._check_training(batch_size, seed, flip, start_step)
        offsets = tf.range(batch_size, dtype=tf.int64)

        def draw(step):
            positions = step * batch_size + offsets  # (B,)
            indices = positions_to_indices(positions, seed, self.num_images)
            flips = positions_to_flips(positions, seed) if flip else tf.zeros(batch_size, tf.bool)
            return indices, flips

        steps = tf.data.Dataset.range(start_step, np.iinfo(np.int64).max)
        batches = self._read(steps.map(draw), batch_size, flip, drop_remainder=True)
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return batches.apply(endless).with_options(_options())

    def ordered(self, batch_size, indices=None):
        """All images, or those at `indices`, once and in order; the last batch may be smaller.

        Args:
            batch_size: at least 1.
            indices: None, or integers [M] in [0, num_images); repeats are allowed.

        Returns:
            A finite `tf.data.Dataset` with the element structure of `training`.

        Raises:
            ValueError: on a batch size below 1 or an index out of range.
        """
        _check_int("batch_size", batch_size, 1)
        indices = np.arange(self.num_images) if indices is None else np.asarray(indices)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise ValueError(
                "indices must be integers of shape [M]. Received: indices of shape "
                f"{indices.shape} and dtype {indices.dtype}"
            )
        if indices.size and not 0 <= indices.min() <= indices.max() < self.num_images:
            raise ValueError(
                f"indices must lie in [0, {self.num_images}), the images of {self.name}. "
                f"Received: indices from {indices.min()} to {indices.max()}"
            )
        rows = tf.data.Dataset.from_tensor_slices(indices.astype(np.int64)).batch(batch_size)
        rows = rows.map(lambda i: (i, tf.zeros(tf.shape(i), tf.bool)))
        return self._read(rows, batch_size, flip=False, drop_remainder=False).with_options(_options())

    def _read(self, rows, batch_size, flip, drop_remainder):
        """A dataset of (int64 indices [B], bool flips [B]) -> one of images or (images, labels)."""
        raise NotImplementedError

    def _with_labels(self, images, indices):
        if self._label_tensor is None:
            return images
        return images, tf.gather(self._label_tensor, indices)

    def _check_training(self, batch_size, seed, flip, start_step):
        _check_int("batch_size", batch_size, 1)
        _check_int("seed", seed, np.iinfo(np.int64).min)
        _check_int("start_step", start_step, 0)
        if flip and len(self.image_shape) != 3:
            raise ValueError(
                f"Only images can be mirrored, {self.name} holds points. Pass flip=False. Received: flip=True"
            )
        if batch_size > self.num_images:
            raise ValueError(
                f"{self.name} holds fewer images than a batch: {self.num_images}. Pass a "
                f"batch_size of at most {self.num_images}, or add images. Received: "
                f"batch_size={batch_size}"
            )


def parallelism():
    """How many images or batches to read at a time: one a core."""
    return os.cpu_count() or 1


def _options():
    options = tf.data.Options()
    options.deterministic = True
    # Autotune delays the end of an iterator by up to seconds; the parallelism is stated instead.
    options.autotune.enabled = False
    # There are no files to share out: each worker takes its rows of every global batch.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options


def _check_int(name, value, minimum):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not minimum <= value < 2**63:
        raise ValueError(f"{name} must be an integer of at least {minimum}. Received: {name}={value!r}")
