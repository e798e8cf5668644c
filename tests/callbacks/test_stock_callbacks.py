"""Keras's own callbacks at work on a GAN, or refused with the alternative named."""

import csv
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.thorough


def rates(gan):
    return [float(optimizer.learning_rate) for optimizer in gan.optimizer.optimizers]


def test_model_checkpoint_writes_gans_that_load(reused_gan, dataset, weights_of, tmp_path):
    gan = reused_gan()
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    gan.fit(dataset, epochs=2, callbacks=[checkpoint], verbose=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.keras", "2.keras"]
    loaded = keras.saving.load_model(tmp_path / "2.keras")
    np.testing.assert_array_equal(weights_of(loaded), weights_of(gan))


def test_model_checkpoint_keeps_the_best_by_a_log_of_ours(reused_gan, dataset, tmp_path):
    path = tmp_path / "best.weights.h5"
    checkpoint = keras.callbacks.ModelCheckpoint(
        path, monitor="g_loss", mode="min", save_best_only=True, save_weights_only=True
    )
    gan = reused_gan()
    history = gan.fit(dataset, epochs=3, callbacks=[checkpoint], verbose=0).history
    assert checkpoint.best == pytest.approx(min(history["g_loss"]))
    gan.load_weights(path)
    assert int(gan.step) == 3 * (1 + int(np.argmin(history["g_loss"])))


class Interrupted(Exception):
    pass


def interrupt_at(epoch):
    def stop(begun, logs):
        if begun == epoch:
            raise Interrupted

    return keras.callbacks.LambdaCallback(on_epoch_begin=stop)


def test_backup_and_restore_goes_on_where_it_was_interrupted(reused_gan, dataset, weights_of, tmp_path):
    """In a new process, with a new GAN: equal to an uninterrupted run, data included."""
    whole, killed, resumed = reused_gan(), reused_gan(), reused_gan()
    whole.fit(dataset, epochs=4, verbose=0)
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(Interrupted):
        killed.fit(dataset, epochs=4, callbacks=[backup, interrupt_at(2)], verbose=0)
    assert int(killed.step) == 6
    again = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    history = resumed.fit(dataset, epochs=4, callbacks=[again], verbose=0)
    assert history.epoch == [2, 3]
    np.testing.assert_array_equal(weights_of(resumed), weights_of(whole))
    assert not (tmp_path / "backup").exists()


def test_early_stopping_stops_and_restores_the_best(reused_gan, dataset):
    gan = reused_gan()
    stopping = keras.callbacks.EarlyStopping(
        monitor="g_loss", min_delta=1e6, patience=1, restore_best_weights=True, mode="min"
    )
    history = gan.fit(dataset, epochs=6, callbacks=[stopping], verbose=0)
    assert len(history.epoch) == 2  # nothing is better by a million: one epoch, one of patience
    assert int(gan.step) == 3  # the first epoch's weights, all of them


def test_csv_logger_writes_every_log_as_a_number(reused_gan, dataset, tmp_path):
    path = tmp_path / "log.csv"
    reused_gan().fit(dataset, epochs=2, callbacks=[keras.callbacks.CSVLogger(path)], verbose=0)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert {"d_loss", "g_loss", "real_score", "fake_score"} <= rows[0].keys()
    ours = [value for row in rows for name, value in row.items() if not name.startswith("val_")]
    assert np.isfinite([float(value) for value in ours]).all()


def tags(folder):
    found = {}
    for path in pathlib.Path(folder).rglob("events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return found


@pytest.mark.parametrize("update_freq", ["epoch", 1])
def test_tensorboard_receives_every_log(update_freq, reused_gan, dataset, tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path, update_freq=update_freq, write_graph=False)
    reused_gan().fit(dataset, epochs=2, callbacks=[board], verbose=0)
    assert {"epoch_d_loss", "epoch_g_loss", "epoch_real_score"} <= tags(tmp_path).keys()
    assert tags(tmp_path)["epoch_d_loss"] == [0, 1]


def test_tensorboard_takes_histograms_and_the_graph(make_gan, dataset, tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path, histogram_freq=1)
    make_gan().fit(dataset, callbacks=[board], verbose=0)
    assert any("kernel" in tag for tag in tags(tmp_path))


def test_learning_rate_scheduler_halves_both_rates(reused_gan, dataset):
    gan = reused_gan()
    before = rates(gan)
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    gan.fit(dataset, epochs=2, callbacks=[scheduler], verbose=0)
    assert rates(gan) == pytest.approx([rate / 4 for rate in before])


def test_reduce_on_plateau_reduces_both_rates(reused_gan, dataset):
    gan = reused_gan()
    before = rates(gan)
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="g_loss", factor=0.1, patience=1, min_delta=1e6, mode="min")
    gan.fit(dataset, epochs=2, callbacks=[plateau], verbose=0)
    assert rates(gan) == pytest.approx([rate / 10 for rate in before])


@pytest.mark.parametrize(
    "callback, alternative",
    [(keras.callbacks.TerminateOnNaN(), "NonFiniteGuard"), (keras.callbacks.SwapEMAWeights(), r"GAN\(ema_decay=...\)")],
    ids=["TerminateOnNaN", "SwapEMAWeights"],
)
def test_callback_that_would_do_nothing_is_refused(callback, alternative, reused_gan, dataset):
    with pytest.raises(ValueError, match=f"{type(callback).__name__} does not support.*{alternative}"):
        reused_gan().fit(dataset, callbacks=[callback], verbose=0)


def test_callback_list_is_searched_too(reused_gan, dataset):
    gan = reused_gan()
    listed = keras.callbacks.CallbackList([keras.callbacks.TerminateOnNaN()], model=gan)
    with pytest.raises(ValueError, match="TerminateOnNaN does not support"):
        gan.fit(dataset, callbacks=listed, verbose=0)
