"""Generators and discriminators, one family a file."""

from tfgan_kit.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from tfgan_kit.networks.mlp import MLPDiscriminator, MLPGenerator
from tfgan_kit.networks.packed import PackedDiscriminator
from tfgan_kit.networks.spatial import PatchDiscriminator, SpatialGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "PackedDiscriminator",
    "PatchDiscriminator",
    "SpatialGenerator",
]
