"""Measures the game during training: path angle, overfitting gap, duality gap."""

from tfgan_kit import dynamics

import keras
import numpy as np


class GameMonitor(keras.callbacks.Callback):
    """Adds measurements of the game (`tfgan_kit.dynamics`) to an epoch's logs.

    | log | what it measures |
    | --- | --- |
    | `path_cosine` | cosine of the gradient field at the weights and the path since the last measurement |
    | `path_bump` | bump of the path angle on the line beyond the weights |
    | `overfitting_gap`, `overfitting_gap_error` | mean logit of training images minus that of held-out ones |
    | `duality_gap` | duality gap; only with `response_steps` |

    It measures after the first epoch and then every `every` epochs. In between the logs repeat the last
    values, since CSVLogger fixes its columns in the first epoch. Put it before the callbacks that read the
    logs (CSVLogger, TensorBoard, RunRecorder). It does not change the GAN.

    A measurement costs 21 gradient fields of `len(images)` rows (about as many training steps of that batch),
    a forward pass of the discriminator on both sets, and 2 `response_steps` updates with two traces;
    in memory one copy of both networks' weights and a graph. The path starts where training started or
    was resumed.

    Args:
        images: uint8 or float32 (N, ...), a fixed batch of training images; 64 will do.
        held_out_images: likewise, images that are not trained on.
        labels, held_out_labels: int (N,), for a conditional GAN.
        every: int >= 1, epochs between two measurements.
        response_steps: int >= 0, updates of each player in `dynamics.duality_gap`, which is measured
            on the held-out images; 0 leaves it out.

    Raises:
        ValueError: `every` below 1, or `response_steps` below 0; in `fit`, several replicas.

    Example:
        >>> monitor = GameMonitor(images[:8], held_out_images[:8])
        >>> history = gan.fit(dataset, callbacks=[monitor, keras.callbacks.CSVLogger("log.csv")])
        >>> history.history["overfitting_gap"]
        [...]
    """

    def __init__(self, images, held_out_images, labels=None, held_out_labels=None, every=1, response_steps=0):
        super().__init__()
        if every < 1 or response_steps < 0:
            raise ValueError(
                "`every` is at least 1, `response_steps` at least 0. "
                f"Received: every={every}, response_steps={response_steps}"
            )
        self.images, self.labels = images, labels
        self.held_out_images, self.held_out_labels = held_out_images, held_out_labels
        self.every = every
        self.response_steps = response_steps

    def on_train_begin(self, logs=None):
        self._field = dynamics.GradientField.of_gan(self.model, self.images, self.labels)
        self._start = self._field.position()
        self._seen, self._epochs = {}, 0

    def on_epoch_end(self, epoch, logs=None):
        if self._epochs % self.every == 0:
            self._seen = self._measure()
        self._epochs += 1
        if logs is not None:
            logs.update(self._seen)

    def _measure(self):
        start, self._start = self._start, self._field.position()
        seen = {"path_cosine": 0.0, "path_bump": 0.0}  # if the weights did not move
        if not np.array_equal(start, self._start):
            angle = dynamics.path_angle(self._field, start, self._start)
            here = np.argmin(np.abs(angle.places - 1.0))
            seen = {"path_cosine": float(angle.cosines[here]), "path_bump": angle.bump}
        gap = dynamics.overfitting_gap(self.model, self.images, self.held_out_images, self.labels, self.held_out_labels)
        seen |= {"overfitting_gap": gap.logit, "overfitting_gap_error": gap.logit_error}
        if self.response_steps:
            seen["duality_gap"] = dynamics.duality_gap(
                self.model, self.held_out_images, self.held_out_labels, self.response_steps
            ).gap
        return seen
