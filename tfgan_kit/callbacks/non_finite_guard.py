"""Stops training at the first loss that is NaN or infinite."""

from tfgan_kit.runs import non_finite

import keras
import numpy as np

# Logs that count the updates in this epoch which loss scaling skipped, because the player's gradient was
# not finite. Unlike the other logs they are sums, not means.
SKIPPED = {"d_skipped": "discriminator", "g_skipped": "generator"}


class NonFiniteGuard(keras.callbacks.Callback):
    """Stops training with a `NonFiniteError` that names the log and the step.

    A loss, penalty or score that is NaN or infinite stops training at once; the message also names the
    first weight that is not finite, if any. (`keras.callbacks.TerminateOnNaN` looks only at `loss`.) A
    gradient that is not finite makes weights non-finite, and with them the next loss. Under loss scaling
    (`mixed_float16`) such an update is skipped and the scale halved, which is normal unless it happens
    many times in a row.

    Args:
        run: `Run`, whose last good checkpoint the message names; or None.
        max_skipped: int >= 1, consecutive updates that loss scaling may skip; the scale has then
            fallen by a factor of 2^max_skipped.

    Raises:
        ValueError: `max_skipped` below 1.

    Example:
        >>> history = gan.fit(dataset, callbacks=[NonFiniteGuard()])
    """

    def __init__(self, run=None, max_skipped=50):
        super().__init__()
        if max_skipped < 1:
            raise ValueError(f"`max_skipped` must be at least 1. Received: max_skipped={max_skipped}")
        self.run = run
        self.max_skipped = max_skipped

    def on_train_begin(self, logs=None):
        self._streaks = dict.fromkeys(SKIPPED, 0)

    def on_epoch_begin(self, epoch, logs=None):
        self._batch, self._skipped = -1, dict.fromkeys(SKIPPED, 0)

    def on_train_batch_end(self, batch, logs=None):
        logs = logs or {}
        for name, value in logs.items():
            if not np.all(np.isfinite(value)):
                weight = non_finite.first_weight(self.model)
                self._stop(f"{name} is not finite", f", nor is {weight}" if weight else "")
        for name in SKIPPED.keys() & logs.keys():
            moves = getattr(self.model.update, f"{SKIPPED[name]}_steps")
            self._count(name, int(logs[name]), updates=(batch - self._batch) * moves)
        self._batch = batch

    def _count(self, name, skipped, updates):
        """Stops training when the last `max_skipped` updates were all skipped."""
        new, self._skipped[name] = skipped - self._skipped[name], skipped
        self._streaks[name] = self._streaks[name] + new if new >= updates else 0
        if self._streaks[name] >= self.max_skipped:
            self._stop(
                f"The {SKIPPED[name]}'s gradient was not finite in {self._streaks[name]} updates in "
                "a row, all of them skipped,"
            )

    def _stop(self, what, besides=""):
        kept = self.run.newest() if self.run else None
        step = self.model.steps_trained
        raise non_finite.NonFiniteError(non_finite.message(f"{what} at step {step}{besides}", kept))
