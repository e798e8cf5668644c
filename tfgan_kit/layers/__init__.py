"""Layers that Keras lacks, or implements in a way that does not suit GANs."""

from tfgan_kit.layers.batch_normalization import BatchNormalization
from tfgan_kit.layers.conditional_batch_normalization import ConditionalBatchNormalization
from tfgan_kit.layers.convolution import Conv2D, Conv2DTranspose
from tfgan_kit.layers.equalized import EqualizedConv2D, EqualizedDense
from tfgan_kit.layers.fourier_features import FourierFeatures
from tfgan_kit.layers.instance_normalization import InstanceNormalization
from tfgan_kit.layers.minibatch_deviation import MinibatchDeviation
from tfgan_kit.layers.r3gan import R3GANBasis, R3GANBlock
from tfgan_kit.layers.resampling import FIRDownSampling2D, FIRUpSampling2D
from tfgan_kit.layers.self_attention import SelfAttention
from tfgan_kit.layers.spectral_normalization import SpectralNormalization
from tfgan_kit.layers.style_convolution import StyleConv2D, StyleToImages
from tfgan_kit.layers.stylegan3 import AliasFreeConv2D, FourierInput
from tfgan_kit.layers.vector_batch_normalization import (
    OffsetConditionalBatchNormalization,
    VectorConditionalBatchNormalization,
)

__all__ = [
    "AliasFreeConv2D",
    "BatchNormalization",
    "ConditionalBatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "EqualizedConv2D",
    "EqualizedDense",
    "FIRDownSampling2D",
    "FIRUpSampling2D",
    "FourierFeatures",
    "FourierInput",
    "InstanceNormalization",
    "MinibatchDeviation",
    "OffsetConditionalBatchNormalization",
    "R3GANBasis",
    "R3GANBlock",
    "SelfAttention",
    "SpectralNormalization",
    "StyleConv2D",
    "StyleToImages",
    "VectorConditionalBatchNormalization",
]
