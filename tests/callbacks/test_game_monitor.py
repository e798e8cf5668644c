"""The game's numbers in the logs, and a training that does not notice."""

import csv

import tfgan_kit as gk
from tfgan_kit.callbacks import GameMonitor

import keras
import numpy as np
import pytest

pytestmark = pytest.mark.thorough

NAMES = {"path_cosine", "path_bump", "overfitting_gap", "overfitting_gap_error"}


@pytest.fixture
def held_out():
    return np.random.default_rng(5).integers(0, 256, (10, 4, 4, 1), np.uint8)


@pytest.mark.slow
def test_history_and_csv_hold_the_numbers_of_every_second_epoch(reused_gan, uint8_images, held_out, dataset, tmp_path):
    gan = reused_gan()
    monitor = GameMonitor(uint8_images, held_out, every=2, response_steps=2)
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = gan.fit(dataset, epochs=4, verbose=0, callbacks=[monitor, logger]).history
    assert NAMES | {"duality_gap"} <= history.keys()
    looks = np.array([history[name] for name in sorted(NAMES | {"duality_gap"})])  # (5, 4)
    np.testing.assert_array_equal(looks[:, 0::2], looks[:, 1::2])
    assert (looks[:, 0] != looks[:, 2]).all()
    with open(tmp_path / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["path_cosine"]) for row in rows] == history["path_cosine"]
    gap = gk.dynamics.overfitting_gap(gan, uint8_images, held_out)
    assert history["overfitting_gap"][-1] != gap.logit  # an epoch later


def test_training_does_not_notice(reused_gan, uint8_images, held_out, dataset, weights_of):
    watched, alone = reused_gan(), reused_gan()
    watched.fit(dataset, epochs=2, verbose=0, callbacks=[GameMonitor(uint8_images[:8], held_out)])
    alone.fit(dataset, epochs=2, verbose=0)
    np.testing.assert_array_equal(weights_of(watched), weights_of(alone))


def test_descent_s_path_runs_against_the_field(make_gan, dataset, uint8_images, held_out):
    """One small step of simultaneous descent on the monitored batch: the path is -h v."""
    sgd = {f"{player}_optimizer": keras.optimizers.SGD(1e-4) for player in ("generator", "discriminator")}
    gan = make_gan(update=gk.updates.Consensus(0.0), **sgd)
    monitor = GameMonitor(uint8_images, held_out)
    history = gan.fit(uint8_images, batch_size=24, shuffle=False, verbose=0, callbacks=[monitor]).history
    assert history["path_cosine"][0] == pytest.approx(-1.0, abs=1e-3)


@pytest.mark.parametrize("arguments", [{"every": 0}, {"response_steps": -1}])
def test_epochs_and_steps_out_of_range_are_refused(arguments, uint8_images, held_out):
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=f"Received: .*{name}={value}"):
        GameMonitor(uint8_images, held_out, **arguments)
