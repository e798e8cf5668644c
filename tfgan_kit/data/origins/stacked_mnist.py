"""Stacked-MNIST: three digits as the channels of one image, which gives a thousand modes."""

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.origins.idx import idx_arrays

import numpy as np

CHANNELS = 3
NUM_IMAGES = 128_000
_SEED = 20171204  # of a legacy RandomState, whose stream is frozen


def open_stacked(path, image_size=None, channels=None):
    """128,000 stacks of three grey images, drawn with a fixed seed from an `idx:` source.

    The source has no labels, so that a network does not know which image a channel shows. The
    labelled single images are its `digits`, by which `metrics.mode_coverage` counts modes.

    Args:
        path: as for `idx_arrays`; with labels of K classes there are K^3 modes.
        image_size: side to resize every image to, or None.
        channels: 3 or None, which mean the same.

    Returns:
        A `StackedSource` of uint8 (128000, H, W, 3) (for MNIST 301 MB).

    Raises:
        ValueError: files that cannot be read, images without labels, other channels.

    Reference: Metz et al., Unrolled GANs (arXiv:1611.02163), section 3.3; the fixed number of stacks
    is that of VEEGAN (arXiv:1705.07761) and PacGAN (arXiv:1712.04086), section 4.2.
    """
    if channels not in (None, CHANNELS):
        raise ValueError(f"A stack has three channels. Received: stacked:{path} with channels={channels}")
    digits, labels = idx_arrays(path)
    if labels is None:
        raise ValueError(
            "Stacks need images with known classes, by which their modes are counted: put "
            f"the labels file beside the images. Received: stacked:{path}"
        )
    chosen = np.random.RandomState(_SEED).randint(len(digits), size=(NUM_IMAGES, CHANNELS))
    stacks = np.stack([digits[chosen[:, c]] for c in range(CHANNELS)], axis=-1)
    digits = ArraySource(f"idx:{path}", digits, labels, image_size=image_size)
    return StackedSource(f"stacked:{path}", stacks, digits, image_size)


class StackedSource(ArraySource):
    """Stacks of single images, with these images, by whose classes the modes of a generator are counted.

    Args:
        name: the spelling.
        images: uint8 (N, H, W, 3).
        digits: labelled `Source` of the single images.
        image_size: None, or the side to resize every image to.

    Attributes:
        digits: the argument.
    """

    def __init__(self, name, images, digits, image_size=None):
        super().__init__(name, images, image_size=image_size)
        self.digits = digits
