"""R1 and R2 (arXiv:1801.04406): the squared gradient norm on real, or on generated, images."""

from tfgan_kit.penalties.penalty import Penalty, register, squared_gradient_norm, squared_norm
from tfgan_kit.ranges import check_not_negative

import keras
import tensorflow as tf

_Schedule = keras.optimizers.schedules.LearningRateSchedule


class _ZeroCentered(Penalty):
    uses_image_gradients = True

    def __init__(self, gamma=10.0, interval=1):
        super().__init__(interval)
        if not isinstance(gamma, _Schedule):  # whose values nobody knows yet
            check_not_negative(gamma=gamma)
        self.gamma = gamma

    def get_config(self):
        return {"gamma": keras.saving.serialize_keras_object(self.gamma), **super().get_config()}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "gamma": keras.saving.deserialize_keras_object(config["gamma"])})

    def _mean(self, squares, step):
        """Of the squared gradient norms (N,)."""
        gamma = self.gamma(step.iteration) if isinstance(self.gamma, _Schedule) else self.gamma
        return 0.5 * gamma * tf.reduce_mean(squares)


@register
class R1(_ZeroCentered):
    """`gamma / 2 * E |grad_x D(x)|^2` over real images: makes the game converge locally.

    Args:
        gamma: float >= 0. The paper's 10 is for the non-saturating objective; the best value grows with
            the number of pixels and falls with the batch size (StyleGAN2-ADA: 0.0002 * pixels / batch). Or a schedule
            of training steps, such as `schedules.HalfCosine`.
        interval: int >= 1, see `Penalty`; at 16 it costs a few per cent (arXiv:1912.04958).

    Raises:
        ValueError: a negative `gamma`, an `interval` below 1.

    Example:
        >>> gan.compile("adam", "adam", penalties=[R1(gamma=1.0, interval=16)])

    Reference: Mescheder, Geiger, Nowozin, arXiv:1801.04406, eq. 9.
    """

    name = "r1"
    uses_fake_images = False

    def value(self, step):
        if step.image_gradients:
            return self._mean(squared_norm(step.image_gradients()[0]), step)
        return self._mean(squared_gradient_norm(step.discriminator, step.real_images), step)


@register
class R2(_ZeroCentered):
    """`gamma / 2 * E |grad_x D(x)|^2` over generated images; beside `R1` in R3GAN (arXiv:2501.05441).

    Args:
        gamma: float >= 0 or a schedule, see `R1`.
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: a negative `gamma`, an `interval` below 1.

    Example:
        >>> gan.compile("adam", "adam", penalties=[R1(), R2()])

    Reference: Mescheder, Geiger, Nowozin, arXiv:1801.04406, eq. 10.
    """

    name = "r2"

    def value(self, step):
        if step.image_gradients:
            return self._mean(squared_norm(step.image_gradients()[1]), step)
        return self._mean(squared_gradient_norm(step.fake_discriminator or step.discriminator, step.fake_images), step)
