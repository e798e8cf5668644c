"""The run folder: the only code that knows where a run's files lie and what they are called.

config.json                        everything that made it
checkpoints/step-00012000.keras    the newest `keep`, and the best by metric
metrics.jsonl                      one JSON line a measured value: step, metric, value, protocol
samples/  logs/                    grids from fixed seeds, TensorBoard
"""

import contextlib
import fcntl
import json
import pathlib
import re

from tfgan_kit import files
from tfgan_kit.runs import history, keras_file, non_finite
from tfgan_kit.runs.keras_file import CheckpointError

# Keras's own, beside the file it writes, when memory is too short to hold the weights twice.
_KERAS_TEMPORARY = "tmp" + 8 * "[a-z0-9_]"


_CHECKPOINT = re.compile(r"step-(\d{8,})\.keras")


class Run:
    """One run folder.

    Args:
        path: the folder; made on the first write.
        keep: int >= 1, checkpoints to keep beside the best.
        writes: bool; False reads only, and all that would write does nothing. Of several workers
            on one folder the chief alone writes.

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
        self._whole = {}  # `_state` of a checkpoint -> whether it read back

    @classmethod
    def of(cls, checkpoint):
        """The run whose folder a checkpoint lies in, if it is one's."""
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
        """Checkpoints, broken ones too: the newest first, or the best measured first (`tfgan_kit.runs.history`)."""
        checkpoints = self.checkpoints()
        if which == "newest":
            return list(reversed(checkpoints.values()))
        kept = [line for line in self.read_metrics() if line["step"] in checkpoints]
        return [checkpoints[line["step"]] for line in history.ranked(kept)]

    def newest(self):
        """The newest checkpoint that is whole, or None."""
        return next(filter(self.is_whole, self.candidates()), None)

    def best(self):
        """The whole checkpoint with the best measured value, or None if none was measured."""
        return next(filter(self.is_whole, self.candidates("best")), None)

    def is_whole(self, path):
        """Whether a checkpoint reads back; one that has not changed is read once."""
        state = _state(path)
        if state not in self._whole:
            self._whole[state] = keras_file.is_whole(path)
        return self._whole[state]

    def save(self, gan):
        """Writes `step-<step>.keras` whole or not at all, then drops checkpoints beyond `keep`.

        Returns:
            The checkpoint's path; None where this run does not write.

        Raises:
            NonFiniteError: a weight is NaN or infinite; nothing is written.
            OSError: the folder cannot be written; what was there stays.
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
        """Deletes what is older than the `keep` newest whole ones: a broken one keeps no place."""
        whole = [path for path in self.checkpoints().values() if self.is_whole(path)]
        oldest, spared = whole[-self.keep :][0], self.best()
        for path in self.checkpoints().values():
            if path == oldest:
                return
            if path != spared:
                path.unlink()

    @contextlib.contextmanager
    def alone(self):
        """While in it no other training may write here.

        Raises:
            CheckpointError: another one does.
        """
        if not self.writes:
            yield
            return
        with open(self.path / ".lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise CheckpointError(
                    f"Another training writes to this run folder ({file.read().strip()}): wait for "
                    f"it, or choose another. Received: run_dir={self.path}"
                ) from error
            file.truncate(0)
            file.write(files.here())
            file.flush()
            try:
                yield
            finally:
                if [path.name for path in self.path.iterdir()] == [".lock"]:  # nothing was begun
                    (self.path / ".lock").unlink()

    @contextlib.contextmanager
    def _writing(self, path):
        """Says what a failed write leaves and what to do."""
        try:
            yield
        except OSError as error:
            kept = self.newest()
            raise OSError(
                f"{path} could not be written ({error.strerror or error}). "
                + (f"The newest whole checkpoint is kept: {kept}. " if kept else "")
                + "Free space or set the folder right, then run the same command again."
            ) from error

    def write_config(self, config):
        """Writes `config.json` (any JSON object)."""
        path = self.path / "config.json"
        if self.writes:
            with self._writing(path):
                files.write_json(path, config)

    def read_config(self):
        """What `write_config` wrote, or None in a new folder.

        Raises:
            CheckpointError: a file that is no JSON.
        """
        path = self.path / "config.json"
        try:
            return json.loads(path.read_text()) if path.exists() else None
        except ValueError as error:
            raise CheckpointError(
                f"{path} is no whole JSON file ({error}); restore it, or choose another run folder."
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
        """The lines of `metrics.jsonl`; a last line that a killed process left cut is dropped.

        Raises:
            CheckpointError: another line that is damaged.
        """
        if not self.metrics_path.exists():
            return []
        *lines, _ = self.metrics_path.read_bytes().split(b"\n")
        return [self._read_metric(k, line) for k, line in enumerate(lines, start=1)]

    def _read_metric(self, number, text):
        try:
            line = files.from_json(text)
            line["step"], line["metric"], line["value"], line["protocol"]
        except (ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"{self.metrics_path}, line {number}, is damaged: restore it, or delete that line. "
                f"Received: {text[:80]!r} ({error})"
            ) from error
        return line

    def forget_metrics_after(self, step):
        """Drops measured values of later steps, which a resumed run will measure again."""
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
