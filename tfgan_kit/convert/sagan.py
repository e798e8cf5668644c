"""SAGAN (arXiv:1805.08318): the parameters of torch-mimicry's `SAGANGenerator32`, `SAGANDiscriminator128` and so on.

torch-mimicry has a class a resolution; here it is an argument. `loss_type` is the objective's, and changes no network.
"""

from tfgan_kit.convert import mimicry
from tfgan_kit.convert.mimicry import unused as unused
from tfgan_kit.convert.sngan import DISCRIMINATOR_SHIFTS, GENERATOR_SHIFTS
from tfgan_kit.networks.sagan import SAGANDiscriminator, SAGANGenerator
from tfgan_kit.networks.sngan import DOWNSAMPLINGS

_SIZES = (32, 128)


def generator(state, num_classes, resolution=32, nz=128, ngf=None, bottom_width=4, loss_type="hinge"):
    """The Keras network of an official generator; `ngf` is by default the class's."""
    ngf = (256 if resolution == 32 else 1024) if ngf is None else ngf
    widths = mimicry.widths("SAGAN", resolution, _of_sizes(GENERATOR_SHIFTS), ngf)
    network = SAGANGenerator(
        bottom_width * 2 ** (len(widths) - 1),
        latent_dim=nz,
        widths=widths,
        num_classes=num_classes,
        attention=bottom_width * (4 if resolution == 32 else 8),  # after the second block, or the third
        variant="mimicry",
    )
    mimicry.fill_generator(state, network, bottom_width)
    mimicry.fill_attention(state, network)
    return network


def discriminator(state, num_classes, resolution=32, ndf=128, loss_type="hinge"):
    """The Keras network of an official discriminator."""
    widths = mimicry.widths("SAGAN", resolution, _of_sizes(DISCRIMINATOR_SHIFTS), ndf)
    network = SAGANDiscriminator(
        resolution,
        widths=widths,
        num_downsamplings=DOWNSAMPLINGS[resolution],
        num_classes=num_classes,
        attention=resolution // 4,  # after the second block
        variant="mimicry",
    )
    mimicry.fill_discriminator(state, network, f"l{len(widths) + 1}")
    mimicry.fill_attention(state, network)
    return network


def _of_sizes(shifts):
    return {size: shifts[size] for size in _SIZES}
