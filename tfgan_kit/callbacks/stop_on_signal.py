"""Stops training cleanly on SIGTERM or Ctrl-C."""

import os
import signal
import threading

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
    receives signals; in other threads it does nothing. With several workers each receives only its own
    signal and the others would wait for it: pass `signals=()` and let the signal end the process.

    Args:
        signals: `signal.Signals` to handle; Slurm sends SIGUSR1 if it is configured to.

    Attributes:
        received: `signal.Signals`, the first one that was received, or None.

    Example:
        >>> with StopOnSignal() as stop:
        ...     history = gan.fit(dataset, callbacks=[gk.callbacks.SampleGrid("samples", num_images=4), stop])
        >>> if stop.received:
        ...     print(f"Stopped by {stop.received.name}.")
    """

    def __init__(self, signals=(signal.SIGTERM, signal.SIGINT)):
        super().__init__()
        self.signals = tuple(signals)
        self.received = None
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
        self._alone = not self._former  # no `with` around
        if self._alone:
            self.received = None
            self.__enter__()
        self._training = True
        self.model.stop_training = self.received is not None

    def on_train_end(self, logs=None):
        self._training = False
        if self._alone:
            self.__exit__(None, None, None)

    def _receive(self, number, frame):
        if self.received:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self.received = signal.Signals(number)
        if not self._training:
            raise _Stopped
        self.model.stop_training = True
        # Not print(), which the signal may have interrupted.
        os.write(2, f"\n{self.received.name}: finishing this step, then saving.\n".encode())
