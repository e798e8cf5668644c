"""Does the embedded server keep its promises when it is pressed? Three proofs, real processes.

    python -m benchmarks.serving.soak --proof swaps      # 100,000 calls, 10 swaps, 2 rollbacks
    python -m benchmarks.serving.soak --proof overload   # 5 times what it can answer
    python -m benchmarks.serving.soak --proof restart    # SIGKILL and start; SIGTERM under load

Each prints its figures and what was broken, and then exits with status 1. The network is a small
untrained DCGAN (28x28x1, width 16; for `overload` 64x64x3, width 64), in three sets of weights whose
images differ for every seed; version k has the set k mod 3. The callers are raw gRPC without retries.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import shutil
import sys
import tempfile

import tfgan_kit
from tfgan_kit.export import read_lineage
from tfgan_kit.networks.dcgan import DCGANGenerator

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags, logging

from benchmarks.serving.soak_proofs import overload, restart, swaps

_FLAGS = flags.FLAGS
_SEEDS = 256
_WEIGHTS = 3
_PROOFS = {"swaps": swaps, "overload": overload, "restart": restart}

flags.DEFINE_enum("proof", None, list(_PROOFS), "Which promise.", required=True)
flags.DEFINE_integer("calls", 100_000, "Of the proof `swaps`.", 1000)


class Exports:
    """Three exported generators, and what each answers for every seed, one row at a time.

    Args:
        folder: where they, and `base_path`, the folder that is served, are written.
    """

    def __init__(self, folder: pathlib.Path):
        self.base_path = folder / "model"
        self.base_path.mkdir()
        self.expected_file = folder / "expected.npz"
        self._paths = [_export(folder, number) for number in range(_WEIGHTS)]
        images = np.stack([_answers(path) for path in self._paths])  # (weights, seeds, H, W, C)
        levels = np.abs(images.astype(int) - np.roll(images, 1, axis=0)).max(axis=(2, 3, 4))
        if levels.min() < 3:
            raise RuntimeError("two sets of weights answer alike; this run would prove nothing")
        np.savez(self.expected_file, images=images)
        self.calls = _FLAGS.calls

    def publish(self, version: int) -> None:
        """Adds a version by a copy and a rename, as an exporter does."""
        writing = self.base_path / f"writing-{version}"
        shutil.copytree(self._paths[version % _WEIGHTS], writing)
        writing.rename(self.base_path / str(version))

    def remove(self, version: int) -> None:
        """Deletes a version's folder, as an operator rolls back."""
        shutil.rmtree(self.base_path / str(version))

    def tolerance(self) -> float:
        """Levels of 255 by which a row may depend on its batch, says the certificates' worst."""
        certificates = [read_lineage(path)["certificate"] for path in self._paths]
        return max(one["serving_default"]["batched_at_most"] for one in certificates)


def _export(folder, number) -> pathlib.Path:
    keras.utils.set_random_seed(number)
    large = _FLAGS.proof == "overload"
    size = (64, 3, 128, 64) if large else (28, 1, 64, 16)  # pixels, channels, latents, width
    generator = DCGANGenerator(*size)
    for variable in generator.trainable_variables:
        # Freshly initialised, an image is all but grey.
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.1))
    return tfgan_kit.export_generator(generator, folder / f"weights-{number}")


def _answers(path) -> np.ndarray:
    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]
    rows = [signature(seed=tf.constant([k], tf.int64))["images"].numpy() for k in range(_SEEDS)]
    return np.concatenate(rows)


def main(_):
    """Runs the proof and says what was broken."""
    logging.set_verbosity(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        exports = Exports(pathlib.Path(folder))
        exports.publish(1)
        broken = list(_PROOFS[_FLAGS.proof](exports))
    for line in broken:
        print("BROKEN:", line)
    print(f"{_FLAGS.proof}: {'broken' if broken else 'holds'}, load {os.getloadavg()[0]:.1f}")
    sys.exit(bool(broken))


if __name__ == "__main__":
    app.run(main)
