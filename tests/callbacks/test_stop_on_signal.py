"""Signals are real ones, sent to this process in the middle of `fit`."""

import signal
import threading
import time

from tfgan_kit.callbacks import RunRecorder, StopOnSignal
from tfgan_kit.callbacks.stop_on_signal import _Agreement
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run

import keras
import numpy as np
import pytest

from tests.twins import twins

pytestmark = pytest.mark.thorough

SIGNALS = twins("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)


@pytest.fixture(autouse=True)
def handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def send(*numbers, at="on_train_batch_end", call=0):
    """A callback that sends signals in the given method's `call`-th call."""
    calls = []

    def act(self, *arguments, **logs):
        calls.append(arguments)
        if len(calls) == call + 1:
            for number in numbers:
                signal.raise_signal(number)

    return type("Send", (keras.callbacks.Callback,), {at: act})()


@SIGNALS
def test_the_step_is_finished_and_every_callback_s_epoch_too(number, reused_gan, dataset, weights_of, tmp_path):
    gan, twin, run, stop = reused_gan(), reused_gan(), Run(tmp_path), StopOnSignal()
    history = gan.fit(dataset, epochs=9, callbacks=[send(number, call=4), RunRecorder(run), stop], verbose=0)
    assert stop.received == number
    assert int(gan.step) == 5 and len(history.epoch) == 2  # 3 steps an epoch
    twin.fit(dataset, steps_per_epoch=5, verbose=0)
    np.testing.assert_array_equal(weights_of(load_gan(run.newest())), weights_of(twin))
    lines = [line for line in run.read_metrics() if line["metric"] == "d_loss"]
    assert [(line["step"], line["protocol"]) for line in lines] == [(3, "mean of 3 steps"), (5, "mean of 2 steps")]


@twins("at", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin"])
def test_before_the_first_step_one_step_is_made_and_saved(at, reused_gan, dataset, tmp_path):
    gan, run, stop = reused_gan(), Run(tmp_path), StopOnSignal()
    gan.fit(dataset, epochs=9, callbacks=[stop, send(signal.SIGTERM, at=at), RunRecorder(run)], verbose=0)
    assert stop.received and list(run.checkpoints()) == [1]


def test_inside_the_writing_of_a_checkpoint_it_is_finished_first(reused_gan, dataset, tmp_path, monkeypatch):
    gan, run, stop = reused_gan(), Run(tmp_path), StopOnSignal()
    save = gan.save

    def interrupted_save(path):
        signal.raise_signal(signal.SIGTERM)
        save(path)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(gan, "save", interrupted_save)
    gan.fit(dataset, epochs=9, callbacks=[RunRecorder(run), stop], verbose=0)
    assert int(gan.step) == 3 and int(load_gan(run.newest()).step) == 3


def test_second_ctrl_c_interrupts_at_once_and_leaves_the_checkpoint_before(reused_gan, dataset, tmp_path, monkeypatch):
    gan, run = reused_gan(), Run(tmp_path)
    gan.fit(dataset, callbacks=[RunRecorder(run)], verbose=0)
    save = gan.save

    def interrupted_save(path):
        save(path)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(gan, "save", interrupted_save)
    with pytest.raises(KeyboardInterrupt), StopOnSignal() as stop:
        gan.fit(dataset, callbacks=[RunRecorder(run), stop], verbose=0)
    assert [path.name for path in run.checkpoints_dir.iterdir()] == ["step-00000003.keras"]
    assert int(load_gan(run.newest()).step) == 3


def test_in_a_with_block_outside_of_fit_the_rest_of_the_block_is_left(reused_gan, dataset):
    gan = reused_gan()
    with StopOnSignal() as stop:
        gan.fit(dataset, callbacks=[stop], verbose=0)
        signal.raise_signal(signal.SIGTERM)
        gan.fit(dataset, callbacks=[stop], verbose=0)
    assert stop.received == signal.SIGTERM and int(gan.step) == 3


def test_another_error_leaves_the_block_as_itself(reused_gan, dataset):
    with pytest.raises(ZeroDivisionError), StopOnSignal() as stop:
        reused_gan().fit(
            dataset, callbacks=[stop, keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: 1 / 0)], verbose=0
        )


def test_the_same_callback_serves_the_next_fit(reused_gan, dataset):
    gan, stop = reused_gan(), StopOnSignal()
    gan.fit(dataset, callbacks=[stop, send(signal.SIGTERM)], verbose=0)
    assert int(gan.step) == 1
    gan.fit(dataset, callbacks=[stop], verbose=0)
    assert int(gan.step) == 4 and stop.received is None


def test_it_listens_to_the_signals_it_is_given_only(reused_gan, dataset):
    gan, stop = reused_gan(), StopOnSignal(signals=[signal.SIGUSR1])
    gan.fit(dataset, callbacks=[send(signal.SIGUSR1), stop], verbose=0)
    assert stop.received == signal.SIGUSR1 and int(gan.step) == 1
    with pytest.raises(KeyboardInterrupt), StopOnSignal(signals=()):
        signal.raise_signal(signal.SIGINT)


def test_a_signal_that_is_ignored_stays_ignored(reused_gan, dataset):
    """As SIGINT is in a job that a shell has started with `&`."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        gan = reused_gan()
        gan.fit(dataset, callbacks=[StopOnSignal(), send(signal.SIGINT)], verbose=0)
        assert int(gan.step) == 3
    finally:
        signal.signal(signal.SIGINT, former)


def test_in_another_thread_training_goes_on_without_it(reused_gan, dataset):
    gan = reused_gan()
    thread = threading.Thread(target=lambda: gan.fit(dataset, callbacks=[StopOnSignal()], verbose=0))
    thread.start()
    thread.join()
    assert int(gan.step) == 3


# Several workers


class Sums:
    """`total` of several workers in threads, each of which waits for the others."""

    def __init__(self, workers):
        self.vectors = [None] * workers
        self.calls = 0
        self.barrier = threading.Barrier(workers, action=self._add)

    def _add(self):
        self.sum, self.calls = np.sum(self.vectors, axis=0), self.calls + 1

    def of(self, worker):
        def total(vector):
            self.vectors[worker] = vector
            self.barrier.wait(timeout=20)  # a worker that would wait for ever
            return self.sum

        return total


def stops(monkeypatch, received, steps=400):
    """Where each worker stops and why: `received[worker]` is (step, signal) or None. Also the number of sums."""
    monkeypatch.setattr(_Agreement, "SECONDS", 0.005)
    sums, ends = Sums(len(received)), [None] * len(received)

    def work(worker):
        agreement = _Agreement(sums.of(worker), len(received), (signal.SIGTERM, signal.SIGINT))
        for step in range(1, steps + 1):
            time.sleep(0.0003 * (worker + 1))  # none is as fast as another
            own = received[worker]
            if found := agreement.after_a_step(own[1] if own and step >= own[0] else None):
                ends[worker] = step, found
                return

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(len(received))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not sums.barrier.broken
    return ends, sums.calls


TERM, INT = signal.SIGTERM, signal.SIGINT


@pytest.mark.parametrize(
    "received, reason",
    [
        ([(1, TERM), None, None], TERM), ([None, None, (77, TERM)], TERM), ([(50, INT), None, (90, INT)], INT),
        ([(60, TERM)] * 3, TERM), ([(60, INT), (60, TERM), None], TERM),
    ],
    ids=["in the first step", "the last worker", "one after the other", "all at once", "two kinds"],
)  # fmt: skip
def test_all_workers_stop_after_the_same_step_for_the_same_signal(monkeypatch, received, reason):
    ends, sums = stops(monkeypatch, received)
    assert len(set(ends)) == 1 and ends[0][1] == reason
    first = min(each[0] for each in received if each)
    assert first <= ends[0][0] <= first + _Agreement.MOST_STEPS
    assert sums < ends[0][0] or first == 1  # not one a step


def test_without_a_signal_no_worker_stops(monkeypatch):
    assert stops(monkeypatch, [None, None], steps=200)[0] == [None, None]


@pytest.mark.parametrize("where", ["here", "on another worker"])
def test_with_several_workers_fit_stops_when_all_agree(where, reused_gan, dataset, monkeypatch):
    monkeypatch.setattr(_Agreement, "SECONDS", 0.0)  # a sum a step
    gan, stop, asked = reused_gan(), StopOnSignal(), []

    def total(vector):
        asked.append(int(gan.step))
        return np.add(vector, [where != "here" and len(asked) == 5, 0, 0])

    stop._agreement = _Agreement(total, 2, stop.signals)
    here = [send(signal.SIGTERM, call=4)] if where == "here" else []
    with stop:
        gan.fit(dataset, epochs=9, callbacks=[*here, stop], verbose=0)
        assert stop.received == signal.SIGTERM and asked == [1, 2, 3, 4, 5] and int(gan.step) == 5
        signal.raise_signal(signal.SIGTERM)
        gan.fit(dataset, callbacks=[stop], verbose=0)
    assert int(gan.step) == 6 and len(asked) == 5  # as with one worker: one step, and no more sums


def test_with_several_workers_a_signal_before_fit_waits_for_the_others(reused_gan, dataset):
    gan, stop = reused_gan(), StopOnSignal()
    stop._agreement = _Agreement(np.array, 2, stop.signals)
    with stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.received is None
        gan.fit(dataset, callbacks=[stop], verbose=0)
    assert stop.received == signal.SIGTERM and int(gan.step) == 1
