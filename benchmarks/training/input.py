"""How fast images reach a training loop, against decoding alone on the same cores.

    python -m benchmarks.training.input [--photographs FOLDER] [--rounds 30] [--num_images 2000]

A contestant's turn is `--images_a_turn` images, taken by a consumer that does nothing with them.
The files are cut out of the pictures in `--photographs`, at a random place and scale; without it,
out of noise with a photograph's spectrum (amplitude 1 / frequency), which fills a JPEG like one.
"""

import collections
import concurrent.futures
import itertools
import os
import pathlib
import tempfile
import time

from tfgan_kit.data import open_source
from tfgan_kit.data.arrays import ArraySource

import numpy as np
import tensorflow as tf
from absl import app, flags
from PIL import Image

from benchmarks.alternate import alternate

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 30, "Timed turns of each contestant.", lower_bound=4)
flags.DEFINE_integer("num_images", 2000, "Files in each folder.", lower_bound=64)
flags.DEFINE_integer("images_a_turn", 1024, "Taken from each contestant.", lower_bound=64)
flags.DEFINE_integer("batch_size", 64, "Images a batch.", lower_bound=1)
flags.DEFINE_integer("quality", 90, "Of the JPEGs.", lower_bound=1, upper_bound=100)
flags.DEFINE_string("photographs", None, "Folder of pictures to cut the files out of.")

SIZE = 256
BUFFERED = 320  # more than any contestant reads ahead
CORES = os.cpu_count()


def pink_noise(size, random):
    """A colour picture of which each octave has the same energy: uint8 (size, size, 3)."""
    frequencies = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequencies[0, 0] = np.inf
    luma, red, blue = (
        np.fft.irfft2(np.fft.rfft2(random.standard_normal((size, size))) / frequencies) for _ in range(3)
    )
    colour = np.stack([luma + 0.3 * red, luma, luma + 0.3 * blue], axis=-1)
    return np.clip(128 + 50 * colour / colour.std(), 0, 255).astype(np.uint8)


def pictures(random):
    if FLAGS.photographs is None:
        return [Image.fromarray(pink_noise(640, random)) for _ in range(8)]
    files = sorted(pathlib.Path(FLAGS.photographs).iterdir())
    return [Image.open(file).convert("RGB") for file in files]


def write_folder(folder, kind, width, height, count):
    """Cuts `count` pictures of width x height out of the originals, at scale 0.6 to 1."""
    random = np.random.default_rng(0)
    originals = pictures(random)
    folder.mkdir(parents=True)
    for k in range(count):
        original = originals[k % len(originals)]
        largest = min(original.width / width, original.height / height)
        scale = min(largest, random.uniform(1.0, 1.6))
        x = random.uniform(0, original.width - scale * width)
        y = random.uniform(0, original.height - scale * height)
        box = (x, y, x + scale * width, y + scale * height)
        cut = original.resize((width, height), Image.Resampling.LANCZOS, box=box)
        options = {"quality": FLAGS.quality} if kind == "jpg" else {"compress_level": 6}
        cut.save(folder / f"{k:05d}.{kind}", **options)
    sizes = [file.stat().st_size for file in folder.iterdir()]
    print(f"{folder.name}: {count} files, {np.mean(sizes) / 1e3:.1f} kB each")
    return folder


def rest():
    """Waits until no thread of this process has anything left to do."""
    busy = True
    while busy:
        before = time.process_time()
        time.sleep(0.1)
        busy = time.process_time() - before > 0.002


class Stream:
    """One endless iterator of batches; a call takes `--images_a_turn` images and drops them."""

    def __init__(self, dataset, images_a_batch):
        self._iterator = iter(dataset)
        self._images_a_batch = images_a_batch

    def __call__(self, count=None):
        for _ in range((count or FLAGS.images_a_turn) // self._images_a_batch):
            next(self._iterator)

    def settle(self):
        """Lets all buffers fill up, and takes what is in its own: none is ahead in a turn."""
        rest()
        self(BUFFERED)


def decoding(folder, kind="jpg"):
    """Read and decode, and nothing else: any order, no labels; of each image one level is kept."""
    decode = tf.io.decode_jpeg if kind == "jpg" else tf.io.decode_png
    files = tf.data.Dataset.from_tensor_slices([str(f) for f in sorted(folder.iterdir())])
    levels = files.repeat().map(
        lambda file: decode(tf.io.read_file(file), channels=3)[0, 0, 0], num_parallel_calls=CORES, deterministic=False
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return Stream(levels.batch(64).with_options(options), 64)


class Pillow:
    """Decoding with Pillow (it frees the interpreter's lock as it decodes), a thread a core."""

    def __init__(self, folder, pool):
        self._files = itertools.cycle(sorted(folder.iterdir()))
        self._pool = pool

    def __call__(self):
        turn = itertools.islice(self._files, FLAGS.images_a_turn)
        collections.deque(self._pool.map(self._decode, turn), maxlen=0)

    def settle(self):
        rest()

    def _decode(self, file):
        with Image.open(file) as image:
            image.load()


def delivering(source):
    """What `fit` is given."""
    return Stream(source.training(FLAGS.batch_size, flip=True), FLAGS.batch_size)


def take_turns(contestants):
    return alternate(contestants, FLAGS.rounds, warmup=2, before=lambda name: contestants[name].settle())


def row(name, seconds, baseline=None):
    rates = FLAGS.images_a_turn / seconds
    text = f"{name:34} {np.median(rates):7.0f} images/s"
    if baseline is not None:
        low, median, high = np.percentile(baseline / seconds, [25, 50, 75])
        text += f"   {median:.3f} of decoding alone (quartiles {low:.3f} to {high:.3f})"
    print(text)


def compare(root, width, height, pool):
    folder = write_folder(root / f"jpeg-{width}x{height}", "jpg", width, height, FLAGS.num_images)
    exact = width == height == SIZE
    source = open_source(f"folder:{folder}", image_size=None if exact else SIZE)
    seconds = take_turns({"decoding": decoding(folder), "Pillow": Pillow(folder, pool), "ours": delivering(source)})
    row("decoding alone (TensorFlow)", seconds["decoding"])
    row("decoding alone (Pillow)", seconds["Pillow"], seconds["decoding"])
    what = "delivered" if exact else f"delivered, cropped, resized to {SIZE}"
    row(what, seconds["ours"], seconds["decoding"])


def for_information(root):
    """The other sources."""
    folder = write_folder(root / "png-256x256", "png", SIZE, SIZE, 500)
    pixels = np.random.default_rng(0).integers(0, 256, (FLAGS.num_images, SIZE, SIZE, 3), np.uint8)
    seconds = take_turns(
        {
            "decoding": decoding(folder, "png"),
            "png": delivering(open_source(f"folder:{folder}")),
            "array": delivering(ArraySource("pixels", pixels)),
        }
    )
    row("decoding PNG alone", seconds["decoding"])
    row("PNG folder, delivered", seconds["png"], seconds["decoding"])
    row("array, delivered", seconds["array"])


def main(argv):
    del argv
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TFGAN_KIT_CACHE"] = f"{scratch}/cache"
        with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
            compare(pathlib.Path(scratch), SIZE, SIZE, pool)
            compare(pathlib.Path(scratch), 320, 280, pool)
        for_information(pathlib.Path(scratch))


if __name__ == "__main__":
    app.run(main)
