"""R3GAN (arXiv:2501.05441): the parameters of brownvc/R3GAN's `training.networks.Generator` and `Discriminator`.

`FP16Stages` are computed in float32. `ResamplingFilter` is convolved with [1, 1], as in the authors' resamplers, whose
`Kernel` is then known.
"""

import re

from tfgan_kit.convert.layouts import AS_IS, CONVOLUTION, DENSE, DEPTHWISE, Layout
from tfgan_kit.networks.r3gan import R3GANDiscriminator, R3GANGenerator

import numpy as np

_BASIS = Layout((1, 2, 0))  # (C, h, w) -> (h, w, C)
_KERNEL = re.compile(r"Model\.MainLayers\.\d+\.Layers\.\d+\.Resampler\.Kernel")


def unused(name):
    """Whether it is a resampler's filter, which the arguments say."""
    return _KERNEL.fullmatch(name) is not None


def generator(
    state, NoiseDimension, WidthPerStage, CardinalityPerStage, BlocksPerStage, ExpansionFactor=2,
    ConditionEmbeddingDimension=0, KernelSize=3, ResamplingFilter=(1, 2, 1), c_dim=0, img_resolution=None,
    FP16Stages=(),
):  # fmt: skip
    """The Keras network of an official `Generator`; `c_dim` is the number of classes."""
    stages = _stages(WidthPerStage, CardinalityPerStage, BlocksPerStage, ExpansionFactor, KernelSize)
    network = R3GANGenerator(
        _image_size(img_resolution, len(stages)),
        latent_dim=NoiseDimension,
        stages=stages,
        resampling_filter=_filter(ResamplingFilter),
        **_classes(c_dim, ConditionEmbeddingDimension),
    )
    basis = network.get_layer("basis")
    state.fill(basis.basis, "Model.MainLayers.0.Layers.0.Basis", _BASIS)
    state.fill(basis.kernel, "Model.MainLayers.0.Layers.0.LinearLayer.weight", DENSE)
    for number in range(len(network.stages)):
        stage = f"Model.MainLayers.{number}"
        _fill_width(state, network, number, f"{stage}.Layers.0")
        _fill_blocks(state, network, number, stage, first=1)  # after the transition, which comes first
    state.fill(network.get_layer("to_image").kernel, "Model.AggregationLayer.Layer.weight", CONVOLUTION)
    _fill_embedding(state, network)
    return network


def discriminator(
    state, WidthPerStage, CardinalityPerStage, BlocksPerStage, ExpansionFactor=2, ConditionEmbeddingDimension=0,
    KernelSize=3, ResamplingFilter=(1, 2, 1), c_dim=0, img_resolution=None, FP16Stages=(),
):  # fmt: skip
    """The Keras network of an official `Discriminator`."""
    stages = _stages(WidthPerStage, CardinalityPerStage, BlocksPerStage, ExpansionFactor, KernelSize)
    network = R3GANDiscriminator(
        _image_size(img_resolution, len(stages)),
        stages=stages,
        resampling_filter=_filter(ResamplingFilter),
        **_classes(c_dim, ConditionEmbeddingDimension),
    )
    state.fill(network.get_layer("from_image").kernel, "Model.ExtractionLayer.Layer.weight", CONVOLUTION)
    for number, (_, _, blocks, *_) in enumerate(network.stages):
        stage = f"Model.MainLayers.{number}"
        _fill_blocks(state, network, number, stage, first=0)
        # Its transition, which comes last, leads to the next stage.
        _fill_width(state, network, number + 1, f"{stage}.Layers.{blocks}")
    last = f"{stage}.Layers.{blocks}"
    state.fill(network.get_layer("basis").kernel, f"{last}.Basis.weight", DEPTHWISE)
    state.fill(network.get_layer("features").kernel, f"{last}.LinearLayer.weight", DENSE)
    _fill_embedding(state, network)
    return network


def _stages(widths, cardinalities, blocks, expansion, kernel_size):
    given = {"WidthPerStage": widths, "CardinalityPerStage": cardinalities, "BlocksPerStage": blocks}
    lengths = {len(each) if isinstance(each, list | tuple) else None for each in given.values()}
    if None in lengths or len(lengths) != 1:
        raise ValueError(
            "WidthPerStage, CardinalityPerStage and BlocksPerStage are lists with one number a stage. Received: "
            + ", ".join(f"{name}={each}" for name, each in given.items())
        )
    return [
        (width, cardinality, count, expansion, kernel_size)
        for width, cardinality, count in zip(widths, cardinalities, blocks, strict=True)
    ]


def _image_size(img_resolution, num_stages):
    """The side of the images: the official networks start at 4x4, whatever `img_resolution` says."""
    side = 4 * 2 ** (num_stages - 1)
    if img_resolution not in (None, side):
        raise ValueError(
            f"An official R3GAN of {num_stages} stages has images of 4 * 2 ** {num_stages - 1} = {side} pixels. "
            f"Received: img_resolution={img_resolution}"
        )
    return side


def _classes(c_dim, embedding_dim):
    if c_dim and embedding_dim < 1:
        raise ValueError(
            "The official networks with classes have a ConditionEmbeddingDimension of at least 1. "
            f"Received: c_dim={c_dim}, ConditionEmbeddingDimension={embedding_dim}"
        )
    return {"num_classes": c_dim, "embedding_dim": embedding_dim} if c_dim else {}


def _filter(weights):
    return np.convolve(weights, (1, 1)).tolist()


def _fill_width(state, network, number, transition):
    name = f"stage{number}_width"
    if any(layer.name == name for layer in network.layers):
        state.fill(network.get_layer(name).kernel, f"{transition}.LinearLayer.Layer.weight", CONVOLUTION)


def _fill_blocks(state, network, number, stage, first):
    for k in range(network.stages[number][2]):
        block, name = network.get_layer(f"stage{number}_block{k}"), f"{stage}.Layers.{first + k}"
        for place, convolution in enumerate((block.conv1, block.conv2, block.conv3), start=1):
            state.fill(convolution.kernel, f"{name}.LinearLayer{place}.Layer.weight", CONVOLUTION)
            if convolution.use_bias:
                state.fill(convolution.bias, f"{name}.NonLinearity{place}.Bias", AS_IS)


def _fill_embedding(state, network):
    if network.num_classes is not None:
        state.fill(network.get_layer("embedding").embeddings, "Model.EmbeddingLayer.weight", DENSE)
