"""A grid of images from fixed seeds after every epoch."""

import pathlib

import keras
import numpy as np

from tfgan_kit_client.pictures import tile, write_png


def grid(gan, num_images=64, seed=0, truncation_psi=None):
    """A grid of generated images, for a conditional GAN with one column per class (at most 10).

    Returns:
        uint8 (H', W', C).
    """
    truncated = {} if truncation_psi is None else {"truncation_psi": truncation_psi}
    if gan.num_classes is None:
        return tile(gan.generate(num_images, seed=seed, **truncated))
    columns = min(gan.num_classes, 10)
    labels = np.arange(num_images) % columns
    images = gan.generate(num_images, seed=seed, labels=labels, **truncated)
    return tile(images, columns=columns)


class SampleGrid(keras.callbacks.Callback):
    """Writes a grid `step-00001000.png` after every epoch, from the same seeds each time.

    When training is resumed, the grid of its first step is written too if it is missing.

    Args:
        directory: folder for the grids, created if missing.
        num_images: int >= 1.
        seed: int, see `GAN.generate`.

    Raises:
        OSError: in training, the folder cannot be written.

    Example:
        >>> history = gan.fit(dataset, callbacks=[SampleGrid("samples", num_images=4)])
    """

    def __init__(self, directory, num_images=64, seed=0):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.num_images = num_images
        self.seed = seed

    def on_train_begin(self, logs=None):
        """Writes the grid of the step from which training is resumed, if a killed process has left it out."""
        if self.model.steps_trained and not self._path().exists():
            self._write()

    def on_epoch_end(self, epoch, logs=None):
        self._write()

    def _path(self):
        return self.directory / f"step-{self.model.steps_trained:08d}.png"

    def _write(self):
        path, picture = self._path(), grid(self.model, self.num_images, self.seed)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            write_png(path, picture)
        except OSError as error:
            raise OSError(f"{path} could not be written ({error.strerror or error}).") from error
