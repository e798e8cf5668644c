"""Train, evaluate, export and serve in one go: what `python -m tfgan_kit.demo` does.

Each stage is a command that is printed before it runs.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

from tfgan_kit import command_line, files, image_seeds
from tfgan_kit.export.publish import tensorflow_serving_lines

import numpy as np
from absl import flags
from PIL import Image, ImageDraw

from tfgan_kit_client import GeneratorClient, ServingError
from tfgan_kit_client.pictures import tile, write_png

FLAGS = flags.FLAGS
MODEL = "digits"
DIGITS = 10
IMAGES_PER_DIGIT = 8
SCALE = 3  # enlarges the 28-pixel digits
CAPTION_HEIGHT = 20
SERVER_START_SECONDS = 60.0


def command(module, *arguments):
    """Prints the command `python -m tfgan_kit.<module>` with flags, and returns its arguments."""
    line = [sys.executable, "-m", f"tfgan_kit.{module}", *arguments]
    print(f"\n$ python {' '.join(line[1:])}", flush=True)
    return line


def run(module, *arguments):
    """Runs a command and waits for it.

    Raises:
        ValueError: the command failed, after its own message.
    """
    status = subprocess.run(command(module, *arguments), check=False).returncode
    if status:
        raise ValueError(f"python -m tfgan_kit.{module} failed with exit code {status}; see above.")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def embedded_server(base, port):
    """A context that runs the embedded server in another process."""
    line = command("serving", "--model_name", MODEL, "--model_base_path", str(base.resolve()), "--port", str(port))
    server = subprocess.Popen(line)
    try:
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()


def ask_for_digits(port, seed=0):
    """Requests every digit from the server; returns images (N, H, W, C), their labels and the seconds."""
    labels = np.tile(np.arange(DIGITS), IMAGES_PER_DIGIT)
    with GeneratorClient(f"localhost:{port}", MODEL) as client:
        client.wait_until_ready(SERVER_START_SECONDS)
        started = time.monotonic()
        images = client.generate(seeds=image_seeds(seed, len(labels)), labels=labels)
        return images, labels, time.monotonic() - started


def captioned(images, labels):
    """A grid, one column per label, with the label above it: uint8 (H', W', 1)."""
    columns = len(np.unique(labels))
    large = images.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    picture = Image.fromarray(tile(large, columns)[..., 0])
    page = Image.new("L", (picture.width, picture.height + CAPTION_HEIGHT), 255)
    page.paste(picture, (0, CAPTION_HEIGHT))
    draw = ImageDraw.Draw(page)
    for column, label in enumerate(labels[:columns]):
        center = (column + 0.5) * picture.width / columns
        draw.text((center - 3, 4), str(label), fill=0)
    return np.asarray(page)[..., None]


def main():
    output = pathlib.Path(FLAGS.output)
    if FLAGS.fresh:
        for part in ("run", "models"):
            shutil.rmtree(output / part, ignore_errors=True)
    command_line.writable_folder(output)
    started = time.monotonic()
    run_dir, base = output / "run", output / "models" / MODEL
    run("train", "--preset", "dcgan_mnist", "--run_dir", str(run_dir), "--steps", str(FLAGS.steps))
    run("evaluate", "--ckpt", str(run_dir), "--output", str(output / "metrics.json"))
    run("export", "--ckpt", str(run_dir), "--output", str(base))
    port = free_port()
    with embedded_server(base, port):
        try:
            images, labels, seconds = ask_for_digits(port)
        except ServingError as error:
            raise ValueError(f"The server did not answer: {error}") from error
    write_png(output / "served.png", captioned(images, labels))
    print(report(output, base, len(images), seconds, time.monotonic() - started))


def report(output, base, num_images, seconds, total):
    """The report: output files, figures, and how to serve the same folder from TensorFlow Serving."""
    results = files.from_json((output / "metrics.json").read_text())["results"]
    figures = [f"  {r['metric']:27} {r['value']:9.4f}   real against real: {r['floor']:.4f}" for r in results]
    samples = output / "run" / "samples"
    return "\n".join(
        [
            f"\nMade in {total:.0f} s:",
            f"  {samples}{os.sep}   the same seeds, epoch by epoch",
            f"  {output / 'served.png'}   {num_images} digits that the server generated in {seconds:.2f} s",
            f"  {output / 'metrics.json'}   figures and their protocol; as a web page: metrics.html",
            f"  {output / 'run'}   checkpoints, curves",
            f"  {base}   the exported model",
            "Figures:",
            *figures,
            "Serve the same folder from TensorFlow Serving:",
            *tensorflow_serving_lines(base.resolve()),
            "and request images from it, or from the embedded server:",
            f"  python -m tfgan_kit_client --target localhost:8500 --model_name {MODEL} --num_images 16 "
            "--seed 0 --output served.png",
        ]
    )
