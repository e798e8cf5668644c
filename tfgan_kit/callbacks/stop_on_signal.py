"""Ends training in good order when the machine is taken away, or on Ctrl-C."""

import os
import signal
import threading

import keras


class _Stopped(BaseException):
    """Leaves the `with` block of a `StopOnSignal`."""


class StopOnSignal(keras.callbacks.Callback):
    """On a signal `fit` finishes the step, runs every callback's epoch end, and returns.

    So `RunRecorder` or `ModelCheckpoint` saves before the machine is gone. (`BackupAndRestore`
    deletes its backup whenever `fit` returns: give it `delete_checkpoint=False`.) A second SIGTERM
    changes nothing, a second SIGINT interrupts at once, as Ctrl-C does without this.

    As a callback alone it listens from the beginning of training to its end. As a context manager
    around `fit` it listens in the whole block, which a signal outside of `fit` leaves at once, and
    the former handlers are back even where `fit` raises. Only the main thread receives signals:
    elsewhere it does nothing. Under several workers each hears its own signal only, and the others
    would wait for it: there, give `signals=()` and let the signal end the process.

    Args:
        signals: `signal.Signals` to listen to; Slurm sends SIGUSR1 if it is asked to.

    Attributes:
        received: `signal.Signals`, the first that was received, or None.

    Example:
        >>> with StopOnSignal() as stop:
        ...     gan.fit(dataset, epochs=10, callbacks=[RunRecorder(run), stop])
        >>> if stop.received:
        ...     print(f"Stopped by {stop.received.name}.")
    """

    def __init__(self, signals=(signal.SIGTERM, signal.SIGINT)):
        super().__init__()
        self.signals = tuple(signals)
        self.received = None
        self._training = False
        self._former = {}  # signal -> the handler before this one

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's, and a shell's `&`
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
        # Not print(), which may be what the signal came in the middle of.
        os.write(2, f"\n{self.received.name}: finishing this step, then saving.\n".encode())
