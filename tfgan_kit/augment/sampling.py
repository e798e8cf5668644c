"""Affine transformations of images without aliasing (arXiv:2006.06676, appendix B), differentiable to any order.

The gradient of TensorFlow's own `ImageProjectiveTransformV3` (2.21) is not the adjoint of its forward pass, which makes
R1 and the generator's gradient wrong. All here is matrix products and gathers, whose gradients are exact.
"""

import numpy as np
import tensorflow as tf

# The wavelet sym6 (Daubechies, Ten Lectures on Wavelets, table 6.3), of sum sqrt(2).
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
TAPS = len(SYM6)
MARGIN = TAPS // 4  # pixels around the image that its last filter reads


def affine(images, inverse):
    """Images under affine transformations, mirrored at their borders.

    They are enlarged twice by the filter sym6, transformed by bilinear interpolation, and reduced by its adjoint, so
    that the identity gives the images back. The authors' code mirrors as far as the farthest image of a batch needs,
    and at most once; here mirroring has no end, and a row does not depend on its batch.

    Args:
        images: float32 (N, H, W, C).
        inverse: float32 (N, 3, 3), from (x, y, 1) of a pixel of the result, counted from the centre of the image, to
            the place in `images` that it shows.

    Returns:
        float32 (N, H, W, C).
    """
    height, width = images.shape[1:3]
    planes = tf.transpose(images, [0, 3, 1, 2])  # (N, C, H, W)
    planes = along_axes(_enlarging(height), planes, _enlarging(width))
    enlarged = tf.transpose(planes, [0, 2, 3, 1])  # (N, P, Q, C)
    planes = tf.transpose(bilinear(enlarged, *_places(inverse, height, width)), [0, 3, 1, 2])
    planes = along_axes(_reducing(height), planes, _reducing(width))
    return tf.transpose(planes, [0, 2, 3, 1])


def along_axes(rows, planes, columns):
    """`rows @ plane @ columns^T`: (N, C, H', W') from (H', H) or (N, H', H), (N, C, H, W), and (W', W) likewise."""
    planes = _along_last_axis(tf.transpose(planes, [0, 1, 3, 2]), rows)  # (N, C, W, H')
    return _along_last_axis(tf.transpose(planes, [0, 1, 3, 2]), columns)


def _along_last_axis(x, matrix):
    """(N, A, B, K) times the transpose of (M, K), or of a row's own (N, M, K).

    No product is broadcast: with oneDNN of TensorFlow 2.21, on a processor with AVX-512's half precision, that of
    (N, 1, B, K) and (K, M) writes past the end of its result.
    """
    shape = tf.shape(x)
    rows = [shape[0], shape[1] * shape[2], x.shape[3]] if matrix.shape.rank == 3 else [-1, x.shape[3]]
    y = tf.matmul(tf.reshape(x, rows), matrix, transpose_b=True)
    return tf.reshape(y, [shape[0], shape[1], x.shape[2], matrix.shape[-2]])


def bilinear(images, x, y):
    """Images at any places, by bilinear interpolation, continued periodically.

    Args:
        images: float32 (N, P, Q, C); the last row and column repeat the first.
        x, y: float32 (N, A, B), columns and rows of `images` from 0 on.

    Returns:
        float32 (N, A, B, C).
    """
    rows, columns, channels = images.shape[1:]
    left, top = tf.floor(x), tf.floor(y)
    right_share, bottom_share = (x - left)[..., None], (y - top)[..., None]  # (N, A, B, 1)
    corner = tf.cast(top, tf.int32) % (rows - 1) * columns + tf.cast(left, tf.int32) % (columns - 1)
    corner += (tf.range(tf.shape(images)[0]) * (rows * columns))[:, None, None]
    pixels = tf.reshape(images, [-1, channels])  # (N*P*Q, C)

    def row(first):
        first_pixel, second_pixel = tf.gather(pixels, first), tf.gather(pixels, first + 1)
        return first_pixel + right_share * (second_pixel - first_pixel)

    upper, lower = row(corner), row(corner + columns)
    return upper + bottom_share * (lower - upper)


def mirrored(places, size):
    """The pixels of an axis at integer places, mirrored at its border pixels: an array of 0 to size - 1."""
    period = max(2 * (size - 1), 1)
    places = np.mod(places, period)
    return np.minimum(places, period - places) if size > 1 else np.zeros_like(places)


def _filter():
    return np.asarray(SYM6) / np.sum(SYM6)


def _enlarging(size):
    """One period of an axis, mirrored and enlarged twice, and its first row again: float32 (4 (size - 1) + 1, size)."""
    rows = np.arange(max(4 * (size - 1), 1) + 1)[:, None]
    # y[n] = 2 sum_m x[m] f[n + 5 - 2 m]: of the 12 taps, those of n's parity.
    taps = np.arange(TAPS)
    pixels = rows + TAPS // 2 - 1 - taps  # 2 m
    matrix = np.zeros((len(rows), size))
    even = pixels % 2 == 0
    np.add.at(
        matrix,
        (np.broadcast_to(rows, pixels.shape)[even], mirrored(pixels[even] // 2, size)),
        np.broadcast_to(2.0 * _filter(), pixels.shape)[even],
    )
    return tf.constant(matrix, tf.float32)


def _reducing(size):
    """Every second sample of the filter's correlation, without the margin: float32 (size, 2 (size + 6))."""
    matrix = np.zeros((size, 2 * (size + 2 * MARGIN)))
    for row in range(size):
        matrix[row, 2 * row + 1 : 2 * row + 1 + TAPS] = _filter()
    return tf.constant(matrix, tf.float32)


def _places(inverse, height, width):
    """Columns and rows of the enlarged image that the samples before `_reducing` show: float32 (N, A, B) each."""

    def from_centre(size):  # in pixels of the result; half a pixel of the enlarged one off, as its filter is
        count = 2 * (size + 2 * MARGIN)
        return tf.constant((np.arange(count) - count / 2 + 1) / 2, tf.float32)

    x, y = from_centre(width)[None, None, :], from_centre(height)[None, :, None]

    def place(axis, size):
        of_x, of_y, shift = (inverse[:, axis, k, None, None] for k in range(3))
        return 2.0 * (of_x * x + of_y * y + shift) + (size - 1)

    return place(0, width), place(1, height)
