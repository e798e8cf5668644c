"""R3GAN is exported as plain operations, and answers on a server as in memory."""

import tfgan_kit as gk

import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.registry import CLASSES

STAGES = [[8, 4, 1], [4, 2, 1]]


def gan_with_every_weight():
    generator = gk.networks.R3GANGenerator(8, 1, 5, STAGES, CLASSES)
    discriminator = gk.networks.R3GANDiscriminator(8, 1, STAGES[::-1], CLASSES)
    random = np.random.default_rng(0)
    for weight in generator.weights:
        weight.assign(random.normal(0, 0.3, weight.shape))  # a block starts as the identity
    return gk.GAN(generator, discriminator)


@pytest.mark.thorough
def test_an_exported_generator_answers_as_in_memory_by_operations_of_any_cpu(tmp_path):
    gan = gan_with_every_weight()
    version = gk.export_generator(gan, tmp_path / "model")
    loaded = tf.saved_model.load(str(version))
    seeds = tf.constant(gk.image_seeds(3, 5))
    served = loaded.signatures["serving_default"](seed=seeds)["images"]
    expected = gan.generate(seeds=seeds.numpy())
    assert np.abs(served.numpy().astype(int) - expected.astype(int)).max() <= 1
    graph = loaded.signatures["serving_default"].graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert {node.op for node in nodes} >= {"DepthwiseConv2dNativeBackpropInput", "Conv2D"}
    assert not any("_XlaMustCompile" in node.attr and node.attr["_XlaMustCompile"].b for node in nodes)
