"""Does a long training hold its memory? Resident size every 100 steps.

    python -m benchmarks.training.memory --steps 5000

Exit code 1 when it grew by 1 % or more after the first 200 steps. Width 16 keeps it to minutes: a
leak is a leak of steps, not of channels.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags
from tqdm import tqdm

from benchmarks.resident import resident_mib
from benchmarks.training import contestants

FLAGS = flags.FLAGS
flags.DEFINE_integer("steps", 5000, "Training steps.", lower_bound=400)
flags.DEFINE_enum("policy", "float32", ["float32", "mixed_bfloat16"], "Of the networks.")
flags.DEFINE_integer("batch_size", 16, "Images a step.", lower_bound=1)
flags.DEFINE_integer("image_size", 32, "4 times a power of two.", lower_bound=8)
flags.DEFINE_integer("width", 16, "Of the DCGAN pair.", lower_bound=1)

EVERY, SETTLED, MOST_GROWTH = 100, 200, 0.01


def main(argv):
    del argv
    model = contestants.ours(FLAGS.image_size, FLAGS.width, FLAGS.policy)
    run = contestants.train_call(model, contestants.images(FLAGS.batch_size, FLAGS.image_size))
    sizes = {}
    for step in tqdm(range(1, FLAGS.steps + 1), unit=" steps", disable=None):
        run()
        if step % EVERY == 0:
            sizes[step] = resident_mib()
    print("step: MiB  " + "  ".join(f"{step}: {mib:.1f}" for step, mib in sizes.items()))
    growth = max(sizes[step] for step in sizes if step > SETTLED) / sizes[SETTLED] - 1
    last = sizes[max(sizes)] / sizes[SETTLED] - 1
    print(f"after step {SETTLED}: at most {growth:+.2%}, in the end {last:+.2%}; asked: less than {MOST_GROWTH:.0%}")
    sys.exit(0 if growth < MOST_GROWTH else 1)


if __name__ == "__main__":
    app.run(main)
