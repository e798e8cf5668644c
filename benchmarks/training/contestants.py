"""The same networks, trained by us, by the Keras guide's step, and by a hand-written one."""

import contextlib

from tfgan_kit import GAN
from tfgan_kit.networks import DCGANDiscriminator, DCGANGenerator, dcgan

import keras
import numpy as np
import tensorflow as tf

from benchmarks.baselines.hand_written import make_step
from benchmarks.baselines.keras_guide import GuideGAN

LATENT_DIM, DECAY = 100, 0.999


def images(batch_size, image_size):
    """A batch of random pixels: uint8 (N, H, W, 3)."""
    shape = (batch_size, image_size, image_size, 3)
    return tf.constant(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


def networks(image_size, width, policy="float32", stock=False):
    """The same pair of networks with the same weights, each time it is called.

    Args:
        image_size, width: of the DCGAN pair.
        policy: Keras dtype policy.
        stock: bool, Keras's own layers in the place of ours.
    """
    keras.utils.set_random_seed(0)
    with _stock_layers() if stock else contextlib.nullcontext():
        return (
            DCGANGenerator(image_size, 3, LATENT_DIM, width, dtype=policy),
            DCGANDiscriminator(image_size, 3, width, dtype=policy),
        )


@contextlib.contextmanager
def _stock_layers():
    names = ("BatchNormalization", "Conv2D", "Conv2DTranspose")
    ours = {name: getattr(dcgan, name) for name in names}
    for name in names:
        setattr(dcgan, name, getattr(keras.layers, name))
    try:
        yield
    finally:
        for name in names:
            setattr(dcgan, name, ours[name])


def adam():
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


def ours(image_size, width, policy="float32", stock=False, penalties=()):
    gan = GAN(*networks(image_size, width, policy, stock), ema_decay=DECAY)
    gan.compile(adam(), adam(), penalties=penalties)
    return gan


def hand_written(image_size, width):
    """The step, and the three networks that it trains."""
    generator, discriminator = networks(image_size, width)
    average = ours(image_size, width).ema_generator
    g_optimizer, d_optimizer = adam(), adam()
    g_optimizer.build(generator.trainable_variables)
    d_optimizer.build(discriminator.trainable_variables)
    step = make_step(generator, discriminator, average, g_optimizer, d_optimizer, LATENT_DIM, DECAY)
    return step, generator, discriminator, average


def guide(image_size, width, policy="float32", stock=False):
    generator, discriminator = networks(image_size, width, policy, stock)
    gan = GuideGAN(discriminator, generator, LATENT_DIM)
    gan.compile(adam(), adam(), keras.losses.BinaryCrossentropy(from_logits=True))
    gan.d_optimizer.build(discriminator.trainable_variables)
    gan.g_optimizer.build(generator.trainable_variables)
    return gan


def train_call(model, batch):
    """One step through Keras's own train function, as `fit` runs it, and the wait for its logs."""
    model.make_train_function()
    data = tf.data.Dataset.from_tensors(batch).repeat()
    iterator = iter(model.distribute_strategy.experimental_distribute_dataset(data))

    def run():
        logs = model.train_function(iterator)
        return {name: float(value) for name, value in logs.items()}

    return run


def float_images(batch):
    """What the guide's GAN takes."""
    return tf.cast(batch, tf.float32) / 127.5 - 1.0
