"""The distance from the wanted image, of which there is one where images are translated (arXiv:1611.07004)."""

from tfgan_kit.penalties.penalty import Penalty, register
from tfgan_kit.ranges import check_not_negative

import tensorflow as tf


@register
class Reconstruction(Penalty):
    """`weight * E |y - G(x)|_1`, a mean over pixels: pix2pix's term of the generator's loss, logged as `l1`.

    For pairs alone: without a condition, a generated image has nothing to do with the real one of its row.

    Args:
        weight: float >= 0, the paper's lambda, 100.

    Raises:
        ValueError: a negative weight.

    Example:
        >>> gan.compile("adam", "adam", penalties=[Reconstruction(100.0)])

    Reference: Isola et al., arXiv:1611.07004, eq. 3 and 4. Pixels are in [-1, 1], as in the authors' code.
    """

    player = "generator"
    name = "l1"

    def __init__(self, weight=100.0):
        super().__init__()
        check_not_negative(weight=weight)
        self.weight = weight

    def value(self, step):
        return self.weight * tf.reduce_mean(tf.abs(step.real_images - step.fake_images))

    def get_config(self):
        return {"weight": self.weight}
