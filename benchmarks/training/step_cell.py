"""One cell of `benchmarks.training.step_scaling`, in a process of its own; prints one JSON object.

    python -m benchmarks.training.step_cell --contestant ours --batch_size 64 --image_size 32

Milliseconds a step (median), resident memory at most, and how much of it came after the first ten
steps. Two replicas are two logical CPU devices under MirroredStrategy: they share the cores, so
the row shows what the strategy costs, not what it gains.
"""

import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit.distribution import strategies

import numpy as np
from absl import app, flags

from benchmarks.resident import resident_mib
from benchmarks.training import contestants

FLAGS = flags.FLAGS
flags.DEFINE_enum("contestant", "ours", ["ours", "guide"], "Whose step.")
flags.DEFINE_enum("policy", "float32", ["float32", "mixed_bfloat16"], "Of the networks.")
flags.DEFINE_integer("batch_size", 64, "Images a step, of all replicas.", lower_bound=1)
flags.DEFINE_integer("image_size", 32, "4 times a power of two.", lower_bound=8)
flags.DEFINE_integer("width", 64, "Of the DCGAN pair.", lower_bound=1)
flags.DEFINE_integer("replicas", 1, "Logical CPU devices under MirroredStrategy.", lower_bound=1)
flags.DEFINE_integer("steps", 30, "Timed steps.", lower_bound=1)

WARMUP = 10


def main(argv):
    del argv
    strategies.split_cpu(FLAGS.replicas)
    with strategies.get("mirrored" if FLAGS.replicas > 1 else "none").scope():
        make = getattr(contestants, FLAGS.contestant)
        model = make(FLAGS.image_size, FLAGS.width, FLAGS.policy)
    batch = contestants.images(FLAGS.batch_size, FLAGS.image_size)
    if FLAGS.contestant == "guide":
        batch = contestants.float_images(batch)
    run = contestants.train_call(model, batch)
    for _ in range(WARMUP):
        run()
    before, seconds = resident_mib(), []
    for _ in range(FLAGS.steps):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    print(
        json.dumps(
            {
                "ms": float(np.median(seconds)) * 1e3,
                "peak_mib": resident_mib("VmHWM"),
                "growth_mib": resident_mib() - before,
            }
        )
    )


if __name__ == "__main__":
    app.run(main)
