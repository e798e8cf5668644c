"""How much memory do the estimators of divergences take? Each in a process of its own.

    python -m benchmarks.metrics.divergence_memory

10,000 x 10,000 points in 128 dimensions, float32, from N(0, I) and N(0.1, 1.2^2 I): resident size
after the imports, at its peak, and the difference, which is to be under 1 GiB; the value and the
seconds of the one call, start-up of TensorFlow's first operation included. The exact assignment is
no estimator and not blocked: it runs at 5,000 points, its default limit. Exit code 1 where one of
the others takes 1 GiB or more.
"""

import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit import divergences

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.resident import resident_mib

FLAGS = flags.FLAGS
flags.DEFINE_integer("points", 10_000, "In each set.", lower_bound=16)
flags.DEFINE_integer("dimension", 128, "Of the points.", lower_bound=1)
flags.DEFINE_string("only", None, "One estimator, in this process.")

MOST_MIB = 1024


class KL:
    """The f-GAN objective of KL (arXiv:1606.00709, table 2), all that the bound asks for."""

    def discriminator_loss(self, real_logits, fake_logits):
        return -self.divergence_bound(real_logits, fake_logits)

    def divergence_bound(self, real_logits, fake_logits):
        return tf.reduce_mean(real_logits) - tf.reduce_mean(tf.exp(fake_logits - 1))


ESTIMATORS = {
    "wasserstein_1d": lambda x, y: divergences.wasserstein_1d(x[:, 0], y[:, 0], order=2),
    "sliced_wasserstein": divergences.sliced_wasserstein,
    "sinkhorn_divergence": lambda x, y: divergences.sinkhorn_divergence(x, y, epsilon=20.0),
    "sinkhorn_divergence, float64": lambda x, y: divergences.sinkhorn_divergence(
        x.astype(np.float64), y.astype(np.float64), epsilon=20.0
    ),
    "nearest_neighbour_kl": lambda x, y: divergences.nearest_neighbour_kl(x, y, k=5),
    "variational_bound": lambda x, y: divergences.variational_bound(x, y, KL()),
    "wasserstein_dual": divergences.wasserstein_dual,
    "assignment_wasserstein": lambda x, y: divergences.assignment_wasserstein(x[:5000], y[:5000]),
}


def main(argv):
    del argv
    if FLAGS.only:
        return _measure(FLAGS.only)
    print("| estimator | after imports, MiB | peak, MiB | taken, MiB | seconds | value |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    command = [
        sys.executable,
        "-m",
        "benchmarks.metrics.divergence_memory",
        f"--points={FLAGS.points}",
        f"--dimension={FLAGS.dimension}",
    ]
    failed = [name for name in ESTIMATORS if subprocess.run([*command, f"--only={name}"]).returncode]
    print(f"asked: under {MOST_MIB} MiB; not reached, or failed: {', '.join(failed) or 'none'}")
    sys.exit(bool(failed))


def _measure(name):
    before = resident_mib()  # the points are part of what is taken
    random = np.random.default_rng(0)
    shape = (FLAGS.points, FLAGS.dimension)
    x = random.standard_normal(shape, np.float32)
    y = 0.1 + np.float32(1.2) * random.standard_normal(shape, np.float32)
    start = time.perf_counter()
    found = ESTIMATORS[name](x, y)
    seconds = time.perf_counter() - start
    taken = resident_mib("VmHWM") - before
    value = getattr(found, "value", found)
    print(f"| {name} | {before:.0f} | {before + taken:.0f} | {taken:.0f} | {seconds:.1f} | {value:.4g} |", flush=True)
    sys.exit(taken >= MOST_MIB and name != "assignment_wasserstein")


if __name__ == "__main__":
    app.run(main)
