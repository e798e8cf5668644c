"""`GAN.train_step` against the Keras guide's, a hand-written one and PyTorch's: one table.

    python3.11 -m venv /tmp/torchenv && /tmp/torchenv/bin/pip install torch==2.13.0 numpy
    python -m benchmarks.training.train_step [--rounds 60] [--python_torch /tmp/torchenv/bin/python]

Everyone trains the same DCGAN pair on the same batch size. "stock" rows have Keras's own layers in
the place of `tfgan_kit.layers`: networks are passed in, so whoever brings the layers gains. The
contestants take turns, step by step; PyTorch, in a process of its own, takes its turn with a
block of steps while nothing else runs, in the memory layout that was faster in a short warm-up.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit import processor

import numpy as np
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.training import arithmetic, contestants
from benchmarks.training.torch_process import best_layout, open_torch

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 60, "Timed turns of each contestant.", lower_bound=4)
flags.DEFINE_integer("batch_size", 64, "Images a step.", lower_bound=1)
flags.DEFINE_integer("image_size", 32, "4 times a power of two.", lower_bound=8)
flags.DEFINE_integer("width", 64, "Of the DCGAN pair.", lower_bound=1)
flags.DEFINE_integer("block", 3, "Steps in a turn.", lower_bound=1)
flags.DEFINE_string("python_torch", "/tmp/torchenv/bin/python", "A Python that has torch.")

HALF = "mixed_bfloat16"
PRECISIONS = {"float32": "float32", HALF: "bfloat16"}
COMPARED = [  # (slower, faster, what is to be reached), names of rows
    ("guide float32", "ours float32", 1.07),
    ("hand-written float32", "ours float32", 0.97),
    ("torch usual float32", "ours float32", 1.15),
    ("torch shared float32", "ours float32", 1.0),
    ("ours float32", f"ours {HALF}", 1.45),
    (f"torch usual {HALF}", f"ours {HALF}", 1.0),
    (f"torch shared {HALF}", f"ours {HALF}", 0.95),
    (f"guide {HALF}", f"ours {HALF}", None),
    ("guide, stock layers float32", "ours float32", None),
    (f"guide, stock layers {HALF}", f"ours {HALF}", None),
    ("ours, stock layers float32", "ours float32", None),
    (f"ours, stock layers {HALF}", f"ours {HALF}", None),
]


def check_same_mathematics(batch, image_size, width):
    """Largest difference of any weight after 10 steps of ours and of the hand-written step."""
    gan = contestants.ours(image_size, width)
    step, generator, discriminator, average = contestants.hand_written(image_size, width)
    run = contestants.train_call(gan, batch)
    for _ in range(10):
        run()
        step(batch)
    pairs = [(gan.generator, generator), (gan.discriminator, discriminator),
             (gan.ema_generator, average)]  # fmt: skip
    return max(
        float(np.max(np.abs(a - b)))
        for left, right in pairs
        for a, b in zip(left.get_weights(), right.get_weights(), strict=True)
    )


def keras_contestants(batch, image_size, width):
    """Name -> a callable that takes one step."""
    size, found = (image_size, width), {}
    for policy in PRECISIONS:
        for stock, label in ((False, ""), (True, ", stock layers")):
            found[f"ours{label} {policy}"] = contestants.train_call(contestants.ours(*size, policy, stock), batch)
            found[f"guide{label} {policy}"] = contestants.train_call(
                contestants.guide(*size, policy, stock), contestants.float_images(batch)
            )
    step, *_ = contestants.hand_written(*size)
    found["hand-written float32"] = lambda: [float(value) for value in step(batch)]
    return found


def torch_contestants(process, size, block):
    """Name -> a callable that takes `block` steps in PyTorch's process; prints the layouts."""
    found = {}
    for policy, autocast in (("float32", False), (HALF, True)):
        for label, shared in (("usual", False), ("shared", True)):
            name = f"torch {label} {policy}"
            layout = best_layout(process, name, shared, autocast, size)
            print(f"{name}: {layout}")
            found[name] = lambda key=f"{name} {layout}": process.seconds(key, block)
    return found


def passes(name):
    """How often the generator runs forward in a step of the row."""
    return 2 if name.startswith("guide") or "usual" in name else 1


def machine():
    return f"{processor.model_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def print_table(seconds, flops, rates, batch_size):
    """One row a contestant; `rates` maps a policy to the machine's matmul rate, the best measured."""
    print("| | ms a step (quartiles) | images/s | GFLOP an image | GFLOP/s | of the matmul rate |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, values in seconds.items():
        low, median, high = np.percentile(values, [25, 50, 75])
        work = flops[passes(name)] * batch_size
        rate = rates[name.rsplit(" ", 1)[1]]
        print(
            f"| {name} | {median * 1e3:.1f} ({low * 1e3:.1f} to {high * 1e3:.1f}) | "
            f"{batch_size / median:.0f} | {work / batch_size / 1e9:.3f} | "
            f"{work / median / 1e9:.0f} | {work / median / rate:.0%} |"
        )


def main(argv):
    del argv
    size = (FLAGS.image_size, FLAGS.width)
    batch = contestants.images(FLAGS.batch_size, FLAGS.image_size)
    print(f"{machine()}; {FLAGS.image_size}x{FLAGS.image_size}x3, width {FLAGS.width}, batch {FLAGS.batch_size}")
    print(f"largest weight difference to the hand-written step after 10: {check_same_mathematics(batch, *size):.2e}")
    flops = {k: arithmetic.flops_an_image(*contestants.networks(*size), k) for k in (1, 2)}
    ours = {
        name: lambda step=step: [step() for _ in range(FLAGS.block)]
        for name, step in keras_contestants(batch, *size).items()
    }
    with open_torch(FLAGS.python_torch) as process:
        theirs, rates = {}, {}
        if process is None:
            print(f"torch rows: not run, there is no {FLAGS.python_torch}")
        else:
            theirs = torch_contestants(
                process,
                {"image_size": FLAGS.image_size, "width": FLAGS.width, "batch_size": FLAGS.batch_size},
                FLAGS.block,
            )
        seconds = alternate(ours | theirs, FLAGS.rounds, warmup=2)
        for policy, dtype in PRECISIONS.items():
            found = {"TensorFlow": arithmetic.matmul_rate(dtype)}
            if process:
                found["torch"] = arithmetic.torch_matmul_rate(process, dtype)
            rates[policy] = max(found.values())
            print(f"matmul {dtype}: " + ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in found.items()))
    seconds = {name: values / FLAGS.block for name, values in seconds.items()}
    print_table(seconds, flops, rates, FLAGS.batch_size)
    print("| ratio of times | median (quartiles) | to reach |\n| --- | --- | --- |")
    for slower, faster, least in COMPARED:
        if slower in seconds:
            wanted = "" if least is None else least
            print(f"| {slower} / {faster} | {ratio(seconds[slower], seconds[faster])} | {wanted} |")
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    app.run(main)
