"""Training and generating with oneDNN's kernels and without, and PyTorch's step.

    python -m benchmarks.training.onednn

Which it is TensorFlow decides when it is imported, so that each side is a process of its own; they take turns and
are idle in between. Quoted are the clock and the processor's time (both cores') of a step.
"""

import json
import os
import sys
import time

import numpy as np
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.json_process import JsonProcess
from benchmarks.training.torch_process import best_layout, open_torch

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 20, "Timed turns of each.", lower_bound=4)
flags.DEFINE_integer("block", 3, "Steps in a turn.", lower_bound=1)
flags.DEFINE_string("python_torch", sys.executable, "A Python that has torch.")
flags.DEFINE_bool("answer", False, "Be one of the sides: answer requests over pipes.")

BATCH, IMAGE_SIZE, WIDTH = 64, 32, 64
WORK = ["step float32", "step mixed_bfloat16", "64 images float32", "64 images mixed_bfloat16"]


def answer():
    """Takes lines {"run": one of WORK, "count"} and writes {"cpu": seconds} of each."""
    import tensorflow as tf

    from benchmarks.training import contestants

    batch, made = contestants.images(BATCH, IMAGE_SIZE), {}
    for policy in ("float32", "mixed_bfloat16"):
        gan = contestants.ours(IMAGE_SIZE, WIDTH, policy)
        made[f"step {policy}"] = contestants.train_call(gan, batch)
        latents = tf.random.stateless_normal((64, contestants.LATENT_DIM), (0, 0))
        generate = tf.function(lambda gan=gan, latents=latents: gan.ema_generator(latents, training=False))
        made[f"64 images {policy}"] = lambda generate=generate: generate().numpy()
    for line in sys.stdin:
        request, before = json.loads(line), time.process_time()
        for _ in range(request["count"]):
            made[request["run"]]()
        print(json.dumps({"cpu": time.process_time() - before}), flush=True)


class Side:
    """One setting's process."""

    def __init__(self, value):
        name = f"TF_ENABLE_ONEDNN_OPTS={value}"
        command = [
            "env",
            name,
            "TF_CPP_MIN_LOG_LEVEL=3",
            sys.executable,
            "-m",
            "benchmarks.training.onednn",
            "--answer",
        ]
        self.process, self.cpu = JsonProcess(name, command), {}

    def run(self, work, count):
        self.cpu.setdefault(work, []).append(self.process.ask(run=work, count=count)["cpu"] / count)


def main(argv):
    del argv
    if FLAGS.answer:
        answer()
        return
    sides, size = {"on": Side(1), "off": Side(0)}, {"image_size": IMAGE_SIZE, "width": WIDTH, "batch_size": BATCH}
    turns = {
        f"{work}, {name}": lambda side=side, work=work: side.run(work, FLAGS.block)
        for work in WORK
        for name, side in sides.items()
    }
    with open_torch(FLAGS.python_torch) as torch:
        for label, shared in (("usual", False), ("shared", True)):
            if torch:
                layout = best_layout(torch, f"torch {label}", shared, False, size)
                key = f"torch {label} {layout}"
                turns[f"torch {label}"] = lambda key=key: torch.seconds(key, FLAGS.block)
        seconds = alternate(turns, FLAGS.rounds, warmup=2)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {IMAGE_SIZE} pixels, width {WIDTH}, batch {BATCH}")
    print("| | ms by the clock (quartiles) | ms of processor time | images/s |\n| --- | --- | --- | --- |")
    for name, values in seconds.items():
        low, median, high = 1e3 * np.percentile(values / FLAGS.block, [25, 50, 75])
        work, _, side = name.rpartition(", ")
        cpu = f"{1e3 * np.median(sides[side].cpu[work][2:]):.0f}" if side in sides else ""
        print(f"| {name} | {median:.1f} ({low:.1f} to {high:.1f}) | {cpu} | {64e3 / median:.0f} |")
    print("| ratio of times by the clock | median (quartiles) |\n| --- | --- |")
    pairs = [(f"{work}, off", f"{work}, on") for work in WORK]
    pairs += [(f"{work} mixed_bfloat16, {s}", f"{work} float32, {s}") for work in ("step", "64 images") for s in sides]
    pairs += [(name, "step float32, on") for name in ("torch usual", "torch shared") if name in seconds]
    for slower, faster in pairs:
        print(f"| {slower} / {faster} | {ratio(seconds[slower], seconds[faster])} |")
    for side in sides.values():
        side.process.close()


if __name__ == "__main__":
    app.run(main)
