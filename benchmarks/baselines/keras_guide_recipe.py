"""The GAN that ends the Keras guide "Customizing what happens in fit() with TensorFlow", complete.

Its two 28-pixel networks, layer by layer, its optimizers, its input pipeline with pixels in [0, 1];
the step is `keras_guide.GuideGAN`. Source: guides/custom_train_step_in_tensorflow.py of keras-io.
Frozen: do not tune.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from benchmarks.baselines.keras_guide import GuideGAN

LATENT_DIM, BATCH_SIZE, LEARNING_RATE = 128, 64, 3e-4
SHUFFLE_BUFFER = 1024
SAMPLING_BATCH = 250


def make_discriminator():
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(64, (3, 3), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(128, (3, 3), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1),
        ],
        name="discriminator",
    )


def make_generator():
    return keras.Sequential(
        [
            keras.Input(shape=(LATENT_DIM,)),
            layers.Dense(7 * 7 * 128),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Reshape((7, 7, 128)),
            layers.Conv2DTranspose(128, (4, 4), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(128, (4, 4), strides=(2, 2), padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(1, (7, 7), padding="same", activation="sigmoid"),
        ],
        name="generator",
    )


class KerasGuideRecipe:
    """The guide's training, step by step as `fit` does it.

    Args:
        images: uint8 (N, 28, 28, 1).
        labels: not looked at.
        seed: int, of the weights, the latents and the order of the images.
    """

    latent_dim = LATENT_DIM

    def __init__(self, images, labels, seed):
        del labels  # unconditional
        keras.utils.set_random_seed(seed)
        discriminator, generator = self.networks()
        self.gan = GuideGAN(discriminator, generator, self.latent_dim)
        self.gan.seed_generator = keras.random.SeedGenerator(seed)
        self.gan.compile(
            d_optimizer=keras.optimizers.Adam(learning_rate=LEARNING_RATE),
            g_optimizer=keras.optimizers.Adam(learning_rate=LEARNING_RATE),
            loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
        )
        # Keras 3 must not create the slots inside the traced step of a second optimizer.
        self.gan.d_optimizer.build(self.gan.discriminator.trainable_variables)
        self.gan.g_optimizer.build(self.gan.generator.trainable_variables)
        dataset = tf.data.Dataset.from_tensor_slices(images.astype("float32") / 255.0)
        dataset = dataset.shuffle(buffer_size=SHUFFLE_BUFFER).batch(BATCH_SIZE, drop_remainder=True)
        self._batches = iter(dataset.repeat().prefetch(2))
        self.gan.make_train_function()

    def networks(self):
        """(discriminator, generator) of images in [0, 1]."""
        return make_discriminator(), make_generator()

    def step(self):
        return self.gan.train_function(self._batches)

    def sample(self, count, seed):
        """uint8 (count, 28, 28, 1) of the generator in inference mode."""
        latents = np.random.default_rng(seed).standard_normal((count, self.latent_dim), np.float32)
        images = self.gan.generator.predict(latents, batch_size=SAMPLING_BATCH, verbose=0)
        return np.clip(np.round(images * 255.0), 0, 255).astype(np.uint8)
