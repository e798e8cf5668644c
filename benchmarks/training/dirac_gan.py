"""Dirac-GAN (1801.04406): a generator of one number, a linear discriminator of one, data at 0."""

import tfgan_kit as gk

import keras
import numpy as np
import tensorflow as tf

DATA = np.zeros((4, 1), np.float32)


@keras.saving.register_keras_serializable("tests")
class Point(keras.layers.Layer):
    """Every latent becomes theta."""

    def build(self, input_shape):
        self.theta = self.add_weight(shape=(1,), name="theta")

    def call(self, latents):
        return tf.zeros_like(latents) + self.theta


def dirac_gan(update, psi=0.6, theta=0.8, rate=0.1, **arguments):
    """With `objective="wasserstein"`, L_D = psi theta = -L_G: the bilinear game min max psi theta."""
    generator = keras.Sequential([keras.Input((1,)), Point()])
    discriminator = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    gan = gk.GAN(generator, discriminator, ema_decay=0.0)
    optimizers = {
        "generator_optimizer": keras.optimizers.SGD(rate),
        "discriminator_optimizer": keras.optimizers.SGD(rate),
    }
    gan.compile(**{**optimizers, "objective": "wasserstein", "update": update, **arguments})
    generator.set_weights([np.array([theta])])
    discriminator.set_weights([np.array([[psi]])])
    return gan


def trajectory(gan, steps):
    """(psi, theta) before each of `steps` steps and after the last: float64 (steps + 1, 2)."""
    points = [point(gan)]
    for _ in range(steps):
        gan.train_on_batch(DATA)
        points.append(point(gan))
    return np.array(points)


def point(gan):
    return [float(network.get_weights()[0].item()) for network in (gan.discriminator, gan.generator)]
