"""Images that stay encoded (files, or bytes in memory) and are decoded when they are read."""

import threading
import warnings

from tfgan_kit.data.decode import decode_image, needs_pillow
from tfgan_kit.data.origins.paths import printable
from tfgan_kit.data.python_calls import numpy_function
from tfgan_kit.data.resize import fit_images
from tfgan_kit.data.source import Source, deterministic_options, parallelism

import numpy as np
import tensorflow as tf

_BY_TENSORFLOW, _BY_PILLOW, _NOT_KNOWN = 0, 1, 2  # what decodes an image
# `Header`s of many images; channels are 0 where they are not known.
HEADERS = np.dtype([("height", "i4"), ("width", "i4"), ("is_grey", "?"), ("channels", "i1"), ("decoder", "i1")])
_MOST_TOLD = 5


class EncodedSource(Source):
    """A source whose images are decoded and resized, in parallel, when they are read.

    In the place of an image that cannot be decoded the next one of its class (of all, without labels) is read, in every
    run the same; a warning says so once an image.

    Args:
        name: the spelling that opens it.
        images: `EncodedImages`.
        image_shape: (S, S, C) that every image is fitted to.
        fingerprint: sha256 hex digest.
        labels: None, or int32 (N,).
        class_names: None, or K names.
        native_shape: the result of `native_shape`.
        image_names: None, or function of an index that returns its name.
    """

    def __init__(
        self, name, images, image_shape, fingerprint, labels=None, class_names=None, native_shape=None, image_names=None
    ):  # fmt: skip
        super().__init__(name, len(images), image_shape, fingerprint, labels, class_names, native_shape)
        self._images, self._image_names = images, image_names
        self._broken, self._lock = set(), threading.Lock()
        self._successors = _Successors(np.zeros(len(images), np.int32) if labels is None else labels)

    def image_name(self, index):
        """See `Source.image_name`."""
        return super().image_name(index) if self._image_names is None else self._image_names(index)

    @property
    def broken(self):
        """The names of the images that could not be decoded so far, a sorted list."""
        return sorted(self.image_name(index) for index in self._broken)

    def _read(self, rows, batch_size, flip, drop_remainder):
        def read(indices, flips):
            images, found = self._load(indices, flips, flip, by_others=True)
            gone = f"No image of {printable(self.name)}, or of a class of it, can be read: are they intact, and there?"
            with tf.control_dependencies([tf.debugging.assert_equal(tf.size(found), tf.size(indices), gone)]):
                images = tf.identity(images)
            images = tf.ensure_shape(images, [batch_size if drop_remainder else None, *self.image_shape])
            return self._with_labels(images, tf.ensure_shape(found, images.shape[:1]))

        return rows.map(read, num_parallel_calls=2, deterministic=True).prefetch(2)

    def intact(self, start=0):
        """See `Source.intact`."""

        def read(indices):
            images, found = self._load(indices, tf.zeros_like(indices, tf.bool), flip=False, by_others=False)
            images = tf.ensure_shape(images, [None, *self.image_shape])
            none = tf.fill(tf.shape(found), -1)
            return found, images, none if self.num_classes is None else tf.gather(self._label_tensor, found)

        rows = tf.data.Dataset.range(start, self.num_images).batch(64)
        images = rows.map(read, num_parallel_calls=2, deterministic=True).unbatch()
        return images.with_options(deterministic_options())

    def _load(self, indices, flips, flip, by_others):
        """The images of a batch (M, S, S, C), and the indices int64 (M,) that they have.

        Args:
            indices, flips: int64 (B,), bool (B,).
            flip: bool, whether any is mirrored.
            by_others: bool, whether another takes the place of one that is broken, so that M = B; else it is left out.
        """
        rows = tf.data.Dataset.from_tensor_slices((indices, flips))

        def at_once():
            return rows.map(lambda i, mirrored: (self._image(i, mirrored, flip), i), parallelism(), deterministic=True)

        def one_by_one():
            # Where each gives one image, several at a time are in order; where some give none, they would not be.
            threads = parallelism() if by_others else 1
            return rows.interleave(
                lambda i, mirrored: self._tries(i, mirrored, flip, by_others), threads, 1, threads, deterministic=True
            )

        images, found = self._those_without_error(at_once(), tf.size(indices))
        return tf.cond(
            tf.size(found) == tf.size(indices),
            lambda: (images, found),
            lambda: self._those_without_error(one_by_one(), tf.size(indices)),
        )

    def _those_without_error(self, rows, count):
        """The rows of a data set of at most `count` as one batch; an error ends its row, not the step."""
        none = tf.zeros(self.image_shape, tf.uint8), tf.constant(-1, tf.int64)  # since there must be one
        rows = tf.data.Dataset.from_tensors(none).concatenate(rows.ignore_errors())
        images, found = rows.batch(tf.cast(count, tf.int64) + 1).get_single_element()
        return images[1:], found[1:]

    def _tries(self, index, mirrored, flip, by_others):
        """A data set of one row: the image by the usual decoder, or by Pillow, or the next one likewise, or ..."""
        numbers = tf.data.Dataset.range(2 * self._successors.count(index) if by_others else 3)

        def load(number):
            goes_on = numpy_function(self._tell, [index, number, by_others], tf.bool, stateful=True)
            with tf.control_dependencies([tf.debugging.assert_equal(goes_on, True)]):
                candidate = self._successors(index, number // 2)
                return self._image(candidate, mirrored, flip, tf.equal(number % 2, 1)), candidate

        return numbers.map(load).ignore_errors().take(1)

    def _image(self, index, mirrored, flip, thoroughly=False):
        size, _, channels = self.image_shape
        image = fit_images(self._images.decode(index, thoroughly), size, channels)
        if flip:  # without mirroring, tf.reverse would only make a slow copy
            image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)
        return tf.ensure_shape(image, self.image_shape)

    def _tell(self, index, number, by_others):
        """Counts an image as broken where its third try begins; whether there is one, of another image."""
        with self._lock:
            index = int(index)
            is_new = number == 2 and index not in self._broken
            if is_new:
                self._broken.add(index)
            count = len(self._broken)
        if is_new and count <= _MOST_TOLD:
            more = " More are not told one by one." if count == _MOST_TOLD else ""
            warnings.warn(
                f"{printable(self.name)}: {self.image_name(index)} cannot be decoded, or has more than "
                f"PIL.Image.MAX_IMAGE_PIXELS pixels, and is passed over ({count} so far).{more}",
                stacklevel=2,
            )
        return np.bool_(by_others or number < 2)


class _Successors:
    """The images of a class in a circle: what is read in the place of a broken one."""

    def __init__(self, labels):
        labels = np.asarray(labels)
        counts = np.bincount(labels)
        with tf.device("CPU:0"):
            self._order = tf.constant(np.argsort(labels, kind="stable"), tf.int64)
            self._labels = tf.constant(labels, tf.int32)
            self._counts = tf.constant(counts, tf.int64)
            self._starts = tf.constant(np.cumsum(counts) - counts, tf.int64)
            self._places = tf.constant(np.argsort(self._order.numpy()), tf.int64)

    def count(self, index):
        """int64 scalar: the images of its class."""
        return tf.gather(self._counts, tf.gather(self._labels, index))

    def __call__(self, index, steps):
        """int64 scalars: the index so many steps further in its class."""
        label = tf.gather(self._labels, index)
        start, count = tf.gather(self._starts, label), tf.gather(self._counts, label)
        place = (tf.gather(self._places, index) - start + steps) % count
        return tf.gather(self._order, start + place)


class EncodedImages:
    """N encoded images, decoded by index inside a graph.

    Args:
        fetch: function of an index, int64 scalar, that returns the encoded image, a string scalar.
        headers: HEADERS (N,), see `as_row`.
    """

    def __init__(self, fetch, headers):
        self._fetch = fetch
        self._decoder = headers["decoder"]
        sizes = [np.unique(headers[name]) for name in ("height", "width", "channels")]
        self._shape = [int(size[0]) if len(size) == 1 and size[0] > 0 else None for size in sizes]

    def __len__(self):
        return len(self._decoder)

    def decode(self, index, thoroughly=False):
        """int64 scalar -> uint8 (H, W, 1 to 4).

        Args:
            index: int64 scalar.
            thoroughly: False, or bool scalar, whether Pillow decodes it, whatever its header says; its shape may then
                be any.
        """
        content = self._fetch(index)
        through_pillow = self._through_pillow(index, content)
        if thoroughly is False:
            return tf.ensure_shape(decode_image(content, through_pillow), self._shape)
        return decode_image(content, thoroughly | through_pillow)

    def _through_pillow(self, index, content):
        """Whether Pillow decodes an image: bool, or bool scalar where images differ."""
        known = np.unique(self._decoder)
        if len(known) == 1 and known[0] != _NOT_KNOWN:
            return bool(known[0] == _BY_PILLOW)
        decoder = tf.gather(self._decoder, index)
        if _NOT_KNOWN not in known:
            return decoder == _BY_PILLOW

        def judged():
            return tf.ensure_shape(numpy_function(needs_pillow, [content], tf.bool), [])

        return tf.cond(decoder == _NOT_KNOWN, judged, lambda: decoder == _BY_PILLOW)


def as_row(header):
    """A `Header` as a row of HEADERS."""
    decoder = _NOT_KNOWN if header.through_pillow is None else int(header.through_pillow)
    return header.height, header.width, header.is_grey, header.channels or 0, decoder


def fitted_shape(name, headers, image_size, channels):
    """The image shape (S, S, C) of a source of these images.

    Args:
        name: the spelling, for the message.
        headers: HEADERS (N,).
        image_size: S, or None for their size, if all are square and of one size.
        channels: C, or None for 1 if all are grey, else 3.

    Raises:
        ValueError: image_size is None and the images are not square, or not of one size.
    """
    if channels is None:
        channels = _channels(headers)
    if image_size is not None:
        return image_size, image_size, channels
    sizes = _sizes(headers)
    if len(sizes) == 1 and sizes[0, 0] == sizes[0, 1]:
        return int(sizes[0, 0]), int(sizes[0, 0]), channels
    what = "not square" if len(sizes) == 1 else f"of {len(sizes)} different sizes"
    (low_height, low_width), (high_height, high_width) = sizes.min(axis=0), sizes.max(axis=0)
    raise ValueError(
        f"The images of {name} are {what}, {low_width} to {high_width} wide and {low_height} to "
        f"{high_height} high: pass image_size, e.g. image_size=64, to crop each to its central "
        f"square and resize it. Received: image_size=None"
    )


def native_shape(headers):
    """(H, W, C) of images that all have one size, before they are resized; otherwise None.

    Args:
        headers: HEADERS (N,).
    """
    sizes = _sizes(headers)
    return (*sizes[0].tolist(), _channels(headers)) if len(sizes) == 1 else None


def _sizes(headers):
    """int (K, 2): the different heights and widths."""
    return np.unique(np.stack([headers["height"], headers["width"]], axis=1), axis=0)


def _channels(headers):
    return 1 if headers["is_grey"].all() else 3
