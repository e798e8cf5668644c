"""The preset of `benchmarks.training.kill_resume`, for `--import_module`: much to write, little to compute."""

from tfgan_kit import presets
from tfgan_kit.penalties import R1

import keras
import numpy as np

WIDTH = 1024


def networks(image_shape, num_classes):
    """Two wide layers each way, the generator's first with batch statistics; a checkpoint is 50 MB."""
    del num_classes
    generator = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(WIDTH, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(WIDTH, "relu"),
            keras.layers.Dense(int(np.prod(image_shape)), "tanh", dtype="float32"),
            keras.layers.Reshape(image_shape, dtype="float32"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input(image_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(WIDTH, "relu"),
            keras.layers.Dense(WIDTH, "relu"),
            keras.layers.Dense(1, dtype="float32"),
        ]
    )
    return generator, discriminator


presets.register(
    "wide_mlp",
    presets.Preset(networks, dataset="mnist5k", image_size=28, batch_size=32, penalties=(R1(gamma=1.0, interval=16),)),
)
