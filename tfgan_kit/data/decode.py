"""Decodes the bytes of an image file to the pixels that an image viewer shows."""

import contextlib
import io
import re
import struct
import warnings
import zlib
from typing import NamedTuple

from tfgan_kit.data.python_calls import numpy_function

import numpy as np
import tensorflow as tf
from PIL import ExifTags, Image

# All that Pillow may open: no format of another program's (EPS), none without a signature (TGA).
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "AVIF", "JPEG2000", "PPM")
_SIGNATURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM.{4}\0{4}|RIFF.{4}WEBP|II[*+]\0|MM\0[*+]"
    rb"|.{4}ftypavi[fs]|\0\0\0\x0cjP  ",
    re.DOTALL,
)
_REFUSED = "An image is damaged, has numbers of an unknown range, or more than PIL.Image.MAX_IMAGE_PIXELS pixels."
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PROGRESSIVE = 0xC2
_BEGINNING = 2**16  # bytes, in which headers lie, but for large profiles
_MOST_SCANS = 100  # encoders write about 10; a scan of 31 bytes may take as long as the whole image
# Where a JPEG or a PNG may hold an orientation: EXIF, ImageMagick's text of EXIF, XMP.
_ORIENTATION_MARKS = (b"Exif\0", b"eXIf", b"Raw profile type exif", b"tiff:Orientation")
# From the stored to the upright image (CIPA DC-008, 4.6.4); 1 is upright.
_TURNS = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: np.rot90(x, 1),
}
# Tags of TIFF: bits a sample; 0 where white is 0; 2 where each channel is stored by itself.
_BITS, _PHOTOMETRIC, _PLANAR = 258, 262, 284


def decode_image(encoded, through_pillow):
    """Decodes one image of any supported format.

    TensorFlow's decoders are the fast path; Pillow decodes what they refuse, or decode to other pixels than an image
    viewer shows (see `needs_pillow`). Colour profiles are not applied. Of several frames or pages, the first counts.

    Args:
        encoded: string scalar, the content of the file.
        through_pillow: `needs_pillow` of this content: a bool, or a bool scalar tensor.

    Returns:
        uint8 (H, W, C): C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.

    Raises:
        tf.errors.OpError: the content is damaged, holds numbers of an unknown range (32 bits), or more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`.
    """

    def fast():
        return tf.io.decode_image(encoded, channels=0, expand_animations=False)

    def thorough():
        image = numpy_function(_decode_thoroughly, [encoded], tf.uint8)
        with tf.control_dependencies([tf.debugging.assert_positive(tf.size(image), _REFUSED)]):
            return tf.identity(image)

    if tf.is_tensor(through_pillow):
        image = tf.cond(through_pillow, thorough, fast)
    else:
        image = thorough() if through_pillow else fast()
    image.set_shape([None, None, None])
    return image


def begins_as_image(beginning):
    """Whether a file that begins with these bytes, at least 12, is an image of a supported format."""
    return _SIGNATURES.match(beginning) is not None


def needs_pillow(encoded):
    """Whether TensorFlow may refuse these bytes, or decode them to other pixels than an image viewer shows.

    It is trusted with PNG and with JPEG in grey or three colours, but for those with a transparent colour (which it
    drops), with an orientation (which it ignores), and larger than `PIL.Image.MAX_IMAGE_PIXELS` (which it does not
    check, so that a file of 1 MB may fill the memory).
    """
    header = _plain_header(encoded)
    if header is None or not header.is_plain or _is_too_large(header.width, header.height):
        return True
    if not _may_be_turned(encoded):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged EXIF: there is no orientation to apply
        return _turn(encoded) is not None


class Header(NamedTuple):
    """What an image is before it is decoded.

    height, width: int, upright, as `decode_image` gives them.
    is_grey: bool, whether it is stored in grey; colours that are all grey are colours.
    channels: int, as `decode_image` gives them by TensorFlow's decoder, or None if its header does not tell.
    through_pillow: bool, `needs_pillow`; None if that depends on more than the beginning of the file.
    """

    height: int
    width: int
    is_grey: bool
    channels: int | None
    through_pillow: bool | None


def read_header(file):
    """The `Header` of an image.

    Args:
        file: a binary file that can be read and sought, of which the first 64 KiB are read, seldom more.

    Raises:
        ValueError: it is no image of a supported format, or has more than `PIL.Image.MAX_IMAGE_PIXELS` pixels.

    Example:
        >>> file = io.BytesIO(tf.io.encode_png(np.zeros([8, 6, 1], np.uint8)).numpy())
        >>> read_header(file)
        Header(height=8, width=6, is_grey=True, channels=1, through_pillow=False)
    """
    beginning = file.read(_BEGINNING)
    is_whole = len(beginning) < _BEGINNING
    plain = _plain_header(beginning)
    if needs_pillow(beginning):
        through_pillow = True if is_whole or not beginning.startswith((_PNG, _JPEG)) else None
    else:
        through_pillow = False if is_whole else None
        if plain.channels is not None:
            channels = plain.channels if is_whole else None
            return Header(plain.height, plain.width, plain.channels < 3, channels, through_pillow)
    file.seek(0)
    try:
        with Image.open(file, formats=_FORMATS) as image:
            size, is_grey, turn = image.size, _is_stored_in_grey(image), _exif_turn(image)
    except Exception as error:  # of a damaged file, Pillow raises any
        if plain is None:
            raise ValueError(_REFUSED) from error
        size, is_grey, turn = plain[:2], False, None  # its check sums alone may be wrong
    _check_size(*size)
    height, width, _ = (turn or np.asarray)(np.empty((*size[::-1], 0))).shape
    return Header(height, width, is_grey, None, through_pillow)


def _is_stored_in_grey(image):
    """Whether a Pillow image that is not decoded yet has no colours, in its palette neither."""
    if image.mode == "P":
        palette = np.reshape(image.getpalette("RGB"), [-1, 3])
        return bool((palette == palette[:, :1]).all())
    return image.mode[0] in "1LIF"


class _Plain(NamedTuple):
    """The header of a PNG or a JPEG.

    is_plain: bool, whether TensorFlow decodes it as it is shown, but for its size and orientation.
    channels: int, as TensorFlow decodes it; None of a palette.
    """

    width: int
    height: int
    is_plain: bool
    channels: int | None


def _plain_header(encoded):
    """The `_Plain` of a PNG or a JPEG, or None."""
    return _png_header(encoded) if encoded.startswith(_PNG) else _jpeg_header(encoded)


_CHANNELS_OF_PNG = {0: 1, 2: 3, 4: 2, 6: 4}


def _png_header(encoded):
    """None without a whole header; with a transparent colour it is not plain."""
    if encoded[12:16] != b"IHDR" or len(encoded) < 26:
        return None
    width, height, _, colour = struct.unpack_from(">IIBB", encoded, 16)
    is_plain = not (colour in (0, 2) and b"tRNS" in encoded[: max(encoded.find(b"IDAT"), 0)])
    return _Plain(width, height, is_plain, _CHANNELS_OF_PNG.get(colour))


def _jpeg_header(encoded):
    """None if there is no start of a frame; plain are grey ones and those of three colours, but for too many scans."""
    at = 2 if encoded.startswith(_JPEG) else len(encoded)
    while at + 9 < len(encoded) and encoded[at] == 0xFF:
        marker = encoded[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width, components = struct.unpack_from(">HHB", encoded, at + 5)
            is_plain = components in (1, 3) and not (marker == _PROGRESSIVE and _has_many_scans(encoded))
            return _Plain(width, height, is_plain, components)
        at += 1 if marker == 0xFF else 2 + int.from_bytes(encoded[at + 2 : at + 4])
    return None


def _has_many_scans(jpeg):
    return jpeg.count(b"\xff\xda") > _MOST_SCANS


def _may_be_turned(encoded):
    return any(mark in encoded for mark in _ORIENTATION_MARKS)


def _turn(encoded):
    """The function of `_TURNS` that shows an image upright, or None."""
    try:
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            return _exif_turn(image)
    except Exception:  # Pillow raises any exception on a damaged file, and the decoder will report it
        return None


def _exif_turn(image):
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # damaged EXIF, of which Pillow raises many kinds
        return None


def _is_too_large(width, height):
    return Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS


def _check_size(width, height):
    if _is_too_large(width, height):
        raise ValueError(f"There are more than {Image.MAX_IMAGE_PIXELS} pixels. Received: {width} x {height}")


def _decode_thoroughly(encoded):
    """The pixels, RGBA; none if they cannot be told: TensorFlow would log an exception with its traceback."""
    if isinstance(encoded, np.ndarray):  # TensorFlow passes bytes in this form outside a graph
        encoded = encoded.item()
    decode = {_PNG[:2]: _decode_png, _JPEG: _decode_jpeg}.get(encoded[:2], _decode_with_pillow)
    try:
        return decode(encoded)
    except Exception:  # of a damaged file, Pillow raises any
        return np.zeros([0, 0, 4], np.uint8)


def _decode_jpeg(encoded):
    if _has_many_scans(encoded):
        raise ValueError(f"There are more than {_MOST_SCANS} scans, each of which takes as long as an image.")
    try:
        return _decode_with_pillow(encoded)
    except OSError:  # it is cut off; where only the end mark is missing, it does not matter what follows the pixels
        one, other = (_decode_with_pillow(encoded + 64 * filler + b"\xff\xd9") for filler in (b"\0", b"\x55"))
        if not np.array_equal(one, other):
            raise
        return one


def _decode_with_pillow(encoded):
    with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
        _check_size(*image.size)
        pixels = np.asarray(_rgba(image))
        turn = _exif_turn(image)  # after it is loaded, since Pillow turns a TIFF then, and forgets its orientation
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _rgba(image):
    """8 bits a channel of a Pillow image of any mode but those whose range is unknown."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS, (16,))[0]
    if image.mode in ("I", "F"):
        raise ValueError(f"Numbers of 32 bits have no known black and white. Received: an image of mode {image.mode}")
    if tags.get(_PLANAR) == 2 and bits > 8:
        raise ValueError("Pillow mixes up the channels of a TIFF that are stored by themselves with 16 bits.")
    if image.mode.startswith("I;16"):  # Pillow would clip the levels to 255
        levels = (np.asarray(image) >> (bits - 8)).astype(np.uint8)
        is_negative = tags.get(_PHOTOMETRIC) == 0  # Pillow inverts those of 8 bits alone
        image = Image.fromarray(255 - levels if is_negative else levels)
    return image.convert("RGBA")


def _decode_png(encoded):
    """Not by Pillow, which compares a transparent colour of 16 bits with 8 bits of each pixel."""
    header = _png_header(encoded)
    _check_size(header.width, header.height)
    # 4 makes a transparent colour alpha, but alpha of less than 8 bits wrong (TF 2.21).
    channels = 0 if header.is_plain else 4
    pixels = _from_mended(encoded, lambda png: tf.io.decode_png(png, channels).numpy())
    turn = _turn(encoded) if _may_be_turned(encoded) else None
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _from_mended(png, decode):
    """`decode` of a PNG that has its end mark and right check sums, which image viewers do without.

    Pixels must be vouched for: by the check sums of their chunks, or by that of zlib.

    Raises:
        ValueError: the pixels are damaged.
    """
    chunks, at, is_vouched = [], 8, True
    while at + 8 <= len(png) and png[at + 4 : at + 8] != b"IEND":
        end = at + 8 + int.from_bytes(png[at : at + 4])
        chunk, stated = png[at + 4 : end], png[end : end + 4]
        is_vouched &= chunk[:4] != b"IDAT" or stated == zlib.crc32(chunk).to_bytes(4)
        chunks.append(chunk)
        at = end + 4
    if is_vouched:
        with contextlib.suppress(tf.errors.InvalidArgumentError):  # it checks zlib's sum, too
            return decode(_png_of(chunks))
    before = [chunk for chunk in chunks if chunk[:4] != b"IDAT"]
    deflated = b"".join(chunk[4:] for chunk in chunks if chunk[:4] == b"IDAT")
    return decode(_png_of([*before, b"IDAT" + _with_sum(deflated, is_vouched)]))


def _png_of(chunks):
    parts = [(len(chunk) - 4).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4) for chunk in [*chunks, b"IEND"]]
    return b"".join([_PNG, *parts])


def _with_sum(deflated, is_vouched):
    """A zlib stream with its right check sum, which must be the stated one unless the stream is vouched for."""
    stream, left, check_sum = zlib.decompressobj(-zlib.MAX_WBITS), deflated[2:], zlib.adler32(b"")
    while not stream.eof:
        piece = stream.decompress(left, 2**20)
        if not piece and not stream.eof:
            raise ValueError("The pixels are cut off.")
        left, check_sum = stream.unconsumed_tail, zlib.adler32(piece, check_sum)
    stated = stream.unused_data[:4]
    if not is_vouched and stated != check_sum.to_bytes(4):
        raise ValueError("The pixels are damaged.")
    return deflated[: len(deflated) - len(stream.unused_data)] + check_sum.to_bytes(4)
