"""Convolutions with FIR resampling by 2 before or after them (arXiv:1912.04958), with gradients of every order."""

from tfgan_kit import processor
from tfgan_kit.layers import resampling
from tfgan_kit.layers.resampling import BINOMIAL

import tensorflow as tf

_BANDS = 4
_LEAST_IN_BANDS = 64  # rows of maps


def convolve(x, kernel):
    """A correlation with zeros beyond the border: (N, H, W, C) and (k, k, C, F), k odd, to (N, H, W, F)."""
    alone = x.shape[0] == 1 and kernel.shape[0] > 1 and processor.onednn_is_on()
    if alone and (x.shape[1] or 0) >= _LEAST_IN_BANDS and x.shape[1] % _BANDS == 0:
        return _in_bands(x, kernel)
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def _in_bands(x, kernel):
    """As a batch of bands of rows: oneDNN takes up to three times as long for the large maps of a single row (AVX2)."""
    rows, border = x.shape[1] // _BANDS, kernel.shape[0] // 2
    padded = tf.pad(x, [[0, 0], [border, border], [0, 0], [0, 0]])
    bands = [padded[:, k * rows : (k + 1) * rows + 2 * border] for k in range(_BANDS)]
    padding = [[0, 0], [0, 0], [border, border], [0, 0]]
    bands = tf.nn.conv2d(tf.concat(bands, axis=0), kernel, 1, padding)  # (4, H / 4, W, F)
    return tf.concat(tf.split(bands, _BANDS), axis=1)


def convolve_down(x, kernel, filter=BINOMIAL):
    """A low-pass filter, then a correlation of which every second result is kept: half of the height and width.

    Args:
        x: (N, H, W, C).
        kernel: (k, k, C, F), k odd.
        filter: sequence of at least 2 numbers along one axis, divided by their sum.

    Returns:
        (N, H // 2, W // 2, F); an odd number of taps rounds H / 2 up.

    Example:
        >>> convolve_down(tf.ones((1, 8, 8, 2)), tf.ones((3, 3, 2, 5))).shape
        TensorShape([1, 4, 4, 5])
    """
    if kernel.shape[0] == 1:  # nothing is computed that is not kept
        return tf.nn.conv2d(resampling.downsample(x, filter), kernel, 1, "VALID")
    taps, border = len(filter), kernel.shape[0] // 2
    x = resampling.convolve(x, filter, (border + (taps - 1) // 2, border + (taps - 2) // 2))
    return tf.nn.conv2d(x, kernel, 2, "VALID")


def convolve_up(x, kernel, filter=BINOMIAL):
    """A convolution of rows and columns with zeros between them, then a low-pass filter: twice the height and width.

    The convolution is that of mathematics: the kernel is turned by 180 degrees against a correlation's.

    Args:
        x: (N, H, W, C).
        kernel: (k, k, F, C), k 1 or 3.
        filter: as in `convolve_down`.

    Returns:
        (N, 2H, 2W, F).

    Example:
        >>> convolve_up(tf.ones((1, 4, 4, 2)), tf.ones((3, 3, 5, 2))).shape
        TensorShape([1, 8, 8, 5])
    """
    if kernel.shape[0] == 1:
        return resampling.upsample(tf.nn.conv2d(x, tf.transpose(kernel, (0, 1, 3, 2)), 1, "VALID"), filter)
    shape, taps = tf.shape(x), len(filter)
    height, width = (None if side is None else 2 * side + 1 for side in x.shape[1:3])
    size = tf.stack([shape[0], height or 2 * shape[1] + 1, width or 2 * shape[2] + 1, kernel.shape[2]])
    spread = tf.nn.conv2d_transpose(x, kernel, size, 2, "VALID")  # (N, 2H + 1, 2W + 1, F)
    return resampling.convolve(spread, filter, ((taps + 1) // 2 - 1, (taps - 2) // 2), gain=4.0)
