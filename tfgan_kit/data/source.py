"""A source: a finite, ordered set of images with random access; and the endless training data made of it."""

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

    `open_source` makes one. `ArraySource` holds decoded pixels in memory, `EncodedSource` decodes
    as it reads; a subclass says how in `_read`, everything else is here.

    Args:
        name: the spelling that opens it, e.g. `"mnist5k"`, `"folder:/data/cats"`.
        num_images: N, how many there are, at least 1.
        image_shape: (H, W, C) for images, (D,) for points.
        fingerprint: sha256 hex digest of the content, to tell whether two runs saw the same data.
        labels: None, or int32 NumPy array (N,) with values in [0, num_classes).
        class_names: None, or one name a class.
        native_shape: image_shape before the images were resized, where all had one; None is image_shape.

    Attributes: the arguments, `num_classes` (None for an unlabelled source), and what its modes are told by, if they
        are known: `mixture`, the `origins.mixtures.Mixture` that points were drawn from, or `digits`, the labelled
        source of the single images that were stacked (`origins.stacked_mnist`).

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
        self.labels = labels
        with tf.device("CPU:0"):  # a gather on the CPU must not fetch them from a GPU each time
            self._label_tensor = None if labels is None else tf.constant(labels, tf.int32)
        self.class_names = None if class_names is None else list(class_names)
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
            `TrainingData` of uint8 (B, H, W, C) (float32 (B, D) for points), or of pairs (images, int32 labels (B,))
            when the source has labels.

        Raises:
            ValueError: on a bad argument, or when the source holds fewer images than a batch.
        """
        self._check_training(batch_size, seed, flip)
        check_int("start_step", start_step, 0)
        from_step = functools.partial(self._batches, batch_size, seed, flip)
        return TrainingData(self, -(-self.num_images // batch_size), from_step, start_step)

    def ordered(self, batch_size, indices=None):
        """All images, or those at `indices`, once and in order; the last batch may be smaller.

        Args:
            batch_size: at least 1.
            indices: None, or integers (M,) in [0, num_images); repeats are allowed.

        Returns:
            A finite `tf.data.Dataset` with the element structure of `training`.

        Raises:
            ValueError: on a batch size below 1 or an index out of range.
        """
        check_int("batch_size", batch_size, 1)
        indices = np.arange(self.num_images) if indices is None else np.asarray(indices)
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
        rows = tf.data.Dataset.from_tensor_slices(indices.astype(np.int64)).batch(batch_size)
        rows = rows.map(lambda i: (i, tf.zeros(tf.shape(i), tf.bool)))
        return self._read(rows, batch_size, flip=False, drop_remainder=False).with_options(_options())

    def _batches(self, batch_size, seed, flip, start_step):
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

    def _read(self, rows, batch_size, flip, drop_remainder):
        """A dataset of (int64 indices (B,), bool flips (B,)) -> one of images or (images, labels)."""
        raise NotImplementedError

    def _with_labels(self, images, indices):
        if self._label_tensor is None:
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


def _keeps_a_step(name):
    """The method of that name of `tf.data.Dataset`, for those that leave one element a step."""
    method = getattr(tf.data.Dataset, name)

    @functools.wraps(method, assigned=("__name__",))
    def transformed(self, *args, **kwargs):
        return self._transformed(lambda dataset, step: method(dataset, *args, **kwargs))

    transformed.__doc__ = f"`tf.data.Dataset.{name}`; returns `TrainingData`."
    return transformed


class TrainingData(DatasetView):
    """An endless `tf.data.Dataset` of batches that knows its source and its epoch, and starts at any step.

    `Source.training` makes it; `GAN.fit` reads off it how long an epoch is, and has it start where the training is.
    After `map`, `prefetch`, `with_options`, `enumerate`, `shuffle` and `repeat()` an element is one step's still, so
    they return `TrainingData` again. The other methods (`take`, `skip`, `batch`, `unbatch`, `filter`, ...) return a
    plain `tf.data.Dataset`: what is endless of these needs `fit(..., steps_per_epoch=...)`, and starts anew in a
    resumed run. `apply(f)` returns what f does. A function that is mapped should draw nothing but from its arguments:
    `enumerate` gives it the step of the training, so that an augmentation from (seed, step) is the same when resumed.

    Args:
        source: the `Source` that the images are of.
        steps_per_epoch: int, batches an epoch: ceil(num_images / batch_size).
        from_step: function of a step that returns the `tf.data.Dataset` of its batch and those that follow.
        start_step: int, the step whose batch is the first.
        dataset: `from_step(start_step)`, where it has been made; None makes it.

    Attributes: `source`, `steps_per_epoch`, `start_step`.

    Example:
        >>> data = dataset.enumerate().map(
        ...     lambda step, images: tf.image.stateless_random_flip_up_down(images, seed=(0, step)))
        >>> data.steps_per_epoch, data.at_step(1000).start_step
        (4, 1000)
    """

    def __init__(self, source, steps_per_epoch, from_step, start_step=0, dataset=None):
        super().__init__(from_step(start_step) if dataset is None else dataset)
        self.source = source
        self.steps_per_epoch = steps_per_epoch
        self.start_step = start_step
        self._from_step = from_step

    def at_step(self, step):
        """The same data, transformations and all, from another step.

        Raises:
            ValueError: a step below 0.
        """
        check_int("step", step, 0)
        return TrainingData(self.source, self.steps_per_epoch, self._from_step, step)

    map = _keeps_a_step("map")
    prefetch = _keeps_a_step("prefetch")
    with_options = _keeps_a_step("with_options")

    def enumerate(self, start=0, name=None):
        """Pairs (int64 step, element): `start` plus the step of the training, wherever this data starts."""
        return self._transformed(lambda dataset, step: dataset.enumerate(start + step, name))

    def shuffle(self, *args, **kwargs):
        """`tf.data.Dataset.shuffle` of whole batches, with a warning: a resumed run cannot restore its buffer."""
        warnings.warn(
            f"The images of {self.source.name} are in a random order already, another one every epoch. Shuffled once "
            "more, a resumed run sees other batches than an uninterrupted one: leave `shuffle` out.",
            stacklevel=2,
        )
        return self._transformed(lambda dataset, step: dataset.shuffle(*args, **kwargs))

    def repeat(self, count=None, name=None):
        """This data, as it is endless; a count gives what `tf.data.Dataset.repeat` does."""
        return self if count in (None, -1) else super().repeat(count, name)

    def cache(self, filename="", name=None):
        """Refused: see the message."""
        raise ValueError(
            "Training data is endless: `cache` would keep one batch more at every step, until the memory (or the disk) "
            "is full. To read the images of this source once only, train on "
            "tfgan_kit.data.from_arrays(images, ...) with images = np.concatenate(list(source.ordered(64)"
            ".as_numpy_iterator())), or cache what is finite, source.ordered(batch_size).cache(). "
            f"Received: cache() of the training data of {self.source.name}"
        )

    def _transformed(self, transform):
        """The `TrainingData` of `transform(dataset, start_step)`, which is applied again from any other step."""
        from_step = self._from_step
        return TrainingData(
            self.source,
            self.steps_per_epoch,
            lambda step: transform(from_step(step), step),
            self.start_step,
            transform(self._viewed, self.start_step),  # not made anew: a function would be traced again
        )


def one_epoch(data):
    """Training data cut after an epoch, a finite `tf.data.Dataset`; other data as it is."""
    return data.take(data.steps_per_epoch) if isinstance(data, TrainingData) else data


def check_endless(data, steps, name):
    """Refuses an endless `tf.data.Dataset` of the user's own that is to be run to its end.

    Args:
        data: what `fit` or `evaluate` is given; `TrainingData` passes, which knows its epoch.
        steps: None, or how many batches to take.
        name: the argument that says so: "steps_per_epoch", "validation_steps", "steps".

    Raises:
        ValueError: when there is neither an end nor a number of steps.
    """
    if steps is None and isinstance(data, tf.data.Dataset) and not isinstance(data, TrainingData):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                f"This data set is endless, and nothing says where to stop: pass `{name}`, or leave its `repeat()` "
                "out. (The data sets of tfgan_kit.data know their epoch, and keep it through map, prefetch and "
                f"with_options.) Received: {data}, {name}=None"
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
