"""The training step of R3GAN, BigGAN, SNGAN and StyleGAN2 against the authors' PyTorch classes: one table.

    git clone https://github.com/brownvc/R3GAN /tmp/r3gan && git -C /tmp/r3gan checkout 19a7ddf
    git clone https://github.com/ajbrock/BigGAN-PyTorch /tmp/biggan && git -C /tmp/biggan checkout 9845943
    git clone https://github.com/NVlabs/stylegan2-ada-pytorch /tmp/sg2 && git -C /tmp/sg2 checkout d72cc7d
    pip download --no-deps --no-binary :all: torch-mimicry==0.1.16 && tar xzf torch_mimicry-0.1.16.tar.gz -C /tmp
    python -m benchmarks.training.official_networks --python_torch .venv/bin/python \
        --official r3gan=/tmp/r3gan,biggan=/tmp/biggan,sngan=/tmp/torch_mimicry-0.1.16,stylegan2=/tmp/sg2

Both sides have the same networks: ours are built by `convert.load` from PyTorch's parameters, and what they answer is
compared first. Both take the authors' step: new latents for each player, R3GAN's R1 and R2 at every step, BigGAN's
discriminator on real and generated images together; StyleGAN2's path length and R1 every 4 and 16 steps in updates of
their own, where ours draws the latents of both players once, theirs twice. They take turns, block by block (StyleGAN2:
16 steps); PyTorch in the memory layout that was faster in a short warm-up.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib
import pathlib
import tempfile

from tfgan_kit import GAN, convert, processor
from tfgan_kit.penalties import R1, R2, PathLength
from tfgan_kit.training.updates import IndependentBatches, LazyRegularization, corrected_for_lazy

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.json_process import JsonProcess
from benchmarks.training import contestants
from benchmarks.training.torch_process import LAYOUTS, OFFICIAL, parameters_of

FLAGS = flags.FLAGS
flags.DEFINE_list("official", [], "FAMILY=CHECKOUT of the authors' code, one each; the others are left out.")
flags.DEFINE_list("sizes", ["32", "64"], "Heights and widths of the images.")
flags.DEFINE_integer("rounds", 10, "Timed turns of each contestant.", lower_bound=4)
flags.DEFINE_integer("block", 3, "Steps in a turn.", lower_bound=1)
flags.DEFINE_bool("bfloat16", False, "Also in bfloat16; it gains on processors with instructions for it.")
flags.DEFINE_string("python_torch", "/tmp/torchenv/bin/python", "A Python that has torch.")

VIEWS = ("biggan",)  # the authors' layers take views of kernels, which channels last does not allow


def r3gan(size):
    """Official arguments of both networks, and images a step: 16 channels a group, as the authors have."""
    stages = {32: (128, 128, 128, 128), 64: (128, 128, 128, 128, 64)}[size]
    common = {"BlocksPerStage": [2] * len(stages), "ExpansionFactor": 2, "c_dim": 0, "img_resolution": size,
              "FP16Stages": []}  # fmt: skip
    generator = {"NoiseDimension": 64, "WidthPerStage": stages, "CardinalityPerStage": [w // 8 for w in stages]}
    discriminator = {name: each[::-1] for name, each in generator.items() if name != "NoiseDimension"}
    return common | generator, common | discriminator, 8


def biggan(size):
    """As the authors' script for CIFAR, and as that for ImageNet with fewer channels."""
    attention = {32: "0", 64: "32"}[size]
    generator = {"G_ch": 32, "n_classes": 10, "G_attn": attention, "dim_z": 100, "hier": size == 64,
                 "G_shared": size == 64, "shared_dim": 64 if size == 64 else 0}  # fmt: skip
    return generator, {"D_ch": 32, "n_classes": 10, "D_attn": attention}, {32: 32, 64: 16}[size]


def sngan(size):
    """The classes of torch-mimicry; at 64 pixels with a quarter of its channels."""
    width = {32: 128, 64: 256}[size]
    return {"ngf": width, "nz": 128}, {"ndf": width}, 32


def stylegan2(size):
    """As the authors' `cifar`, in the architecture of the others, with a quarter of the channels."""
    common = {"c_dim": 0, "img_resolution": size, "img_channels": 3}
    widths = {"channel_base": 64 * size, "channel_max": 128, "num_fp16_res": 0}
    generator = {"z_dim": 128, "w_dim": 128, "mapping_kwargs": {"num_layers": 2}, "synthesis_kwargs": widths}
    return common | generator, common | widths, 16


ARGUMENTS = {"r3gan": r3gan, "biggan": biggan, "sngan": sngan, "stylegan2": stylegan2}
CYCLE = 16  # steps after which lazy regularization repeats


def ours(family, size, state, policy, recipe):
    """Our GAN of the same networks, with the same parameters and the recipe that PyTorch's process has told."""
    generator, discriminator, _ = ARGUMENTS[family](size)
    told = {"resolution": size} if family in ("biggan", "sngan") else {}
    networks = []
    for player, arguments in (("generator", generator), ("discriminator", discriminator)):
        network = convert.load(family, parameters_of(state, player), player, **told, **arguments)
        changed = {} if policy == "float32" else {"dtype": policy}
        if (family, player) == ("stylegan2", "generator"):
            changed["style_mixing"] = 0.9
        weights = network.get_weights()
        network = type(network).from_config(network.get_config() | changed)
        network.set_weights(weights)
        networks.append(network)
    gan = GAN(*networks, ema_decay=recipe["decay"] or 0.0)
    adams = [keras.optimizers.Adam(recipe["rate"], *recipe["betas"]) for _ in networks]
    gamma = recipe["gamma"]
    if family == "r3gan":
        gan.compile(*adams, "relativistic_pairing", penalties=(R1(gamma), R2(gamma)), update=IndependentBatches())
    elif family == "stylegan2":
        adams = [corrected_for_lazy(adam, interval) for adam, interval in zip(adams, (4, CYCLE), strict=True)]
        gan.compile(*adams, penalties=(R1(gamma, interval=CYCLE), PathLength()), update=LazyRegularization())
    else:
        gan.compile(*adams, "hinge", update=IndependentBatches())
    return gan


def largest_difference(process, name, gan):
    """Of any pixel or logit, ours to theirs with random inputs, in parts of the largest."""
    random = np.random.default_rng(0)
    inputs = {"latents": random.standard_normal((4, gan.latent_dim), np.float32)}
    inputs["images"] = random.uniform(-1, 1, (4, *gan.image_shape)).astype(np.float32)
    if gan.num_classes:
        inputs["labels"] = np.arange(4)
    path = _file("look.npz")
    np.savez(path, **inputs)
    process.ask(look=name, path=str(path))
    labels = [tf.constant(inputs["labels"], tf.int32)] if gan.num_classes else []
    found = {
        "fakes": gan.generator([tf.constant(inputs["latents"]), *labels] if labels else inputs["latents"]),
        "logits": gan.discriminator([tf.constant(inputs["images"]), *labels] if labels else inputs["images"]),
    }
    with np.load(path) as theirs:
        return max(
            float(np.max(np.abs(theirs[key] - value.numpy())) / np.max(np.abs(theirs[key])))
            for key, value in found.items()
        )


def _file(name):
    return pathlib.Path(tempfile.gettempdir()) / f"official-{os.getpid()}-{name}"


def our_steps(gan, batch_size, size, steps):
    """A callable that takes steps; `batch_size` images for each player that sees images of its own."""
    batch_size *= gan.update.batches
    images = contestants.images(batch_size, size)
    labels = tf.constant(np.random.default_rng(0).integers(0, gan.num_classes or 1, batch_size), tf.int32)
    run = contestants.train_call(gan, (images, labels) if gan.num_classes else images)
    return lambda: [run() for _ in range(steps)]


def compare(process, family, path, size):
    """Prints a row a precision."""
    generator, discriminator, batch_size = ARGUMENTS[family](size)
    common = {"family": family, "path": str(path), "generator": generator, "discriminator": discriminator,
              "size": size, "batch_size": batch_size, "state": str(_file("state.npz"))}  # fmt: skip
    for policy in ["float32", *(["mixed_bfloat16"] if FLAGS.bfloat16 else [])]:
        best = {}
        for layout, last in LAYOUTS.items():
            if last and family in VIEWS:
                continue
            name = f"{family} {size} {policy} {layout}"
            process.ask(make=name, channels_last=last, autocast=policy != "float32", **common)
            process.ask(run=name, steps=1)
            best[name] = min(process.ask(run=name, steps=2)["seconds"] for _ in range(2))
        recipe = process.ask(make="fresh", channels_last=False, autocast=False, **common)
        gan = ours(family, size, common["state"], policy, recipe)
        difference = largest_difference(process, "fresh", gan)
        name, block = min(best, key=best.get), CYCLE if family == "stylegan2" else FLAGS.block
        seconds = alternate(
            {"ours": our_steps(gan, batch_size, size, block),
             "theirs": lambda name=name, steps=block: process.ask(run=name, steps=steps)},
            FLAGS.rounds,
            warmup=1,
        )  # fmt: skip
        medians = {who: np.median(values) / block * 1e3 for who, values in seconds.items()}
        print(
            f"| {family} | {size} | {batch_size} | {policy} | {medians['ours']:.0f} | {medians['theirs']:.0f}, "
            f"{name.split(' ', 3)[3]} | {ratio(seconds['theirs'], seconds['ours'])} | {difference:.1e} |",
            flush=True,
        )


def main(argv):
    del argv
    checkouts = dict(entry.split("=", 1) for entry in FLAGS.official)
    print(f"{processor.model_name()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| networks | pixels | images a player | precision | ours, ms a step | theirs, ms a step | theirs / ours | "
          "largest difference of an answer, in parts of the largest |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for size in map(int, FLAGS.sizes):
        for family, path in checkouts.items():
            process = JsonProcess("The PyTorch process", [FLAGS.python_torch, str(OFFICIAL)])
            with contextlib.closing(process):
                compare(process, family, pathlib.Path(path).resolve(), size)
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    app.run(main)
