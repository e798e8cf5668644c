"""What is shown of a file is what an image viewer shows of it, or the file is counted as left out."""

import os
import re
import struct
import time
import warnings

from tfgan_kit.data import open_source

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.data.pictures import COLOUR, END, GREY, SIDE, STORED, chunk, exif, png, png_parts, saved

FINE = {"quality": 98, "subsampling": "4:4:4"}
GREY_IN_COLOUR = np.repeat(GREY[..., None], 3, -1)
WIDE = GREY.astype(np.uint16) * 257  # of 16 bits
WIDE_COLOUR = COLOUR.astype(np.uint16) * 257
ALPHA = np.where(np.arange(SIDE) < 6, 0, 255).astype(np.uint8) * np.ones([SIDE, 1], np.uint8)
BILEVEL = (GREY > 120).astype(np.uint8)
QUARTERS = GREY // 64  # of 2 bits
KEYED = COLOUR // 128 * 100
CROSS = np.where(GREY_IN_COLOUR // 64 == 2, 255, GREY_IN_COLOUR // 64 * 85)
PALETTE = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [9, 9, 9]], np.uint8)


def on_white(pixels, alpha):
    return np.where(alpha[..., None] > 0, pixels, 255)


def with_key(colour):
    return chunk(b"tRNS", np.array(colour, ">u2").tobytes())


def without_end_mark(parts):
    return b"".join(parts[:-1])


def with_wrong_check_sum(parts, k):
    part = parts[k]
    return b"".join([*parts[:k], part[:-4] + bytes(b ^ 1 for b in part[-4:]), *parts[k + 1 :]])


def with_wrong_sum_of_zlib(parts):
    pixels = parts[-2][8:-4]
    return b"".join([*parts[:-2], chunk(b"IDAT", pixels[:-1] + bytes([pixels[-1] ^ 1])), END])


PALETTE_PARTS = (chunk(b"PLTE", PALETTE.tobytes()), chunk(b"tRNS", bytes([255, 0, 255])))
PLAIN = png_parts(COLOUR, 8, 2)
EXIF = chunk(b"eXIf", exif(6).tobytes()[6:])
EXIF_TEXT = b"\nexif\n%8d\n%b\n" % (len(exif(6).tobytes()), exif(6).tobytes().hex().encode())
XMP = b'<rdf:Description tiff:Orientation="6"/>'
# name: (the content, the pixels shown)
SHOWN = {
    "plain.jpg": (saved(COLOUR, "JPEG", **FINE), COLOUR),
    "progressive.jpeg": (saved(COLOUR, "JPEG", **FINE, progressive=True), COLOUR),
    "grey.jpg": (saved(GREY, "JPEG", **FINE), GREY_IN_COLOUR),
    "cmyk.jpg": (saved(COLOUR, "JPEG", "CMYK", **FINE), COLOUR),
    "a.jfif": (saved(COLOUR, "JPEG", **FINE), COLOUR),
    "b.JPE": (saved(COLOUR, "JPEG", **FINE), COLOUR),
    "no-end-mark.jpg": (saved(COLOUR, "JPEG", **FINE)[:-2], COLOUR),
    "plain.png": (b"".join(PLAIN), COLOUR),
    "1-bit.png": (png(BILEVEL, 1, 0), 255 * BILEVEL[..., None] * np.ones(3, np.uint8)),
    "2-bits.png": (png(QUARTERS, 2, 0), 85 * QUARTERS[..., None] * np.ones(3, np.uint8)),
    "2-bits-with-a-key.png": (png(QUARTERS, 2, 0, with_key(2)), CROSS),
    "8-bits-with-a-key.png": (png(KEYED, 8, 2, with_key(KEYED[3, 4])), on_white(KEYED, (KEYED != KEYED[3, 4]).any(-1))),
    "palette-with-alpha.png": (png(QUARTERS, 2, 3, *PALETTE_PARTS), on_white(PALETTE[QUARTERS], QUARTERS != 1)),
    "palette-of-8-bits-with-alpha.png": (
        png(QUARTERS, 8, 3, *PALETTE_PARTS),
        on_white(PALETTE[QUARTERS], QUARTERS != 1),
    ),
    "grey-alpha.png": (png(np.dstack([GREY, ALPHA]), 8, 4), on_white(GREY_IN_COLOUR, ALPHA)),
    "16-bits.png": (png(WIDE, 16, 0), GREY_IN_COLOUR),
    "16-bits-colour.png": (png(WIDE_COLOUR, 16, 2), COLOUR),
    "16-bits-alpha.png": (png(np.dstack([WIDE_COLOUR, ALPHA.astype(int) * 257]), 16, 6), on_white(COLOUR, ALPHA)),
    # Of two levels that are alike in 8 bits, one is the key.
    "16-bits-with-a-key.png": (
        png(np.where(ALPHA, 0x6464, 0x6465), 16, 0, with_key(0x6465)),
        on_white(np.full([SIDE, SIDE, 3], 0x64), ALPHA),
    ),
    "16-bits-colour-with-a-key.png": (
        png(np.where(ALPHA, 0x6464, 0x6465)[..., None] * np.ones(3, int), 16, 2, with_key([0x6465] * 3)),
        on_white(np.full([SIDE, SIDE, 3], 0x64), ALPHA),
    ),
    "16-bits-turned.png": (png(STORED[6](WIDE), 16, 0, EXIF), GREY_IN_COLOUR),
    "no-end-mark.png": (without_end_mark(PLAIN), COLOUR),
    "wrong-check-sum.png": (with_wrong_check_sum(PLAIN, 2), COLOUR),
    "wrong-check-sum-of-palette.png": (
        png(QUARTERS, 2, 3, chunk(b"PLTE", PALETTE.tobytes(), check_sum=1)),
        PALETTE[QUARTERS],
    ),
    "wrong-check-sum-of-zlib.png": (with_wrong_sum_of_zlib(PLAIN), COLOUR),
    "no-end-mark-of-1-bit.png": (
        without_end_mark(png_parts(BILEVEL, 1, 0)),
        255 * BILEVEL[..., None] * np.ones(3, np.uint8),
    ),
    "wrong-check-sum-of-header.png": (with_wrong_check_sum(PLAIN, 1), COLOUR),
    "wrong-check-sum-of-text.png": (with_wrong_check_sum(png_parts(COLOUR, 8, 2, chunk(b"tEXt", b"a\0b")), 2), COLOUR),
    "damaged-exif.png": (png(COLOUR, 8, 2, chunk(b"eXIf", b"MM\0*")), COLOUR),
    "plain.gif": (saved(QUARTERS * 85, "GIF"), 85 * QUARTERS[..., None] * np.ones(3, np.uint8)),
    "no-end-mark.gif": (saved(QUARTERS * 85, "GIF")[:-1], 85 * QUARTERS[..., None] * np.ones(3, np.uint8)),
    "plain.bmp": (saved(COLOUR, "BMP"), COLOUR),
    "palette.bmp": (saved(GREY // 8 * 8, "BMP"), GREY_IN_COLOUR // 8 * 8),
    "plain.dib": (saved(COLOUR, "DIB"), COLOUR),
    "plain.webp": (saved(COLOUR, "WEBP", lossless=True), COLOUR),
    "alpha.webp": (saved(np.dstack([COLOUR, ALPHA]), "WEBP", lossless=True), on_white(COLOUR, ALPHA)),
    "plain.avif": (saved(COLOUR, "AVIF", quality=100, subsampling="4:4:4"), COLOUR),
    "plain.jp2": (saved(COLOUR, "JPEG2000"), COLOUR),
    "plain.ppm": (saved(COLOUR, "PPM"), COLOUR),
    "plain.tif": (saved(COLOUR, "TIFF"), COLOUR),
    "deflated.tiff": (saved(COLOUR, "TIFF", compression="tiff_adobe_deflate"), COLOUR),
    "cmyk.tif": (saved(COLOUR, "TIFF", "CMYK"), COLOUR),
    "alpha.tif": (saved(np.dstack([COLOUR, ALPHA]), "TIFF"), on_white(COLOUR, ALPHA)),
    "1-bit.tif": (saved(255 * BILEVEL, "TIFF", "1"), 255 * BILEVEL[..., None] * np.ones(3, np.uint8)),
    "16-bits.tif": (saved(WIDE, "TIFF"), GREY_IN_COLOUR),
    "16-bits-white-is-0.tif": (saved(~WIDE, "TIFF", tiffinfo={262: 0}), GREY_IN_COLOUR),
    "jpeg.png": (saved(COLOUR, "JPEG", **FINE), COLOUR),
    "webp.jpg": (saved(COLOUR, "WEBP", lossless=True), COLOUR),
    "tiff.gif": (saved(COLOUR, "TIFF"), COLOUR),
    "jpeg.heic": (saved(COLOUR, "JPEG", **FINE), COLOUR),
    "avif.php": (saved(COLOUR, "AVIF", quality=100, subsampling="4:4:4"), COLOUR),
    "photo.jpg_large": (saved(COLOUR, "JPEG", **FINE), COLOUR),
    "png-without-suffix": (b"".join(PLAIN), COLOUR),
    "gif-without-suffix": (saved(QUARTERS * 85, "GIF"), 85 * QUARTERS[..., None] * np.ones(3, np.uint8)),
    "exif-behind.png": (b"".join([*png_parts(STORED[6](COLOUR), 8, 2)[:-1], EXIF, END]), COLOUR),
    "exif-as-text.png": (png(STORED[6](COLOUR), 8, 2, chunk(b"tEXt", b"Raw profile type exif\0" + EXIF_TEXT)), COLOUR),
    "xmp.png": (png(STORED[6](COLOUR), 8, 2, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)), COLOUR),
    "xmp.jpg": (saved(STORED[6](COLOUR), "JPEG", **FINE, xmp=XMP), COLOUR),
    **{
        f"turned-{k}.{suffix}": (write(STORED[k](COLOUR), exif(k)), COLOUR)
        for k in STORED
        for suffix, write in {
            "jpg": lambda x, tags: saved(x, "JPEG", **FINE, exif=tags),
            "png": lambda x, tags: saved(x, "PNG", exif=tags),
            "webp": lambda x, tags: saved(x, "WEBP", lossless=True, exif=tags),
            "tif": lambda x, tags: saved(x, "TIFF", exif=tags),
            "avif": lambda x, tags: saved(x, "AVIF", quality=100, subsampling="4:4:4", exif=tags),
        }.items()
    },
}


def damaged(parts):
    """A bit of the pixels is another one."""
    content = bytearray(b"".join(parts))
    content[content.index(b"IDAT") + 60] ^= 4
    return bytes(content)


NOISE = np.random.default_rng(0).integers(0, 256, COLOUR.shape, np.uint8)
PROGRESSIVE = saved(NOISE, "JPEG", progressive=True)
LAST_SCAN = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2]
TWENTY_THOUSAND = struct.pack(">HH", 20_000, 20_000)
LEFT_OUT = {
    "half.png": png(NOISE, 8, 2)[:500],
    "half.jpg": saved(NOISE, "JPEG", quality=95)[:700],
    "half-progressive.jpg": PROGRESSIVE[:300],
    "half.webp": saved(NOISE, "WEBP", lossless=True)[:300],
    "damaged.png": damaged(png_parts(NOISE, 8, 2)),
    "32-bits.tif": saved(GREY.astype(np.int32), "TIFF"),
    "float.tif": saved(GREY.astype(np.float32), "TIFF"),
    "script.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "script.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "empty.png": b"",
    "bomb.png": png(GREY, 8, 0, shape=(20_000, 20_000)),
    "bomb-with-a-key.png": png(GREY, 8, 0, with_key(1), shape=(20_000, 20_000)),
    "bomb.jpg": re.sub(rb"(\xff\xc0\0\x11\x08)....", rb"\1" + TWENTY_THOUSAND, saved(COLOUR, "JPEG"), flags=re.DOTALL),
    "bomb-of-scans.jpg": PROGRESSIVE[:-2] + 100 * LAST_SCAN + PROGRESSIVE[-2:],
    "bomb.gif": saved(GREY, "GIF")[:6] + TWENTY_THOUSAND[::-1] + saved(GREY, "GIF")[10:],
}


def opened(path, contents):
    """A folder of files: (its intact images in the order of their names, the source)."""
    for name, content in contents.items():
        (path / name).write_bytes(content)
    source = open_source(f"folder:{path}", image_size=SIDE, channels=3)
    return np.array([image for _, image, _ in source.intact().as_numpy_iterator()]), source


def test_what_is_shown_is_what_a_viewer_shows(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images, source = opened(tmp_path, {name: content for name, (content, _) in SHOWN.items()})
    assert source.broken == [] and len(images) == len(SHOWN)
    errors = {
        name: int(np.abs(image.astype(int) - SHOWN[name][1]).max())
        for name, image in zip(sorted(SHOWN), images, strict=True)
    }
    assert {name: error for name, error in errors.items() if error > 8} == {}  # TensorFlow decodes JPEG by its fast DCT


def test_what_no_viewer_shows_whole_and_bombs_are_left_out_at_once(tmp_path, capfd):
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    start = time.monotonic()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        images, source = opened(tmp_path, LEFT_OUT | {"good.png": SHOWN["plain.png"][0]})
    assert time.monotonic() - start < 5
    np.testing.assert_array_equal(images, COLOUR[None])
    assert "Traceback" not in capfd.readouterr().err
    (without_header,) = re.findall("Left out ([0-9]+) of", str([str(each.message) for each in told]))
    assert int(without_header) + len(source.broken) == len(LEFT_OUT) and 0 < int(without_header) < len(LEFT_OUT)


@pytest.mark.parametrize(
    "name", ["plain.png", "16-bits-with-a-key.png", "turned-6.jpg", "plain.tif", "plain.webp", "plain.gif"]
)
def test_the_most_pixels_are_those_that_pillow_allows(tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes(SHOWN[name][0])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", SIDE * SIDE)
    assert open_source(f"folder:{tmp_path}").num_images == 1
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", SIDE * SIDE - 1)
    with pytest.raises(ValueError, match="None of the 1 image files can be decoded.*MAX_IMAGE_PIXELS"):
        open_source(f"folder:{tmp_path}")


def test_a_file_that_is_damaged_after_it_was_opened_ends_the_reading_with_its_reason(tmp_path):
    (tmp_path / "a.tif").write_bytes(SHOWN["plain.tif"][0])
    source = open_source(f"folder:{tmp_path}")
    (tmp_path / "a.tif").write_bytes(SHOWN["plain.tif"][0][:100])
    with pytest.raises(tf.errors.InvalidArgumentError, match="No image of folder:.* can be read"):
        list(source.ordered(1))
