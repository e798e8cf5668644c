"""Grids of images, and image files."""

import io
import math

import numpy as np

from tfgan_kit_client.files import write_bytes

GAP = 2  # white pixels between two images


def tile(images, columns=None):
    """A grid of images, row by row with white gaps: uint8 (N, H, W, C) -> uint8 (H', W', C).

    Args:
        images: uint8 (N, H, W, C), N >= 1.
        columns: int >= 1; None: as for the smallest square that holds all images.

    Raises:
        ValueError: no image, or another dtype or rank.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.dtype != np.uint8 or len(images) == 0:
        raise ValueError(
            f"A grid is made of at least 1 image, uint8 (N, H, W, C). Received: {images.dtype} {images.shape}"
        )
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    shape = (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels)
    picture = np.full(shape, 255, np.uint8)
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + GAP), (k % columns) * (width + GAP)
        picture[top : top + height, left : left + width] = image
    return picture


def to_pil(image):
    """uint8 (H, W, C), C 1 or 3, as a PIL.Image.Image."""
    from PIL import Image  # optional: the client runs without it

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def encode(image, kind):
    """uint8 (H, W, C), C 1 or 3, as the bytes of a png, jpeg or webp file."""
    file = io.BytesIO()
    to_pil(image).save(file, kind)
    return file.getvalue()


def encode_png(image):
    """uint8 (H, W, C), C 1 or 3, as the bytes of a PNG file."""
    return encode(image, "png")


def write_png(path, image):
    """Writes uint8 (H, W, C), C 1 or 3, or a PNG file's bytes, whole or not at all."""
    write_bytes(path, image if isinstance(image, bytes) else encode_png(image))
