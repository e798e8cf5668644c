"""The line that `fit` writes when training waits for its data, on data that sleeps."""

import re
import time

from tfgan_kit.training import data_stalls
from tfgan_kit.training.data_stalls import TimedIterator, watch

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from tests.twins import twins

pytestmark = pytest.mark.thorough

BATCH = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), np.uint8)

OPTIONS = tf.data.Options()
OPTIONS.autotune.enabled = False  # it would read ahead
IN_MEMORY = tf.data.Dataset.from_tensors(BATCH).repeat().with_options(OPTIONS)


def sleeping(seconds):
    """An endless data set that takes that long to make a batch."""

    def load(batch):
        time.sleep(seconds)
        return batch

    def slow(batch):
        return tf.ensure_shape(tf.numpy_function(load, [batch], tf.uint8), BATCH.shape)

    return IN_MEMORY.map(slow)


@pytest.fixture
def lines(monkeypatch):
    """What was written: one string a line."""
    written = []
    monkeypatch.setattr(logging, "warning", lambda text, *args: written.append(text % args))
    return written


@pytest.fixture
def short_window(monkeypatch):
    monkeypatch.setattr(data_stalls, "WARMUP_STEPS", 2)
    monkeypatch.setattr(data_stalls, "WINDOW_STEPS", 10)
    monkeypatch.setattr(data_stalls, "LEAST_SECONDS", 5e-3)  # a busy machine's pauses are shorter


def fit(gan, dataset, steps, **arguments):
    return gan.fit(dataset, steps_per_epoch=steps, verbose=0, **arguments)


def test_data_that_sleeps_is_named_with_its_share_of_the_time(reused_gan, lines):
    fit(reused_gan(), sleeping(0.02), 112)
    (line,) = lines
    share, wait, step = (float(x) for x in re.findall(r"[\d.]+(?= %| of \d+\.| ms)", line))
    assert line.startswith("Training waits for data: ")
    assert "from_arrays" in line and "cache() before repeat()" in line  # an endless set's cache is refused
    assert 20 <= wait <= step  # nothing is read ahead: every step waits for the whole sleep
    assert share == pytest.approx(100 * wait / step, abs=1)


def test_data_in_memory_is_not_waited_for(reused_gan, lines, monkeypatch):
    monkeypatch.setattr(data_stalls, "LEAST_SECONDS", 5e-3)  # a busy machine's pauses are shorter
    fit(reused_gan(), IN_MEMORY, 112)
    assert lines == []


@pytest.mark.parametrize("epochs", [1, 5])
def test_one_fit_writes_one_line(reused_gan, lines, short_window, epochs):
    gan = reused_gan()
    fit(gan, sleeping(0.02), 60 // epochs, epochs=epochs)
    assert len(lines) == 1
    fit(gan, sleeping(0.02), 20)
    assert len(lines) == 2


def test_a_wait_that_begins_later_is_found_in_a_later_window(reused_gan, lines, short_window):
    late = IN_MEMORY.take(60).concatenate(sleeping(0.02))
    gan = reused_gan()
    fit(gan, late, 120)  # steps 4 to 13 are timed, then 132 to 141
    assert lines == []
    fit(gan, late, 150)
    assert len(lines) == 1


def test_epochs_that_end_within_every_window_are_left_alone(reused_gan, lines, short_window, monkeypatch):
    made = []
    monkeypatch.setattr(data_stalls, "TimedIterator", lambda *args: made.append(args) or TimedIterator(*args))
    reused_gan().fit(sleeping(0.02).take(4), epochs=5, verbose=0)
    assert (len(made), lines) == (1, [])


def test_watching_changes_no_weight(reused_gan, dataset, weights_of, short_window, monkeypatch):
    watched, plain = reused_gan(), reused_gan()
    fit(watched, dataset, 9, epochs=2)
    monkeypatch.setattr(data_stalls, "WARMUP_STEPS", 10**9)
    fit(plain, dataset, 9, epochs=2)
    np.testing.assert_array_equal(weights_of(watched), weights_of(plain))


def test_the_step_is_traced_once(make_gan, short_window, monkeypatch):
    gan = make_gan()
    traces, original = [], gan.train_step
    monkeypatch.setattr(gan, "train_step", lambda data: traces.append(1) or original(data))
    fit(gan, IN_MEMORY, 30)
    assert len(traces) == 1


@twins("size", [6, 12, 13, 14, 20], quick=3)
def test_finite_data_ends_where_it_ends(reused_gan, short_window, size):
    gan = reused_gan()
    gan.fit(IN_MEMORY.take(size), epochs=3, verbose=0)
    assert int(gan.step) == 3 * size


def test_a_smaller_last_batch_is_trained_on(make_gan, short_window, monkeypatch):
    gan = make_gan()
    sizes, original = [], gan.train_step

    def train_step(data):
        sizes.append(data.shape[0])
        return original(data)

    monkeypatch.setattr(gan, "train_step", train_step)
    data = tf.data.Dataset.from_tensor_slices(np.tile(BATCH, [2, 1, 1, 1])).batch(5)
    gan.fit(data.repeat(3), epochs=2, verbose=0)
    assert sizes == [None]  # one trace, for any number of images
    assert int(gan.step) == 2 * 3 * 4


def test_the_train_function_is_the_models_own_again_after_fit(reused_gan, dataset):
    gan = reused_gan()
    gan.make_train_function()
    own = gan.train_function
    fit(gan, dataset, 3)
    assert gan.train_function is own
    with pytest.raises(RuntimeError), watch(gan):
        assert gan.train_function is not own
        raise RuntimeError
    assert gan.train_function is own


@pytest.mark.parametrize("arguments", [{"steps_per_execution": 2}, {"run_eagerly": True}])
def test_other_ways_to_run_a_step_still_train(reused_gan, dataset, short_window, arguments):
    gan = reused_gan(**arguments)
    fit(gan, dataset, 16)
    assert int(gan.step) == 16


def test_a_timed_iterator_takes_from_its_source_only_what_it_gives():
    source = iter(tf.data.Dataset.range(10))
    timed = TimedIterator(source, count=4)
    assert [int(next(timed.iterator)) for _ in range(2)] == [0, 1]
    assert int(next(source)) == 2
    assert [int(x) for x in timed.iterator] == [3, 4]
    assert timed.iterator.element_spec == source.element_spec


def test_a_timed_iterator_ends_with_its_source():
    source = iter(tf.data.Dataset.range(3))
    assert [int(x) for x in TimedIterator(source, count=9).iterator] == [0, 1, 2]


def test_a_timed_iterator_passes_errors_on():
    broken = iter(tf.data.Dataset.range(3).map(lambda x: tf.debugging.check_numerics(1 / (x - x), "no")))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no"):
        next(TimedIterator(broken, count=9).iterator)
