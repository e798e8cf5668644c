"""Where a training step's time goes, by TensorFlow's profiler.

    python -m benchmarks.training.profile_step [--policy mixed_bfloat16] [--stock_layers]

One operation runs at a time (each still on all cores), so that the operations' times add up to
the step; unprofiled, independent operations overlap. A row is a kind of operation.
"""

import collections
import os
import pathlib
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from absl import app, flags
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks.training import contestants

FLAGS = flags.FLAGS
flags.DEFINE_enum("policy", "float32", ["float32", "mixed_bfloat16"], "Of the networks.")
flags.DEFINE_bool("stock_layers", False, "Keras's own layers instead of ours.")
flags.DEFINE_integer("steps", 20, "Profiled steps.", lower_bound=1)

CALL = "StatefulPartitionedCall/"  # what every operation of the step lies under


def kind(name, operation):
    """What an operation is part of, read off the Keras layer in its name."""
    for word, found in (("batch_normalization", "batch normalization"), ("leaky_re_lu", "leaky ReLU"),
                        ("re_lu", "ReLU")):  # fmt: skip
        if word in name:
            return found
    if "Conv2D" in operation:
        return f"convolution: {operation.removeprefix('_Mkl').removeprefix('Native')}"
    if "MatMul" in operation:
        return "dense"
    if name.startswith("adam"):
        return "Adam"
    if operation == "Cast":
        return "casts of weights and activations"
    return "other of the networks" if "dcgan" in name else "average, sums of gradients, logs"


def record(run, steps):
    """(name, operation, milliseconds) of every operation in `steps` calls of `run`."""
    with tempfile.TemporaryDirectory() as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=3)
        with tf.profiler.experimental.Profile(folder, options):
            for _ in range(steps):
                run()
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name, _, operation = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if name.startswith(CALL):
                    yield name.removeprefix(CALL), operation, event.duration_ps / 1e9


def main(argv):
    del argv
    tf.config.threading.set_inter_op_parallelism_threads(1)
    images = contestants.images(64, 32)
    run = contestants.train_call(contestants.ours(32, 64, FLAGS.policy, FLAGS.stock_layers), images)
    seconds = []
    for _ in range(25):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    total, count = collections.Counter(), collections.Counter()
    for name, operation, milliseconds in record(run, FLAGS.steps):
        total[kind(name, operation)] += milliseconds / FLAGS.steps
        count[kind(name, operation)] += 1 / FLAGS.steps
    whole = sum(total.values())
    print(
        f"{FLAGS.policy}, 32x32x3, width 64, batch 64, load {os.getloadavg()[0]:.1f}: "
        f"{np.median(seconds[5:]) * 1e3:.1f} ms a step unprofiled, operations {whole:.1f} ms"
    )
    print("| | ms | share | operations |\n| --- | --- | --- | --- |")
    for name, milliseconds in total.most_common():
        print(f"| {name} | {milliseconds:.2f} | {milliseconds / whole:.1%} | {count[name]:.0f} |")


if __name__ == "__main__":
    app.run(main)
