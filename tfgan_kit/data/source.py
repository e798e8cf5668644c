"""A source: a finite, ordered set of images with random access; and its endless training data."""

import functools
import os
import warnings

from tfgan_kit.data.order import positions_to_flips, positions_to_indices
from tfgan_kit.internals.tensorflow import DatasetView
from tfgan_kit.ranges import check_int

import numpy as np
import tensorflow as tf


class Source:
    """A finite, ordered set of images (or points) with random access by index.

    `open_source` creates one. `ArraySource` holds decoded pixels in memory, `EncodedSource` decodes
    while it reads; a subclass implements `_read`.

    Args:
        name: the spelling that opens it, e.g. `"mnist5k"`, `"folder:/data/cats"`.
        num_images: N, at least 1.
        image_shape: (H, W, C) for images, (D,) for points.
        fingerprint: sha256 hex digest of the content, to check whether two runs used the same data.
        labels: None, or int32 NumPy array (N,) with values in [0, num_classes).
        class_names: None, or one name per class; None for an unlabelled source.
        native_shape: image_shape before the images were resized, if it was the same for all; None is image_shape.

    Attributes: the arguments, `num_classes` (None for an unlabelled source), and, if the modes of the data are known,
        `mixture`, the `origins.mixtures.Mixture` that points were drawn from, or `digits`, the labelled source of
        the single images that were stacked (`origins.stacked_mnist`).

    Example:
        >>> for images in source.training(batch_size=16).take(2):
        ...     print(images.shape, images.dtype.name)
        (16, 8, 8, 1) uint8
        (16, 8, 8, 1) uint8
    """

    mixture = digits = None

    def __init__(self, name, num_images, image_shape, fingerprint, labels=None, class_names=None, native_shape=None):
        self.name = name
        self.num_images = int(num_images)
        self.image_shape = tuple(int(d) for d in image_shape)
        self.native_shape = self.image_shape if native_shape is None else tuple(int(d) for d in native_shape)
        self.fingerprint = fingerprint
        self._labels = labels
        self.class_names = None if class_names is None else list(class_names)
        self.num_classes = len(class_names) if class_names else None if labels is None else int(labels.max()) + 1

    @property
    def labels(self):
        """int32 NumPy array (N,), or None for an unlabelled source, whose `num_classes` is None."""
        return self._labels

    def image_name(self, index):
        """What image `index` is called: its file's name in a folder or archive, elsewhere its number."""
        return f"{index:08d}"

    def training(self, batch_size, seed=0, flip=False, start_step=0):
        """The endless training data, in a new random order every epoch.

        The element at position p = step * batch_size + row is determined by (seed, p), so
        `training(start_step=k)` equals `training()` with k batches skipped, at no cost. Batches continue
        across the end of an epoch and are always full.

        Args:
            batch_size: 1 to num_images.
            seed: int; the same seed gives the same batches.
            flip: mirror each image left to right with probability 1/2, drawn from (seed, p).
            start_step: number of batches to skip, at least 0.

        Returns:
            `TrainingData` of uint8 (B, H, W, C) (float32 (B, D) for points), or of pairs (images, int32 labels (B,))
            if the source has labels.

        Raises:
            ValueError: an argument out of range, `flip` for points, or fewer images than a batch.
        """
        self._check_training(batch_size, seed, flip)
        check_int("start_step", start_step, 0)
        from_step = functools.partial(self._batches, batch_size, seed, flip)
        return TrainingData(self, -(-self.num_images // batch_size), from_step, start_step, has_rows=True)

    def ordered(self, batch_size, indices=None):
        """All images, or those at `indices`, once and in order; the last batch may be smaller.

        Args:
            batch_size: at least 1.
            indices: None, or integers (M,) in [0, num_images); repeats are allowed.

        Returns:
            A finite `tf.data.Dataset` with the element structure of `training`.

        Raises:
            ValueError: a batch size below 1 or an index out of range.
        """
        check_int("batch_size", batch_size, 1)
        if indices is None:
            return self._in_order(tf.data.Dataset.range(self.num_images), batch_size)
        indices = np.asarray(indices)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
            raise ValueError(
                "indices must be integers of shape (M,). Received: indices of shape "
                f"{indices.shape} and dtype {indices.dtype}"
            )
        if indices.size and not 0 <= indices.min() <= indices.max() < self.num_images:
            raise ValueError(
                f"indices must lie in [0, {self.num_images}), the images of {self.name}. "
                f"Received: indices from {indices.min()} to {indices.max()}"
            )
        return self._in_order(tf.data.Dataset.from_tensor_slices(indices.astype(np.int64)), batch_size)

    def _in_order(self, indices, batch_size):
        rows = indices.batch(batch_size).map(lambda i: (i, tf.zeros(tf.shape(i), tf.bool)))
        return self._read(rows, batch_size, flip=False, drop_remainder=False).with_options(deterministic_options())

    def intact(self, start=0):
        """Every image that can be decoded, once and in order: what `python -m tfgan_kit.prepare` writes.

        Args:
            start: int, the index of the first.

        Returns:
            A finite `tf.data.Dataset` of (index int64, image uint8 (H, W, C), label int32, -1 where there are none).
        """
        indices = tf.data.Dataset.range(start, self.num_images)
        images = self._in_order(indices, 64).unbatch()
        if self.num_classes is None:
            images = images.map(lambda image: (image, tf.constant(-1)))
        numbered = tf.data.Dataset.zip(indices, images)
        return numbered.map(lambda index, image: (index, *image)).with_options(deterministic_options())

    def _batches(self, batch_size, seed, flip, start_step, rows=None):
        first, last = rows or (0, batch_size)
        offsets = tf.range(first, last, dtype=tf.int64)

        def draw(step):
            positions = step * batch_size + offsets  # (B,)
            indices = positions_to_indices(positions, seed, self.num_images)
            flips = positions_to_flips(positions, seed) if flip else tf.zeros(last - first, tf.bool)
            return indices, flips

        steps = tf.data.Dataset.range(start_step, np.iinfo(np.int64).max)
        batches = self._read(steps.map(draw), last - first, flip, drop_remainder=True)
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return batches.apply(endless).with_options(deterministic_options())

    def _read(self, rows, batch_size, flip, drop_remainder):
        """A dataset of (int64 indices (B,), bool flips (B,)) -> one of images or (images, labels)."""
        raise NotImplementedError

    @functools.cached_property
    def _label_tensor(self):
        with tf.init_scope(), tf.device("CPU:0"):  # a gather on the CPU must not fetch them from a GPU each time
            return tf.constant(self.labels, tf.int32)

    def _with_labels(self, images, indices):
        if self.num_classes is None:
            return images
        return images, tf.gather(self._label_tensor, indices)

    def _check_training(self, batch_size, seed, flip):
        check_int("batch_size", batch_size, 1)
        check_int("seed", seed, np.iinfo(np.int64).min)
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


def _keeps_a_step(name, keeps_rows=False):
    """A method of `tf.data.Dataset` that keeps one element per step, and maybe its rows, for `TrainingData`."""
    method = getattr(tf.data.Dataset, name)

    @functools.wraps(method, assigned=("__name__",))
    def transformed(self, *args, **kwargs):
        return self.transformed(lambda dataset, step: method(dataset, *args, **kwargs), keeps_rows)

    transformed.__doc__ = f"`tf.data.Dataset.{name}`; returns `TrainingData`."
    return transformed


class TrainingData(DatasetView):
    """An endless `tf.data.Dataset` of batches that knows its source and its epoch length, and can start at any step.

    `Source.training` creates it; `GAN.fit` reads the length of an epoch from it and starts it at the current step.
    `map`, `prefetch`, `with_options`, `enumerate`, `shuffle` and `repeat()` keep one element per step, so they return
    `TrainingData` again. The other methods (`take`, `skip`, `batch`, `unbatch`, `filter`, ...) return a plain
    `tf.data.Dataset`: an endless one needs `fit(..., steps_per_epoch=...)`, and starts at its beginning in a resumed
    run. `apply(f)` returns the result of f. The random draws of a mapped function should depend on its arguments
    alone: `enumerate` passes the training step, so that an augmentation from (seed, step) is the same when resumed.

    Args:
        source: the `Source` of the images.
        steps_per_epoch: int, batches per epoch: ceil(num_images / batch_size).
        from_step: function of a step that returns the `tf.data.Dataset` of its batch and the following ones.
        start_step: int, the step of the first batch.
        dataset: `from_step(start_step)`, if it exists already; None creates it.
        has_rows: bool, whether `from_step(step, rows=(first, last))` returns these rows of every batch alone.

    Attributes: `source`, `steps_per_epoch`, `start_step`, `has_rows`.

    Example:
        >>> data = dataset.enumerate().map(
        ...     lambda step, images: tf.image.stateless_random_flip_up_down(images, seed=(0, step)))
        >>> data.steps_per_epoch, data.at_step(1000).start_step
        (4, 1000)
    """

    def __init__(self, source, steps_per_epoch, from_step, start_step=0, dataset=None, has_rows=False):
        super().__init__(from_step(start_step) if dataset is None else dataset)
        self.has_rows = has_rows
        self.source = source
        self.steps_per_epoch = steps_per_epoch
        self.start_step = start_step
        self._from_step = from_step

    def at_step(self, step):
        """The same data with its transformations, from another step.

        Raises:
            ValueError: a step below 0.
        """
        check_int("step", step, 0)
        return TrainingData(self.source, self.steps_per_epoch, self._from_step, step, has_rows=self.has_rows)

    def rows(self, first, last):
        """Rows `first` to `last - 1` of every batch, from the same step; the other rows are not read.

        A worker of several reads its part of the global batch with it. After `map`, `enumerate` or `shuffle` a row may
        depend on the others of its batch, or on their number, so there is no such part: `has_rows` is False.
        """
        return self._from_step(self.start_step, rows=(first, last))

    map = _keeps_a_step("map")
    prefetch = _keeps_a_step("prefetch", keeps_rows=True)
    with_options = _keeps_a_step("with_options", keeps_rows=True)

    def enumerate(self, start=0, name=None):
        """Pairs (int64 step, element): `start` plus the training step, wherever this data starts."""
        return self.transformed(lambda dataset, step: dataset.enumerate(start + step, name))

    def shuffle(self, *args, **kwargs):
        """`tf.data.Dataset.shuffle` of whole batches, with a warning: a resumed run cannot restore its buffer."""
        warnings.warn(
            f"The images of {self.source.name} are in a random order already, a new one every epoch. With another "
            "shuffle, a resumed run sees other batches than an uninterrupted one: leave `shuffle` out.",
            stacklevel=2,
        )
        return self.transformed(lambda dataset, step: dataset.shuffle(*args, **kwargs))

    def repeat(self, count=None, name=None):
        """This data itself, which is endless; with a count, as `tf.data.Dataset.repeat`."""
        return self if count in (None, -1) else super().repeat(count, name)

    def cache(self, filename="", name=None):
        """Refused with a ValueError, since the data is endless."""
        raise ValueError(
            "Training data is endless: `cache` would keep another batch at every step, until the memory (or the disk) "
            "is full. To read the images of this source only once, train on "
            "tfgan_kit.data.from_arrays(images, ...) with images = np.concatenate(list(source.ordered(64)"
            ".as_numpy_iterator())), or cache finite data, source.ordered(batch_size).cache(). "
            f"Received: cache() of the training data of {self.source.name}"
        )

    def transformed(self, transform, keeps_rows=False):
        """The `TrainingData` of `transform(dataset, start_step)`, which is applied again for any other start step.

        Args:
            transform: function of a `tf.data.Dataset` and the step of its first element, that keeps one element a step.
            keeps_rows: bool, whether a row of the result follows from that row of a batch alone; see `rows`.
        """
        from_step = self._from_step
        return TrainingData(
            self.source,
            self.steps_per_epoch,
            lambda step, **rows: transform(from_step(step, **rows), step),
            self.start_step,
            transform(self._viewed, self.start_step),  # not from `from_step`: the function would be traced again
            self.has_rows and keeps_rows,
        )


def one_epoch(data):
    """Training data limited to one epoch, a finite `tf.data.Dataset`; other data unchanged."""
    return data.take(data.steps_per_epoch) if isinstance(data, TrainingData) else data


def check_endless(data, steps, name):
    """Refuses an endless `tf.data.Dataset` of the user without a number of steps.

    Args:
        data: the data of `fit` or `evaluate`; `TrainingData` is accepted, since it knows its epoch length.
        steps: None, or the number of batches.
        name: the argument with that number: "steps_per_epoch", "validation_steps", "steps".

    Raises:
        ValueError: the data is endless and `steps` is None.
    """
    if steps is None and isinstance(data, tf.data.Dataset) and not isinstance(data, TrainingData):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                f"This data set is endless, and no number of steps is given: pass `{name}`, or leave its `repeat()` "
                "out. (The data sets of tfgan_kit.data know their epoch length, and keep it through map, prefetch and "
                f"with_options.) Received: {data}, {name}=None"
            )


def parallelism():
    """The number of images or batches to read concurrently: one per core."""
    return os.cpu_count() or 1


def deterministic_options():
    """The `tf.data.Options` of every source's data sets."""
    options = tf.data.Options()
    options.deterministic = True
    # Autotune delays the end of an iterator by up to seconds; the parallelism is stated instead.
    options.autotune.enabled = False
    # There are no files to shard: each worker takes its rows of every global batch.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options
