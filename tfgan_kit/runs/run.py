"""The run folder: the only code that knows the paths and names of a run's files.

config.json                        flags, data, versions and processor of the run
checkpoints/step-00012000.keras    the newest `keep`, and the best by metric
metrics.jsonl                      one JSON line per measured value: step, metric, value, protocol
samples/  logs/                    grids from fixed seeds, TensorBoard
"""

import contextlib
import pathlib
import re

from tfgan_kit import files
from tfgan_kit.runs import history, keras_file, non_finite
from tfgan_kit.runs.keras_file import CheckpointError

# Keras's temporary file beside its output, if memory is too small to hold the weights twice.
_KERAS_TEMPORARY = "tmp" + 8 * "[a-z0-9_]"


_CHECKPOINT = re.compile(r"step-(\d{8,})\.keras")
_MOST_METRICS_BYTES = 2**28


class Run:
    """One run folder.

    Args:
        path: the folder; created by the first write.
        keep: int >= 1, checkpoints to keep in addition to the best.
        writes: bool; False is read-only, and methods that write do nothing. Of several workers on
            one folder only the chief writes.

    Example:
        >>> run = Run("runs/digits")
        >>> run.save(gan)
        PosixPath('runs/digits/checkpoints/step-...keras')
        >>> gan = gk.load_gan("runs/digits")
    """

    def __init__(self, path, keep=3, writes=True):
        if keep < 1:
            raise ValueError(f"A run keeps at least 1 checkpoint. Received: keep={keep}")
        self.path = pathlib.Path(path)
        self.keep = keep
        self.writes = writes
        self._whole = {}  # `_state` of a checkpoint -> whether it is intact

    @classmethod
    def of(cls, checkpoint):
        """The run whose folder contains a checkpoint, if it is in one."""
        return cls(pathlib.Path(checkpoint).parent.parent)

    @property
    def checkpoints_dir(self):
        return self.path / "checkpoints"

    @property
    def metrics_path(self):
        return self.path / "metrics.jsonl"

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

    def candidates(self, which="newest"):
        """All checkpoints, damaged ones included, the newest or the best first (`tfgan_kit.runs.history`)."""
        checkpoints = self.checkpoints()
        if which == "newest":
            return list(reversed(checkpoints.values()))
        kept = [line for line in self.read_metrics() if line["step"] in checkpoints]
        return [checkpoints[line["step"]] for line in history.ranked(kept)]

    def newest(self):
        """The newest intact checkpoint, or None."""
        return next(filter(self.is_whole, self.candidates()), None)

    def best(self):
        """The intact checkpoint with the best measured value, or None if none was measured."""
        return next(filter(self.is_whole, self.candidates("best")), None)

    def is_whole(self, path):
        """Whether a checkpoint is intact; an unchanged file is read once."""
        state = _state(path)
        if state not in self._whole:
            self._whole[state] = keras_file.is_whole(path)
        return self._whole[state]

    def save(self, gan):
        """Writes `step-<step>.keras` atomically, then deletes checkpoints beyond `keep`.

        Returns:
            The checkpoint's path; None if `writes` is False.

        Raises:
            NonFiniteError: a weight is NaN or infinite; nothing is written.
            OSError: the folder cannot be written; its files are unchanged.
        """
        non_finite.check(gan, self.newest)
        if not self.writes:
            return None
        path = self.checkpoints_dir / f"step-{gan.steps_trained:08d}.keras"
        with self._writing(path):
            self.checkpoints_dir.mkdir(parents=True, exist_ok=True)
            self._clean()
            with files.whole(path) as temporary:
                gan.save(temporary)
                keras_file.verify(temporary, gan)
            self._whole[_state(path)] = True
            files.flush_folder(self.checkpoints_dir)
            self._drop_old()
        return path

    def _clean(self):
        for folder in (self.path, self.checkpoints_dir, self.samples_dir):
            if folder.is_dir():
                files.drop_leftovers(folder)
        for path in self.checkpoints_dir.glob(_KERAS_TEMPORARY):
            path.unlink(missing_ok=True)

    def _drop_old(self):
        """Deletes checkpoints older than the `keep` newest intact ones; damaged ones do not count."""
        whole = [path for path in self.checkpoints().values() if self.is_whole(path)]
        oldest, spared = whole[-self.keep :][0], self.best()
        for path in self.checkpoints().values():
            if path == oldest:
                return
            if path != spared:
                path.unlink()

    @contextlib.contextmanager
    def alone(self):
        """A context that locks the folder: no other training may write to it.

        Raises:
            CheckpointError: another training holds the lock, or something else lies in its place.
        """
        if not self.writes:
            yield
            return
        try:
            with files.locked(self.path / ".lock"):
                yield
        except files.Locked as error:
            raise CheckpointError(
                f"Another training writes to this run folder ({error.holder}): wait for it, or choose another. "
                f"Received: run_dir={self.path}"
            ) from error

    @contextlib.contextmanager
    def _writing(self, path):
        """A context that adds to an OSError which checkpoint is kept and what to do."""
        try:
            yield
        except OSError as error:
            kept = self.newest()
            raise OSError(
                f"{path} could not be written ({error.strerror or error}). "
                + (f"The newest whole checkpoint is kept: {kept}. " if kept else "")
                + "Free space or correct the folder's permissions, then run the same command again."
            ) from error

    def write_config(self, config):
        """Writes `config.json` (any JSON object)."""
        path = self.path / "config.json"
        if self.writes:
            with self._writing(path):
                files.write_json(path, config)

    def read_config(self):
        """The configuration that `write_config` wrote, or None in a new folder.

        Raises:
            CheckpointError: the file is no JSON object.
        """
        path = self.path / "config.json"
        try:
            return files.read_json(path) if path.exists() else None
        except ValueError as error:
            raise CheckpointError(
                f"{path} is not a complete JSON file ({error}); restore it, or choose another run folder."
            ) from error

    def append_metrics(self, lines):
        """Appends dicts with keys step, metric, value, protocol (and "monitored") to `metrics.jsonl`."""
        if not self.writes:
            return
        with self._writing(self.metrics_path):
            if files.ends_cut(self.metrics_path):
                self._write_metrics(self.read_metrics())
            files.append_lines(self.metrics_path, map(files.to_json, lines))

    def read_metrics(self):
        """The lines of `metrics.jsonl`; an incomplete last line of a killed process is dropped.

        Raises:
            CheckpointError: any other line is damaged.
        """
        if not self.metrics_path.exists():
            return []
        try:
            *lines, _ = files.read_bytes(self.metrics_path, _MOST_METRICS_BYTES).split(b"\n")
        except ValueError as error:
            raise CheckpointError(f"The measurements of this run cannot be read: {error}.") from error
        return [self._read_metric(k, line) for k, line in enumerate(lines, start=1)]

    def _read_metric(self, number, text):
        try:
            line = files.from_json(text)
            history.check_line(line)
        except ValueError as error:
            raise CheckpointError(
                f"{self.metrics_path}, line {number}, is damaged: restore it, or delete that line. "
                f"Received: {text[:80]!r} ({error})"
            ) from error
        return line

    def forget_metrics_after(self, step):
        """Deletes measured values of later steps, which a resumed run will measure again."""
        if not self.writes:
            return
        lines = self.read_metrics()
        kept = [line for line in lines if line["step"] <= step]
        if len(kept) < len(lines) or files.ends_cut(self.metrics_path):
            with self._writing(self.metrics_path):
                self._write_metrics(kept)

    def _write_metrics(self, lines):
        text = "".join(files.to_json(line) + "\n" for line in lines)
        files.write_text(self.metrics_path, text)


def _state(path):
    status = path.stat()
    return path, status.st_ino, status.st_size, status.st_mtime_ns
