"""Image files written here, in the ways in which others write them; their pixels are known."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIDE = 16
_ramp = np.linspace(10, 240, SIDE)
# Smooth, so that lossy formats keep it; no symmetry; some grey levels of every channel.
COLOUR = np.stack(
    np.broadcast_arrays(_ramp[:, None], _ramp[None, ::-1], (_ramp[:, None] + 2 * _ramp[None]) / 3), -1
).round().astype(np.uint8)  # fmt: skip
GREY = COLOUR[..., 2]
PNG = b"\x89PNG\r\n\x1a\n"

# How an upright image is stored for each EXIF orientation (CIPA DC-008, 4.6.4: where its first row and column are).
STORED = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, 1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x, -1),
}


def saved(pixels, kind, mode=None, **options):
    """The bytes of a file that Pillow writes."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def chunk(kind, content, check_sum=None):
    check_sum = zlib.crc32(kind + content) if check_sum is None else check_sum
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check_sum)


END = chunk(b"IEND", b"")


def png_parts(samples, depth, colour, *before, shape=None):
    """A PNG as a list of its parts: signature, header, `before`, pixels, end.

    Args:
        samples: whole numbers (H, W) or (H, W, C).
        depth: bits a sample.
        colour: the colour type of PNG: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
        before: chunks between header and pixels.
        shape: the (height, width) that the header states; None is the truth.
    """
    height, width = samples.shape[:2]
    bits = (samples.reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1)) & 1
    rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    stated = shape or (height, width)
    header = struct.pack(">IIBBBBB", stated[1], stated[0], depth, colour, 0, 0, 0)
    return [PNG, chunk(b"IHDR", header), *before, chunk(b"IDAT", pixels), END]


def png(*arguments, **keywords):
    return b"".join(png_parts(*arguments, **keywords))
