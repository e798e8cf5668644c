"""The transformations of ADA (arXiv:2006.06676, appendix B), each with its own probability, in the paper's order."""

import math

from tfgan_kit.augment import sampling
from tfgan_kit.augment.augmentation import check_colours, on_colours

import numpy as np
import tensorflow as tf

_BLIT = ("xflip", "rotate90", "xint")
_GEOM = ("scale", "rotate", "aniso", "xfrac")
_COLOR = ("brightness", "contrast", "lumaflip", "hue", "saturation")
TRANSFORMATIONS = (*_BLIT, *_GEOM, *_COLOR, "imgfilter", "noise", "cutout")


def _all(*names):
    return dict.fromkeys(names, 1.0)


# The authors' names; "r3gan" is that of arXiv:2501.05441.
SETS = {
    "blit": _all(*_BLIT),
    "geom": _all(*_GEOM),
    "color": _all(*_COLOR),
    "filter": _all("imgfilter"),
    "noise": _all("noise"),
    "cutout": _all("cutout"),
    "bg": _all(*_BLIT, *_GEOM),
    "bgc": _all(*_BLIT, *_GEOM, *_COLOR),
    "bgcf": _all(*_BLIT, *_GEOM, *_COLOR, "imgfilter"),
    "bgcfn": _all(*_BLIT, *_GEOM, *_COLOR, "imgfilter", "noise"),
    "bgcfnc": _all(*TRANSFORMATIONS),
    "r3gan": _all(*_BLIT, *_GEOM, "cutout") | dict.fromkeys(_COLOR, 0.5),
}

_BANDS = tuple(f"band{k}" for k in range(4))
_GATES = (*_BLIT, *_GEOM, "post_rotate", *_COLOR, *_BANDS, "noise", "cutout")
_VALUES = ("xflip", "rotate90", "xint_x", "xint_y", "scale", "rotate", "aniso", "post_rotate", "xfrac_x", "xfrac_y")
_VALUES += (*_COLOR, *_BANDS, "noise", "cutout_x", "cutout_y")


class PipeDraws:
    """The random numbers of one pass, by name.

    Args:
        uniform: callable, shape -> float32 (N, *shape) in [0, 1).
        image_shape: tuple (H, W, C).
        multipliers: dict of floats in [0, 1] by transformation.
        p: float32 scalar in [0, 1]; a transformation happens with probability `multiplier * p`.
    """

    def __init__(self, uniform, image_shape, multipliers, p):
        self.multipliers = multipliers
        self._p = p
        self._values = dict(zip(_VALUES, tf.unstack(uniform([len(_VALUES)]), axis=1), strict=True))  # (N,) each
        self._gates = dict(zip(_GATES, tf.unstack(uniform([len(_GATES)]), axis=1), strict=True))
        if self.has("noise"):
            self.grain = _normal(uniform(list(image_shape)))

    def has(self, *names):
        """Whether one of these transformations can happen."""
        return any(self.multipliers.get(name, 0.0) > 0.0 for name in names)

    def uniform(self, name):
        """From [0, 1): float32 (N,)."""
        return self._values[name]

    def normal(self, name):
        """From N(0, 1): float32 (N,)."""
        return _normal(self._values[name])

    def probability(self, name):
        return self.multipliers[name] * self._p

    def if_open(self, name, probability, value, otherwise):
        """`value` with that probability, else `otherwise`: float32 (N,)."""
        return tf.where(self._gates[name] < probability, value, otherwise)

    def applied(self, name, value, otherwise):
        """`value` where the transformation happens, else `otherwise`: float32 (N,)."""
        return self.if_open(name, self.probability(name), value, otherwise)


def _normal(uniform):
    # Draws are multiples of 2^-23 from 0 on; half a step more makes the quantile at 0 finite.
    return tf.math.ndtri(uniform + 2.0**-25)


def pipe(images, draws):
    """Images under all transformations of `draws`: float32 (N, H, W, C) in and out."""
    shape = images.shape[1:]
    if draws.has(*_BLIT, *_GEOM):
        images = sampling.affine(images, geometry(draws, *shape[:2]))
    if draws.has(*_COLOR):
        check_colours(shape)
        images = on_colours(lambda colours: _coloured(colours, draws), images)
    if draws.has("imgfilter"):
        images = _filtered(images, draws)
    if draws.has("noise"):
        images += _noise(draws)
    if draws.has("cutout"):
        images *= _kept(draws, *shape[:2])
    return images


# Geometry: each function is the inverse of its transformation, (N, 3, 3) of (x, y, 1) from the image's centre.


def geometry(draws, height, width):
    """From a place in the result to the one in the image that it shows: float32 (N, 3, 3)."""
    matrix = tf.eye(3)
    for inverse, name in (
        (_xflip, "xflip"),
        (_rotate90, "rotate90"),
        (_xint, "xint"),
        (_scale, "scale"),
        (_rotate, "rotate"),
        (_aniso, "aniso"),
        (_post_rotate, "rotate"),
        (_xfrac, "xfrac"),
    ):
        if draws.has(name):
            matrix = tf.matmul(matrix, inverse(draws, height, width))
    return matrix


def _xflip(draws, height, width):
    flipped = draws.applied("xflip", tf.floor(2.0 * draws.uniform("xflip")), 0.0)
    return _scaling(1.0 - 2.0 * flipped, 1)


def _rotate90(draws, height, width):
    quarters = draws.applied("rotate90", tf.floor(4.0 * draws.uniform("rotate90")), 0.0)
    return _rotation(math.pi / 2 * quarters)


def _xint(draws, height, width):
    def pixels(name, size):
        shift = 0.125 * (2.0 * draws.uniform(name) - 1.0)
        return tf.round(size * draws.applied("xint", shift, 0.0))

    return _shift(-pixels("xint_x", width), -pixels("xint_y", height))


def _scale(draws, height, width):
    scale = draws.applied("scale", 2.0 ** (0.2 * draws.normal("scale")), 1.0)
    return _scaling(1.0 / scale, 1.0 / scale)


def _rotate(draws, height, width, name="rotate"):
    # P(one of both rotations) = p
    probability = 1.0 - tf.sqrt(1.0 - draws.probability("rotate"))
    return _rotation(draws.if_open(name, probability, _angle(draws, name), 0.0))


def _aniso(draws, height, width):
    scale = draws.applied("aniso", 2.0 ** (0.2 * draws.normal("aniso")), 1.0)
    return _scaling(1.0 / scale, scale)


def _post_rotate(draws, height, width):
    return _rotate(draws, height, width, "post_rotate")


def _xfrac(draws, height, width):
    def pixels(name, size):
        return size * draws.applied("xfrac", 0.125 * draws.normal(name), 0.0)

    return _shift(-pixels("xfrac_x", width), -pixels("xfrac_y", height))


def _angle(draws, name):
    return math.pi * (2.0 * draws.uniform(name) - 1.0)


def _scaling(x, y):
    return _matrix([[x, 0, 0], [0, y, 0], [0, 0, 1]])


def _shift(x, y):
    return _matrix([[1, 0, x], [0, 1, y], [0, 0, 1]])


def _rotation(angle):
    """That the pixels' coordinates are turned by: the image turns by the opposite."""
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return _matrix([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def _matrix(rows):
    """A matrix for each image, from entries (N,), 0 and 1: float32 (N, n, n)."""
    entries = [entry for row in rows for entry in row]
    zero = tf.zeros_like(next(entry for entry in entries if tf.is_tensor(entry)))
    known = {0: zero, 1: zero + 1.0}
    entries = [entry if tf.is_tensor(entry) else known[entry] for entry in entries]
    return tf.reshape(tf.stack(entries, axis=-1), [-1, len(rows), len(rows)])


# Colours: (N, 4, 4) of (red, green, blue, 1)

_LUMA = np.float32([1, 1, 1, 0]) / np.float32(math.sqrt(3))
_ALONG_LUMA = np.outer(_LUMA, _LUMA)
_UNIT = np.eye(4, dtype=np.float32)


def _coloured(images, draws):
    grey = images.shape[-1] == 1
    matrix = tf.eye(4)
    for transformation, name in (
        (_brightness, "brightness"),
        (_contrast, "contrast"),
        (_lumaflip, "lumaflip"),
        (_hue, "hue"),
        (_saturation, "saturation"),
    ):
        if draws.has(name) and not (grey and name in ("hue", "saturation")):
            matrix = tf.matmul(transformation(draws), matrix)
    if grey:
        if matrix.shape.rank == 2:  # hue and saturation alone
            return images
        row = tf.reduce_mean(matrix[:, :3], axis=1)[:, None, None]  # (N, 1, 1, 4)
        return images * tf.reduce_sum(row[..., :3], axis=-1, keepdims=True) + row[..., 3:]
    pixels = tf.reshape(images, [-1, images.shape[1] * images.shape[2], 3])  # (N, H*W, 3)
    pixels = tf.matmul(pixels, matrix[:, :3, :3], transpose_b=True) + matrix[:, None, :3, 3]
    return tf.reshape(pixels, tf.shape(images))


def _brightness(draws):
    shift = draws.applied("brightness", 0.2 * draws.normal("brightness"), 0.0)
    return _matrix([[1, 0, 0, shift], [0, 1, 0, shift], [0, 0, 1, shift], [0, 0, 0, 1]])


def _contrast(draws):
    scale = draws.applied("contrast", 2.0 ** (0.5 * draws.normal("contrast")), 1.0)
    return _matrix([[scale, 0, 0, 0], [0, scale, 0, 0], [0, 0, scale, 0], [0, 0, 0, 1]])


def _lumaflip(draws):
    flipped = draws.applied("lumaflip", tf.floor(2.0 * draws.uniform("lumaflip")), 0.0)
    return _UNIT - 2.0 * _ALONG_LUMA * flipped[:, None, None]


def _hue(draws):
    """A rotation about the luma axis v: cos I + sin [v]_x + (1 - cos) v v^T."""
    angle = draws.applied("hue", _angle(draws, "hue"), 0.0)
    cosine, across = tf.cos(angle), _LUMA[0] * tf.sin(angle)
    turned = _matrix(
        [[cosine, -across, across, 0], [across, cosine, -across, 0], [-across, across, cosine, 0], [0, 0, 0, 1]]
    )
    return turned + (1.0 - cosine)[:, None, None] * _ALONG_LUMA


def _saturation(draws):
    scale = draws.applied("saturation", 2.0 ** draws.normal("saturation"), 1.0)
    return _ALONG_LUMA + (_UNIT - _ALONG_LUMA) * scale[:, None, None]


# Filter, noise, cutout

_EXPECTED_POWER = np.float32([10, 1, 1, 1]) / 13  # of the bands of natural images, 1 / f


def filter_bank():
    """Four bands made of the wavelet sym2, an octave each: (4, 43)."""
    low = np.array([-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025])
    high = low * [1, -1, 1, -1]
    low, high = np.convolve(low, low[::-1]) / 2, np.convolve(high, high[::-1]) / 2
    bank = [np.ones(1)]
    for _ in range(3):
        spread = [np.kron(band, [1.0, 0.0])[:-1] for band in bank]
        bank = [np.convolve(band, low) for band in spread]
        missing = (len(bank[0]) - len(high)) // 2
        bank.append(np.pad(high, missing))
    return np.stack(bank)


def _filtered(images, draws):
    gains = tf.ones([1, len(_BANDS)])
    for k, name in enumerate(_BANDS):
        gain = draws.if_open(name, draws.probability("imgfilter"), 2.0 ** draws.normal(name), 1.0)
        gains_of_one = 1.0 + np.eye(len(_BANDS), dtype=np.float32)[k] * (gain[:, None] - 1.0)  # (N, 4)
        power = tf.reduce_sum(_EXPECTED_POWER * tf.square(gains_of_one), axis=1, keepdims=True)
        gains *= gains_of_one / tf.sqrt(power)
    planes = tf.transpose(images, [0, 3, 1, 2])  # (N, C, H, W)
    rows, columns = (tf.tensordot(gains, _bands(size), 1) for size in images.shape[1:3])
    return tf.transpose(sampling.along_axes(rows, planes, columns), [0, 2, 3, 1])


def _bands(size):
    """The filter bank along an axis, mirrored at its ends, as matrices: float32 (4, size, size)."""
    bank = filter_bank()
    taps = bank.shape[1]
    rows = np.arange(size)
    matrices = np.zeros((len(bank), size, size))
    for tap in range(taps):
        pixels = sampling.mirrored(rows + tap - taps // 2, size)
        matrices[:, rows, pixels] += bank[:, tap, None]
    return tf.constant(matrices, tf.float32)


def _noise(draws):
    deviation = draws.applied("noise", 0.1 * tf.abs(draws.normal("noise")), 0.0)
    on_channel = np.float32([1, 1, 1, 0]) if draws.grain.shape[-1] == 4 else 1.0  # alpha stays
    return draws.grain * deviation[:, None, None, None] * on_channel


def _kept(draws, height, width):
    """0 in a box of half the image's height and width, 1 elsewhere: float32 (N, H, W, 1)."""

    def in_box(name, size):
        centre = draws.uniform(name)[:, None]
        half = draws.applied("cutout", 0.25, 0.0)[:, None]
        places = (tf.range(size, dtype=tf.float32) + 0.5) / size
        return tf.abs(places - centre) < half

    box = in_box("cutout_y", height)[:, :, None] & in_box("cutout_x", width)[:, None, :]
    return 1.0 - tf.cast(box, tf.float32)[..., None]
