"""How PyTorch lays parameters out, and how Keras does."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Layout:
    """A permutation of axes, after an axis that PyTorch flattened in the order (C, H, W) is put into (H, W, C).

    Attributes:
        axes: tuple, the official axes in Keras's order; None: as they are.
        flattened: None, or which official axis holds C * H * W numbers.
        pixels: (H, W) of that axis.
    """

    axes: tuple | None = None
    flattened: int | None = None
    pixels: tuple = (1, 1)

    def to_keras(self, array):
        """A PyTorch array as Keras has it."""
        if self.flattened is not None:
            before, after = array.shape[: self.flattened], array.shape[self.flattened + 1 :]
            split = array.reshape(*before, -1, *self.pixels, *after)  # C, H, W
            array = np.moveaxis(split, self.flattened, self.flattened + 2).reshape(array.shape)
        return array if self.axes is None else array.transpose(self.axes)

    def official_shape(self, shape):
        """The shape in PyTorch of a variable that has `shape` in Keras."""
        if self.axes is None or len(self.axes) != len(shape):
            return shape
        return tuple(shape[self.axes.index(k)] for k in range(len(shape)))


AS_IS = Layout()
CONVOLUTION = Layout((2, 3, 1, 0))  # (O, I, H, W) -> (H, W, I, O), grouped ones likewise
TRANSPOSED = Layout((2, 3, 1, 0))  # (I, O, H, W) -> (H, W, O, I)
DEPTHWISE = Layout((2, 3, 0, 1))  # (C, 1, H, W) -> (H, W, C, 1)
DENSE = Layout((1, 0))  # (O, I) -> (I, O)


def dense_to_pixels(height, width):
    """Of a matrix whose outputs are reshaped to (C, H, W) in PyTorch, to (H, W, C) in Keras."""
    return Layout((1, 0), flattened=0, pixels=(height, width))


def pixels_to_dense(height, width):
    """Of a matrix whose inputs were flattened from (C, H, W) in PyTorch, from (H, W, C) in Keras."""
    return Layout((1, 0), flattened=1, pixels=(height, width))


def vector_of_pixels(height, width):
    """Of a bias, or of the u of a spectral norm, of such outputs, along its last axis; `row_of_pixels` is (1, CHW)."""
    return Layout(None, flattened=0, pixels=(height, width))


def row_of_pixels(height, width):
    """As `vector_of_pixels`, of a row (1, C * H * W)."""
    return Layout(None, flattened=1, pixels=(height, width))


@dataclasses.dataclass(frozen=True)
class Row:
    """A vector as a matrix of one row, as u and v of `SpectralNormalization` are.

    Attributes:
        pixels: (H, W), if it holds C * H * W numbers in the order (C, H, W), which becomes (H, W, C).
    """

    pixels: tuple = (1, 1)

    def to_keras(self, array):
        """A vector (n,) as (1, n)."""
        return row_of_pixels(*self.pixels).to_keras(array[None])

    def official_shape(self, shape):
        """(n,) of (1, n)."""
        return shape[1:]


@dataclasses.dataclass(frozen=True)
class Columns:
    """One of several matrices that PyTorch keeps side by side.

    Attributes:
        number, count: which of how many, from 0.
    """

    number: int
    count: int

    def to_keras(self, array):
        """The columns of that matrix."""
        return np.split(array, self.count, axis=1)[self.number]

    def official_shape(self, shape):
        """The shape of all together."""
        return (shape[0], self.count * shape[1])


@dataclasses.dataclass(frozen=True)
class FirstTransposed:
    """A transposed convolution of one pixel to (H, W) of them: the matrix of a dense layer, then reshaped.

    Attributes:
        pixels: (H, W).
    """

    pixels: tuple

    def to_keras(self, array):
        """(I, O, H, W) as (I, H * W * O)."""
        return array.transpose(0, 2, 3, 1).reshape(array.shape[0], -1)

    def official_shape(self, shape):
        """(I, O, H, W) of (I, H * W * O)."""
        height, width = self.pixels
        return (shape[0], shape[1] // (height * width), height, width)


@dataclasses.dataclass(frozen=True)
class LastConvolution:
    """A convolution of all (H, W) pixels to one: the matrix of a dense layer of flattened maps.

    Attributes:
        pixels: (H, W).
    """

    pixels: tuple

    def to_keras(self, array):
        """(O, I, H, W) as (H * W * I, O)."""
        return array.transpose(2, 3, 1, 0).reshape(-1, array.shape[0])

    def official_shape(self, shape):
        """(O, I, H, W) of (H * W * I, O)."""
        height, width = self.pixels
        return (shape[1], shape[0] // (height * width), height, width)
