"""`GAN.train_step` against the Keras guide's and against a hand-written step.

    python -m benchmarks.train_step [--rounds 60] [--batch_size 64]

32x32x3, DCGAN width 64, float32. The guide runs the discriminator once on real and fake images
together, we and the hand-written step once on each; the guide runs the generator twice.
"""

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.baselines.hand_written import make_step
from benchmarks.baselines.keras_guide import GuideGAN
from tfgan_kit import GAN, DCGANDiscriminator, DCGANGenerator

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 60, "Timed steps of each contestant.", lower_bound=4)
flags.DEFINE_integer("batch_size", 64, "Images a step.", lower_bound=1)
flags.DEFINE_integer("width", 64, "Of the DCGAN pair.", lower_bound=1)

IMAGE_SIZE, LATENT_DIM, DECAY = 32, 100, 0.999


def networks(width):
    """The same pair of networks with the same weights, each time it is called."""
    keras.utils.set_random_seed(0)
    return (
        DCGANGenerator(IMAGE_SIZE, 3, LATENT_DIM, width),
        DCGANDiscriminator(IMAGE_SIZE, 3, width),
    )


def adam():
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


def ours(width):
    generator, discriminator = networks(width)
    gan = GAN(generator, discriminator, ema_decay=DECAY)
    gan.compile(adam(), adam())
    return gan


def hand_written(width):
    generator, discriminator = networks(width)
    average = ours(width).ema_generator
    g_optimizer, d_optimizer = adam(), adam()
    g_optimizer.build(generator.trainable_variables)
    d_optimizer.build(discriminator.trainable_variables)
    step = make_step(
        generator, discriminator, average, g_optimizer, d_optimizer, LATENT_DIM, DECAY
    )
    return step, generator, discriminator, average


def guide(width):
    generator, discriminator = networks(width)
    gan = GuideGAN(discriminator, generator, LATENT_DIM)
    gan.compile(adam(), adam(), keras.losses.BinaryCrossentropy(from_logits=True))
    gan.d_optimizer.build(discriminator.trainable_variables)
    gan.g_optimizer.build(generator.trainable_variables)
    return gan


def train_call(model, images):
    """One step through Keras's own train function, as `fit` runs it, and the wait for its logs."""
    model.make_train_function()
    iterator = iter(tf.data.Dataset.from_tensors(images).repeat())

    def run():
        logs = model.train_function(iterator)
        return {name: float(value) for name, value in logs.items()}

    return run


def forward_flops(network):
    """Twice the multiply-adds of one image's forward pass, of the layers that matter."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D | keras.layers.Conv2DTranspose):
            transposed = isinstance(layer, keras.layers.Conv2DTranspose)
            positions = layer.input.shape[1:-1] if transposed else layer.output.shape[1:-1]
            total += 2 * int(np.prod(layer.kernel.shape)) * int(np.prod(positions))
    return total


def flops_an_image(generator, discriminator, generator_passes):
    """Of one training step. A backward pass costs two forward ones; one of the two is spared where
    only the inputs' gradient is wanted, as in the generator's way through the discriminator."""
    g, d = forward_flops(generator), forward_flops(discriminator)
    return g * (generator_passes + 2) + d * (2 + 4) + d * 2


def check_same_mathematics(images, width):
    """Largest difference of any weight after 10 steps of ours and of the hand-written step."""
    gan = ours(width)
    step, generator, discriminator, average = hand_written(width)
    run = train_call(gan, images)
    for _ in range(10):
        run()
        step(images)
    pairs = [(gan.generator, generator), (gan.discriminator, discriminator),
             (gan.ema_generator, average)]
    return max(
        float(np.max(np.abs(a - b)))
        for left, right in pairs
        for a, b in zip(left.get_weights(), right.get_weights(), strict=True)
    )


def main(argv):
    del argv
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (FLAGS.batch_size, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    images = tf.constant(pixels)
    print(f"largest weight difference to the hand-written step after 10: "
          f"{check_same_mathematics(images, FLAGS.width):.2e}")
    gan, reference = ours(FLAGS.width), guide(FLAGS.width)
    step, *_ = hand_written(FLAGS.width)
    contestants = {
        "ours": train_call(gan, images),
        "guide": train_call(reference, tf.cast(images, tf.float32) / 127.5 - 1.0),
        "hand-written": lambda: [float(value) for value in step(images)],
    }
    seconds = alternate(contestants, FLAGS.rounds)
    for name, values in seconds.items():
        passes = 2 if name == "guide" else 1
        flops = flops_an_image(gan.generator, gan.discriminator, passes)
        median = np.median(values)
        print(f"{name:13} {median * 1e3:7.1f} ms a step, {FLAGS.batch_size / median:6.0f} images/s, "
              f"{flops / 1e9:.3f} GFLOP an image, {flops * FLAGS.batch_size / median / 1e9:.0f} GFLOP/s")
    print("guide / ours:       ", ratio(seconds["guide"], seconds["ours"]))
    print("hand-written / ours:", ratio(seconds["hand-written"], seconds["ours"]))


if __name__ == "__main__":
    app.run(main)
