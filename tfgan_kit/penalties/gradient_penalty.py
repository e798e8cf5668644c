"""The gradient penalty of WGAN-GP (1704.00028)."""

import tensorflow as tf

from tfgan_kit.penalties.penalty import Penalty, register, squared_gradient_norm


@register
class GradientPenalty(Penalty):
    """`weight * E (|grad D(x^)| - 1)^2`, x^ uniform on the line from a real to a generated image.

    Drives the critic of `Wasserstein` to be 1-Lipschitz. Use a discriminator without batch
    normalization.

    Args:
        weight: float >= 0, the paper's lambda.
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: a negative `weight`, an `interval` below 1.

    Example:
        >>> gan.compile("adam", "adam", objective="wasserstein", penalties=[GradientPenalty()])

    Reference: Gulrajani et al., arXiv:1704.00028, eq. 3; the mixing is uniform, as in algorithm 1
    (the Keras example of the same name drew it from a normal law for years, keras-io#143).
    """

    name = "gradient_penalty"

    def __init__(self, weight=10.0, interval=1):
        super().__init__(interval)
        if weight < 0:
            raise ValueError(f"`weight` must not be negative. Received: weight={weight}")
        self.weight = weight

    def value(self, step):
        real, fake = step.real_images, step.fake_images
        mixing = step.uniform([1] * (len(real.shape) - 1))  # (N, 1, ..)
        squares = squared_gradient_norm(step.discriminator, real + mixing * (fake - real))
        # sqrt has an infinite derivative at 0, where a zero gradient would turn the loss into NaN.
        positive = squares > 0.0
        norms = tf.where(positive, tf.sqrt(tf.where(positive, squares, 1.0)), 0.0)
        return self.weight * tf.reduce_mean(tf.square(norms - 1.0))

    def get_config(self):
        return {"weight": self.weight, **super().get_config()}
