"""Gradient penalties between real and generated images: WGAN-GP's (arXiv:1704.00028) and its variants."""

from tfgan_kit.penalties.penalty import Penalty, register, root, squared_gradient_norm
from tfgan_kit.ranges import check_not_negative

import tensorflow as tf


class _Interpolated(Penalty):
    """`weight * E cost(|grad D(x^)|^2)`, x^ uniform on the line from a real to a generated image."""

    name = "gradient_penalty"

    def __init__(self, weight=10.0, interval=1):
        super().__init__(interval)
        check_not_negative(weight=weight)
        self.weight = weight

    def value(self, step):
        squares = squared_gradient_norm(step.discriminator, self._points(step))  # (N,)
        return self.weight * tf.reduce_mean(self._cost(squares))

    def _points(self, step):
        real, fake = step.real_images, step.fake_images
        mixing = step.uniform([1] * (len(real.shape) - 1))  # (N, 1, ..)
        return real + mixing * (fake - real)

    def get_config(self):
        return {"weight": self.weight, **super().get_config()}


@register
class GradientPenalty(_Interpolated):
    """`weight * E (|grad D(x^)| - 1)^2`, x^ uniform on the line from a real to a generated image.

    Drives the critic of `Wasserstein` towards gradients of norm 1, as the optimal critic has almost
    everywhere on those lines. Use a discriminator without batch normalization.

    Args:
        weight: float >= 0, the paper's lambda.
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: a negative `weight`, an `interval` below 1.

    Example:
        >>> gan.compile("adam", "adam", objective="wasserstein", penalties=[GradientPenalty()])

    Reference: Gulrajani et al., arXiv:1704.00028, eq. 3; the mixing is uniform, as in algorithm 1
    (the Keras example of WGAN-GP long drew it from a normal distribution, keras-io#143).
    """

    def _cost(self, squares):
        return tf.square(root(squares) - 1.0)


@register
class OneSidedGradientPenalty(_Interpolated):
    """`weight * E max(0, |grad D(x^)| - 1)^2`: gradients of a norm below 1 cost nothing.

    This is all that the dual of the Wasserstein distance requires of a critic; `GradientPenalty`
    requires more.

    Args:
        weight: float >= 0, lambda.
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: a negative `weight`, an `interval` below 1.

    Example:
        >>> gan.compile("adam", "adam", objective="wasserstein", penalties=[OneSidedGradientPenalty()])

    Reference: Petzka, Fischer, Lukovnikov, arXiv:1709.08894, eq. 8 (WGAN-LP); Gulrajani et al.,
    arXiv:1704.00028, section 4, "two-sided penalty".
    """

    def _cost(self, squares):
        return tf.square(tf.nn.relu(root(squares) - 1.0))


@register
class ZeroCenteredGradientPenalty(_Interpolated):
    """`weight * E |grad D(x^)|^2`: a flat discriminator between real and generated images.

    For objectives with a logistic discriminator; `R1` and `R2` penalize it at the two ends of the lines
    only.

    Args:
        weight: float >= 0, lambda.
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: a negative `weight`, an `interval` below 1.

    Example:
        >>> gan.compile("adam", "adam", penalties=[ZeroCenteredGradientPenalty()])

    Reference: Thanh-Tung, Tran, Venkatesh, arXiv:1902.03984 (0-GP), with x^ on straight lines between
    images.
    """

    def _cost(self, squares):
        return squares


@register
class DRAGAN(GradientPenalty):
    """`weight * E (|grad D(x + d)| - 1)^2`, d ~ N(0, deviation^2): near real images only.

    Args:
        weight: float >= 0, the paper's lambda.
        deviation: float > 0, standard deviation of the noise d, in units of the images (-1 to 1). The
            authors' code adds positive noise of up to half the batch's standard deviation. A
            statistic of the batch would couple its rows, so here it is a constant: half of 0.5, the
            standard deviation of usual photographs.
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: a negative `weight`, a `deviation` that is not positive, an `interval` below 1.

    Example:
        >>> gan.compile("adam", "adam", penalties=[DRAGAN()])

    Reference: Kodali et al., arXiv:1705.07215, section 2.3, d ~ N(0, cI) and k = 1.
    """

    name = "dragan"
    uses_fake_images = False

    def __init__(self, weight=10.0, deviation=0.25, interval=1):
        super().__init__(weight, interval)
        if deviation <= 0:
            raise ValueError(f"`deviation` must be positive. Received: deviation={deviation}")
        self.deviation = deviation

    def _points(self, step):
        draws = step.uniform(step.real_images.shape[1:])
        # Draws are multiples of 2^-23 from 0 on; adding half a step makes the quantile at 0 finite.
        noise = tf.math.ndtri(draws + 2.0**-25)
        return step.real_images + self.deviation * noise

    def get_config(self):
        return {"deviation": self.deviation, **super().get_config()}
