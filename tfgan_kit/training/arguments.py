"""Checks of the arguments of `GAN.fit`: arrays, data sets, callbacks."""

from tfgan_kit.generation.inputs import LABELS, RANGE
from tfgan_kit.training import mistakes

import keras
import numpy as np
import tensorflow as tf


def check_arrays(images, labels, num_classes):
    """Refuses arrays and tensors before training begins; other data is checked step by step."""
    if isinstance(images, tf.Tensor):
        images = images.numpy()
    if isinstance(images, np.ndarray):
        if len(images) == 0:
            raise ValueError(f"There are no images. Received: images of shape {images.shape}")
        if images.dtype.kind == "f" and images.ndim == 4 and not np.abs(images).max() <= 1.0 + 1e-3:
            raise ValueError(f"{RANGE} Received: images from {images.min():g} to {images.max():g}")
        mistakes.check_images(images)
    if isinstance(labels, np.ndarray) and num_classes is not None:
        if labels.dtype.kind in "iu" and not 0 <= labels.min() <= labels.max() < num_classes:
            raise ValueError(f"{LABELS.format(num_classes - 1)} Received: labels from {labels.min()} to {labels.max()}")


def check_trained(history):
    """Refuses data that ended before the first batch, which is found out by reading it."""
    if history.epoch and not any(history.history.values()):
        raise ValueError("There are no images: the data set has no batch, so nothing was trained.")


def check_weights(arguments):
    """Refuses sample and class weights, which no objective here uses."""
    for name in ("sample_weight", "class_weight"):
        if arguments.get(name) is not None:
            raise ValueError(
                f"All rows have the same weight: leave `{name}` out, or repeat rows in proportion "
                f"to their weight. Received: {name}"
            )


def check_source(source, num_classes):
    """Refuses a data set of `tfgan_kit.data` with more classes than the networks."""
    if num_classes is not None and source.num_classes is not None:
        if source.num_classes > num_classes:
            raise ValueError(
                "The data has more classes than the networks; build them with "
                f"num_classes={source.num_classes}. Received: {source.name} with "
                f"{source.num_classes} classes, networks with {num_classes}"
            )


# Keras callbacks that use only `model.optimizer` or a log named `loss`, and would silently do
# nothing here.
_ALTERNATIVES = {
    "TerminateOnNaN": "tfgan_kit.callbacks.NonFiniteGuard, which watches both players' losses",
    "SwapEMAWeights": "GAN(ema_decay=...), which already predicts and generates with the average",
}


ORDER_IS_LOST = (
    "The order of this data cannot be restored: a run that is resumed from a checkpoint will see different "
    "batches than an uninterrupted one. The data sets of tfgan_kit.data (from_arrays, "
    "from_directory, from_tfds) resume at their position."
)


def writes_checkpoints(callbacks):
    """Whether one of `fit`'s callbacks saves checkpoints that training can be resumed from."""
    stock = (keras.callbacks.BackupAndRestore, keras.callbacks.ModelCheckpoint)
    return any(
        isinstance(callback, stock) or getattr(callback, "writes_checkpoints", False)
        for callback in flat_callbacks(callbacks)
    )


def flat_callbacks(callbacks):
    """The callbacks of `fit`'s argument: None, one, a list, or a `CallbackList`."""
    return keras.tree.flatten(getattr(callbacks, "callbacks", callbacks) or [])


def check_format(path):
    """Refuses to save a whole GAN in another format than `.keras`, which alone holds two optimizers."""
    if not str(path).endswith(".keras"):
        raise ValueError(
            "A GAN is saved as a .keras file; `save_weights('NAME.weights.h5')` saves the weights alone. "
            f"Received: {path}"
        )


def check_callbacks(callbacks):
    """Refuses Keras callbacks that do not support two optimizers; names the alternative."""
    for callback in flat_callbacks(callbacks):
        if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_weights_only:
            check_format(callback.filepath)
        alternative = _ALTERNATIVES.get(type(callback).__name__)
        if alternative and isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                f"keras.callbacks.{type(callback).__name__} does not support a GAN's two optimizers and "
                f"losses. Use {alternative}. Received: callbacks={callbacks}"
            )
