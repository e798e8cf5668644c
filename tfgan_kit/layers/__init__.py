"""Layers that Keras lacks, or implements in a way that does not suit GANs."""

from tfgan_kit.layers.batch_normalization import BatchNormalization
from tfgan_kit.layers.conditional_batch_normalization import ConditionalBatchNormalization
from tfgan_kit.layers.convolution import Conv2D, Conv2DTranspose
from tfgan_kit.layers.fourier_features import FourierFeatures
from tfgan_kit.layers.spectral_normalization import SpectralNormalization

__all__ = [
    "BatchNormalization",
    "ConditionalBatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "FourierFeatures",
    "SpectralNormalization",
]
