"""The interface of an augmentation: a random change of every image that the discriminator sees in training."""

import keras
import tensorflow as tf


class Augmentation:
    """How the discriminator's images, real and generated, are changed at random, in training alone.

    The generator's loss is differentiated through the change, so it learns images that look real after it. Penalties
    differentiate with respect to the images before it. Subclasses define `draw`; the other methods do nothing here.
    It serialises as a Keras object: register the class with `keras.saving.register_keras_serializable`.

    Attributes:
        adapts: bool, whether `observe` and `adapt` are to be called.
        log_names: the keys of `logs`.

    Example:
        >>> @keras.saving.register_keras_serializable("mine")
        ... class Flip(gk.augment.Augmentation):
        ...     def draw(self, uniform, image_shape, step):
        ...         flipped = uniform([1, 1, 1]) < 0.5
        ...         return lambda images: tf.where(flipped, images[:, :, ::-1], images)
        >>> gan.compile("adam", "adam", augment=Flip())
    """

    adapts = False
    log_names = ()

    def check(self, image_shape):
        """Refuses images that cannot be augmented so, when the GAN is compiled.

        Args:
            image_shape: tuple (H, W, C), or (D,) for points.

        Raises:
            ValueError: points; subclasses: a number of channels.
        """
        if len(image_shape) != 3:
            raise ValueError(
                f"{type(self).__name__} changes images (H, W, C), not points: leave `augment` out. "
                f"Received: images of shape {tuple(image_shape)}"
            )

    def build(self, state):
        """Creates the augmentation's variables, if it has any, when the GAN is compiled.

        Args:
            state: Keras layer whose `add_weight` creates them; see `penalties.Penalty.build`.
        """

    def draw(self, uniform, image_shape, step):
        """The change of the images of one pass, its random numbers drawn.

        Args:
            uniform: callable, shape -> float32 (N, *shape) in [0, 1), fresh draws for each row, pass and call.
            image_shape: tuple (H, W, C).
            step: int64 scalar, training steps so far.

        Returns:
            A callable, float32 (N, H, W, C) in [-1, 1] -> float32 (N, H, W, C), row by row; the same change whenever
            it is called.
        """
        raise NotImplementedError

    def pass_off(self, real_images, fake_images, uniform, step):
        """What the discriminator is given as real images, before they are changed: (N, ...) from two (N, ...)."""
        return real_images

    def observe(self, signs, images):
        """Takes notice of a discriminator's update.

        Args:
            signs: float32 scalar, the sum of the signs of the real images' logits, the same on every replica.
            images: float32 scalar, their number.
        """

    def adapt(self, step):
        """Changes what was learnt by `observe`, at the end of training step `step`, int64 scalar counted from 1."""

    def logs(self, real_logits, step):
        """What training logs beside the losses: float32 scalars by name."""
        return {}

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def check_colours(image_shape):
    """Refuses images whose colours are not known.

    Raises:
        ValueError: neither 1, 3 nor 4 channels.
    """
    if image_shape[-1] not in (1, 3, 4):
        raise ValueError(
            "Colours can be changed of images with 1 channel (grey), 3 (RGB) or 4 (RGBA): for others augment without "
            f"colour. Received: images of shape {tuple(image_shape)}"
        )


def on_colours(change, images):
    """`change` of grey or RGB images; of RGBA images, its change of RGB and the same alpha."""
    if images.shape[-1] != 4:
        return change(images)
    return tf.concat([change(images[..., :3]), images[..., 3:]], axis=-1)


def register(cls):
    """Makes an augmentation class loadable from a `.keras` file."""
    return keras.saving.register_keras_serializable("tfgan_kit")(cls)
