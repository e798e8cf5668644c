"""A stranger's script: Keras alone, no GAN, nothing of this package. Usage: plain_keras_generator.py SEED FILE.keras"""

import sys

import keras

keras.utils.set_random_seed(int(sys.argv[1]))
generator = keras.Sequential(
    [
        keras.Input((6,)),
        keras.layers.Dense(4 * 4 * 8, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0)),
        keras.layers.BatchNormalization(),
        keras.layers.LeakyReLU(),
        keras.layers.Reshape((4, 4, 8)),
        keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same", activation="sigmoid"),
    ]
)
generator.save(sys.argv[2])
