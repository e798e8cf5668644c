"""Decodes the bytes of a JPEG, PNG, GIF or BMP file to pixels, in the graph."""

import io
import warnings

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

_EXIF_ORIENTATION = 0x0112


def decode_image(encoded, through_pillow):
    """Decodes one image of any supported format.

    TensorFlow's decoders are the fast path; Pillow decodes the images that they decode wrongly
    without an error (see `needs_pillow`).

    Args:
        encoded: string scalar, the content of the file.
        through_pillow: `needs_pillow` of this content: a bool, or a bool scalar tensor.

    Returns:
        uint8 (H, W, C): C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.

    Raises:
        tf.errors.OpError: the content is damaged.
    """

    def fast():
        return tf.io.decode_image(encoded, channels=0, expand_animations=False)

    def thorough():
        return tf.numpy_function(_decode_with_pillow, [encoded], tf.uint8, stateful=False)

    if tf.is_tensor(through_pillow):
        image = tf.cond(through_pillow, thorough, fast)
    else:
        image = thorough() if through_pillow else fast()
    image.set_shape([None, None, None])
    return image


def needs_pillow(encoded):
    """Whether TensorFlow would decode these bytes to other pixels than an image viewer.

    It does so for BMP (palettes are decoded as indices), GIF (transparency is lost), PNG with one
    transparent colour (lost, too) and JPEG with an EXIF orientation (which is ignored).
    """
    if encoded[:2] == b"BM" or encoded[:3] == b"GIF":
        return True
    if encoded[:8] == b"\x89PNG\r\n\x1a\n":
        grey_or_rgb = encoded[25:26] in (b"\0", b"\2")
        return grey_or_rgb and b"tRNS" in encoded[: max(encoded.find(b"IDAT"), 0)]
    if encoded[:2] == b"\xff\xd8" and b"Exif\0" in encoded[: 2**17]:
        return _jpeg_is_turned(encoded)
    return False


def _jpeg_is_turned(encoded):
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(encoded)) as image:
            warnings.simplefilter("ignore")  # damaged EXIF: there is no orientation to apply
            return image.getexif().get(_EXIF_ORIENTATION, 1) not in (0, 1)
    except Exception:  # Pillow raises any exception on a damaged file, and the decoder will report it
        return False


def _decode_with_pillow(encoded):
    if isinstance(encoded, np.ndarray):  # TensorFlow passes bytes in this form outside a graph
        encoded = encoded.item()
    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
