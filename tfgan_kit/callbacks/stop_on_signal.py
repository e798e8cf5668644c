"""Stops training cleanly on SIGTERM or Ctrl-C."""

import os
import signal
import threading
import time

from tfgan_kit.distribution import strategies

import keras


class _Stopped(BaseException):
    """Raised to leave the `with` block of a `StopOnSignal`."""


class StopOnSignal(keras.callbacks.Callback):
    """On a signal `fit` finishes the step, runs every callback's `on_epoch_end`, and returns.

    So `RunRecorder` or `ModelCheckpoint` saves before the process ends. (`BackupAndRestore` deletes its
    backup whenever `fit` returns: give it `delete_checkpoint=False`.) A second SIGTERM changes nothing;
    a second SIGINT interrupts at once, as Ctrl-C usually does.

    Used as a callback only, it handles signals from the start to the end of training. Used also as a
    context manager around `fit`, it handles them in the whole block: a signal outside `fit` leaves the
    block at once, and the previous handlers are restored even if `fit` raises. Only the main thread
    receives signals; in other threads it does nothing.

    With several workers all stop after the same step, about a second after the first of them received a signal
    (of several signals the first in `signals` counts): give every worker this callback with the same signals. Outside
    of `fit` a signal then waits for the next `fit`, since the others would wait for this worker.

    Args:
        signals: `signal.Signals` to handle; Slurm sends SIGUSR1 if it is configured to.
        strategy: `tf.distribute.Strategy` that is trained under, for a `with` block of several workers; by
            default the model's.

    Attributes:
        received: `signal.Signals`, the first one that was received, or None; with several workers the one that they
            stop for.

    Example:
        >>> with StopOnSignal() as stop:
        ...     history = gan.fit(dataset, callbacks=[gk.callbacks.SampleGrid("samples", num_images=4), stop])
        >>> if stop.received:
        ...     print(f"Stopped by {stop.received.name}.")
    """

    def __init__(self, signals=(signal.SIGTERM, signal.SIGINT), strategy=None):
        super().__init__()
        self.signals = tuple(signals)
        self.received = None
        self._agreement = _Agreement.of(strategy, self.signals)
        self._own = None  # the first signal that this process received
        self._training = False
        self._former = {}  # signal -> its previous handler

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as set by nohup, or by a shell's `&`
                    self._former[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, error_type, error, traceback):
        self._training = False
        while self._former:
            number, handler = self._former.popitem()
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        return error_type is _Stopped

    def on_train_begin(self, logs=None):
        self._agreement = self._agreement or _Agreement.of(self.model.distribute_strategy, self.signals)
        self._alone = not self._former  # no `with` around
        if self._alone:
            self.received = self._own = None
            self.__enter__()
        self._training = True
        self.model.stop_training = self.received is not None

    def on_train_batch_end(self, batch, logs=None):
        if self._agreement and not self.received:
            self.received = self._agreement.after_a_step(self._own)
            self.model.stop_training |= self.received is not None

    def on_train_end(self, logs=None):
        self._training = False
        if self._alone:
            self.__exit__(None, None, None)

    def _receive(self, number, frame):
        if self._own:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self._own = signal.Signals(number)
        if not self._agreement:
            self.received = self._own
            if not self._training:
                raise _Stopped
            self.model.stop_training = True
        # Not print(), which the signal may have interrupted.
        os.write(2, f"\n{self._own.name}: finishing this step, then saving.\n".encode())


class _Agreement:
    """The signal that all workers stop for, after the same step.

    A sum over all workers, of which of the signals they received, costs a message around all of them, some milliseconds
    on slow networks. So it is taken about once a second: the workers also sum the time that a step took them, and all
    find the same number of steps until the next sum. Both are sums of integers, and so the same in any order.

    Args:
        total: a function from a vector of this worker to the sum over all replicas.
        replicas: int, their number.
        signals: tuple of `signal.Signals`, in the order in which they count.
    """

    SECONDS, MOST_STEPS = 1.0, 100

    def __init__(self, total, replicas, signals):
        self._total = total
        self._replicas = replicas
        self._signals = signals
        self._steps, self._begin = 1, time.monotonic()  # from one sum to the next
        self._left = 1

    @classmethod
    def of(cls, strategy, signals):
        """The agreement under a strategy; None where there is one worker, or no signal."""
        if strategy is None or not signals or not strategies.has_several_workers(strategy):
            return None
        return cls(strategies.sum_over_workers(strategy), strategy.num_replicas_in_sync, signals)

    def after_a_step(self, own):
        """The signal to stop for, the same on every worker, or None.

        Args:
            own: the signal that this worker has received, or None.
        """
        self._left -= 1
        if self._left:
            return None
        now = time.monotonic()
        milliseconds = min(round(1000 * (now - self._begin) / self._steps), 10_000)
        *counts, sum_of_times = self._total([*(own == each for each in self._signals), milliseconds])
        milliseconds = max(sum_of_times / self._replicas, 1)
        self._steps = self._left = min(max(int(1000 * self.SECONDS / milliseconds), 1), self.MOST_STEPS)
        self._begin = now
        return next((each for each, count in zip(self._signals, counts, strict=True) if count), None)
