"""`python -m tfgan_kit_client --model_name digits --num_images 16 --output served.png`."""

import os
import pathlib
import sys
import time

from absl import app, flags

from tfgan_kit_client import GeneratorClient, ServingError, image_seeds
from tfgan_kit_client.contract import PNG_SUFFIX
from tfgan_kit_client.pictures import tile, write_png

_FLAGS = flags.FLAGS

flags.DEFINE_string("target", "localhost:8500", "host:port of the server's gRPC.")
flags.DEFINE_string("model_name", "default", "Name that the model is served under.")
flags.DEFINE_integer("num_images", 16, "How many images to ask for.", 1)
flags.DEFINE_integer("seed", 0, "Image k is named seed * 2**32 + k.", -(2**31), 2**31 - 1)
flags.DEFINE_list("labels", None, "Class ids, such as 0,1,2, repeated in turn over the images.")
flags.DEFINE_float("timeout", 10.0, "Seconds that any one call may take.", 1e-3)
flags.DEFINE_integer("batch_size", 16, "Images a call.", 1)
flags.DEFINE_string(
    "output", None, "FILE.png: one grid; FOLDER/: a PNG an image, named by its seed.", required=True
)


def main(argv):
    """Asks, writes, and says what it made."""
    if len(argv) > 1:
        raise app.UsageError(f"this command takes only flags. Received: {argv[1:]}")
    labels = _labels()
    try:
        write, output = _writer(_FLAGS.output)
        with GeneratorClient(
            _FLAGS.target, _FLAGS.model_name, _FLAGS.timeout, _FLAGS.batch_size
        ) as client:
            version = client.metadata().version
            start = time.perf_counter()
            write(client, labels, output)
    except (ServingError, ValueError, OSError) as error:
        sys.exit(f"Nothing was made: {error}")
    seconds = time.perf_counter() - start
    print(
        f"{output}: {_FLAGS.num_images} images from {_FLAGS.model_name} version {version} at "
        f"{_FLAGS.target}, {_FLAGS.num_images / seconds:.1f} images/s with writing"
    )


def _labels() -> list[int] | None:
    if _FLAGS.labels is None:
        return None
    try:
        ids = [int(label) for label in _FLAGS.labels]
    except ValueError as error:
        raise app.UsageError(f"--labels takes integers. Received: {_FLAGS.labels}") from error
    if not ids:
        raise app.UsageError("--labels names no class")
    return [ids[k % len(ids)] for k in range(_FLAGS.num_images)]


def _writer(output: str):
    path = pathlib.Path(output)
    if output.endswith(("/", os.sep)) or path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return _write_folder, path
    if path.suffix != ".png":
        raise ValueError(f"--output is a FILE.png or a FOLDER/. Received: {output}")
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent} to write {path.name} in")
    return _write_grid, path


def _write_grid(client, labels, path):
    write_png(path, tile(client.generate(_FLAGS.num_images, _FLAGS.seed, labels)))


def _write_folder(client, labels, folder):
    """A file an image, batch by batch, so that a million need no memory."""
    seeds = image_seeds(_FLAGS.seed, _FLAGS.num_images)
    encodes = any(name.endswith(PNG_SUFFIX) for name in client.metadata().signatures)
    ask = client.generate_png if encodes else client.generate
    step = 16 * _FLAGS.batch_size
    for start in range(0, len(seeds), step):
        names, some = seeds[start : start + step], labels and labels[start : start + step]
        for name, image in zip(names, ask(seeds=names, labels=some), strict=True):
            write_png(folder / f"{name}.png", image)


if __name__ == "__main__":
    app.run(main)
