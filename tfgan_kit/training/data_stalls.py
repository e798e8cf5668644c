"""Detects training that waits for its data: measured during `fit`, reported in one warning."""

import contextlib
import math
import time

import keras
import tensorflow as tf
from absl import logging

WARMUP_STEPS = 10  # tracing, filling of buffers
WINDOW_STEPS = 100
# A shorter wait than either is not reported.
LEAST_SHARE, LEAST_SECONDS = 0.1, 0.5e-3

_plainly = tf.autograph.experimental.do_not_convert  # no Python control flow to convert


@contextlib.contextmanager
def watch(model):
    """A context for `model.fit` that logs one warning if the steps wait for their data.

    Keras fetches the batch inside the step's `tf.function`, where it cannot be timed from outside.
    So 100 steps, from the 12th on, are given an iterator that fetches the same batches and records
    how long each took. If they do not wait, another 100 are measured after ten times as many steps,
    and so on. The compiled step is unchanged. Not measured: several replicas, `steps_per_execution`
    above 1, and data sets of fewer than 112 batches that are iterated anew every epoch.

    Args:
        model: a compiled `keras.Model`; if it is not compiled, `fit` itself reports the error.

    Example::

        with watch(model):
            history = model.fit(dataset)
    """
    if not model.compiled or model.steps_per_execution > 1:
        yield
        return
    model.make_train_function()
    original = model.train_function
    watched = model.train_function = _Watch(original)
    try:
        yield
    finally:
        if model.train_function is watched:  # a callback may have replaced it in the meantime
            model.train_function = original


class _Watch:
    """A train function, as Keras makes them, that times its data in windows of steps."""

    def __init__(self, train_function):
        self._train_function = train_function
        self._step, self._window_at = 0, WARMUP_STEPS
        self._source = self._timed = None

    def __call__(self, iterator):
        self._step += 1
        if self._step <= self._window_at or not isinstance(iterator, tf.data.Iterator):
            return self._train_function(iterator)
        if self._source is None:
            return self._open_window(iterator)
        if iterator is not self._source:  # the epoch ended within the window
            self._leave_window()
            return self._train_function(iterator)
        return self._timed_step()

    def _open_window(self, iterator):
        self._source, self._timed = iterator, TimedIterator(iterator, WINDOW_STEPS)
        self._seconds = []
        return self._train_function(iterator)  # not timed: it may be the first of an epoch

    def _leave_window(self):
        self._source = self._timed = None
        self._window_at = 10 * self._step

    def _timed_step(self):
        started = time.perf_counter()
        logs = self._train_function(self._timed.iterator)
        # A GPU may still be computing: only time after it has finished counts as waiting.
        keras.tree.map_structure(keras.ops.convert_to_numpy, logs)
        self._seconds.append(time.perf_counter() - started)
        if len(self._seconds) == WINDOW_STEPS:
            self._close_window()
        return logs

    def _close_window(self):
        wait = float(self._timed.waited) / WINDOW_STEPS
        step = sum(self._seconds) / WINDOW_STEPS
        self._leave_window()
        if wait > LEAST_SECONDS and wait > LEAST_SHARE * step:
            self._window_at = math.inf
            logging.warning(
                "Training waits for data: %.0f %% of the time of %d steps (%.1f of %.1f ms a "
                "step). Store the images at the size they are trained at, keep them in memory (an .npz "
                "file, or tfgan_kit.data.from_arrays; of a pipeline of your own, cache() before repeat()), "
                "or give the job more cores.",
                100 * wait / step,
                WINDOW_STEPS,
                1e3 * wait,
                1e3 * step,
            )


class TimedIterator:
    """Wraps an iterator in a second one that yields the same batches and times the fetching of each.

    Both have the same type for a `tf.function`, so nothing is retraced or recompiled (a step that is
    called with batches would be). Nothing is prefetched, so no batch is lost.

    Args:
        source: a `tf.data.Iterator`; it continues where `iterator` stopped.
        count: int, number of batches after which `iterator` ends.

    Attributes:
        iterator: a `tf.data.Iterator` of the same elements.
        waited: float64 `tf.Variable`, seconds that fetching took so far.
    """

    def __init__(self, source, count):
        with tf.device("CPU:0"):
            self.waited = tf.Variable(0.0, dtype=tf.float64, trainable=False)

        @_plainly
        def fetch(_):
            started = tf.timestamp()
            with tf.control_dependencies([started]):
                batch = source.get_next_as_optional()
                is_there = batch.has_value()
            with tf.control_dependencies([is_there]):
                self.waited.assign_add(tf.timestamp() - started)
            return batch

        batches = tf.data.Dataset.range(count).map(fetch)
        batches = batches.take_while(_plainly(lambda batch: batch.has_value()))
        batches = batches.map(_plainly(lambda batch: batch.get_value()))
        options = tf.data.Options()
        options.autotune.enabled = False
        # One of the default optimizations would prefetch.
        options.experimental_optimization.apply_default_optimizations = False
        self.iterator = iter(batches.with_options(options))
