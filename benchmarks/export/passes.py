"""An export against Keras's own `model.export` of the same generator: ceiling, passes, whole, size.

    python -m benchmarks.export.passes [--rounds 30] [--num_classes 10] [--parts passes,whole]
    python -m benchmarks.export.passes --network stylegan2 --size 256 --batch 1 --batch 4 --rounds 8 --parts whole

The generator is a DCGAN (64 pixels, 3 channels, width 64) with the statistics of a trained one's
batch normalizations drawn at random, or a StyleGAN2 of random weights with half of the paper's channels, as its
authors train it below 512 pixels. Contestants take turns, call by call, in one process.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import tempfile
import time

import tfgan_kit as gk
from tfgan_kit.export.graph.bfloat16 import compute_in_bfloat16
from tfgan_kit.export.graph.folding import fold
from tfgan_kit.export.graph.inference_graph import Emitted, specs_of, trace
from tfgan_kit.export.graph.subpixel import spread_thin_convolutions
from tfgan_kit.export.module import GeneratorModule
from tfgan_kit.export.profile import ExportProfile
from tfgan_kit.generation.sample import sample
from tfgan_kit.generation.seeds import image_seeds, latents_from_seeds
from tfgan_kit.pixels import to_uint8

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags, logging

from benchmarks.alternate import alternate, ratio

_FLAGS = flags.FLAGS
_LATENT_DIM = 100
_STYLEGAN2 = "stylegan2"
_PARTS = ["ceiling", "passes", "whole", "sampling", "padding"]

flags.DEFINE_integer("rounds", 30, "Timed calls of each contestant.", 5)
flags.DEFINE_enum("network", "dcgan", ["dcgan", _STYLEGAN2], "The generator.")
flags.DEFINE_integer("size", 64, "Pixels of a side of the StyleGAN2's images.", 8)
flags.DEFINE_integer("width", 64, "Of the DCGAN.", 1)
flags.DEFINE_integer("num_classes", None, "Of a conditional DCGAN; None: an unconditional one.", 1)
flags.DEFINE_multi_integer("batch", [1, 16, 32], "Images a call.")
flags.DEFINE_list("parts", _PARTS, "Which tables to print.")


def randomize(model):
    """Weights as training leaves them: no scale 1, no mean 0."""
    random = np.random.default_rng(0)
    draws = {
        "moving_variance": lambda shape: random.uniform(0.5, 2.0, shape),
        "moving_mean": lambda shape: 0.1 * random.standard_normal(shape),
        "gamma": lambda shape: random.uniform(0.5, 1.5, shape),
        "beta": lambda shape: 0.1 * random.standard_normal(shape),
    }
    for variable in model.variables:
        if variable.name in draws:
            variable.assign(draws[variable.name](variable.shape))
        elif variable.name == "kernel":
            variable.assign(2.0 * variable.numpy())  # else the images are grey
    return model


def _generator():
    if _FLAGS.network == _STYLEGAN2:
        made = gk.networks.StyleGAN2Generator(_FLAGS.size, 3, _LATENT_DIM, num_classes=_FLAGS.num_classes,
                                              channel_base=16384)  # fmt: skip
        return _with_noise(made)
    return randomize(gk.networks.DCGANGenerator(64, 3, _LATENT_DIM, _FLAGS.width, _FLAGS.num_classes))


def _with_noise(model):
    """Noise that is added, as after training."""
    for variable in model.variables:
        if variable.name == "noise_strength":
            variable.assign(0.1)
    return model


def without_normalization(width, dtype):
    """The DCGAN with a bias in each batch normalization's place: what folding can come to."""
    latents = keras.Input((_LATENT_DIM,))
    x = keras.layers.Dense(16 * 8 * width, dtype=dtype)(latents)
    x = keras.layers.ReLU(dtype=dtype)(keras.layers.Reshape((4, 4, 8 * width), dtype=dtype)(x))
    for channels in (4 * width, 2 * width, width):
        x = keras.layers.Conv2DTranspose(channels, 4, 2, "same", dtype=dtype)(x)
        x = keras.layers.ReLU(dtype=dtype)(x)
    x = keras.layers.Conv2DTranspose(3, 4, 2, "same", dtype=dtype)(x)
    return keras.Model(latents, keras.layers.Activation("tanh", dtype="float32")(x))


def _by_keras(model, folder):
    model.export(folder, verbose=False)
    function = tf.saved_model.load(folder).signatures["serving_default"]
    names = [tensor.name for tensor in model.inputs]
    return lambda *inputs: function(**dict(zip(names, inputs, strict=True)))


def _passes(generator):
    """Contestants that have one pass more each."""

    def emitted(*passes):
        graph = trace(generator, specs_of((_LATENT_DIM,), _FLAGS.num_classes))
        for run in passes:
            run(graph)
        function = tf.function(Emitted(graph))
        return lambda *inputs: {"images": function(list(inputs) if len(inputs) > 1 else inputs[0])}

    return {
        "constants computed": emitted(),
        "+ folded": emitted(fold),
        "+ thin convolutions spread": emitted(fold, spread_thin_convolutions),
        "only bfloat16": emitted(compute_in_bfloat16),
        "all": emitted(fold, spread_thin_convolutions, compute_in_bfloat16),
    }


def _module(generator, profile):
    size = _FLAGS.size if _FLAGS.network == _STYLEGAN2 else 64
    return GeneratorModule(generator, _LATENT_DIM, _FLAGS.num_classes, (size, size, 3), profile=profile)


def _save(module, folder):
    """The reloaded signature `from_latent`; prints bytes, bytes over the weights', seconds of a load."""
    tf.saved_model.save(module, folder, signatures=module.signatures())
    stored = sum(file.stat().st_size for file in pathlib.Path(folder).rglob("*") if file.is_file())
    weights = sum(v.dtype.size * v.shape.num_elements() for v in module.saved_variables)
    started = time.perf_counter()
    function = tf.saved_model.load(folder).signatures["from_latent"]
    seconds = time.perf_counter() - started
    print(f"  {stored / 1e6:.2f} MB, its variables {weights / 1e6:.2f} MB, loaded in {seconds:.2f} s")
    names = ["latents", "label"]
    return lambda *inputs: function(**dict(zip(names, inputs, strict=False)))


def _inputs(batch):
    latents = tf.random.stateless_normal([batch, _LATENT_DIM], [0, 1])
    return [latents] if _FLAGS.num_classes is None else [latents, tf.range(batch) % _FLAGS.num_classes]


def _race(title, contestants, inputs_of=_inputs, batches=None):
    """Prints milliseconds of each, and the first one's time over each's: on the clock, and of CPUs.

    The ratio of the processors' time holds on a machine that others use, too.
    """
    print(f"{title} (load {os.getloadavg()[0]:.1f})")
    for batch in batches or _FLAGS.batch:
        inputs = inputs_of(batch)
        spent = {name: [] for name in contestants}
        seconds = alternate(
            {name: _timed(run, inputs, spent[name]) for name, run in contestants.items()}, _FLAGS.rounds
        )
        first = next(iter(contestants))
        for name, values in seconds.items():
            clock, cpu = ratio(seconds[first], values), np.divide(spent[first], spent[name])[-_FLAGS.rounds :]
            print(
                f"  batch {batch:3}  {name:28}{1e3 * np.median(values):8.2f} ms  clock {clock}  "
                f"CPU {np.median(cpu):.3f}"
            )


def _timed(run, inputs, spent):
    def call():
        started = time.process_time()
        for value in run(*inputs).values():
            value.numpy()
        spent.append(time.process_time() - started)

    return call


def _ceiling(baseline, folder):
    contestants = {"model.export": baseline}
    for dtype in ("float32", "mixed_bfloat16"):
        model = without_normalization(_FLAGS.width, dtype)
        contestants[f"no BatchNorm, {dtype}"] = _by_keras(model, f"{folder}/{dtype}")
    _race("Ceiling: Keras's model.export without batch normalization", contestants, lambda batch: _inputs(batch)[:1])


def _whole(baseline, generator, folder):
    contestants = {"model.export": baseline}
    profiles = {
        "ours, optimized=False": ExportProfile(optimized=False),
        "ours, float32": ExportProfile(),
        "ours, bfloat16": ExportProfile(precision="bfloat16"),
    }
    for name, profile in profiles.items():
        print(name)
        contestants[name] = _save(_module(generator, profile), f"{folder}/{name}")
    _race("Whole: the signature from_latent, which also makes uint8, reloaded", contestants)


def _sampling():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def row_by_row(seeds):
        return {"latents": tf.map_fn(
            lambda pair: tf.random.stateless_normal([_LATENT_DIM], pair, alg="philox"),
            tf.stack([seeds, tf.zeros_like(seeds)], axis=1),
            fn_output_signature=tf.TensorSpec([_LATENT_DIM], tf.float32),
        )}  # fmt: skip

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
    def in_blocks(seeds):
        return {"latents": latents_from_seeds(seeds, _LATENT_DIM)}

    _race(
        "Seeds to latents",
        {"map_fn": row_by_row, "blocks": in_blocks},
        lambda batch: [tf.constant(image_seeds(3, batch))],
        (1, 16, 64),
    )


def _padding(generator):
    """An odd batch as it is, and padded to an even one as `sample.sample` does."""
    network = Emitted(_folded(generator))
    bare = tf.function(lambda *inputs: {"images": to_uint8(network(_packed(inputs)))})
    padded = tf.function(lambda *inputs: {"images": sample(network, *inputs)})
    _race("Odd batches", {"as they are": bare, "padded": padded}, batches=(1, 3, 7, 15, 31))
    for batch in (3, 7, 15, 31):
        inputs = _inputs(batch)
        alone = tf.concat([padded(*(v[k : k + 1] for v in inputs))["images"] for k in range(batch)], 0)
        off = {
            name: int(tf.math.count_nonzero(run(*inputs)["images"] != alone))
            for name, run in (("as it is", bare), ("padded", padded))
        }
        print(f"  batch {batch:3}: {off} of {tf.size(alone)} levels differ from the rows' own alone")


def _packed(inputs):
    return list(inputs) if len(inputs) > 1 else inputs[0]


def _folded(generator):
    graph = trace(generator, specs_of((_LATENT_DIM,), _FLAGS.num_classes))
    fold(graph)
    spread_thin_convolutions(graph)
    return graph


def main(_):
    logging.set_verbosity(logging.WARNING)
    generator = _generator()
    with tempfile.TemporaryDirectory() as folder:
        baseline = _by_keras(generator, f"{folder}/keras")
        if "ceiling" in _FLAGS.parts and _FLAGS.num_classes is None and _FLAGS.network != _STYLEGAN2:
            _ceiling(baseline, folder)
        if "passes" in _FLAGS.parts:
            _race("Passes, each with those before it", {"model.export": baseline} | _passes(generator))
        if "whole" in _FLAGS.parts:
            _whole(baseline, generator, folder)
    if "sampling" in _FLAGS.parts:
        _sampling()
    if "padding" in _FLAGS.parts:
        _padding(generator)


if __name__ == "__main__":
    app.run(main)
