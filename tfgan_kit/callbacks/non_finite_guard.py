"""Stops training at the first loss that is NaN or infinite."""

import keras
import numpy as np

from tfgan_kit.checkpoint import NonFiniteError, non_finite_message


class NonFiniteGuard(keras.callbacks.Callback):
    """Raises `NonFiniteError` with the log's name and the step; Keras's looks only at `loss`.

    Args:
        run: `checkpoint.Run`, named in the message with its last good checkpoint; or None.

    Example:
        >>> gan.fit(dataset, epochs=10, callbacks=[NonFiniteGuard()])
    """

    def __init__(self, run=None):
        super().__init__()
        self.run = run

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not np.all(np.isfinite(value)):
                raise NonFiniteError(non_finite_message(name, int(self.model.step), self.run))
