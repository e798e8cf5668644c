"""What a GAN is given: images, labels, seeds, callbacks. Wrong ones are refused here, by name."""

from tfgan_kit import sampling
from tfgan_kit.data.pixels import to_float

import keras
import numpy as np
import tensorflow as tf

_RANGE = (
    "Float images must be in [-1, 1]; give uint8 images as they are, or convert them with "
    "tfgan_kit.data.pixels.to_float."
)
_LABELS = (
    "Labels are integer ids, one an image, from 0 to {}; turn one-hot rows into ids with "
    "labels.argmax(axis=1)."
)


def check_arrays(images, labels, num_classes):
    """Refuses NumPy data before training begins; other data is checked step by step."""
    if isinstance(images, np.ndarray):
        if len(images) == 0:
            raise ValueError(f"There are no images. Received: images of shape {images.shape}")
        if images.dtype.kind == "f" and images.ndim == 4 and not np.abs(images).max() <= 1.0 + 1e-3:
            raise ValueError(
                f"{_RANGE} Received: images from {images.min():g} to {images.max():g}"
            )
    if isinstance(labels, np.ndarray) and num_classes is not None:
        if labels.dtype.kind in "iu" and not 0 <= labels.min() <= labels.max() < num_classes:
            raise ValueError(
                f"{_LABELS.format(num_classes - 1)} "
                f"Received: labels from {labels.min()} to {labels.max()}"
            )


def check_weights(arguments):
    """Refuses `fit`'s weights of samples and classes, which no objective here looks at."""
    for name in ("sample_weight", "class_weight"):
        if arguments.get(name) is not None:
            raise ValueError(
                f"A GAN's rows count alike: leave `{name}` out, or draw rows as often as they "
                f"should count. Received: {name}"
            )


def check_source(source, num_classes):
    """Refuses a data set of `tfgan_kit.data` whose labels the networks do not know."""
    if num_classes is not None and source.num_classes is not None:
        if source.num_classes > num_classes:
            raise ValueError(
                "The data has more classes than the networks; build them with "
                f"num_classes={source.num_classes}. Received: {source.name} with "
                f"{source.num_classes} classes, networks with {num_classes}"
            )


def prepare_images(images, image_shape):
    """A batch as the networks take it: float32 in [-1, 1], of the generator's shape."""
    if isinstance(images, dict | list | tuple):
        raise ValueError(
            "A data set yields images or (images, labels); bring others into this form with "
            f"dataset.map. Received: {type(images).__name__}"
        )
    images = tf.convert_to_tensor(images)
    if tuple(images.shape[1:]) != image_shape:
        raise ValueError(
            f"The generator makes images of shape {image_shape}; the data must have the same. "
            f"Received: images of shape {tuple(images.shape[1:])}"
        )
    if images.dtype == tf.uint8:
        return to_float(images)
    if not images.dtype.is_floating:
        raise ValueError(
            "Images are uint8 in [0, 255] or float in [-1, 1]. "
            f"Received: images of dtype {images.dtype.name}"
        )
    images = tf.cast(images, tf.float32)
    if len(images.shape) == 4:
        largest = tf.reduce_max(tf.abs(images))
        tf.debugging.Assert(largest <= 1.0 + 1e-3, [_RANGE, largest])
    return images


def prepare_labels(labels, num_classes):
    """A batch's labels as the networks take them: int32 (N,); None for an unconditional GAN."""
    if num_classes is None:
        return None
    if labels is None:
        raise ValueError(
            f"This GAN is conditional, {num_classes} classes: its data must be "
            "(images, labels). Received: images alone."
        )
    rule, labels = _LABELS.format(num_classes - 1), tf.convert_to_tensor(labels)
    if not labels.dtype.is_integer or len(labels.shape) > 2 or labels.shape[1:] not in ((), (1,)):
        raise ValueError(
            f"{rule} Received: labels of shape {tuple(labels.shape)}, dtype {labels.dtype.name}"
        )
    labels = tf.cast(tf.reshape(labels, [-1]), tf.int32)
    in_range = tf.reduce_all((labels >= 0) & (labels < num_classes))
    with tf.control_dependencies([tf.debugging.Assert(in_range, [rule, labels])]):
        return tf.identity(labels)


def check_seeds(num_images, seed, labels, seeds):
    """The int64 seeds that `GAN.generate` means: `seeds` themselves, or the first of a stream."""
    if seeds is None:
        if num_images is None and labels is not None:
            num_images = np.size(labels)
        if num_images is None or num_images < 1:
            raise ValueError(f"Ask for at least 1 image. Received: num_images={num_images}")
        return sampling.image_seeds(seed, num_images)
    seeds = np.asarray(seeds)
    if seeds.ndim != 1 or seeds.size == 0 or seeds.dtype.kind not in "iu":
        raise ValueError(
            "`seeds` are integers of shape (N,), one an image, N at least 1. "
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
            f"`labels` are one integer, or one an image. Received: labels of shape {labels.shape} "
            f"for {count} images"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"Labels are integers from 0 to {num_classes - 1}. "
            f"Received: labels from {labels.min()} to {labels.max()}, dtype {labels.dtype}"
        )
    return np.full(count, labels, np.int32)


# Stock callbacks that look only at `model.optimizer` or at a log named `loss`, and would silently
# do nothing here.
_ALTERNATIVES = {
    "TerminateOnNaN": "tfgan_kit.callbacks.NonFiniteGuard, which watches both players' losses",
    "SwapEMAWeights": "GAN(ema_decay=...), which already predicts and generates with the average",
}


ORDER_IS_LOST = (
    "The order of this data cannot be restored: a run that is stopped and goes on from a checkpoint "
    "will see other batches than one that was not. The data sets of tfgan_kit.data (from_arrays, "
    "from_directory, from_tfds) go on where they were."
)


def writes_checkpoints(callbacks):
    """Whether one of `fit`'s callbacks saves what training may go on from."""
    stock = (keras.callbacks.BackupAndRestore, keras.callbacks.ModelCheckpoint)
    return any(
        isinstance(callback, stock) or getattr(callback, "writes_checkpoints", False)
        for callback in flat_callbacks(callbacks)
    )


def flat_callbacks(callbacks):
    """The callbacks of `fit`'s argument: None, one, a list, or a `CallbackList`."""
    return keras.tree.flatten(getattr(callbacks, "callbacks", callbacks) or [])


def check_callbacks(callbacks):
    """Refuses stock callbacks that cannot see a game's two optimizers; names the alternative."""
    for callback in flat_callbacks(callbacks):
        alternative = _ALTERNATIVES.get(type(callback).__name__)
        if alternative and isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                f"keras.callbacks.{type(callback).__name__} cannot see a GAN's two optimizers and "
                f"losses. Use {alternative}. Received: callbacks={callbacks}"
            )
