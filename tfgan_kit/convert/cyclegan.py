"""CycleGAN (arXiv:1703.10593): the parameters of the authors' PyTorch networks, `latest_net_G_A.pth` and so on.

They are pix2pix's, by other defaults.
"""

from tfgan_kit.convert import pix2pix

unused = pix2pix.unused


def generator(
    state, input_nc=3, output_nc=3, ngf=64, netG="resnet_9blocks", norm="instance", use_dropout=False, image_size=None
):  # fmt: skip
    """The Keras network of the authors' `define_G`: see `pix2pix.generator`."""
    return pix2pix.generator(state, input_nc, output_nc, ngf, netG, norm, use_dropout, image_size)


def discriminator(state, input_nc=3, ndf=64, netD="basic", n_layers_D=3, norm="instance", image_size=None):
    """The Keras network of the authors' `define_D`: see `pix2pix.discriminator`."""
    return pix2pix.discriminator(state, input_nc, ndf, netD, n_layers_D, norm, image_size)
