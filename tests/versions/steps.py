"""One version of everything: import, fit, save, load, export, serve. Runs in an environment of its own.

    python -m tests.versions.steps FOLDER [FILE.keras ...]

FILEs were written by older versions, and are loaded, too. Prints one line a step; the first failure ends it.
"""

import pathlib
import sys

import tfgan_kit as gk
from tfgan_kit.serving import ModelServer

import keras
import numpy as np
import tensorflow as tf

from tfgan_kit_client import GeneratorClient


def main(folder, *older):
    print(f"import: tensorflow {tf.__version__}, keras {keras.__version__}, {sys.version.split()[0]}", flush=True)
    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 1), np.uint8)
    labels = np.arange(64) % 3
    gan = gk.GAN(gk.networks.DCGANGenerator(16, 1, 8, 8, 3), gk.networks.DCGANDiscriminator(16, 1, 8, 3))
    gan.compile("adam", "adam", penalties=[gk.penalties.R1(interval=2)])
    data = gk.data.from_arrays(images, labels, batch_size=16).prefetch(1)
    history = gan.fit(data, epochs=2, validation_data=data, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values()) and gan.steps_trained == 8
    print("fit", flush=True)
    file = folder / "gan.keras"
    gan.save(file)
    expected = gan.generate(8, seed=1)
    loaded = keras.saving.load_model(file)
    np.testing.assert_array_equal(loaded.generate(8, seed=1), expected)
    gan.fit(data, verbose=0)
    loaded.fit(data, verbose=0)
    for ours, theirs in zip(gan.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    print("save, load, resume", flush=True)
    for path in older:
        gk.load_gan(path).fit(data, verbose=0)
        print(f"load {path}", flush=True)
    gk.export_generator(gan, folder / "models")
    print("export", flush=True)
    with ModelServer(folder / "models", "gan", port=0) as server:
        with GeneratorClient(f"localhost:{server.port}", "gan") as client:
            served = client.generate(8, seed=1)
    assert np.abs(served.astype(int) - gan.generate(8, seed=1)).max() <= 1
    print("serve", flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *sys.argv[2:])
