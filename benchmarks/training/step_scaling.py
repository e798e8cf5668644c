"""Time and memory of a step against batch, resolution and replicas; every cell a fresh process.

    python -m benchmarks.training.step_scaling [--replicas 2] [--python_torch /tmp/torchenv/bin/python]

Prints a Markdown table; a cell that fails, or whose framework is not there, says "not run", and the
others go on.
"""

import json
import os
import subprocess
import sys

from absl import app, flags

from benchmarks.training.torch_process import best_layout, open_torch

FLAGS = flags.FLAGS
flags.DEFINE_list("batch_sizes", ["16", "32", "64", "128", "256"], "At 32 pixels.")
flags.DEFINE_list("image_sizes", ["32", "64", "128"], "At batch 64.")
flags.DEFINE_list("contestants", ["ours", "guide", "torch shared", "torch usual"], "Whose steps.")
flags.DEFINE_list("policies", ["float32", "mixed_bfloat16"], "Of the networks.")
flags.DEFINE_integer("width", 64, "Of the DCGAN pair.", lower_bound=1)
flags.DEFINE_integer("replicas", 1, "Another row of ours on this many logical CPUs.", lower_bound=1)
flags.DEFINE_integer("steps", 30, "Timed steps of a cell.", lower_bound=1)
flags.DEFINE_string("python_torch", "/tmp/torchenv/bin/python", "A Python that has torch.")

COLUMNS = "| | policy | pixels | batch | replicas | ms a step | images/s | peak MiB | growth MiB |"


def keras_cell(contestant, policy, image_size, batch_size, replicas):
    """What `benchmarks.training.step_cell` measured, or None where it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training.step_cell", f"--contestant={contestant}",
         f"--policy={policy}", f"--image_size={image_size}", f"--batch_size={batch_size}",
         f"--width={FLAGS.width}", f"--replicas={replicas}", f"--steps={FLAGS.steps}"],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        print(done.stderr[-500:], file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def torch_cell(contestant, policy, image_size, batch_size):
    """The same of PyTorch: layouts are tried in one process, the better is measured in another."""
    size = {"image_size": image_size, "width": FLAGS.width, "batch_size": batch_size}
    kind = {"shared": contestant == "torch shared", "autocast": policy != "float32"}
    with open_torch(FLAGS.python_torch) as process:
        if process is None:
            return None
        layout = best_layout(process, "step", **kind, size=size, steps=2)
    with open_torch(FLAGS.python_torch) as process:
        process.ask(make="step", channels_last=layout == "channels last", **kind, **size)
        process.seconds("step", 10)
        before = process.ask(memory=True)["mib"]
        steps = sorted(process.seconds("step", 1) for _ in range(FLAGS.steps))
        after = process.ask(memory=True)
    return {"ms": steps[len(steps) // 2] * 1e3, "peak_mib": after["peak_mib"],
            "growth_mib": after["mib"] - before}  # fmt: skip


def row(contestant, policy, image_size, batch_size, replicas=1):
    """One line of the table."""
    if contestant.startswith("torch"):
        try:
            cell = torch_cell(contestant, policy, image_size, batch_size)
        except ChildProcessError as error:
            print(error, file=sys.stderr)
            cell = None
    else:
        cell = keras_cell(contestant, policy, image_size, batch_size, replicas)
    line = f"| {contestant} | {policy} | {image_size} | {batch_size} | {replicas} | "
    if cell is None:
        return line + "not run | | | |"
    rate = batch_size / cell["ms"] * 1e3
    return line + f"{cell['ms']:.1f} | {rate:.0f} | {cell['peak_mib']:.0f} | {cell['growth_mib']:+.1f} |"


def cells():
    """(image size, batch size) of the table, each once."""
    by_batch = [(32, int(batch)) for batch in FLAGS.batch_sizes]
    return list(dict.fromkeys(by_batch + [(int(size), 64) for size in FLAGS.image_sizes]))


def main(argv):
    del argv
    print(f"{os.cpu_count()} cores, width {FLAGS.width}, load {os.getloadavg()[0]:.1f}")
    print(COLUMNS + "\n" + "| --- " * COLUMNS.count(" |") + "|")
    for image_size, batch_size in cells():
        for policy in FLAGS.policies:
            for contestant in FLAGS.contestants:
                print(row(contestant, policy, image_size, batch_size), flush=True)
    if FLAGS.replicas > 1:
        for policy in FLAGS.policies:
            print(row("ours", policy, 32, 64, FLAGS.replicas), flush=True)
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    app.run(main)
