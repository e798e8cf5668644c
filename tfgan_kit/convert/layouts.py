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
