"""The training step of R3GAN, BigGAN and SNGAN against the authors' PyTorch classes: one table.

    git clone https://github.com/brownvc/R3GAN /tmp/r3gan && git -C /tmp/r3gan checkout 19a7ddf
    git clone https://github.com/ajbrock/BigGAN-PyTorch /tmp/biggan && git -C /tmp/biggan checkout 9845943
    pip download --no-deps --no-binary :all: torch-mimicry==0.1.16 && tar xzf torch_mimicry-0.1.16.tar.gz -C /tmp
    python -m benchmarks.training.official_networks --python_torch .venv/bin/python \
        --official r3gan=/tmp/r3gan,biggan=/tmp/biggan,sngan=/tmp/torch_mimicry-0.1.16

Both sides have the same networks: ours are built by `convert.load` from PyTorch's parameters, and what they answer is
compared first. Both take the authors' step: new latents for each player, R3GAN's R1 and R2 at every step, BigGAN's
discriminator on real and generated images together. They take turns, block by block; PyTorch in the memory layout
that was faster in a short warm-up.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib
import pathlib
import tempfile

from tfgan_kit import GAN, convert, processor
from tfgan_kit.penalties import R1, R2
from tfgan_kit.training.updates import IndependentBatches

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.json_process import JsonProcess
from benchmarks.training import contestants
from benchmarks.training.torch_process import LAYOUTS

FLAGS = flags.FLAGS
flags.DEFINE_list("official", [], "FAMILY=CHECKOUT of the authors' code, one each; the others are left out.")
flags.DEFINE_list("sizes", ["32", "64"], "Heights and widths of the images.")
flags.DEFINE_integer("rounds", 10, "Timed turns of each contestant.", lower_bound=4)
flags.DEFINE_integer("block", 3, "Steps in a turn.", lower_bound=1)
flags.DEFINE_bool("bfloat16", False, "Also in bfloat16; it gains on processors with instructions for it.")
flags.DEFINE_string("python_torch", "/tmp/torchenv/bin/python", "A Python that has torch.")

VIEWS = ("biggan",)  # the authors' layers take views of kernels, which channels last does not allow
SCRIPT = pathlib.Path(__file__).parents[1] / "baselines" / "pytorch_official.py"


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


ARGUMENTS = {"r3gan": r3gan, "biggan": biggan, "sngan": sngan}


def ours(family, size, state, policy, recipe):
    """Our GAN of the same networks, with the same parameters and the recipe that PyTorch's process has told."""
    generator, discriminator, _ = ARGUMENTS[family](size)
    told = {"biggan": {"resolution": size}, "sngan": {"resolution": size}, "r3gan": {}}[family]
    networks = []
    for player, arguments in (("generator", generator), ("discriminator", discriminator)):
        parameters = {name.partition(".")[2]: array for name, array in state.items() if name.startswith(f"{player}.")}
        network = convert.load(family, parameters, player, **told, **arguments)
        if policy != "float32":
            weights = network.get_weights()
            network = type(network).from_config({**network.get_config(), "dtype": policy})
            network.set_weights(weights)
        networks.append(network)
    gan = GAN(*networks, ema_decay=recipe["decay"] or 0.0)
    gan.compile(
        *(keras.optimizers.Adam(recipe["rate"], *recipe["betas"]) for _ in networks),
        objective="relativistic_pairing" if family == "r3gan" else "hinge",
        penalties=(R1(recipe["gamma"]), R2(recipe["gamma"])) if recipe["gamma"] else (),
        update=IndependentBatches(),
    )
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


def our_step(gan, batch_size, size):
    """A callable that takes a step, on twice the images: `batch_size` for each player."""
    images = contestants.images(2 * batch_size, size)
    labels = tf.constant(np.random.default_rng(0).integers(0, gan.num_classes or 1, 2 * batch_size), tf.int32)
    run = contestants.train_call(gan, (images, labels) if gan.num_classes else images)
    return lambda: [run() for _ in range(FLAGS.block)]


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
        with np.load(common["state"]) as parameters:
            gan = ours(family, size, dict(parameters), policy, recipe)
        difference = largest_difference(process, "fresh", gan)
        name = min(best, key=best.get)
        seconds = alternate(
            {"ours": our_step(gan, batch_size, size),
             "theirs": lambda name=name: process.ask(run=name, steps=FLAGS.block)},
            FLAGS.rounds,
            warmup=2,
        )  # fmt: skip
        medians = {who: np.median(values) / FLAGS.block * 1e3 for who, values in seconds.items()}
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
            process = JsonProcess("The PyTorch process", [FLAGS.python_torch, str(SCRIPT)])
            with contextlib.closing(process):
                compare(process, family, pathlib.Path(path).resolve(), size)
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    app.run(main)
