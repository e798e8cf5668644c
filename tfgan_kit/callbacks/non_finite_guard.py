"""Stops training at the first loss that is NaN or infinite."""

from tfgan_kit.runs import non_finite

import keras
import numpy as np

# Logs that count the updates of the epoch so far that a player's loss scale skipped, because their
# gradient was not finite. Unlike the other logs they are no mean.
SKIPPED = {"d_skipped": "discriminator", "g_skipped": "generator"}


class NonFiniteGuard(keras.callbacks.Callback):
    """Raises `NonFiniteError` with the tensor's name and the step; Keras's looks only at `loss`.

    A loss, penalty or score that is not finite stops training at once; the message names the first
    weight that is not finite either. A gradient that is not finite spoils its network's weights,
    and with them the next loss, the other player's or the next step's. Under loss scaling
    (`mixed_float16`) such an update is skipped and the scale halved, which is no fault before it
    has happened many times in a row.

    Args:
        run: `run.Run`, named in the message with its last good checkpoint; or None.
        max_skipped: int >= 1, updates in a row that loss scaling may skip; the scale has then
            fallen by 2^max_skipped.

    Raises:
        ValueError: max_skipped below 1.

    Example:
        >>> gan.fit(dataset, epochs=10, callbacks=[NonFiniteGuard()])
    """

    def __init__(self, run=None, max_skipped=50):
        super().__init__()
        if max_skipped < 1:
            raise ValueError(f"`max_skipped` is at least 1. Received: max_skipped={max_skipped}")
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
            # A rule of another kind than Alternating is taken to move each player once a step.
            moves = getattr(self.model.update, f"{SKIPPED[name]}_steps", 1)
            self._count(name, int(logs[name]), updates=(batch - self._batch) * moves)
        self._batch = batch

    def _count(self, name, skipped, updates):
        """Ends training when the last `max_skipped` updates were all skipped."""
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
