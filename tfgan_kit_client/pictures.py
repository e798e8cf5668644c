"""Images to one picture, and a picture to a PNG file."""

import io
import math
import os
import pathlib

import numpy as np

GAP = 2  # white pixels between two images


def tile(images, columns=None):
    """One picture of many: uint8 (N, H, W, C) -> uint8 (H', W', C), row by row, white gaps.

    Args:
        images: uint8 (N, H, W, C), N at least 1.
        columns: int >= 1; None: the least square that holds all.

    Raises:
        ValueError: anything else.
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
    from PIL import Image  # only pictures need it: the client runs without

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def encode(image, kind):
    """uint8 (H, W, C), C 1 or 3, as the bytes of a file of some kind: png, jpeg, webp."""
    file = io.BytesIO()
    to_pil(image).save(file, kind)
    return file.getvalue()


def encode_png(image):
    """uint8 (H, W, C), C 1 or 3, as the bytes of a PNG file."""
    return encode(image, "png")


def write_png(path, image):
    """Writes uint8 (H, W, C), C 1 or 3, or a PNG file's bytes, under a temporary name, then renames."""
    write_whole(path, image if isinstance(image, bytes) else encode_png(image))


def write_whole(path, content):
    """Writes bytes under a temporary name, then renames: the file is there whole or not at all."""
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
