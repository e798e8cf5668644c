import gc
import weakref

from tfgan_kit.divergences import lipschitz_critic, variational
from tfgan_kit.generation.latent_search import project
from tfgan_kit.objectives import Minimax

import keras
import numpy as np
import pytest
import tensorflow as tf


def _of_variational(critic):
    variational._update(critic, Minimax(), 0.1)(tf.zeros((4, 2)), tf.ones((4, 2)))


def _of_lipschitz(critic):
    lipschitz_critic._update(critic, 0.1)(tf.zeros((256, 2)), tf.ones((256, 2)))


def _of_projection(critic):
    generator = keras.Sequential([critic, keras.layers.Reshape((1, 1, 1))])
    project(generator, np.zeros((1, 1, 1, 1), np.float32), np.zeros((1, 1, 2), np.float32), steps=1)


@pytest.mark.parametrize("train", [_of_variational, _of_lipschitz, _of_projection])
def test_a_training_leaves_no_graph_behind(train):
    graphs = []

    class Watched(keras.layers.Dense):
        def call(self, inputs):
            if isinstance(graph := tf.compat.v1.get_default_graph(), type(probe.graph)):
                graphs.append(weakref.ref(graph))
            return super().call(inputs)

    probe = tf.function(lambda: 0).get_concrete_function()
    train(keras.Sequential([keras.Input((2,)), Watched(1)]))
    gc.collect()
    assert graphs and [graph for graph in graphs if graph() is not None] == []
