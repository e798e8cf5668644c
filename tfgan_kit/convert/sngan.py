"""SNGAN (arXiv:1802.05957): the parameters of torch-mimicry's `SNGANGenerator32`, `CGANPDGenerator32` and the others.

torch-mimicry has a class a resolution; here it is an argument. Without classes (`num_classes=0`) they are those of
`nets.sngan`, with classes those of `nets.cgan_pd`. `loss_type` is the objective's, and changes no network.
"""

from tfgan_kit.convert import mimicry
from tfgan_kit.convert.mimicry import unused as unused
from tfgan_kit.networks.sngan import DOWNSAMPLINGS, SNGANDiscriminator, SNGANGenerator

GENERATOR_SHIFTS = {32: (0, 0, 0, 0), 48: (0, 1, 2, 3), 64: (0, 1, 2, 3, 4), 128: (0, 0, 1, 2, 3, 4)}
DISCRIMINATOR_SHIFTS = {32: (0, 0, 0, 0), 48: (4, 3, 2, 1, 0), 64: (4, 3, 2, 1, 0), 128: (4, 3, 2, 1, 0, 0)}
_CONDITIONAL = (32, 128)  # of `nets.cgan_pd`


def generator(state, resolution=32, num_classes=0, nz=128, ngf=None, bottom_width=None, loss_type="hinge"):
    """The Keras network of an official generator; `ngf` and `bottom_width` are by default the class's."""
    ngf = {32: 256, 48: 512}.get(resolution, 1024) if ngf is None else ngf
    widths = mimicry.widths("SNGAN", resolution, _known(GENERATOR_SHIFTS, num_classes), ngf)
    bottom_width = (6 if resolution == 48 else 4) if bottom_width is None else bottom_width
    network = SNGANGenerator(
        bottom_width * 2 ** (len(widths) - 1),
        latent_dim=nz,
        widths=widths,
        num_classes=num_classes or None,
        variant="mimicry",
    )
    mimicry.fill_generator(state, network, bottom_width)
    return network


def discriminator(state, resolution=32, num_classes=0, ndf=None, loss_type="hinge"):
    """The Keras network of an official discriminator; `ndf` is by default the class's."""
    if ndf is None:
        ndf = 128 if resolution == 32 or num_classes else 1024
    widths = mimicry.widths("SNGAN", resolution, _known(DISCRIMINATOR_SHIFTS, num_classes), ndf)
    network = SNGANDiscriminator(
        resolution,
        widths=widths,
        num_downsamplings=DOWNSAMPLINGS[resolution],
        num_classes=num_classes or None,
        variant="mimicry_cgan_pd_32" if num_classes and resolution == 32 else "mimicry",
    )
    # That of 48 pixels is not called by the number of blocks.
    mimicry.fill_discriminator(state, network, "l5" if resolution == 48 else f"l{len(widths) + 1}")
    return network


def _known(shifts, num_classes):
    return {size: shifts[size] for size in _CONDITIONAL} if num_classes else shifts
