"""DCGAN (arXiv:1511.06434): the parameters of PyTorch's tutorial, `main.0.weight` and so on.

Its first transposed convolution, of one pixel, is a dense layer here, and so is the last convolution of its
discriminator, whose logits are those before its sigmoid. It has no biases: ours start at 0, and are trained.
"""

from tfgan_kit.convert.layouts import CONVOLUTION, TRANSPOSED, FirstTransposed, LastConvolution
from tfgan_kit.layers import BatchNormalization, Conv2D, Conv2DTranspose
from tfgan_kit.networks.dcgan import DCGANDiscriminator, DCGANGenerator, stages

import keras


def unused(name):
    """Whether it is a counter of batches."""
    return name.endswith(".num_batches_tracked")


def generator(state, nz=100, ngf=64, nc=3, image_size=64, ngpu=1):
    """The Keras network of the tutorial's `Generator`; `ngpu` changes nothing."""
    base, _ = stages(image_size)
    network = DCGANGenerator(image_size, nc, nz, ngf)
    dense, *transposed = _of_type(network, keras.layers.Dense, Conv2DTranspose)
    state.fill(dense.kernel, "main.0.weight", FirstTransposed((base, base)))
    for place, layer in enumerate(transposed, 1):
        state.fill(layer.kernel, f"main.{3 * place}.weight", TRANSPOSED)
    for place, layer in enumerate(_of_type(network, BatchNormalization)):
        _fill_normalization(state, layer, f"main.{3 * place + 1}")
    return network


def discriminator(state, ndf=64, nc=3, image_size=64, ngpu=1):
    """The Keras network of the tutorial's `Discriminator`, without its sigmoid; `ngpu` changes nothing."""
    base, count = stages(image_size)
    network = DCGANDiscriminator(image_size, nc, ndf)
    first, *others = _of_type(network, Conv2D)
    state.fill(first.kernel, "main.0.weight", CONVOLUTION)
    for place, layer in enumerate(others):
        state.fill(layer.kernel, f"main.{3 * place + 2}.weight", CONVOLUTION)
    for place, layer in enumerate(_of_type(network, BatchNormalization)):
        _fill_normalization(state, layer, f"main.{3 * place + 3}")
    (dense,) = _of_type(network, keras.layers.Dense)
    state.fill(dense.kernel, f"main.{3 * count - 1}.weight", LastConvolution((base, base)))
    return network


def _of_type(network, *types):
    return [layer for layer in network.layers if isinstance(layer, types)]


def _fill_normalization(state, layer, name):
    state.fill(layer.gamma, f"{name}.weight")
    state.fill(layer.beta, f"{name}.bias")
    state.fill(layer.moving_mean, f"{name}.running_mean")
    state.fill(layer.moving_variance, f"{name}.running_var")
