"""Writes a checkpoint and the logs of every epoch into a run folder."""

from tfgan_kit.callbacks.non_finite_guard import SKIPPED

import keras


class RunRecorder(keras.callbacks.Callback):
    """Saves a checkpoint and appends the epoch's logs to `metrics.jsonl`, after every epoch.

    A line's protocol says over how many steps it is a mean. An epoch that was interrupted
    (`StopOnSignal`) leaves a line for its first steps, and the resumed run one for the rest: no step is
    counted twice or missed. Lines are written before the checkpoint; if the process is killed in
    between, `Run.forget_metrics_after` drops them when the run is resumed, and they are measured again.

    Args:
        run: `Run`.

    Example:
        >>> from tfgan_kit.runs.run import Run
        >>> history = gan.fit(dataset, callbacks=[RunRecorder(Run("runs/digits"))])
    """

    writes_checkpoints = True  # so `fit` warns if the order of the data cannot be restored

    def __init__(self, run):
        super().__init__()
        self.run = run

    def on_epoch_begin(self, epoch, logs=None):
        self._first = self.model.steps_trained

    def on_epoch_end(self, epoch, logs=None):
        step = self.model.steps_trained
        mean = f"mean of {step - self._first} steps"
        self.run.append_metrics(
            {
                "step": step,
                "metric": name,
                "value": float(value),
                "protocol": mean.replace("mean", "sum") if name in SKIPPED else mean,
            }
            for name, value in (logs or {}).items()
        )
        self.run.save(self.model)
