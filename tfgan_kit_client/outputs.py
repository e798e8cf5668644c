"""Writing images as a grid, an array, or a folder of files; and showing the progress."""

import os
import pathlib
import sys
import time

import numpy as np

from tfgan_kit_client.files import whole, write_bytes
from tfgan_kit_client.pictures import encode, tile, write_png

_PROGRESS_SECONDS = 1.0


class Progress:
    """Counts images and reports the progress once a second on stderr.

    Args:
        total: int, how many images there will be.
    """

    def __init__(self, total: int):
        self.total, self.done = total, 0
        self._start = self._last = time.monotonic()

    def of(self, items):
        """Yields the items; each counts as done when the next one is requested."""
        for item in items:
            yield item
            self.done += 1
            if time.monotonic() - self._last >= _PROGRESS_SECONDS:
                self._say()

    def _say(self):
        self._last = time.monotonic()
        rate = self.done / (self._last - self._start)
        left = (self.total - self.done) / rate
        text = f"{self.done} of {self.total} images, {rate:.0f} images/s, {left:.0f} s to go"
        print(f"\r\x1b[K{text}" if sys.stderr.isatty() else f"{text}\n", end="", file=sys.stderr, flush=True)

    def end(self):
        """Clears the line of the progress."""
        if sys.stderr.isatty() and self._last > self._start:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def is_folder(output: str) -> bool:
    """True if --output is a folder: it ends in a slash, or exists as one."""
    return output.endswith(("/", os.sep)) or pathlib.Path(output).is_dir()


def check_file(output: str) -> pathlib.Path:
    """The path of a grid or an array; raises ValueError if it cannot be written there."""
    path = pathlib.Path(output)
    if path.suffix not in (".png", ".npy"):
        raise ValueError(
            "--output must be a FILE.png for a grid, a FILE.npy for an array, or a FOLDER/ for one file "
            f"per image. Received: --output={output}"
        )
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent} to write {path.name} in")
    return path


def write_grid(path, images) -> None:
    """Writes all images as one grid."""
    write_png(path, tile(np.stack(list(images))))


def write_array(path, images, number: int) -> None:
    """Writes images, as they come, into one .npy array, uint8 (N, H, W, C)."""
    # Not by a memory map, which ends the process when the disk is full.
    with whole(path) as temporary, open(temporary, "wb") as file:
        for k, image in enumerate(images):
            if k == 0:
                shape = (number, *image.shape)
                np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            file.write(image.tobytes())


def write_folder(folder, images, names, kind: str) -> None:
    """Writes one file per image, named by its seed.

    Args:
        folder: an existing folder.
        images: uint8 (H, W, C), or the bytes of PNG files.
        names: one per image.
        kind: of the files: png, jpeg or webp.
    """
    for name, image in zip(names, images, strict=True):
        content = image if isinstance(image, bytes) else encode(image, kind)
        write_bytes(folder / f"{name}.{kind}", content)
