"""Resizing of images for feature extractors: which one was used changes every distance."""

from concurrent import futures

import numpy as np
import tensorflow as tf
from PIL import Image


def resize(images, side, resizer):
    """Images at the size that a network takes, not rounded to integers.

    A distance changes with the resizer, so its name belongs to the distance's protocol:

    - "tf1_bilinear": TensorFlow 1's, without antialiasing and without half-pixel centres: the graph of
      2015 does it, and with it every FID before clean-fid.
    - "clean": Pillow's antialiased bicubic, each channel in float32, clipped to [0, 255]: clean-fid's.

    Args:
        images: uint8 (N, H, W, 3), or (N, H, W, 1): grey images are repeated to three channels.
        side: int, pixels of height and width.
        resizer: a name above.

    Returns:
        float32 (N, side, side, 3) in [0, 255].

    Raises:
        ValueError: another dtype, shape or name.

    Example:
        >>> resize(np.zeros((2, 28, 28, 1), np.uint8), 299, "clean").shape
        (2, 299, 299, 3)

    Reference: Parmar et al., arXiv:2104.11222, section 3.
    """
    if resizer not in RESIZERS:
        raise ValueError(f"`resizer` must be one of {', '.join(RESIZERS)}. Received: resizer={resizer!r}")
    images = _checked(np.asarray(images))
    resized = RESIZERS[resizer](images, side)  # grey ones as one channel, for it is a third of the work
    return np.repeat(resized, 3, axis=-1) if images.shape[-1] == 1 else resized


def _checked(images):
    if images.dtype != np.uint8:
        raise ValueError(
            "Images to extract features from must be uint8 in [0, 255]: turn floats in [-1, 1] with "
            f"`tfgan_kit.pixels.to_uint8`. Received: images.dtype={images.dtype}"
        )
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape[1:]:
        raise ValueError(
            f"Images must have the shape (N, H, W, 3), or (N, H, W, 1). Received: images.shape={images.shape}"
        )
    return images


def _tf1_bilinear(images, side):
    return tf.raw_ops.ResizeBilinear(
        images=tf.cast(images, tf.float32), size=[side, side], align_corners=False, half_pixel_centers=False
    ).numpy()


def _clean(images, side):
    resized = np.empty((len(images), side, side, images.shape[-1]), np.float32)

    def one(image, out):
        for channel in range(image.shape[-1]):
            plane = Image.fromarray(image[..., channel].astype(np.float32))
            out[..., channel] = plane.resize((side, side), Image.Resampling.BICUBIC)
        out.clip(0, 255, out=out)

    with futures.ThreadPoolExecutor() as pool:  # Pillow lets go of Python's lock
        list(pool.map(one, images, resized))
    return resized


RESIZERS = {"tf1_bilinear": _tf1_bilinear, "clean": _clean}
