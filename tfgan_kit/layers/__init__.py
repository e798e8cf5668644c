"""Layers that Keras does not have, or has otherwise than GANs need them."""

from tfgan_kit.layers.conditional_batch_normalization import ConditionalBatchNormalization

__all__ = ["ConditionalBatchNormalization"]
