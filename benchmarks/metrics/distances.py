"""The price of distances between 2048 features: ours in turns with the references as they ship.

    python -m benchmarks.metrics.distances [--rounds 3] [--only frechet|kernel]

Frechet distance, from statistics to value: of 10,000 and of 1,500 features (a singular covariance);
torch-fidelity takes eigenvalues of the product of the covariances, clean-fid and pytorch-fid (which
take minutes under load: one turn) its `scipy.linalg.sqrtm`. The floor is one symmetric eigenvalue
problem of SciPy with and without vectors, "ev" and "evd". Kernel distance: 100 subsets of 1,000, by
all pairs of 5,000 (a Gram matrix of both sets in float64 is 0.8 GB) and of 10,000, by the subset of
15,000; torch-fidelity's seconds are 20 times those of 5 subsets. Features are made like an
Inception network's (averages of what a ReLU lets pass). To reach: Frechet 2, singular 0.5; kernel 3 at
5,000, else 1.3.
"""

import os
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tfgan_kit.metrics import frechet_distance, gaussian_statistics, maximum_mean_discrepancy
from tfgan_kit.metrics.measures.kernel_distance import kernel_distance

import numpy as np
import scipy.linalg
from absl import app, flags

from benchmarks.alternate import alternate, ratio
from benchmarks.baselines.metric_references import cleanfid, pytorch_fid, torch_fidelity

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 3, "Turns of each.", lower_bound=1)
flags.DEFINE_enum("only", None, ["frechet", "kernel"], "One of the two.")
flags.DEFINE_integer("dimension", 2048, "Of the features.", lower_bound=2)
flags.DEFINE_bool("sqrtm", True, "Whether clean-fid and pytorch-fid run.")

SUBSET, SUBSETS = 1000, 100
PAUSE = 0.3  # seconds: a library's threads spin for a while before they sleep, and take the other's cores


def features(count, seed, shift=0.0):
    mixing = np.random.default_rng(99).normal(size=(256, FLAGS.dimension)) / 16
    random = np.random.default_rng(seed)
    hidden = random.normal(shift, size=(count, 256)) @ mixing + 0.3 * random.normal(size=(count, FLAGS.dimension))
    return np.maximum(hidden + 0.3, 0).astype(np.float32)


def by_torch_fidelity(a, b):
    first, second = ({"mu": law.mean, "sigma": law.covariance} for law in (a, b))
    found = torch_fidelity.metric_fid.fid_statistics_to_metric(first, second, verbose=False)
    return found["frechet_inception_distance"]


def by_sqrtm(function):
    return lambda a, b: function(a.mean, a.covariance, b.mean, b.covariance)


def timed(name, function, *arguments):
    start = time.perf_counter()
    value = function(*arguments)
    print(f"{name}: {time.perf_counter() - start:.2f} s", flush=True)
    return value


def frechet(count):
    a, b = (gaussian_statistics(features(count, seed, 0.05 * seed)) for seed in (0, 1))
    values = {}

    def turn(name, function):
        return lambda: values.__setitem__(name, function(a, b))

    contestants = {"ours": turn("ours", frechet_distance), "torch-fidelity": turn("torch-fidelity", by_torch_fidelity)}
    seconds = alternate(contestants, FLAGS.rounds, warmup=1, before=lambda name: time.sleep(PAUSE))
    print(
        f"Frechet distance, {count} images: ours {np.median(seconds['ours']):.2f} s, torch-fidelity "
        f"{np.median(seconds['torch-fidelity']):.2f} s, ratio {ratio(seconds['torch-fidelity'], seconds['ours'])}, "
        f"apart by {abs(values['torch-fidelity'] / values['ours'] - 1):.1e}",
        flush=True,
    )
    if FLAGS.sqrtm and count > FLAGS.dimension:
        for name, function in (
            ("clean-fid", cleanfid.fid.frechet_distance),
            ("pytorch-fid", pytorch_fid.fid_score.calculate_frechet_distance),
        ):
            value = timed(name, by_sqrtm(function), a, b)
            print(f"  apart by {abs(value / values['ours'] - 1):.1e}")
    return a.covariance


def floor(covariance):
    for driver, only in (("ev", True), ("evd", False)):
        timed(
            f"floor: scipy.linalg.eigh, {driver}, {'values' if only else 'values and vectors'}",
            lambda driver=driver, only=only: scipy.linalg.eigh(covariance, driver=driver, eigvals_only=only),
        )


def kernel(count, dtype):
    x, y = (features(count, seed, 0.05 * seed).astype(dtype) for seed in (0, 1))
    random = np.random.default_rng(0)
    rows, columns = (random.choice(count, SUBSET, replace=False) for _ in range(2))
    values = {}

    def theirs():
        values["theirs"] = torch_fidelity.metric_kid.kernel_mmd(x[rows], y[columns])

    def ours():
        values["ours"] = maximum_mean_discrepancy(x[rows], y[columns])

    theirs(), ours()
    exact = torch_fidelity.metric_kid.kernel_mmd(x[rows].astype(np.float64), y[columns].astype(np.float64))
    apart = {name: abs(value / exact - 1) for name, value in values.items()}
    print(
        f"a subset, {np.dtype(dtype)}: from torch-fidelity in float64 apart by {apart['ours']:.1e}, its own by "
        f"{apart['theirs']:.1e}",
        flush=True,
    )
    whole = alternate(
        {"theirs": lambda: [theirs() for _ in range(5)], "ours": lambda: kernel_distance(x, y)},
        FLAGS.rounds,
        warmup=1,
        before=lambda name: time.sleep(PAUSE),
    )
    print(
        f"kernel distance, {SUBSETS} subsets of {count}, {np.dtype(dtype)}: ours {np.median(whole['ours']):.2f} s, "
        f"torch-fidelity {np.median(whole['theirs']) * SUBSETS / 5:.2f} s, "
        f"ratio {ratio(whole['theirs'] * SUBSETS / 5, whole['ours'])}",
        flush=True,
    )


def main(argv):
    del argv
    warnings.simplefilter("ignore")  # of the references
    if FLAGS.only != "kernel":
        covariance = frechet(10_000)
        floor(covariance)
        frechet(1500)
    if FLAGS.only != "frechet":
        for count in (5000, 10_000, 15_000):
            kernel(count, np.float32)
        kernel(5000, np.float64)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    app.run(main)
