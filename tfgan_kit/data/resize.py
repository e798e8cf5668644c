"""Fits an image of any size and number of channels to a network's square input."""

import tensorflow as tf

# ITU-R BT.601. The weights of `tf.image.rgb_to_grayscale` sum to 0.9999, which darkens white.
_LUMA = (0.299, 0.587, 0.114)


def fit_images(images, image_size, channels):
    """Composites on white, crops to the central square, resizes, converts between grey and colour.

    It uses no `tf.cond`: at 64x64 a few of them cost more than decoding the PNG. Operations that the
    static shape shows to be unnecessary are left out.

    Args:
        images: uint8 (..., H, W, C), C: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
        image_size: S, Python int: the side of the result; None keeps H and W.
        channels: 1 (grey) or 3 (RGB).

    Returns:
        uint8 (..., S, S, channels).

    Example:
        >>> clear = tf.zeros([2, 40, 60, 4], tf.uint8)  # fully transparent: white
        >>> fit_images(clear, image_size=32, channels=3)[0, 0, 0].numpy()
        array([255, 255, 255], dtype=uint8)
    """
    images = tf.convert_to_tensor(images)
    is_right_size = image_size is None or images.shape[-3:-1] == (image_size, image_size)
    if not is_right_size:
        images = _central_square(images)
    images = to_channels(composite_on_white(images), channels)
    if not is_right_size:
        images = _resize(images, image_size)
    return _to_levels(images)


def composite_on_white(images):
    """uint8 (..., 1 to 4) -> float32 (..., 1 or 3) in [0, 255]: the image on a white background.

    Images whose static shape shows that they have no alpha are returned unchanged, uint8.
    """
    if images.shape[-1] in (1, 3):
        return images
    count = tf.shape(images)[-1]
    has_alpha = count % 2 == 0
    # Without an alpha channel the last one is a colour, and every pixel is opaque.
    alpha = tf.maximum(images[..., -1:], tf.where(has_alpha, tf.constant(0, tf.uint8), 255))
    alpha = tf.cast(alpha, tf.float32) / 255.0
    colour = tf.cast(images[..., : tf.where(has_alpha, count - 1, count)], tf.float32)
    return colour * alpha + 255.0 * (1.0 - alpha)


def to_channels(images, channels):
    """(..., 1 or 3) -> (..., channels): grey repeated, or the float32 luma of colour."""
    if images.shape[-1] == channels:
        return images
    shape = tf.shape(images)
    if channels == 3:
        images = tf.broadcast_to(images, tf.concat([shape[:-1], [3]], axis=0))
    else:
        weights = tf.where(shape[-1] == 3, _LUMA, (1.0, 0.0, 0.0))[: shape[-1]]
        images = tf.reduce_sum(tf.cast(images, tf.float32) * weights, axis=-1, keepdims=True)
    images.set_shape(images.shape[:-1].as_list() + [channels])
    return images


def check_fit(image_size, channels):
    """Refuses an `image_size` other than None or an int >= 1, and `channels` other than None, 1 or 3."""
    is_size = isinstance(image_size, int) and not isinstance(image_size, bool) and image_size >= 1
    if image_size is not None and not is_size:
        raise ValueError(f"image_size must be None or an integer of at least 1. Received: image_size={image_size!r}")
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be None, 1 (grey) or 3 (colour). Received: channels={channels!r}")


def _central_square(images):
    height, width = tf.unstack(tf.shape(images)[-3:-1])
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[..., top : top + side, left : left + side, :]


def _resize(images, size):
    """`tf.image.resize(images, [size, size], antialias=True)` in levels, bit for bit.

    Its kernel processes a row as one vector, but a column pixel by pixel. So columns are transposed to
    rows: at 280 to 256 pixels that takes a quarter of the time.
    """
    height, width, channels = tf.unstack(tf.shape(images)[-3:])
    x = _resize_rows(tf.reshape(images, [-1, height, 1, width * channels]), size)
    x = tf.transpose(tf.reshape(x, [-1, size, width, channels]), [0, 2, 1, 3])  # (N, W, S, C)
    x = _resize_rows(tf.reshape(x, [-1, width, 1, size * channels]), size)
    x = tf.transpose(tf.reshape(_to_levels(x), [-1, size, size, channels]), [0, 2, 1, 3])
    x = tf.reshape(x, tf.concat([tf.shape(images)[:-3], [size, size, channels]], axis=0))
    return tf.ensure_shape(x, [*images.shape[:-3], size, size, images.shape[-1]])


def _resize_rows(rows, size):
    """(N, H, 1, D) -> float32 (N, size, 1, D), each row a weighted mean of those around its position."""
    scale = tf.cast(size, tf.float32) / tf.cast(tf.shape(rows)[1], tf.float32)
    return tf.raw_ops.ScaleAndTranslate(
        images=rows,
        size=[size, 1],
        scale=tf.stack([scale, 1.0]),
        translation=[0.0, 0.0],
        kernel_type="triangle",
        antialias=True,
    )


def _to_levels(images):
    # Means of levels in [0, 255] stay in that range up to rounding, so no clipping is needed.
    return images if images.dtype == tf.uint8 else tf.cast(tf.round(images), tf.uint8)
