"""The run folder: the only code that knows where a run's files lie and what they are called.

    config.json                        everything that made it
    checkpoints/step-00012000.keras    the newest `keep`, and the best by metric
    metrics.jsonl                      one JSON line a measured value: step, metric, value, protocol
    samples/  logs/                    grids from fixed seeds, TensorBoard
"""

import json
import math
import os
import pathlib
import re
import zipfile

import keras
import numpy as np

from tfgan_kit.gan import GAN

_TEMPORARY = re.compile(r"\.(?:writing|shard).*-(\d+)(?:\.keras)?")
_CHECKPOINT = re.compile(r"step-(\d{8,})\.keras")
BEST_METRICS = ("fd_domain", "swd")  # lower is better; the first that was measured decides "best"


class CheckpointError(ValueError):
    """A checkpoint that is missing, broken, or not what was asked for."""


class NonFiniteError(RuntimeError):
    """A loss or weight that is NaN or infinite."""


class Run:
    """One run folder.

    Args:
        path: the folder; made on the first write.
        keep: int >= 1, checkpoints to keep beside the best.

    Example:
        >>> run = Run("runs/digits")
        >>> run.save(gan)
        PosixPath('runs/digits/checkpoints/step-00001000.keras')
        >>> gan = load_gan("runs/digits")
    """

    def __init__(self, path, keep=3):
        if keep < 1:
            raise ValueError(f"A run keeps at least 1 checkpoint. Received: keep={keep}")
        self.path = pathlib.Path(path)
        self.keep = keep

    @property
    def checkpoints_dir(self):
        return self.path / "checkpoints"

    @property
    def samples_dir(self):
        return self.path / "samples"

    @property
    def logs_dir(self):
        return self.path / "logs"

    def checkpoints(self):
        """Steps and files of the checkpoints, oldest first: a dict int -> Path."""
        if not self.checkpoints_dir.is_dir():
            return {}
        found = {}
        for path in self.checkpoints_dir.iterdir():
            if match := _CHECKPOINT.fullmatch(path.name):
                found[int(match[1])] = path
        return dict(sorted(found.items()))

    def newest(self):
        """The newest checkpoint's path, or None."""
        return next(reversed(self.checkpoints().values()), None)

    def best(self):
        """The kept checkpoint with the lowest measured distance, or None if none was measured."""
        checkpoints = self.checkpoints()
        for metric in BEST_METRICS:
            lines = [line for line in self.read_metrics() if line["metric"] == metric]
            values = {
                line["step"]: line["value"]
                for line in lines
                # Values of another protocol than the last one's are not comparable with it.
                if line["protocol"] == lines[-1]["protocol"]
                and line["step"] in checkpoints
                and math.isfinite(line["value"])
            }
            if values:
                return checkpoints[min(values, key=values.get)]
        return None

    def save(self, gan):
        """Writes `step-<step>.keras` whole or not at all, then drops checkpoints beyond `keep`.

        Raises:
            NonFiniteError: a weight is NaN or infinite; nothing is written.
            OSError: the folder cannot be written; what was there stays.
        """
        step = int(gan.step)
        check_finite(gan, self)
        path = self.checkpoints_dir / f"step-{step:08d}.keras"
        self.checkpoints_dir.mkdir(parents=True, exist_ok=True)
        drop_leftovers(self.checkpoints_dir)
        temporary = self.checkpoints_dir / f".writing-{os.getpid()}.keras"
        try:
            gan.save(temporary)
            _verify(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        self._drop_old()
        return path

    def _drop_old(self):
        spared = {self.best(), *list(self.checkpoints().values())[-self.keep :]}
        for path in set(self.checkpoints().values()) - spared:
            path.unlink()

    def write_config(self, config):
        """Writes `config.json` (any JSON object)."""
        write_json(self.path / "config.json", config)

    def read_config(self):
        """What `write_config` wrote, or None in a new folder."""
        path = self.path / "config.json"
        return json.loads(path.read_text()) if path.exists() else None

    def append_metrics(self, lines):
        """Appends dicts with keys step, metric, value, protocol to `metrics.jsonl`."""
        path = self.path / "metrics.jsonl"
        if path.exists() and not path.read_text().endswith("\n"):
            _replace(path, "".join(json.dumps(line) + "\n" for line in self.read_metrics()))
        self.path.mkdir(parents=True, exist_ok=True)
        with open(path, "a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def read_metrics(self):
        """The lines of `metrics.jsonl`; a last line that a killed process left cut is dropped."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text().split("\n") if path.exists() else [""]
        return [json.loads(line) for line in lines[:-1]]

    def forget_metrics_after(self, step):
        """Drops measured values of later steps, which a resumed run will measure again."""
        lines = [line for line in self.read_metrics() if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        _replace(self.path / "metrics.jsonl", text)


def write_json(path, value):
    """Writes JSON whole or not at all: a temporary name, then a rename."""
    _replace(pathlib.Path(path), json.dumps(value, indent=2) + "\n")


def _replace(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


def drop_leftovers(folder):
    """Removes temporary files, `.NAME-PID`, of processes of this machine that are no more."""
    for path in folder.iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match and not os.path.exists(f"/proc/{match[1]}") and os.path.exists("/proc/self"):
            path.unlink(missing_ok=True)


def _verify(path):
    """Reads the archive back and flushes it to disk, before it takes a good one's place."""
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken:
        raise OSError(f"{path} was written, but its member {broken} does not read back.")
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def check_finite(gan, run=None):
    """Raises `NonFiniteError` with the name of the first weight that is NaN or infinite."""
    for network in (gan.generator, gan.discriminator, gan.ema_generator):
        for weight in network.weights:
            if not keras.backend.is_float_dtype(weight.dtype):
                continue
            # NumPy does not know bfloat16's NaN; every float fits or overflows to infinity.
            if not np.isfinite(keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))).all():
                raise NonFiniteError(
                    non_finite_message(f"weight {network.name}/{weight.path}", int(gan.step), run)
                )


def non_finite_message(name, step, run=None):
    """What is not finite, since when, what is kept and how to go on."""
    kept = run.newest() if run else None
    return (
        f"{name} is not finite at step {step}. "
        + (f"The last good checkpoint is kept: {kept}. " if kept else "")
        + "Lower the learning rates, add a penalty (R1), or use float32; then train again."
    )


def resolve(ckpt, which="newest"):
    """The `.keras` file that `--ckpt` means: itself, or the newest (or best) of a run folder.

    Raises:
        CheckpointError: nothing there, or nothing of that kind.
    """
    path = pathlib.Path(ckpt)
    if path.is_file():
        return path
    if not path.exists():
        raise CheckpointError(
            "There is no checkpoint at that path; give a .keras file or a run folder. "
            f"Received: ckpt={ckpt}"
        )
    run = Run(path)
    found = run.best() if which == "best" else run.newest()
    if found is None and which == "best" and run.newest():
        raise CheckpointError(
            "No checkpoint of this run was measured, so none is the best: run python -m "
            f"tfgan_kit.evaluate --ckpt {ckpt} first, or use --which newest. Received: ckpt={ckpt}"
        )
    if found is None:
        raise CheckpointError(
            f"This folder has no checkpoints/step-*.keras; is it a run folder? Received: ckpt={ckpt}"
        )
    return found


_NOT_WHOLE = (
    "This is no whole .keras file (cut short, or not a Keras archive). Another checkpoint of the "
    "run may be whole: give its file. "
)


def load_model(ckpt, which="newest"):
    """Any Keras model from a `.keras` file, or from a run folder.

    Raises:
        CheckpointError: a missing, truncated or unreadable file, or classes Keras does not know.
    """
    path = resolve(ckpt, which)
    if not zipfile.is_zipfile(path):
        raise CheckpointError(_NOT_WHOLE + f"Received: ckpt={path}")
    try:
        return keras.saving.load_model(path)
    except zipfile.BadZipFile as error:
        raise CheckpointError(_NOT_WHOLE + f"Received: ckpt={path}") from error
    except (ValueError, TypeError, KeyError, OSError, zipfile.error) as error:
        raise CheckpointError(
            "Keras cannot load this file. If it holds classes of your own, name their module with "
            f"--import_module. Keras says: {str(error)[:400]} Received: ckpt={path}"
        ) from error


def load_gan(ckpt, which="newest"):
    """The `GAN` of a `.keras` file or run folder, ready to generate or to train on.

    Args:
        ckpt: path of a `.keras` file, or of a run folder.
        which: "newest" or "best", for a run folder.

    Raises:
        CheckpointError: as in `load_model`, or a model that is not a `GAN`.
    """
    model = load_model(ckpt, which)
    if not isinstance(model, GAN):
        raise CheckpointError(
            "This file holds a Keras model that is not a tfgan_kit GAN; only "
            f"python -m tfgan_kit.export takes those. Received: {type(model).__name__} in {ckpt}"
        )
    return model
