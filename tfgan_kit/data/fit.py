"""From an image of any size and kind to the square that a network takes."""

import tensorflow as tf

# ITU-R BT.601, as `tf.image.rgb_to_grayscale`, with a last digit that makes the sum 1: grey stays
# exactly grey.
_LUMA = (0.299, 0.587, 0.114)


def fit_images(images, image_size, channels):
    """Composites on white, crops to the central square, resizes with antialiasing, converts grey and colour.

    Args:
        images: uint8 [..., H, W, C], C: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
        image_size: S, Python int: the side of the result; None keeps H and W as they are.
        channels: 1 (grey) or 3 (RGB).

    Returns:
        uint8 [..., S, S, channels].

    Example:

        fit_images(tf.zeros([2, 40, 60, 4], tf.uint8), image_size=32, channels=3)   # transparent:
        all 255
    """
    if image_size is not None:
        images = _central_square(images)
    images = to_channels(composite_on_white(images), channels)
    if image_size is None:
        return _to_uint8(images)
    unchanged = tf.reduce_all(tf.shape(images)[-3:-1] == image_size)
    images = tf.cond(
        unchanged,
        lambda: images,
        lambda: tf.image.resize(images, [image_size, image_size], method="bilinear", antialias=True),
    )
    images.set_shape([None] * (images.shape.rank - 3) + [image_size, image_size, channels])
    return _to_uint8(images)


def composite_on_white(images):
    """uint8 [..., 1 to 4 channels] -> float32 [..., 1 or 3] in [0, 255]: what shows on a white page."""
    images = tf.cast(images, tf.float32)

    def blend():
        alpha = images[..., -1:] / 255.0
        return images[..., :-1] * alpha + 255.0 * (1.0 - alpha)

    return tf.cond(tf.shape(images)[-1] % 2 == 0, blend, lambda: images)


def to_channels(images, channels):
    """float32 [..., 1 or 3] -> float32 [..., channels]: grey repeated, or the luma of a colour."""
    if channels == 3:
        return tf.broadcast_to(images, tf.concat([tf.shape(images)[:-1], [3]], axis=0))
    grey = lambda: tf.reduce_sum(images * _LUMA, axis=-1, keepdims=True)  # noqa: E731
    return tf.cond(tf.shape(images)[-1] == 3, grey, lambda: images)


def _central_square(images):
    height, width = tf.shape(images)[-3], tf.shape(images)[-2]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top : top + side, left : left + side, :]


def _to_uint8(images):
    return tf.cast(tf.clip_by_value(tf.round(images), 0.0, 255.0), tf.uint8)
