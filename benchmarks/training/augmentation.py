"""What augmentation costs a pass, forward, and forward and backward: `python -m benchmarks.training.augmentation`.

Quoted is the processor time of all cores, since a pass may wait for other programs.
"""

import functools
import time

from tfgan_kit import augment

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.alternate import alternate

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 20, "Passes of each.", lower_bound=4)
flags.DEFINE_integer("batch_size", 16, "Images a pass.", lower_bound=1)
flags.DEFINE_integer("image_size", 64, "Height and width.", lower_bound=2)

AUGMENTATIONS = {
    "DiffAugment": augment.DiffAugment(),
    **{f"ADA {name}": augment.ADA(name, p=0.5) for name in ("blit", "bg", "color", "bgc", "bgcfnc")},
}


def passes(augmentation, images):
    """Two callables: the change of `images`, and with the gradient of its sum of squares."""
    count, *shape = images.shape

    @tf.function
    def forward(step):
        seeds = iter(range(10))

        def uniform(of):
            return tf.random.stateless_uniform([count, *of], tf.stack([step, next(seeds)]), alg="philox")

        return augmentation.draw(uniform, tuple(shape), step)(images)

    @tf.function
    def backward(step):
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(tf.square(forward(step)))
        return tape.gradient(value, images)

    step = tf.constant(3)
    return lambda: forward(step).numpy(), lambda: backward(step).numpy()


def processor_ms(runs):
    """Median milliseconds of processor time by name."""
    spent = {name: [] for name in runs}

    def timed(name, run):
        before = time.process_time()
        run()
        spent[name].append(time.process_time() - before)

    alternate({name: functools.partial(timed, name, run) for name, run in runs.items()}, FLAGS.rounds, warmup=2)
    return {name: 1e3 * np.median(values[2:]) for name, values in spent.items()}


def main(argv):
    del argv
    shape = (FLAGS.batch_size, FLAGS.image_size, FLAGS.image_size, 3)
    images = tf.constant(np.random.default_rng(0).uniform(-1, 1, shape), tf.float32)
    runs = {
        f"{name}, {kind}": run
        for name, augmentation in AUGMENTATIONS.items()
        for kind, run in zip(("forward", "forward and backward"), passes(augmentation, images), strict=True)
    }
    for name, ms in processor_ms(runs).items():
        print(f"{name}: {ms:.1f} ms of processor time for {'x'.join(map(str, shape))}")


if __name__ == "__main__":
    app.run(main)
