"""Keeps a run folder: a checkpoint and a line of each log an epoch."""

import keras


class RunRecorder(keras.callbacks.Callback):
    """Saves a checkpoint and appends the epoch's logs to `metrics.jsonl`, after every epoch.

    Args:
        run: `checkpoint.Run`.

    Example:
        >>> gan.fit(dataset, epochs=10, callbacks=[RunRecorder(Run("runs/digits"))])
    """

    def __init__(self, run):
        super().__init__()
        self.run = run

    def on_epoch_end(self, epoch, logs=None):
        step = int(self.model.step)
        self.run.append_metrics(
            {"step": step, "metric": name, "value": float(value), "protocol": "mean of the epoch"}
            for name, value in (logs or {}).items()
        )
        self.run.save(self.model)
