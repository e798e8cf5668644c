"""Generators and discriminators, one family a file."""

from tfgan_kit.networks.acgan import ACGANDiscriminator
from tfgan_kit.networks.biggan import BigGANDiscriminator, BigGANGenerator, FlatBigGANGenerator
from tfgan_kit.networks.biggan_deep import BigGANDeepDiscriminator, BigGANDeepGenerator
from tfgan_kit.networks.biggan_deep_hub import BigGANDeepHubGenerator
from tfgan_kit.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from tfgan_kit.networks.image_to_image import PatchGANDiscriminator, ResNetGenerator, UNetGenerator
from tfgan_kit.networks.infogan import InfoGANDiscriminator, InfoGANGenerator
from tfgan_kit.networks.mlp import MLPDiscriminator, MLPGenerator
from tfgan_kit.networks.packed import PackedDiscriminator
from tfgan_kit.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from tfgan_kit.networks.sagan import SAGANDiscriminator, SAGANGenerator
from tfgan_kit.networks.sngan import SNGANDiscriminator, SNGANGenerator
from tfgan_kit.networks.spatial import PatchDiscriminator, SpatialGenerator
from tfgan_kit.networks.stylegan2 import StyleGAN2Discriminator, StyleGAN2Generator
from tfgan_kit.networks.stylegan3 import StyleGAN3Generator

__all__ = [
    "ACGANDiscriminator",
    "BigGANDeepDiscriminator",
    "BigGANDeepGenerator",
    "BigGANDeepHubGenerator",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "FlatBigGANGenerator",
    "InfoGANDiscriminator",
    "InfoGANGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "PackedDiscriminator",
    "PatchDiscriminator",
    "PatchGANDiscriminator",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "ResNetGenerator",
    "SAGANDiscriminator",
    "SAGANGenerator",
    "SNGANDiscriminator",
    "SNGANGenerator",
    "SpatialGenerator",
    "StyleGAN2Discriminator",
    "StyleGAN2Generator",
    "StyleGAN3Generator",
    "UNetGenerator",
]
