"""What R1 every 16 steps costs: blocks of 16 steps, in turns with the same training without it.

    python -m benchmarks.training.penalty_cost [--rounds 20]

To reach: at most 5 %. The penalized discriminator is the same, batch normalization included.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit.penalties import R1

from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.training import contestants

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 20, "Blocks of each.", lower_bound=4)
flags.DEFINE_integer("interval", 16, "Steps from one penalty to the next, and in a block.", 1)
flags.DEFINE_enum("policy", "float32", ["float32", "mixed_bfloat16"], "Of the networks.")
flags.DEFINE_integer("batch_size", 64, "Images a step.", lower_bound=1)
flags.DEFINE_integer("image_size", 32, "4 times a power of two.", lower_bound=8)
flags.DEFINE_integer("width", 64, "Of the DCGAN pair.", lower_bound=1)


def block(penalties):
    """A callable that takes `interval` steps: whole intervals, so that each holds one penalty."""
    gan = contestants.ours(FLAGS.image_size, FLAGS.width, FLAGS.policy, penalties=penalties)
    run = contestants.train_call(gan, contestants.images(FLAGS.batch_size, FLAGS.image_size))
    return lambda: [run() for _ in range(FLAGS.interval)]


def main(argv):
    del argv
    seconds = alternate(
        {"with": block([R1(1.0, interval=FLAGS.interval)]), "without": block([])},
        FLAGS.rounds, warmup=1,
    )  # fmt: skip
    print(
        f"{FLAGS.policy}, R1 every {FLAGS.interval} steps / none: "
        f"{ratio(seconds['with'], seconds['without'])}; to reach: at most 1.05; "
        f"load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    app.run(main)
