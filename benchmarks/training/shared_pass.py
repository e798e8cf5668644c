"""Real and generated images in one discriminator pass, against two: `python -m benchmarks.training.shared_pass`.

A DCGAN pair whose discriminator has no batch normalization; the same steps in turns, where the GAN is
told that rows depend on each other in one of them.
"""

import os

from tfgan_kit import GAN
from tfgan_kit.networks import DCGANDiscriminator, DCGANGenerator

import keras
import numpy as np
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.training import contestants

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 40, "Steps of each.", lower_bound=4)
flags.DEFINE_integer("batch_size", 64, "Images a step.", lower_bound=1)
flags.DEFINE_integer("image_size", 32, "4 times a power of two.", lower_bound=8)
flags.DEFINE_integer("width", 64, "Of the DCGAN pair.", lower_bound=1)


def step(in_one_pass):
    keras.utils.set_random_seed(0)
    discriminator = DCGANDiscriminator(FLAGS.image_size, 3, FLAGS.width, normalization=False)
    discriminator.rows_are_independent = in_one_pass
    gan = GAN(DCGANGenerator(FLAGS.image_size, 3, 100, FLAGS.width), discriminator)
    gan.compile(contestants.adam(), contestants.adam())
    return contestants.train_call(gan, contestants.images(FLAGS.batch_size, FLAGS.image_size))


def main(argv):
    del argv
    seconds = alternate({"one": step(True), "two": step(False)}, FLAGS.rounds)
    print(
        f"one pass {np.median(seconds['one']) * 1e3:.1f} ms, two {np.median(seconds['two']) * 1e3:.1f} ms; "
        f"two / one: {ratio(seconds['two'], seconds['one'])}; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    app.run(main)
