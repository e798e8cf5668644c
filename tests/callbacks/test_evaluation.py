"""Evaluation while training: what is measured and when, the best checkpoint, and early stopping."""

import csv
import types

import tfgan_kit as gk
from tfgan_kit.callbacks import Evaluate, RunRecorder
from tfgan_kit.callbacks import evaluation as module
from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.metrics.image_set import images_of
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run

import keras
import numpy as np
import pytest

from tests.twins import twins

pytestmark = pytest.mark.thorough

IMAGES = np.random.default_rng(0).integers(0, 256, (48, 8, 8, 1), np.uint8)
SOURCE = ArraySource("pictures", IMAGES)
OPTIONS = dict(metrics=["swd"], num_images=8)


@pytest.fixture
def data():
    """Three steps an epoch."""
    return gk.data.from_arrays(IMAGES, batch_size=16)


@pytest.fixture
def make_gan(reuse):
    def make(steps_per_execution):
        keras.utils.set_random_seed(7)
        gan = gk.GAN(gk.networks.DCGANGenerator(8, 1, 4, 2), gk.networks.DCGANDiscriminator(8, 1, 2), ema_decay=0.5)
        optimizers = [keras.optimizers.Adam(1e-2) for _ in range(2)]
        gan.compile(*optimizers, steps_per_execution=steps_per_execution)
        return gan

    return lambda steps_per_execution=1: reuse(("evaluation", steps_per_execution), lambda: make(steps_per_execution))


def swd_lines(run):
    return [line for line in run.read_metrics() if line["metric"] == "swd"]


def _evaluation(*results):
    return types.SimpleNamespace(results=list(results))


@pytest.fixture
def values(monkeypatch):
    """`values([3.0, 1.0, ...], **protocol)`: what an evaluation finds, one after the other, instead of measuring."""

    def arrange(found, **protocol):
        found = iter(found)
        monkeypatch.setattr(
            module,
            "evaluate_choice",
            lambda *_: _evaluation({"metric": "swd", "measure": "swd", "value": next(found), "protocol": protocol}),
        )

    return arrange


# What is measured, and when


def test_value_is_that_of_evaluate_on_the_averaged_generator(make_gan, data, tmp_path):
    gan, run = make_gan(), Run(tmp_path)
    gan.fit(data, epochs=2, callbacks=[Evaluate(SOURCE, run, every=3, **OPTIONS)], verbose=0)
    (expected,) = gk.metrics.evaluate(images_of(gan), SOURCE, ["swd"], 8)
    first, last = swd_lines(run)
    assert (first["step"], last["step"]) == (3, 6)
    assert last == {
        "step": 6,
        "metric": "swd",
        "value": expected["value"],
        "protocol": expected["protocol"],
        "monitored": True,
    }
    assert first["value"] != last["value"]


def test_metrics_are_chosen_once_and_not_again_at_every_evaluation(make_gan, data, monkeypatch, tmp_path):
    chosen, choose = [], module.choose
    monkeypatch.setattr("tfgan_kit.metrics.evaluation.choose", None)
    monkeypatch.setattr(module, "choose", lambda *arguments: chosen.append(arguments) or choose(*arguments))
    run = Run(tmp_path)
    make_gan().fit(data, epochs=2, callbacks=[Evaluate(SOURCE, run, every=3, **OPTIONS)], verbose=0)
    assert len(swd_lines(run)) == 2 and len(chosen) == 1


@twins("every, size, steps", [(2, 1, [2, 4, 6]), (4, 1, [4]), (4, 3, [6]), (2, 3, [3, 6]), (100, 1, [])], quick=3)
def test_it_measures_when_an_execution_reaches_a_multiple(make_gan, every, size, steps, values, tmp_path):
    values(range(9))
    run = Run(tmp_path)
    data = gk.data.from_arrays(IMAGES, batch_size=8)  # six steps
    make_gan(steps_per_execution=size).fit(data, callbacks=[Evaluate(SOURCE, run, every=every)], verbose=0)
    assert [line["step"] for line in swd_lines(run)] == steps


def test_epochs_repeat_the_last_values_in_the_logs(make_gan, data, values):
    values([3.0, 2.0])
    evaluation = Evaluate(SOURCE, every=6)  # after epochs 2 and 4
    history = make_gan().fit(data, epochs=4, callbacks=[evaluation], verbose=0).history
    assert history["swd"] == [3.0, 3.0, 2.0]
    assert evaluation.values == {"swd": 2.0}


def test_csv_holds_what_the_first_epoch_measured(make_gan, data, values, tmp_path):
    values([3.0, 2.0])
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    make_gan().fit(data, epochs=2, callbacks=[Evaluate(SOURCE, every=3), logger], verbose=0)
    with open(tmp_path / "log.csv") as file:
        assert [row["swd"] for row in csv.DictReader(file)] == ["3.0", "2.0"]


def test_training_does_not_notice(make_gan, data, weights_of):
    watched, alone = make_gan(), make_gan()
    watched.fit(data, epochs=2, verbose=0, callbacks=[Evaluate(SOURCE, every=2, **OPTIONS)])
    alone.fit(data, epochs=2, verbose=0)
    np.testing.assert_array_equal(weights_of(watched), weights_of(alone))


# The best checkpoint


def test_the_best_step_s_checkpoint_is_saved_and_kept(make_gan, data, values, weights_of, tmp_path):
    values([3.0, 1.0, float("nan"), 2.0, 1.0, 5.0])
    gan, run, seen = make_gan(), Run(tmp_path, keep=1), {}
    remember = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.update({gan.steps_trained: weights_of(gan)})
    )
    callbacks = [remember, RunRecorder(run), Evaluate(SOURCE, run, every=2)]
    gan.fit(data, epochs=4, callbacks=callbacks, verbose=0)
    assert list(run.checkpoints()) == [4, 12]
    assert run.best() == run.checkpoints()[4]
    np.testing.assert_array_equal(weights_of(load_gan(tmp_path, which="best")), seen[4])


def test_where_higher_is_better_the_highest_is_kept(make_gan, data, values, tmp_path):
    values([0.2, 0.9, 0.5], best="highest")
    run = Run(tmp_path, keep=1)
    make_gan().fit(data, epochs=3, callbacks=[Evaluate(SOURCE, run, every=3)], verbose=0)
    assert run.best() == run.checkpoints()[6]


def test_a_recorder_s_line_of_a_repeated_value_is_no_measurement(make_gan, data, values, tmp_path):
    values([3.0, 2.0])
    run = Run(tmp_path, keep=1)
    callbacks = [Evaluate(SOURCE, run, every=6), RunRecorder(run)]  # the wrong order
    make_gan().fit(data, epochs=4, callbacks=callbacks, verbose=0)
    assert run.best() == run.checkpoints()[12]


def test_the_monitored_metric_decides_not_the_first(make_gan, data, monkeypatch, tmp_path):
    found = iter([(1.0, 5.0), (2.0, 7.0)])  # of which the first would choose step 3

    def measured(*_):
        swd, modes = next(found)
        return _evaluation(
            {"metric": "swd", "measure": "swd", "value": swd, "protocol": {}},
            {"metric": "modes", "measure": "modes", "value": modes, "protocol": {"best": "highest"}},
        )

    monkeypatch.setattr(module, "evaluate_choice", measured)
    source, run = gk.data.open_source("ring8"), Run(tmp_path, keep=1)  # of points, which allow both
    evaluation = Evaluate(source, run, ["swd", "modes"], every=3, monitor="modes")
    make_gan().fit(data, epochs=2, callbacks=[evaluation], verbose=0)
    assert run.best() == run.checkpoints()[6]
    assert evaluation.values == {"swd": 2.0, "modes": 7.0}
    monitored = [line["metric"] for line in run.read_metrics() if line.get("monitored")]
    assert monitored == ["modes", "modes"]


# Early stopping, and resuming


def test_patience_ends_training_and_says_so(make_gan, data, values, tmp_path, caplog):
    values([3.0, 1.0, 2.0, float("nan"), 0.0])
    gan, run = make_gan(), Run(tmp_path)
    evaluation = Evaluate(SOURCE, run, every=2, patience=2)
    gan.fit(data, epochs=9, callbacks=[RunRecorder(run), evaluation], verbose=0)
    assert gan.steps_trained == 8 and evaluation.out_of_patience
    reason = "Stopped at step 8: swd has not improved in 2 evaluations. The best, 1, is of step 4."
    assert evaluation.reason() == reason and reason in caplog.text
    assert 8 in run.checkpoints()  # RunRecorder's, of the cut epoch


@pytest.mark.parametrize("with_run", [False, True])
def test_a_resumed_run_knows_its_best_value(make_gan, with_run, data, values, tmp_path):
    values([1.0, 2.0, 3.0, 4.0])
    gan, run = make_gan(), Run(tmp_path, keep=1) if with_run else None
    evaluation = Evaluate(SOURCE, run, every=3, patience=3)
    gan.fit(data, epochs=2, callbacks=[evaluation], verbose=0)
    again = Evaluate(SOURCE, run, every=3, patience=3) if with_run else evaluation
    gan.fit(data, epochs=9, callbacks=[again], verbose=0)
    assert gan.steps_trained == 12
    if with_run:
        assert list(run.checkpoints()) == [3]
        assert Evaluate(SOURCE, run, patience=3).out_of_patience
        assert not Evaluate(SOURCE, run, patience=4).out_of_patience


class Killed(BaseException):
    pass


@twins("moment", ["append_metrics", "save"])
def test_a_kill_while_it_records_leaves_no_gap_and_no_duplicate(make_gan, moment, data, values, tmp_path, monkeypatch):
    found = [3.0, 2.0, 4.0, 1.0]
    whole, run = Run(tmp_path / "whole"), Run(tmp_path / "run")
    values(found)
    make_gan().fit(data, epochs=4, callbacks=[Evaluate(SOURCE, whole, every=3)], verbose=0)
    values(found[:2])
    real, calls = getattr(run, moment), []

    def killed(*arguments):
        calls.append(moment)
        if len(calls) == 2:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(run, moment, killed)
    with pytest.raises(Killed):
        make_gan().fit(data, epochs=4, callbacks=[Evaluate(SOURCE, run, every=3)], verbose=0)
    gan = load_gan(run.path)
    run.forget_metrics_after(gan.steps_trained)
    values(found[1:])
    gan.fit(data, initial_epoch=1, epochs=4, callbacks=[Evaluate(SOURCE, run, every=3)], verbose=0)
    assert run.read_metrics() == whole.read_metrics()
    assert run.best().name == whole.best().name


# Wrong input


@pytest.mark.parametrize("arguments", [{"every": 0}, {"patience": 0}])
def test_numbers_out_of_range_are_refused(arguments):
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=f"Received: .*{name}={value}"):
        Evaluate(SOURCE, **arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"metrics": ["sdw"]}, "sdw"),
        ({"metrics": ["fd_domain"]}, "fd_domain"),
        ({"monitor": "fid"}, "measured, swd. Received: monitor='fid'"),
        ({"monitor": "swd_typo"}, "monitor='swd_typo'"),
        ({"monitor": "precision_recall"}, "'precision_recall'"),
    ],
)
def test_a_wrong_name_is_refused_before_the_first_step(make_gan, arguments, message, data):
    gan = make_gan()
    with pytest.raises(ValueError, match=message):
        gan.fit(data, callbacks=[Evaluate(SOURCE, **arguments)], verbose=0)
    assert gan.steps_trained == 0
