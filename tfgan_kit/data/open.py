"""One spelling of a source everywhere: in Python, in flags, in a run's config."""

import re

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.origins.folder import open_folder
from tfgan_kit.data.origins.idx import idx_arrays
from tfgan_kit.data.origins.mixtures import MIXTURES
from tfgan_kit.data.origins.mnist5k import mnist5k_arrays
from tfgan_kit.data.origins.npz import npz_arrays
from tfgan_kit.data.origins.stacked_mnist import open_stacked
from tfgan_kit.data.origins.tfds import open_tfds

SPELLINGS = (
    "tfds:NAME[/CONFIG][:SPLIT], folder:PATH, npz:PATH, idx:PATH, stacked:PATH, mnist5k, ring8, grid25, skewed25"
)


def open_source(spelling, image_size=None, channels=None):
    """Opens the images (or points) that a spelling names.

    | spelling | what it opens |
    | --- | --- |
    | `tfds:NAME[/CONFIG][:SPLIT]` | TensorFlow Datasets, e.g. `tfds:mnist:train[:80%]` |
    | `folder:PATH` | image files; each first-level sub-folder is a class |
    | `npz:PATH` | `images` (and `labels`), or `x_train` (and `y_train`) |
    | `idx:PATH` | the folder or the images file of MNIST, Fashion-MNIST, ... |
    | `stacked:PATH` | 128,000 stacks of three images of `idx:PATH` (`data.stacked`) |
    | `mnist5k` | 5,000 MNIST digits, fetched with pip |
    | `ring8`, `grid25`, `skewed25` | 100,000 points of 8 or 25 Gaussians in the plane (`data.points`) |

    Args:
        spelling: one of the above.
        image_size: side to crop and resize every image to; None keeps the size they have, where all
            agree.
        channels: 1 (grey) or 3 (colour); None keeps what they have.

    Returns:
        A `Source`.

    Raises:
        ValueError: on another spelling, or what cannot be opened; the message says why and how to
            go on.

    Example:

        source = open_source("folder:/data/cats", image_size=64)
        source.image_shape   # (64, 64, 3)
    """
    kind, _, rest = str(spelling).partition(":")
    if kind == "mnist5k" and not rest:
        images, labels = mnist5k_arrays()
        return ArraySource(kind, images, labels, image_size=image_size, channels=channels)
    if kind in MIXTURES and not rest:
        source = ArraySource(kind, MIXTURES[kind].draw(), image_size=image_size, channels=channels)
        source.mixture = MIXTURES[kind]
        return source
    if kind in _ARRAY_FILES and rest:
        images, labels = _ARRAY_FILES[kind](rest)
        return ArraySource(spelling, images, labels, image_size=image_size, channels=channels)
    if kind == "stacked" and rest:
        return open_stacked(rest, image_size, channels)
    if kind == "folder" and rest:
        return open_folder(rest, image_size, channels)
    if kind == "tfds" and rest:
        # A version is part of the name: mnist:3.0.1.
        name, split = re.fullmatch(r"([^:]*(?::[\d*]+\.[\d*]+\.[\d*]+)?)(?::(.+))?", rest).groups()
        return open_tfds(name, split or "train", image_size, channels)
    raise ValueError(f"A source is spelled as one of {SPELLINGS}. Received: {spelling!r}")


_ARRAY_FILES = {"npz": npz_arrays, "idx": idx_arrays}
