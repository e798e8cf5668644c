"""A generator of images from images, in the place of a `GenerativeModel`."""

from tfgan_kit.generation.inputs import prepare_images
from tfgan_kit.generation.sample import sample

import numpy as np
import tensorflow as tf

_BATCH = 16


def takes_images(generator):
    """Whether a Keras model takes images (N, H, W, C) alone, and so is no generator of latents."""
    inputs = getattr(generator, "inputs", None) or ()
    if hasattr(generator, "latent_dim") or len(inputs) != 1 or len(inputs[0].shape) != 4:
        return False
    return tuple(inputs[0].shape[1:3]) != (1, 1)


class TranslationModel:
    """A trained generator that translates images, such as the averaged one of a pix2pix.

    Args:
        generator: Keras model, images float32 (N, H, W, C) in [-1, 1] -> images (N, H', W', C').
        condition_shape: (H, W, C).
        image_shape: (H', W', C').

    Attributes: the arguments; `latent_dim` and `num_classes`, None.

    Example:
        >>> model = TranslationModel(gk.networks.ResNetGenerator(16, width=2, num_blocks=1), (16, 16, 3), (16, 16, 3))
        >>> model.translate(np.zeros((5, 16, 16, 3), np.uint8)).shape
        (5, 16, 16, 3)
    """

    latent_dim = num_classes = None

    def __init__(self, generator, condition_shape, image_shape):
        self.generator = generator
        self.condition_shape = tuple(condition_shape)
        self.image_shape = tuple(image_shape)
        self._sample = tf.function(lambda images: sample(generator, images), reduce_retracing=True)

    @property
    def generative_model(self):
        """Itself, as of a `GenerativeModel`."""
        return self

    def translate(self, images):
        """The translations of images.

        Args:
            images: uint8, or float in [-1, 1], (N, H, W, C), at least 1.

        Returns:
            uint8 (N, H', W', C').

        Raises:
            ValueError: images of another shape, type or range.
        """
        images = np.asarray(images)
        if images.ndim != 4 or not len(images):
            raise ValueError(f"`translate` takes at least 1 image (N, H, W, C). Received: images {images.shape}")
        parts = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
        return np.concatenate([self._sample(prepare_images(part, self.condition_shape)).numpy() for part in parts])

    def _refuse(self, *args, **kwargs):
        raise ValueError(
            "This generator translates images: there are no latents and no seeds. Use `translate(images)`, images "
            f"(N, {', '.join(map(str, self.condition_shape))})."
        )

    generate = edit = labels_of = images_of_latents = latents_to_w = images_of_w = project = refine = _refuse
