"""Sines and cosines of the inputs, with which an MLP can represent fine structure."""

from tfgan_kit.ranges import check_sizes

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("tfgan_kit")
class FourierFeatures(layers.Layer):
    """`x -> [x, sin(x F), cos(x F)]` with fixed F: random directions, log-uniform frequencies.

    Args:
        num_frequencies: int >= 1, columns of F.
        lowest, highest: float, log2 of the range of frequencies, in radians per unit of x; 2^-1 to
            2^6 (the default) are wavelengths of 12.6 to 0.1 units.
        seed: int; draws F.

    Call arguments:
        inputs: float32 (N, D); not cast to a half-precision compute dtype, too coarse for a sine.

    Returns:
        (N, D + 2 * num_frequencies) in the compute dtype.

    Raises:
        ValueError: `num_frequencies` below 1, or `lowest` above `highest`.

    Example:
        >>> FourierFeatures(8)(keras.ops.zeros((4, 2))).shape
        TensorShape([4, 18])

    Reference: Tancik et al., arXiv:2006.10739, section 6. Deviation: their frequencies are Gaussian with
    a scale tuned to the data; these cover seven octaves.
    """

    rows_are_independent = True

    def __init__(self, num_frequencies=64, lowest=-1.0, highest=6.0, seed=0, **kwargs):
        check_sizes(num_frequencies=num_frequencies)
        if lowest > highest:
            raise ValueError(f"`lowest` must not be above `highest`. Received: lowest={lowest}, highest={highest}")
        super().__init__(autocast=False, **kwargs)
        self.num_frequencies = num_frequencies
        self.lowest = lowest
        self.highest = highest
        self.seed = seed

    def build(self, input_shape):
        random = np.random.RandomState(self.seed)  # legacy, so its stream never changes
        directions = random.normal(size=(input_shape[-1], self.num_frequencies))
        directions /= np.linalg.norm(directions, axis=0)
        lengths = 2.0 ** random.uniform(self.lowest, self.highest, self.num_frequencies)
        self.frequencies = (directions * lengths).astype(np.float32)  # (D, F)

    def call(self, inputs):
        waves = ops.matmul(inputs, self.frequencies)
        features = ops.concatenate([inputs, ops.sin(waves), ops.cos(waves)], axis=-1)
        return ops.cast(features, self.compute_dtype)

    def get_config(self):
        return {
            "num_frequencies": self.num_frequencies,
            "lowest": self.lowest,
            "highest": self.highest,
            "seed": self.seed,
            **super().get_config(),
        }
