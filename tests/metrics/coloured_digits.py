"""Real images of colour, of any size, out of the real digits."""

import numpy as np
from PIL import Image


def coloured_digits(digits, count, *size):
    """uint8 (count, height, width, 3): three digits as red, green and blue, each inverted in half of the images.

    `size` is (width, height) in pixels, enlarged by Pillow.
    """
    images = next(iter(digits.ordered(3 * count)))[0].numpy()
    planes = images.reshape(count, 3, 28, 28).transpose(0, 2, 3, 1)
    inverted = np.arange(count)[:, None] >> np.arange(3) & 1 == 1
    planes = np.where(inverted[:, None, None], 255 - planes, planes)
    return np.stack([np.asarray(Image.fromarray(plane).resize(size)) for plane in planes])
