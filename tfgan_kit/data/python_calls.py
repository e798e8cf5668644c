"""Functions of Python inside a `tf.data` pipeline, of which none may begin once the interpreter ends."""

import atexit
import contextlib
import threading
import time

import tensorflow as tf

_QUIET, _LONGEST = 0.1, 10.0  # seconds without a call after which pipelines have filled their buffers; of waiting


class _Calls:
    """How many calls are under way, and when the last one ended."""

    def __init__(self):
        self._lock, self._running, self._ended = threading.Lock(), 0, 0.0
        atexit.register(self.wait)

    @contextlib.contextmanager
    def one(self):
        with self._lock:
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                self._ended = time.monotonic()

    def wait(self):
        """Returns when there has been no call for a while.

        A pipeline that somebody still holds reads ahead until its buffers are full. A thread of it that asks for the
        interpreter's lock while that ends is ended by CPython (3.11 to 3.13), at which C++ aborts the whole process.
        """
        end = time.monotonic() + _LONGEST
        while (self._running or time.monotonic() < self._ended + _QUIET) and time.monotonic() < end:
            time.sleep(0.01)


_calls = _Calls()


def numpy_function(function, inputs, types, stateful=False):
    """`tf.numpy_function`, for a pipeline that may be alive when the program ends.

    Args:
        function: of NumPy arrays.
        inputs: list of tensors.
        types: dtype of its result, or a tuple of those of its results.
        stateful: bool, whether it has an effect, or other results for the same inputs.
    """

    def counted(*arrays):
        with _calls.one():
            return function(*arrays)

    return tf.numpy_function(counted, inputs, types, stateful=stateful)
