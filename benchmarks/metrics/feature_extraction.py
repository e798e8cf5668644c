"""Images a second through the FID network: torch-fidelity's, ours, and ours in bfloat16; and what bfloat16 changes.

    python -m benchmarks.metrics.feature_extraction

All have the same random weights and take turns, a batch each, resizing included. Then the Frechet distance between
two sets of real images, digits below 5 and the others, by ours in float32 and in bfloat16: 1.2 % apart with random
weights, which is why the package has no bfloat16 for it.
"""

import tempfile
import time

from tfgan_kit.data import open_source
from tfgan_kit.metrics import frechet_distance, gaussian_statistics
from tfgan_kit.metrics.features import inception

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.baselines.metric_references import torch
from benchmarks.baselines.random_inception import in_torch, random_inception

FLAGS = flags.FLAGS
flags.DEFINE_integer("batch_size", 32, "Images a batch, of each.", lower_bound=1)
flags.DEFINE_integer("rounds", 10, "Timed batches of each.", lower_bound=1)
flags.DEFINE_integer("distance_images", 256, "Images of each set of the distance; 0: no distance.", lower_bound=0)


def digits():
    """The demo's images, uint8 [5000, 28, 28, 3], and their labels."""
    images, labels = next(iter(open_source("mnist5k").ordered(5000)))
    return np.repeat(images.numpy(), 3, axis=-1), labels.numpy()


def of_torch(network):
    def run(images):
        with torch.no_grad():
            return network(in_torch(images))[0].numpy()

    return run


def of_ours(path, dtype):
    """`dtype` is that of the convolutions; averages and logits are float32."""
    network = inception.build(path)
    for layer in network.layers:
        if dtype == "bfloat16" and not isinstance(layer, keras.layers.Dense):
            layer.dtype_policy = "mixed_bfloat16"

    @tf.function(reduce_retracing=True)
    def forward(prepared):
        return network(prepared, training=False)

    return lambda images: forward(inception.prepare(images))[0].numpy()


def distance(run, images, labels):
    """The Frechet distance between digits below 5 and the others, by one network's features."""
    sets = [images[chosen][: FLAGS.distance_images] for chosen in (labels < 5, labels >= 5)]
    size = FLAGS.batch_size
    features = [np.concatenate([run(some[k : k + size]) for k in range(0, len(some), size)]) for some in sets]
    return frechet_distance(*map(gaussian_statistics, features))


def main(_):
    images, labels = digits()
    images, labels = (array[np.random.default_rng(0).permutation(len(images))] for array in (images, labels))
    reference = random_inception(images[:24], ["2048", "logits_unbiased"])
    with tempfile.NamedTemporaryFile(suffix=".pth") as weights:
        torch.save(reference.state_dict(), weights.name)
        runs = {"torch-fidelity": of_torch(reference)}
        runs |= {dtype: of_ours(weights.name, dtype) for dtype in ("float32", "bfloat16")}
    batch = images[: FLAGS.batch_size]
    seconds = alternate({name: lambda run=run: run(batch) for name, run in runs.items()}, FLAGS.rounds, warmup=2)
    for name, values in seconds.items():
        faster = ratio(seconds["torch-fidelity"], values)
        print(f"{name}: {len(batch) / np.median(values):.1f} images/s, {faster} of torch-fidelity's", flush=True)
    if FLAGS.distance_images:
        started = time.perf_counter()
        whole, half = (distance(runs[dtype], images, labels) for dtype in ("float32", "bfloat16"))
        print(
            f"Frechet distance of 2 x {FLAGS.distance_images} images: float32 {whole:.5f}, bfloat16 {half:.5f}, "
            f"{half / whole - 1:+.3%} ({time.perf_counter() - started:.0f} s)"
        )


if __name__ == "__main__":
    app.run(main)
