"""Latents by gradient: of given images, and refined by the discriminator."""

import math
from typing import NamedTuple

from tfgan_kit.generation.judgement import Judgement, takes_labels
from tfgan_kit.generation.sample import pack
from tfgan_kit.internals.keras import leave_the_sum_to_us

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

IMAGES_AT_ONCE = 16


class Projection(NamedTuple):
    """The result of `project`.

    latents: float32 (N, Z).
    images: uint8 (N, H, W, C), generated from the latents.
    psnr: float64 (N,), peak signal to noise ratio against the given images, in dB.
    """

    latents: np.ndarray
    images: np.ndarray
    psnr: np.ndarray


def project(generator, images, starts, labels=None, steps=500, learning_rate=0.1):
    """Latents whose images are closest to the given ones, by gradient descent on the squared error.

        z* = argmin_z |G(z) - x|^2        (Adam, step size falling to 0 along a cosine)

    Args:
        generator: Keras model, latents (and labels) -> images (N, H, W, C) in [-1, 1].
        images: float32 (N, H, W, C) in [-1, 1].
        starts: float32 (N, S, Z), S latents to start from for each image; the best result is kept.
        labels: int32 (N,), or None.
        steps: int >= 1.
        learning_rate: float > 0, Adam's initial one.

    Returns:
        latents float32 (N, Z) and mean squared errors float64 (N,).

    The time is N * S * steps forward and backward passes of the generator, the memory that of 16 * S images.

    Reference: Zhu et al., arXiv:1609.03552, eq. 4 (projection by optimisation); several starts as
    in Lipton & Tripathi, arXiv:1702.04782.
    """
    found = []
    for first in tqdm(range(0, len(images), IMAGES_AT_ONCE), "Projecting", unit="batch"):
        rows = slice(first, first + IMAGES_AT_ONCE)
        given = None if labels is None else labels[rows]
        found.append(_descend(generator, images[rows], starts[rows], given, steps, learning_rate))
    latents, errors = (np.concatenate(part) for part in zip(*found, strict=True))
    return latents, errors


def _descend(generator, images, starts, labels, steps, learning_rate):
    count, num_starts, latent_dim = starts.shape
    targets = np.repeat(images, num_starts, axis=0)  # (N*S, H, W, C)
    rows = None if labels is None else tf.constant(np.repeat(labels, num_starts))
    latents = keras.Variable(np.reshape(starts, (-1, latent_dim)), name="latents")
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = leave_the_sum_to_us(keras.optimizers.Adam(schedule))
    optimizer.build([latents])

    def errors():
        z = tf.convert_to_tensor(latents.value)
        made = generator(pack(z, rows), training=False)
        return tf.reduce_mean(tf.square(made - targets), axis=[1, 2, 3])  # (N*S,)

    @tf.function
    def step():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(latents.value)
            total = tf.reduce_sum(errors())
        optimizer.apply([tape.gradient(total, latents.value)], [latents])

    for _ in range(steps):
        step()
    ends = np.reshape(errors().numpy(), (count, num_starts))
    best = ends.argmin(axis=1)
    ways = np.reshape(latents.numpy(), starts.shape)
    return ways[np.arange(count), best], ends.min(axis=1).astype(np.float64)


def decibels(errors):
    """PSNR of mean squared errors of images in [-1, 1], whose peak is 2: float64 (N,)."""
    return 20 * math.log10(2.0) - 10 * np.log10(np.maximum(errors, 1e-12))


def refine(generator, discriminator, latents, labels=None, steps=100, step_size=0.01, seed=0):
    """Latents moved to where the discriminator's logits of the generated images are higher.

    Langevin sampling in the latent space, with the energy

        E(z) = |z|^2 / 2 - D(G(z)),        z <- z - step_size / 2 * grad E(z) + sqrt(step_size) n

    n ~ N(0, I). Where D is the optimal discriminator of a logistic objective, `log p - log q` of its
    images, the images of p(z) exp(D(G(z))) follow the law of the data; with another objective, or
    a discriminator far from its optimum, the result is only as good as its logits.

    Args:
        generator, discriminator: Keras models, see `GAN`; neither is changed.
        latents: float32 (N, Z).
        labels: int32 (N,), or None.
        steps: int >= 1.
        step_size: float > 0, the paper's epsilon.
        seed: int; the noise of row k in step t depends on (seed, t, k) alone.

    Returns:
        float32 (N, Z).

    Reference: Che et al., arXiv:2003.06060, algorithm 1.
    """

    @tf.function
    def step(z, t):
        with tf.GradientTape() as tape:
            tape.watch(z)
            images = tf.cast(generator(pack(z, labels), training=False), tf.float32)
            logits = Judgement.of(discriminator(pack(images, told), training=False)).logits
            energy = 0.5 * tf.reduce_sum(tf.square(z)) - tf.reduce_sum(tf.cast(logits, tf.float32))
        noise = tf.random.stateless_normal(tf.shape(z), tf.stack([seed, t]), alg="philox")
        return z - 0.5 * step_size * tape.gradient(energy, z) + step_size**0.5 * noise

    labels = None if labels is None else tf.constant(labels)  # Keras does not accept arrays beside tensors
    told = labels if takes_labels(discriminator) else None
    z = tf.convert_to_tensor(latents, tf.float32)
    for t in range(steps):
        z = step(z, tf.constant(t))
    return z.numpy()
