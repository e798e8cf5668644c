"""A batch of StyleGAN2's images against the authors' PyTorch class, with the same weights: one table.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch /tmp/sg2 && git -C /tmp/sg2 checkout d72cc7d
    python -m benchmarks.export.official_inference --official /tmp/sg2 --python_torch .venv/bin/python

The networks of 25 to 30 million random weights that the authors have at these sizes, float32, constant noise. Both take
turns, batch by batch; PyTorch in the memory layout that was faster in a short warm-up. Memory is the most that each
process has had since it began, libraries included.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib
import pathlib
import tempfile

from tfgan_kit import convert, processor

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.json_process import JsonProcess
from benchmarks.resident import resident_mib
from benchmarks.training.torch_process import LAYOUTS, OFFICIAL, parameters_of

FLAGS = flags.FLAGS
flags.DEFINE_string("official", None, "Checkout of the authors' code.", required=True)
flags.DEFINE_list("sizes", ["256", "512"], "Heights and widths of the images, each in a run of its own for its memory.")
flags.DEFINE_list("batches", ["1", "8"], "Images a batch.")
flags.DEFINE_integer("rounds", 10, "Timed turns of each.", lower_bound=4)
flags.DEFINE_string("python_torch", "/tmp/torchenv/bin/python", "A Python that has torch.")

CHANNEL_BASE = {256: 16384, 512: 32768}  # paper256 and paper512


def arguments(size):
    common = {"c_dim": 0, "img_resolution": size, "img_channels": 3}
    widths = {"channel_base": CHANNEL_BASE[size], "channel_max": 512, "num_fp16_res": 0}
    return common | {"z_dim": 512, "w_dim": 512, "synthesis_kwargs": widths}, common | widths


def compare(process, size):
    """Prints a row a batch size."""
    generator, discriminator = arguments(size)
    state = pathlib.Path(tempfile.gettempdir()) / f"official-{os.getpid()}-state.npz"
    for layout, last in LAYOUTS.items():
        process.ask(
            make=layout, family="stylegan2", path=str(pathlib.Path(FLAGS.official).resolve()), generator=generator,
            discriminator=discriminator, size=size, batch_size=1, channels_last=last, autocast=False, state=str(state),
        )  # fmt: skip
    network = convert.load("stylegan2", parameters_of(state, "generator"), **generator)
    run = tf.function(lambda latents: network(latents, training=False))
    for count in map(int, FLAGS.batches):
        latents = tf.constant(np.random.default_rng(0).standard_normal((count, 512), np.float32))
        best = {name: min(process.ask(generate=name, count=count)["seconds"] for _ in range(3)) for name in LAYOUTS}
        layout = min(best, key=best.get)
        turns = {
            "ours": lambda latents=latents: run(latents).numpy(),
            "theirs": lambda layout=layout, count=count: process.ask(generate=layout, count=count),
        }
        seconds = alternate(turns, FLAGS.rounds, warmup=2)
        ours, theirs = (np.median(seconds[who]) * 1e3 for who in turns)
        peak = process.ask(generate=layout, count=count)["peak_mib"]
        print(
            f"| {size} | {count} | {ours:.0f} | {theirs:.0f}, {layout} | {ratio(seconds['theirs'], seconds['ours'])} | "
            f"{resident_mib('VmHWM'):.0f} | {peak:.0f} |",
            flush=True,
        )


def main(argv):
    del argv
    print(f"{processor.model_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| pixels | images | ours, ms | theirs, ms | theirs / ours | ours, MiB at most | theirs, MiB at most |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for size in map(int, FLAGS.sizes):
        process = JsonProcess("The PyTorch process", [FLAGS.python_torch, str(OFFICIAL)])
        with contextlib.closing(process):
            compare(process, size)
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    app.run(main)
