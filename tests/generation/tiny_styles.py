"""A generator with styles of which everything is known: w is linear in the latents, the image in w."""

import types

import keras
import numpy as np
import tensorflow as tf


class TinyMapping(keras.layers.Layer):
    """w = z M, the same row of w for all layers."""

    def __init__(self, matrix, num_ws):
        super().__init__()
        self.num_ws = num_ws
        self.matrix = self.add_weight(name="matrix", shape=matrix.shape, initializer="zeros")
        self.matrix.assign(matrix)
        self.w_avg = self.add_weight(name="w_avg", shape=matrix.shape[1:], initializer="zeros", trainable=False)

    def call(self, z, labels=None, truncation_psi=1.0):
        psi = tf.reshape(tf.cast(truncation_psi, tf.float32), [-1, 1])
        w = self.w_avg + psi * (z @ tf.convert_to_tensor(self.matrix) - self.w_avg)
        return tf.repeat(w[:, None], self.num_ws, axis=1)


class TinySynthesis(keras.layers.Layer):
    """Row k of w adds `ws[:, k] kernels[k]` to the pixels; noise is added times its strength."""

    def __init__(self, kernels, side, noise_strength):
        super().__init__()
        self.side = side
        self.kernels = [
            self.add_weight(name=f"kernel{k}", shape=kernel.shape, initializer="zeros")
            for k, kernel in enumerate(kernels)
        ]
        for variable, kernel in zip(self.kernels, kernels, strict=True):
            variable.assign(kernel)
        self.noise_strength = self.add_weight(name="strength", shape=(), initializer="zeros")
        self.noise_strength.assign(noise_strength)
        self.noise_const = self.add_weight(name="noise", shape=(side, side), initializer="zeros", trainable=False)
        self.noise_const.assign(np.random.default_rng(5).standard_normal((side, side)))

    def call(self, ws, noise_mode="const", noise_seeds=None):
        pixels = tf.add_n([ws[:, k] @ tf.convert_to_tensor(kernel) for k, kernel in enumerate(self.kernels)])
        images = tf.reshape(pixels, [-1, self.side, self.side, 1])
        return images + tf.convert_to_tensor(self.noise_strength) * tf.convert_to_tensor(self.noise_const)[..., None]

    @property
    def style_layers(self):
        layers = [types.SimpleNamespace(affine=types.SimpleNamespace(kernel=kernel)) for kernel in self.kernels]
        layers[0].noise = self.noise_const
        return layers


class TinyStyles(keras.Model):
    """The face of a StyleGAN.

    Args:
        matrix: float (Z, w_dim), of the mapping.
        kernels: num_ws floats (w_dim, side * side).
        side: int, of the images.
        noise_strength: float.
    """

    ends_without_bounds = True
    noise_mode, num_classes = "const", None

    def __init__(self, matrix, kernels, side, noise_strength=0.0):
        super().__init__()
        matrix = np.asarray(matrix, np.float32)
        self.latent_dim, self.w_dim, self.num_ws = *matrix.shape, len(kernels)
        self.mapping = TinyMapping(matrix, self.num_ws)
        self.synthesis = TinySynthesis([np.asarray(kernel, np.float32) for kernel in kernels], side, noise_strength)

    def call(self, z, training=False):
        return self.synthesis(self.mapping(z))

    def noise_seeds_of(self, z):
        return tf.zeros([tf.shape(z)[0]], tf.int64)
