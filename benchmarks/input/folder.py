"""Opening a folder of many files: the first time, without any cache, and again in a new process; and reading from it.

    python -m benchmarks.input.folder [--num_files 100000] [--image_size 64]

PNG files of smooth pictures, in ten classes, are made in a temporary folder. Each measurement has a process of its own,
which has imported TensorFlow already; the files have just been written, so they may lie in the system's memory.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from tfgan_kit import data

import numpy as np
from absl import app, flags
from PIL import Image
from tqdm import tqdm

FLAGS = flags.FLAGS
flags.DEFINE_integer("num_files", 100_000, "Files.", lower_bound=100)
flags.DEFINE_integer("image_size", 64, "Pixels a side.", lower_bound=8)
flags.DEFINE_string("child", None, "The folder that this process opens.")

BATCH, BATCHES = 64, 100


def write(folder):
    """Writes the files: their bytes."""
    ramp = np.linspace(-1, 1, FLAGS.image_size)
    random, total = np.random.default_rng(0), 0
    for k in tqdm(range(FLAGS.num_files), desc="Writing", unit=" files"):
        if k < 10:
            (folder / str(k)).mkdir()
        waves = np.sin(6 * random.uniform(size=3) * ramp[:, None, None] + 6 * random.uniform(size=3) * ramp[:, None])
        pixels = (127 + 100 * waves + random.normal(0, 3, waves.shape)).clip(0, 255).astype(np.uint8)
        path = folder / str(k % 10) / f"{k:08d}.png"
        Image.fromarray(pixels).save(path, compress_level=1)
        total += path.stat().st_size
    return total


def measure(folder):
    """Seconds to open, and images a second of shuffled batches."""
    started = time.perf_counter()
    source = data.open_source(f"folder:{folder}")
    opened = time.perf_counter() - started
    batches = iter(source.training(BATCH, seed=1))
    next(batches)
    started = time.perf_counter()
    for _ in range(BATCHES):
        next(batches)
    return {"opened_s": opened, "images_s": BATCH * BATCHES / (time.perf_counter() - started)}


def main(_):
    if FLAGS.child:
        print(json.dumps(measure(FLAGS.child)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary, "images")
        folder.mkdir()
        size = write(folder)
        print(f"{FLAGS.num_files} files, {size / 1e9:.2f} GB, {os.cpu_count()} cores")
        os.environ["TFGAN_KIT_CACHE"] = os.path.join(temporary, "cache")
        for name in ("first", "again"):
            line = [sys.executable, "-m", "benchmarks.input.folder", f"--child={folder}"]
            told = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout
            found = json.loads(told.splitlines()[-1])
            print(f"{name}: opened in {found['opened_s']:.2f} s, then {found['images_s']:.0f} images/s", flush=True)


if __name__ == "__main__":
    app.run(main)
