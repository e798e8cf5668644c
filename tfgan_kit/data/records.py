"""Images in ArrayRecord files, read by index when they are needed: data larger than memory."""

import bisect
import functools
import io
import itertools
import os
import resource

from tfgan_kit.data.decode import decode_image, needs_pillow
from tfgan_kit.data.python_calls import numpy_function
from tfgan_kit.data.resize import fit_images
from tfgan_kit.data.source import Source, parallelism
from tfgan_kit.files import cache_path, write_cache

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tqdm import tqdm


class Records:
    """The records of some ArrayRecord files, or of parts of them, by index.

    Files are opened when one of their records is first read, and half as many as this process may have open stay open.

    Args:
        parts: sequence of (path, first, count): `count` records of a file from its record `first` on.

    Raises:
        ValueError: there are no records.

    Example::

        Records([("a.array_record", 0, 100)]).read(np.array([7, 3]))  # [bytes, bytes]
    """

    def __init__(self, parts):
        self.parts = [(os.fspath(path), int(first), int(count)) for path, first, count in parts]
        self._ends = list(itertools.accumulate(count for *_, count in self.parts))
        if not self._ends or self._ends[-1] < 1:
            raise ValueError(f"There are no records. Received: parts={self.parts}")
        most_open = max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2, 16)
        self._reader = functools.lru_cache(most_open)(_open)

    def __len__(self):
        return self._ends[-1]

    def read(self, indices):
        """The records at int64 indices (M,), as a list of M bytes.

        Raises:
            OSError: a file is missing, or damaged; the error names it.
        """
        return [self._record(index) for index in indices.tolist()]

    def _record(self, index):
        """One record, as a range: for a list of places a reader makes a list as long as its file (array_record 0.8)."""
        part = bisect.bisect_right(self._ends, index)
        path, first, count = self.parts[part]
        try:
            place = index - self._ends[part] + first + count
            (record,) = self._reader(path).read(place, place + 1)
        except Exception as error:  # its own are of several types
            raise OSError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        return record


def _open(path):
    from array_record.python.array_record_module import ArrayRecordReader

    if not os.path.isfile(path):  # the reader would wait for a pipe
        raise OSError("there is no such file")
    return ArrayRecordReader(path, options="readahead_buffer_size:0,max_parallelism:0", file_reader_buffer_size=2**13)


class RecordSource(Source):
    """A source whose images lie in ArrayRecord files as `tf.train.Example`, of which nothing stays in memory.

    Args:
        name: the spelling that opens it.
        records: `Records` of examples, each with an encoded image and maybe a label.
        image_shape: (H, W, C) that every image is fitted to.
        fingerprint: sha256 hex digest.
        keys: the names of the image feature and of the label feature, or of None.
        class_names: None for an unlabelled source, or K names.
        labels: None, or int32 (N,) if they are known; else they are read when they are first asked for.
        native_shape: None, or the one shape of all images before they are fitted.
        through_pillow: bool, whether Pillow decodes all images; None: it is found out for each, see `needs_pillow`.
        decoded_shape: (H, W, C) of all decoded images, None where they differ: what fits already is not resized.
    """

    def __init__(
        self, name, records, image_shape, fingerprint, keys,
        class_names=None, labels=None, native_shape=None, through_pillow=None, decoded_shape=(None, None, None),
    ):  # fmt: skip
        super().__init__(name, len(records), image_shape, fingerprint, labels, class_names, native_shape)
        self._records, self._through_pillow, self._decoded_shape = records, through_pillow, decoded_shape
        self._image_key, self._label_key = keys

    @property
    def labels(self):
        """See `Source.labels`; if they are not known, all records are read for them once, and they are cached."""
        if self._labels is None and self.num_classes is not None:
            self._labels = _cached_labels(self.fingerprint, self._read_labels)
        return self._labels

    def _read_labels(self):
        indices = tf.data.Dataset.range(self.num_images).batch(1024)
        labels = indices.map(lambda i: tf.cast(self._examples(i)[1], tf.int32))
        with tqdm(
            desc="Reading labels", total=self.num_images, unit=" images", delay=2, leave=False, disable=None
        ) as progress:
            parts = []
            for part in labels.as_numpy_iterator():
                parts.append(part)
                progress.update(len(part))
        return np.concatenate(parts)

    def _examples(self, indices):
        """Of the records at int64 indices (B,): encoded images, strings (B,), and labels int64 (B,), 0 without."""
        kinds = (tf.string, tf.int64)
        images, labels = numpy_function(self._contents, [indices], kinds)
        complaint = f"An image of {self.name} cannot be read: its file is missing or damaged. Copy or make it again."
        with tf.control_dependencies([tf.debugging.assert_equal(tf.size(images), tf.size(indices), complaint)]):
            return tf.ensure_shape(tf.identity(images), [None]), tf.ensure_shape(tf.identity(labels), [None])

    def _contents(self, indices):
        """Images and labels; none where one cannot be read, since TensorFlow would log an exception with its traceback.

        Protocol buffers are parsed here, in a fifth of the processor time that `tf.io.parse_example` takes.
        """
        images, labels = [], np.zeros(len(indices), np.int64)
        try:
            for row, record in enumerate(self._records.read(indices)):
                features = tf.train.Example.FromString(record).features.feature
                (image,) = features[self._image_key].bytes_list.value
                images.append(image)
                if self.num_classes is not None:
                    (labels[row],) = features[self._label_key].int64_list.value
        except (OSError, ValueError, DecodeError):
            return np.array([], object), labels[:0]
        return np.array(images, object), labels

    def _read(self, rows, batch_size, flip, drop_remainder):
        size, _, channels = self.image_shape

        def fetch(indices, flips):
            images, label = self._examples(indices)
            withheld = f"Some labels of {self.name} are withheld: name a split whose images all have one."
            with tf.control_dependencies([tf.debugging.assert_non_negative(label, withheld)]):
                label = tf.cast(label, tf.int32)
            return images, label, self._judged(images), flips

        def load(content, label, judged, mirrored):
            image = decode_image(content, judged if self._through_pillow is None else self._through_pillow)
            image = fit_images(tf.ensure_shape(image, self._decoded_shape), size, channels)
            if flip:  # without mirroring, tf.reverse would only make a slow copy
                image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)
            image = tf.ensure_shape(image, self.image_shape)
            return image if self.num_classes is None else (image, label)

        examples = rows.map(fetch, num_parallel_calls=max(1, parallelism() // 4), deterministic=True).unbatch()
        images = examples.map(load, num_parallel_calls=parallelism(), deterministic=True)
        return images.batch(batch_size, drop_remainder=drop_remainder).prefetch(2)

    def _judged(self, images):
        """bool (B,), `needs_pillow` of each image where nothing is known of all."""
        if self._through_pillow is not None:
            return tf.zeros(tf.shape(images), tf.bool)

        def judge(contents):
            return np.array([needs_pillow(content) for content in contents], bool)

        return tf.ensure_shape(numpy_function(judge, [images], tf.bool), [None])


def _cached_labels(fingerprint, read):
    path = cache_path("labels", f"{fingerprint}.npy")
    try:
        return np.load(path)
    except (OSError, ValueError):  # missing, or damaged: they are read again
        labels = read()
        file = io.BytesIO()
        np.save(file, labels)
        write_cache(path, file.getvalue())
        return labels
