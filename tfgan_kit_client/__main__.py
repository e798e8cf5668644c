"""`python -m tfgan_kit_client --model_name digits --num_images 16 --output served.png`."""

import itertools
import os
import pathlib
import sys
import time

import numpy as np
from absl import app, flags

from tfgan_kit_client import GeneratorClient, ServingError, connection_flags, image_seeds, outputs
from tfgan_kit_client.class_names import parse_labels, read_class_names
from tfgan_kit_client.contract import PNG_SUFFIX

_FLAGS = flags.FLAGS
_LARGEST_GRID = 1024


def define_flags():
    """The flags of this command."""
    connection_flags.define_flags()
    flags.DEFINE_integer("num_images", 16, "How many images to ask for.", 1, 2**32)
    flags.DEFINE_integer("seed", 0, "Image k has the seed seed * 2**32 + k.", -(2**31), 2**31 - 1)
    flags.DEFINE_list("labels", None, "Classes, ids or names of --class_names, repeated in turn over the images.")
    flags.DEFINE_string(
        "class_names", None, "File of the classes' names, which no server tells: a run's config.json, an "
        "export's assets.extra/tfgan_kit.json, or a text file with a name on each line."
    )  # fmt: skip
    flags.DEFINE_float(
        "truncation_psi",
        None,
        "Truncation, if the model has it, as its family defines it: StyleGAN's 1 is none, BigGAN's is a threshold.",
    )
    flags.DEFINE_list(
        "strengths", None, "How far to move all images along each of the first directions that the model was exported "
        "with, such as 2,0,-1.5."
    )  # fmt: skip
    flags.DEFINE_string("w", None, "FILE.npy of a StyleGAN's w, float (N, num_ws, W), instead of seeds and labels.")
    flags.DEFINE_string("signature", None, "Signature to call; default: the one that fits the request.")
    flags.DEFINE_float("timeout", 10.0, "Seconds that any one call may take, retries included.", 1e-3)
    flags.DEFINE_integer("batch_size", 16, "Images per call.", 1)
    flags.DEFINE_string(
        "output", None, "FILE.png: one grid; FILE.npy: one array; FOLDER/: one file per image, named "
        "by its seed.", required=True
    )  # fmt: skip
    flags.DEFINE_enum("format", "png", ["png", "jpeg", "webp"], "Format of the files in a FOLDER/.")
    flags.DEFINE_bool(
        "png", None, "Whether the server encodes the PNGs of a FOLDER/; default: if the model has "
        "signatures for it."
    )  # fmt: skip


def main(argv):
    """Generates images, writes them, and prints where they are."""
    if len(argv) > 1:
        raise app.UsageError(f"this command takes only flags. Received: {argv[1:]}")
    progress = outputs.Progress(_FLAGS.num_images)
    try:
        given = {"labels": _labels(), "strengths": _strengths(), "w": _read_w()}
        if given["w"] is not None:
            _check_w(given["w"])
            progress.total = _FLAGS.num_images
        _check()
        with GeneratorClient(
            _FLAGS.target, _FLAGS.model_name, _FLAGS.timeout, _FLAGS.batch_size,
            connection_flags.tls(), connection_flags.version(),
        ) as client:  # fmt: skip
            _make(client, given, progress)
    except (ServingError, ValueError, OSError) as error:
        progress.end()
        sys.exit(f"{_made(progress)}: {error}")
    except KeyboardInterrupt:
        progress.end()
        print(f"{_made(progress)}: interrupted", file=sys.stderr, flush=True)
        os._exit(130)  # a shell's code for SIGINT; grpcio might wait for a call that it has lost


def _check():
    folder = outputs.is_folder(_FLAGS.output)
    if not folder:
        path = outputs.check_file(_FLAGS.output)
        if path.suffix == ".png" and _FLAGS.num_images > _LARGEST_GRID:
            raise ValueError(
                f"A grid holds at most {_LARGEST_GRID} images; give a FOLDER/ or a FILE.npy as "
                f"--output. Received: --num_images={_FLAGS.num_images}"
            )
    if (_FLAGS.png is not None or _FLAGS["format"].present) and not folder:
        raise ValueError(f"--png and --format are for a FOLDER/. Received: --output={_FLAGS.output}")
    if _FLAGS.png and _FLAGS.format != "png":
        raise ValueError(f"--png makes PNG files. Received: --format={_FLAGS.format}")


def _check_w(w):
    """Refuses what w determines already, or cannot have."""
    given = [name for name in ("num_images", "seed", "labels", "truncation_psi", "strengths") if _FLAGS[name].present]
    if given:
        raise ValueError(f"--w determines the images: leave out --{', --'.join(given)}. Received: --w={_FLAGS.w}")
    _FLAGS.num_images = len(w)


def _read_w():
    """The array of --w, or None."""
    if _FLAGS.w is None:
        return None
    try:
        w = np.load(_FLAGS.w, allow_pickle=False)
        if w.ndim != 3 or not len(w):
            raise ValueError(f"an array of shape {w.shape}")
    except (ValueError, EOFError, AttributeError) as error:  # an .npz has no dimensions
        raise ValueError(
            f"--w is a FILE.npy of an array (N, num_ws, W), N at least 1, as numpy.save writes it ({error}). "
            f"Received: --w={_FLAGS.w}"
        ) from error
    return w


def _make(client, given, progress):
    version = client.metadata().version
    start = time.perf_counter()
    images = progress.of(_images(client, **given))
    if outputs.is_folder(_FLAGS.output):
        folder = pathlib.Path(_FLAGS.output)
        folder.mkdir(parents=True, exist_ok=True)
        outputs.write_folder(folder, images, _names(), _FLAGS.format)
    elif _FLAGS.output.endswith(".npy"):
        outputs.write_array(pathlib.Path(_FLAGS.output), images, _FLAGS.num_images)
    else:
        outputs.write_grid(pathlib.Path(_FLAGS.output), images)
    progress.end()
    rate = _FLAGS.num_images / (time.perf_counter() - start)
    print(
        f"{_FLAGS.output}: {_FLAGS.num_images} images from {_FLAGS.model_name} version {version} at "
        f"{_FLAGS.target}, {rate:.1f} images/s with writing\n{_next()}"
    )


def _images(client, labels, strengths, w):
    encodes = any(name.endswith(PNG_SUFFIX) for name in client.metadata().signatures)
    by_server = encodes if _FLAGS.png is None else _FLAGS.png
    by_server = by_server and outputs.is_folder(_FLAGS.output) and _FLAGS.format == "png"
    if w is not None:
        return client.from_w(w, _FLAGS.signature, by_server)
    stream = client.stream_png if by_server else client.stream
    return stream(
        _FLAGS.num_images, _FLAGS.seed, labels,
        truncation_psi=_FLAGS.truncation_psi, signature=_FLAGS.signature, strengths=strengths,
    )  # fmt: skip


def _labels() -> list[int] | None:
    if _FLAGS.labels is None:
        return None
    names = read_class_names(_FLAGS.class_names) if _FLAGS.class_names else ()
    ids = parse_labels(_FLAGS.labels, names, ", or names with --class_names")
    if not ids:
        raise ValueError("--labels names no class")
    return list(itertools.islice(itertools.cycle(ids), _FLAGS.num_images))


def _strengths() -> list[float] | None:
    if _FLAGS.strengths is None:
        return None
    try:
        return [float(text) for text in _FLAGS.strengths]
    except ValueError:
        raise ValueError(f"--strengths are numbers. Received: --strengths={','.join(_FLAGS.strengths)}") from None


def _names():
    first = int(image_seeds(_FLAGS.seed, 1)[0])
    return range(first, first + _FLAGS.num_images)


def _made(progress) -> str:
    if progress.done and outputs.is_folder(_FLAGS.output):
        return f"{progress.done} of {_FLAGS.num_images} images are in {_FLAGS.output}"
    return "Nothing was made"


def _next() -> str:
    connection = connection_flags.again()
    if outputs.is_folder(_FLAGS.output):
        return f"Next, a load test:\n  python -m tfgan_kit_client.load {connection}"
    return (
        "Next, a thousand images, one file each:\n"
        f"  python -m tfgan_kit_client {connection} --num_images=1000 --output=images/"
    )


if __name__ == "__main__":
    define_flags()
    app.run(main)
