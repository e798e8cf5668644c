"""DiffAugment (arXiv:2006.10738): colour, translation and cutout of every image that the discriminator sees."""

from tfgan_kit.augment.augmentation import Augmentation, check_colours, on_colours, register

import tensorflow as tf


@register
class DiffAugment(Augmentation):
    """Changes every real and generated image by each transformation of `policy`, in its order.

    For some thousand images or fewer, and the cheapest augmentation; `ADA` adapts its strength to the data instead.

    - "color": brightness `x + U(-0.5, 0.5)`, saturation `mean_c + U(0, 2) (x - mean_c)`, contrast
      `mean + U(0.5, 1.5) (x - mean)`; mean_c over a pixel's channels, mean over the image.
    - "translation": by up to an eighth of height and width, zeros move in.
    - "cutout": zeros in a box of half the height and width, its centre anywhere in the image.

    Args:
        policy: tuple of names among "color", "translation" and "cutout".

    Raises:
        ValueError: no name, an unknown one, or one twice; when a GAN of points is compiled, or one of images with
            "color" and neither 1, 3 nor 4 channels (of RGBA, the colours change and alpha does not).

    Example:
        >>> gan.compile("adam", "adam", augment=DiffAugment(("translation", "cutout")))

    Reference: Zhao et al., arXiv:2006.10738, section 3.2.
    """

    def __init__(self, policy=("color", "translation", "cutout")):
        self.policy = (policy,) if isinstance(policy, str) else tuple(policy)
        known = set(self.policy) <= _TRANSFORMATIONS.keys()
        if not known or not self.policy or len(set(self.policy)) < len(self.policy):
            raise ValueError(
                f"`policy` names each of {', '.join(_TRANSFORMATIONS)} at most once, and one of them at least. "
                f"Received: policy={policy!r}"
            )

    def check(self, image_shape):
        super().check(image_shape)
        if "color" in self.policy:
            check_colours(image_shape)

    def draw(self, uniform, image_shape, step):
        changes = [_TRANSFORMATIONS[name](uniform, image_shape) for name in self.policy]

        def change(images):
            for each in changes:
                images = each(images)
            return images

        return change

    def get_config(self):
        return {"policy": list(self.policy)}


def _color(uniform, image_shape):
    brightness, saturation, contrast = tf.split(uniform([3, 1, 1, 1]), 3, axis=1)
    brightness, saturation, contrast = (tf.squeeze(draw, 1) for draw in (brightness, saturation, contrast))

    def change(images):
        images = images + (brightness - 0.5)
        mean = tf.reduce_mean(images, axis=3, keepdims=True)
        images = mean + 2.0 * saturation * (images - mean)
        mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
        return mean + (contrast + 0.5) * (images - mean)

    return lambda images: on_colours(change, images)


def _translation(uniform, image_shape):
    draws = uniform([2])
    starts, pads = [], []
    for axis, size in enumerate(image_shape[:2]):
        most = int(size / 8 + 0.5)
        starts.append(_integer(draws[:, axis], 2 * most + 1))  # (N,), most pixels further than the shift
        pads.append([most, most])

    def change(images):
        padded = tf.pad(images, [[0, 0], *pads, [0, 0]])
        for axis, start in enumerate(starts, 1):
            places = start[:, None] + tf.range(images.shape[axis])  # (N, H), (N, W)
            padded = tf.gather(padded, places, axis=axis, batch_dims=1)
        return padded

    return change


def _cutout(uniform, image_shape):
    draws = uniform([2])
    height, width = (_in_box(draws[:, axis], size) for axis, size in enumerate(image_shape[:2]))
    kept = 1.0 - height[:, :, None, None] * width[:, None, :, None]  # (N, H, W, 1)
    return lambda images: images * kept


def _in_box(draw, size):
    """1 where a row or column lies in the box, 0 elsewhere: float32 (N, size)."""
    box = int(size / 2 + 0.5)
    first = _integer(draw, size + 1 - box % 2) - box // 2
    distance = tf.range(size) - first[:, None]
    return tf.cast((distance >= 0) & (distance < box), tf.float32)


def _integer(draw, count):
    """0, 1, ... or count - 1, from draws in [0, 1): int32 (N,)."""
    return tf.cast(draw * count, tf.int32)


_TRANSFORMATIONS = {"color": _color, "translation": _translation, "cutout": _cutout}
