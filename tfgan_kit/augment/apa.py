"""APA (arXiv:2111.06849): a share of the real images is replaced by generated ones, to deceive the discriminator."""

from tfgan_kit.augment.adaptive import Adaptive
from tfgan_kit.augment.augmentation import register

import tensorflow as tf


@register
class APA(Adaptive):
    """Gives the discriminator each real image with probability p a generated one instead, of the same label.

    It costs nothing, and works for points, too: images are replaced, not changed. Penalties on real images see what
    the discriminator sees.

    Args:
        p: None adapts it, beginning at 0 (see `augment_p` and `augment_sign` in the logs); or a float in [0, 1], or a
            `keras.optimizers.schedules.LearningRateSchedule` of training steps.
        target: float in (-1, 1), the mean sign of real logits above which p grows.
        interval: int >= 1, steps between two changes of p.
        speed: float > 0, thousands of images in which p gets from 0 to 1.

    Raises:
        ValueError: an argument out of range.
        TypeError: a `p` of another type.

    Example:
        >>> gan.compile("adam", "adam", augment=APA())

    Reference: Jiang et al., arXiv:2111.06849, algorithm 1. The generated images are those of the same update of the
    discriminator, where the authors' code keeps the generator's last ones, so that nothing is kept between steps.
    """

    def __init__(self, p=None, target=0.6, interval=4, speed=500.0):
        super().__init__(p, target, interval, speed)

    def check(self, image_shape):
        """Takes any shape."""

    def draw(self, uniform, image_shape, step):
        return lambda images: images

    def pass_off(self, real_images, fake_images, uniform, step):
        replaced = uniform([1] * (len(real_images.shape) - 1)) < self.probability(step)  # (N, 1, ..)
        return tf.where(replaced, tf.stop_gradient(fake_images), real_images)
