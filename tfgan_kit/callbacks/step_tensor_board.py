"""TensorBoard's curves over training steps, with images and gradients."""

from tfgan_kit.callbacks.sample_grid import grid
from tfgan_kit.dynamics import GradientField

import keras
import numpy as np
import tensorflow as tf


class StepTensorBoard(keras.callbacks.TensorBoard):
    """`keras.callbacks.TensorBoard` with the epochs' curves drawn over `gan.step`.

    An epoch that was interrupted and resumed gives two points; over epochs they would share one place.
    Every point is flushed, so that a killed process loses none.

    Args:
        *args, **kwargs: those of `keras.callbacks.TensorBoard`.
        num_images: int, of the grid of the same seeds that is shown of every epoch, as by `SampleGrid`; 0: none.
        batch: images, or (images, labels), for the histograms of both players' gradients after every epoch, one a
            weight, on these images and always the same latents; None: none. They cost a step, and are of one device.

    Example:
        >>> board = StepTensorBoard("logs", write_graph=False, num_images=16, batch=images[:16])
        >>> history = gan.fit(dataset, callbacks=[board])
    """

    def __init__(self, *args, num_images=0, batch=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.num_images = num_images
        self.batch = batch if isinstance(batch, tuple | None) else (batch,)
        self._field = None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self.batch is not None:  # compiled again, the GAN is another game
            self._field = GradientField.of_gan(self.model, *self.batch)

    def on_epoch_end(self, epoch, logs=None):
        step = self.model.steps_trained
        super().on_epoch_end(step, logs)
        with self._train_writer.as_default(step):
            if self.num_images:
                tf.summary.image("samples", grid(self.model, self.num_images)[None])
            if self._field:
                for name, gradient in self._gradients():
                    tf.summary.histogram(name, gradient)
        self._train_writer.flush()

    def _gradients(self):
        """(name, gradient (n,)) of every weight of both players."""
        players = (self.model.discriminator, self.model.generator)
        for player, vector in zip(players, np.split(self._field(), [self._field.sizes[0]]), strict=True):
            kind = "discriminator" if player is self.model.discriminator else "generator"
            weights = player.trainable_variables
            ends = np.cumsum([int(np.prod(weight.shape)) for weight in weights])[:-1]
            for weight, gradient in zip(weights, np.split(vector, ends), strict=True):
                yield f"gradients/{kind}/{weight.path}", gradient
