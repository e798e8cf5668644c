"""Keeps a run folder: a checkpoint and a line of each log an epoch."""

from tfgan_kit.callbacks.non_finite_guard import SKIPPED

import keras


class RunRecorder(keras.callbacks.Callback):
    """Saves a checkpoint and appends the epoch's logs to `metrics.jsonl`, after every epoch.

    A line's protocol tells how many steps it is a mean of. An epoch that was cut short
    (`StopOnSignal`) leaves a line of its first steps, and a resumed run one of the rest: no step is
    counted twice, none is missing. Lines are written first: those that a kill leaves without their
    checkpoint are dropped by `Run.forget_metrics_after`, and measured again.

    Args:
        run: `run.Run`.

    Example:
        >>> gan.fit(dataset, epochs=10, callbacks=[RunRecorder(Run("runs/digits"))])
    """

    writes_checkpoints = True  # `fit` warns where the data's order cannot be restored

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
