"""Precision, recall, density and coverage: how long and how much memory, against `prdc`?

    python -m benchmarks.metrics.neighbours

10,000 x 10,000 float32 features of 2,048 dimensions, 64 of them free, with ReLU: like pooled ones. Each
round runs both, each in a process of its own, in alternating order. Printed: seconds of the one call,
start-up of TensorFlow's first operation included; MiB at the peak beyond the imports and the features;
the four values. Exit code 1 where ours is slower, takes more than 1 GiB, or a value differs by more than
1e-3 (a share of 10,000 moves by 1e-4 where rounding turns one distance around).
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit.metrics.measures.precision_recall import neighbour_metrics

import numpy as np
from absl import app, flags

from benchmarks.alternate import ratio
from benchmarks.baselines.metric_references import prdc
from benchmarks.resident import resident_mib

FLAGS = flags.FLAGS
flags.DEFINE_integer("images", 10_000, "In each set.", lower_bound=16)
flags.DEFINE_integer("dimension", 2048, "Of the features.", lower_bound=1)
flags.DEFINE_integer("k", 5, "Neighbours, for all four values.", lower_bound=1)
flags.DEFINE_integer("rounds", 2, "Timed turns of each.", lower_bound=1)
flags.DEFINE_enum("only", None, ["prdc", "ours"], "One of them, once, in this process.")

MOST_MIB, MOST_DIFFERENCE, FREE = 1024, 1e-3, 64


def features(images, dimension):
    """Real and generated, float32 (images, dimension) each."""
    random = np.random.default_rng(0)
    mixing = random.standard_normal((FREE, dimension), np.float32)
    real, generated = (random.standard_normal((images, FREE), np.float32) for _ in range(2))
    return np.maximum(real @ mixing, 0), np.maximum((0.95 * generated + 0.05) @ mixing, 0)


def main(argv):
    del argv
    if FLAGS.only:
        print(json.dumps(_measure(FLAGS.only)))
        return
    found = {"prdc": [], "ours": []}
    print(f"{FLAGS.images} x {FLAGS.images} x {FLAGS.dimension}, k={FLAGS.k}")
    print("| | seconds | peak beyond the features, MiB | precision | recall | density | coverage |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for k in range(FLAGS.rounds):
        for name in list(found)[:: 1 if k % 2 == 0 else -1]:
            run = _in_a_process(name)
            found[name].append(run)
            values = " | ".join(f"{value:.6f}" for value in run["values"])
            print(f"| {name} | {run['seconds']:.1f} | {run['mib']:.0f} | {values} |", flush=True)
    sys.exit(not _passed(found["prdc"], found["ours"]))


def _passed(prdc_runs, our_runs):
    seconds = [np.array([run["seconds"] for run in runs]) for runs in (prdc_runs, our_runs)]
    mib = max(run["mib"] for run in our_runs)
    difference = np.abs(np.subtract(prdc_runs[0]["values"], our_runs[0]["values"])).max()
    print(f"prdc's seconds / ours: {ratio(*seconds)}; asked: at least 1")
    print(f"our memory: {mib:.0f} MiB; asked: at most {MOST_MIB}")
    print(f"largest difference of a value: {difference:.1g}; asked: at most {MOST_DIFFERENCE}")
    return np.median(seconds[0] / seconds[1]) >= 1 and mib <= MOST_MIB and difference <= MOST_DIFFERENCE


def _in_a_process(name):
    command = [
        sys.executable,
        "-m",
        "benchmarks.metrics.neighbours",
        f"--only={name}",
        f"--images={FLAGS.images}",
        f"--dimension={FLAGS.dimension}",
        f"--k={FLAGS.k}",
    ]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])


def _measure(name):
    real, generated = features(FLAGS.images, FLAGS.dimension)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak starts again from here
    before = resident_mib()
    start = time.perf_counter()
    if name == "ours":
        values = neighbour_metrics(real, generated, FLAGS.k, FLAGS.k)
    else:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints the counts
            values = prdc.compute_prdc(real, generated, FLAGS.k).values()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "mib": resident_mib("VmHWM") - before, "values": [float(v) for v in values]}


if __name__ == "__main__":
    app.run(main)
