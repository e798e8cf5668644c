"""Consistency regularisation: CR (arXiv:1910.12027) and balanced CR (arXiv:2002.04724)."""

from tfgan_kit.penalties.penalty import Penalty, register
from tfgan_kit.ranges import check_not_negative

import tensorflow as tf


@register
class Consistency(Penalty):
    """`weight * E |D(x) - D(T(x))|^2` over real images, T a random augmentation.

    T mirrors half of the images, and shifts each by up to `max_shift` pixels along each axis, with
    the border reflected (the paper's best). For images only, not for points.

    Args:
        weight: float >= 0, the paper's lambda.
        max_shift: int >= 0, pixels, less than the image's height and width.
        flip: bool, whether T mirrors; False for digits and letters.
        interval: int >= 1, see `Penalty`.

    Raises:
        ValueError: a negative `weight` or `max_shift`, an `interval` below 1; in training, images
            no larger than `max_shift`, or points.

    Example:
        >>> gan.compile("adam", "adam", penalties=[Consistency(flip=False)])

    Reference: Zhang et al., arXiv:1910.12027, eq. 4 and algorithm 1.
    """

    name = "consistency"
    uses_fake_images = False

    def __init__(self, weight=10.0, max_shift=4, flip=True, interval=1):
        super().__init__(interval)
        check_not_negative(weight=weight, max_shift=max_shift)
        self.weight = weight
        self.max_shift = max_shift
        self.flip = flip

    def value(self, step):
        return self.weight * self._of(step.real_images, step.real_logits, step)

    def _of(self, images, logits, step):
        """`E |D(x) - D(T(x))|^2` over images whose logits are given, if a pass of the loss has found them."""
        logits = step.discriminator(images) if logits is None else logits
        changed = change(images, step.uniform([3]), self.max_shift, self.flip)
        return tf.reduce_mean(tf.square(logits - step.discriminator(changed)))

    def get_config(self):
        return {"weight": self.weight, "max_shift": self.max_shift, "flip": self.flip, **super().get_config()}


@register
class BalancedConsistency(Consistency):
    """`weight * E |D(x) - D(T(x))|^2 + fake_weight * E |D(G(z)) - D(T(G(z)))|^2`.

    Over generated images, too: otherwise the generator may learn the artefacts of T.

    Args:
        weight: float >= 0, the paper's lambda_real.
        fake_weight: float >= 0, the paper's lambda_fake.
        max_shift, flip, interval: see `Consistency`.

    Raises:
        ValueError: see `Consistency`; a negative `fake_weight`.

    Example:
        >>> gan.compile("adam", "adam", penalties=[BalancedConsistency()])

    Reference: Zhao et al., arXiv:2002.04724, algorithm 1.
    """

    name = "balanced_consistency"
    uses_fake_images = True

    def __init__(self, weight=10.0, fake_weight=10.0, max_shift=4, flip=True, interval=1):
        super().__init__(weight, max_shift, flip, interval)
        check_not_negative(fake_weight=fake_weight)
        self.fake_weight = fake_weight

    def value(self, step):
        fake = self._of(step.fake_images, step.fake_logits, step)
        return super().value(step) + self.fake_weight * fake

    def get_config(self):
        return {"fake_weight": self.fake_weight, **super().get_config()}


def change(images, draws, max_shift, flip):
    """The augmentation T: each image is mirrored and shifted by its own draws.

    Args:
        images: float32 (N, H, W, C).
        draws: float32 (N, 3) in [0, 1): whether to mirror, and the shifts along H and W.
        max_shift: int, pixels.
        flip: bool, whether to mirror at all.

    Returns:
        float32 (N, H, W, C).
    """
    if len(images.shape) != 4 or max_shift >= min(images.shape[1:3]):
        raise ValueError(
            "Consistency needs images (N, H, W, C) larger than the shift: take a smaller `max_shift`; "
            f"points have no such penalty. Received: images.shape={images.shape}, max_shift={max_shift}"
        )
    if flip:
        images = tf.where(draws[:, 0, None, None, None] < 0.5, images[:, :, ::-1], images)
    around = [max_shift, max_shift]
    padded = tf.pad(images, [[0, 0], around, around, [0, 0]], "REFLECT")
    first = tf.cast(draws[:, 1:] * (2 * max_shift + 1), tf.int32)  # (N, 2), 0 .. 2 max_shift
    height, width = images.shape[1:3]
    rows = first[:, :1] + tf.range(height)  # (N, H)
    columns = first[:, 1:] + tf.range(width)  # (N, W)
    return tf.gather(tf.gather(padded, rows, batch_dims=1), columns, axis=2, batch_dims=1)
