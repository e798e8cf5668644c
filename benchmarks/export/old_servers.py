"""An export of today's TensorFlow, answered by the TensorFlows of older servers: how many levels apart?

    python -m benchmarks.export.old_servers [--tensorflow 2.17,2.18,2.19,2.20] [--model_version $PWD/models/digits/3]

For each it makes a virtual environment, installs the wheel of tensorflow-cpu, loads the version there
with plain TensorFlow (`old_servers_process.py`), and answers every warmup request. Without a version
it exports the demo's own network, untrained but with a louder last layer, so that its pixels take
all levels. The table goes to standard output; the exit code is 1 where one is more than a level away.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import json
import pathlib
import subprocess
import sys
import tempfile
import venv

from tfgan_kit.export import ExportProfile, export_generator
from tfgan_kit.export.verify.comparison import as_numbers, distance, most_apart
from tfgan_kit.export.warmup import replay
from tfgan_kit.presets import from_preset

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags, logging

_FLAGS = flags.FLAGS
_PROCESS = pathlib.Path(__file__).with_name("old_servers_process.py")
_LOUDER = 100.0

flags.DEFINE_list("tensorflow", ["2.17", "2.18", "2.19", "2.20"], "Versions of tensorflow-cpu.")
flags.DEFINE_string("model_version", None, "A published version; None: export the demo's network.")
flags.DEFINE_string("precision", "float32", "Of the network that is exported.")
flags.DEFINE_string("environments", None, "Folder of the environments, to use them again; None: made and deleted.")


def _export(folder):
    logging.set_verbosity(logging.WARNING)
    keras.utils.set_random_seed(0)
    gan = from_preset("dcgan_mnist", image_shape=(28, 28, 1), num_classes=10)
    kernel = next(v for v in reversed(gan.ema_generator.variables) if len(v.shape) == 4)
    kernel.assign(kernel * _LOUDER)
    profile = ExportProfile(precision=_FLAGS.precision)
    return export_generator(gan, folder, discriminate=True, profile=profile)


def _python(folder, wheel):
    """The interpreter of an environment with that TensorFlow, made where it is not there."""
    python = folder / f"env-{wheel}" / "bin" / "python"
    if not python.exists():
        venv.create(python.parent.parent, with_pip=True)
        command = [python, "-m", "pip", "install", "-q", f"tensorflow-cpu=={wheel}.*"]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return python


def _compare(python, version, expected, folder):
    """What an old TensorFlow says of the version: its number, seconds to load, differences."""
    answers = folder / "answers.npz"
    done = subprocess.run([python, _PROCESS, version, folder / "requests.npz", answers], capture_output=True, text=True)
    if done.returncode:
        return {"tensorflow": "-", "trouble": (done.stderr.strip().splitlines() or ["?"])[-1]}
    found, worst, equal = np.load(answers, allow_pickle=True), {}, 0
    for key, (output, value) in expected.items():
        given = as_numbers(output, found[key])
        kind = "score" if output == "score" else "levels"
        worst[kind] = max(worst.get(kind, 0.0), distance(given, value))
        equal += given.tobytes() == value.tobytes()
        if not distance(given, value) <= most_apart(value, "float32"):
            worst["trouble"] = f"{key} is off by {distance(given, value):g}"
    return json.loads(done.stdout.splitlines()[-1]) | worst | {"equal": f"{equal} of {len(expected)}"}


def _requests(version, folder):
    """Writes the version's warmup requests for the process; answers what this TensorFlow says."""
    loaded = tf.saved_model.load(str(version))
    inputs, expected = {}, {}
    for k, (signature, given, outputs) in enumerate(replay(version, dict(loaded.signatures))):
        inputs |= {f"{k}/{signature}/{key}": value for key, value in given.items()}
        expected |= {f"{k}/{signature}/{key}": (key, as_numbers(key, v)) for key, v in outputs.items()}
    np.savez(folder / "requests.npz", **inputs)
    return expected


def main(_):
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        version = pathlib.Path(_FLAGS.model_version or _export(folder / "models"))
        expected = _requests(version, folder)
        levels = len(np.unique(np.concatenate([v.reshape(-1) for name, v in expected.values() if name == "images"])))
        print(f"{version}: {len(expected)} requests, {levels} of 256 levels, answered by {tf.__version__}")
        print("tensorflow   loads in   levels apart   scores apart   answers equal byte for byte")
        environments, failed = pathlib.Path(_FLAGS.environments or folder), False
        for wheel in _FLAGS.tensorflow:
            row = _compare(_python(environments, wheel), version, expected, folder)
            failed |= "trouble" in row
            print(
                f"{row['tensorflow']:10} {row.get('seconds', 0):8.2f} s {row.get('levels', np.nan):14g} "
                f"{row.get('score', np.nan):14.2g}   {row.get('equal', '-')} {row.get('trouble', '')}",
                flush=True,
            )
    sys.exit(failed)


if __name__ == "__main__":
    app.run(main)
