"""The run folder: whole checkpoints, the newest and the best kept, metrics that survive a kill."""

import json
import os

import keras
import numpy as np
import pytest

from tfgan_kit import checkpoint
from tfgan_kit.checkpoint import CheckpointError, NonFiniteError, Run, load_gan, load_model, resolve


@pytest.fixture
def gan(make_gan):
    return make_gan()


def save_steps(run, gan, steps):
    for step in steps:
        gan.step.assign(step)
        run.save(gan)


def line(step, value, metric="fd_domain"):
    return {"step": step, "metric": metric, "value": value, "protocol": "test"}


# Saving


def test_checkpoint_is_named_by_its_step_and_loads_equal(gan, weights_of, tmp_path):
    gan.step.assign(12000)
    path = Run(tmp_path).save(gan)
    assert path == tmp_path / "checkpoints" / "step-00012000.keras"
    np.testing.assert_array_equal(weights_of(load_gan(path)), weights_of(gan))


@pytest.mark.parametrize("keep, kept", [(1, [40]), (2, [30, 40]), (9, [10, 20, 30, 40])])
def test_the_newest_are_kept(keep, kept, gan, tmp_path):
    run = Run(tmp_path, keep=keep)
    save_steps(run, gan, [10, 20, 30, 40])
    assert list(run.checkpoints()) == kept


def test_the_best_is_spared(gan, tmp_path):
    run = Run(tmp_path, keep=1)
    save_steps(run, gan, [10])
    run.append_metrics([line(10, 1.0)])
    save_steps(run, gan, [20])
    run.append_metrics([line(20, 5.0)])
    save_steps(run, gan, [30])
    assert list(run.checkpoints()) == [10, 30]
    assert run.best() == run.checkpoints()[10]
    run.append_metrics([line(30, 0.5)])
    save_steps(run, gan, [40])
    assert list(run.checkpoints()) == [30, 40]


def test_steps_beyond_eight_digits_still_sort(gan, tmp_path):
    run = Run(tmp_path, keep=1)
    save_steps(run, gan, [99_999_999, 100_000_000])
    assert list(run.checkpoints()) == [100_000_000]


def test_a_run_keeps_at_least_one_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="keeps at least 1 checkpoint. Received: keep=0"):
        Run(tmp_path, keep=0)


def test_failed_save_leaves_the_folder_as_it_was(gan, tmp_path, monkeypatch):
    run = Run(tmp_path)
    save_steps(run, gan, [10])
    before = sorted(run.checkpoints_dir.iterdir())

    def full_disk(path):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint, "_verify", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_steps(run, gan, [20])
    assert sorted(run.checkpoints_dir.iterdir()) == before


def test_half_written_file_of_a_killed_process_is_no_checkpoint(gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10])
    (run.checkpoints_dir / ".writing-1.keras").write_bytes(b"half")
    (run.checkpoints_dir / "notes.txt").write_text("mine")
    assert list(run.checkpoints()) == [10]


def test_saving_a_step_again_replaces_it_whole(gan, weights_of, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10])
    gan.generator.trainable_variables[0].assign_add(
        np.ones(gan.generator.trainable_variables[0].shape)
    )
    save_steps(run, gan, [10])
    np.testing.assert_array_equal(weights_of(load_gan(tmp_path)), weights_of(gan))


@pytest.mark.parametrize("network", ["generator", "discriminator", "ema_generator"])
def test_weights_that_are_not_finite_are_refused_by_name(network, gan, tmp_path):
    weight = getattr(gan, network).weights[0]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(NonFiniteError, match=f"{weight.path} is not finite at step 0"):
        Run(tmp_path).save(gan)
    assert Run(tmp_path).newest() is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_folder_that_cannot_be_written_is_an_os_error(gan, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="ermission"):
        Run(tmp_path).save(gan)
    tmp_path.chmod(0o700)


def test_file_in_the_folder_s_place_is_an_os_error(gan, tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(OSError):
        Run(tmp_path / "run").save(gan)
    assert (tmp_path / "run").read_text() == "a file"


# Loading


def test_run_folder_means_its_newest(gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10, 20])
    assert resolve(tmp_path) == run.newest() == run.checkpoints()[20]
    assert int(load_gan(tmp_path).step) == 20


def test_best_is_the_lowest_distance(gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10, 20, 30])
    run.append_metrics([line(10, 3.0), line(20, 1.0), line(30, 2.0), line(30, -9.0, "d_loss")])
    assert int(load_gan(tmp_path, which="best").step) == 20


def test_best_of_an_unmeasured_run_says_how_to_measure(gan, tmp_path):
    save_steps(Run(tmp_path), gan, [10])
    with pytest.raises(CheckpointError, match="tfgan_kit.evaluate --ckpt"):
        load_gan(tmp_path, which="best")


def test_missing_path_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint at that path.*Received: ckpt="):
        load_gan(tmp_path / "nothing")


def test_folder_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="is it a run folder"):
        load_gan(tmp_path)


def test_model_that_is_no_gan_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    assert load_model(path)
    with pytest.raises(CheckpointError, match="not a tfgan_kit GAN"):
        load_gan(path)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_truncated_file_is_refused(part, gan, tmp_path):
    path = Run(tmp_path).save(gan)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(CheckpointError, match="no whole .keras file"):
        load_gan(path)


def test_broken_byte_inside_is_refused(gan, tmp_path):
    path = Run(tmp_path).save(gan)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        load_gan(path)


def test_class_that_keras_does_not_know_names_the_flag(tmp_path):
    @keras.saving.register_keras_serializable("gone")
    class Unknown(keras.layers.Layer):
        pass

    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((2,)), Unknown()]).save(path)
    keras.saving.get_custom_objects().pop("gone>Unknown")
    with pytest.raises(CheckpointError, match="--import_module"):
        load_model(path)


# Metrics


def test_metrics_are_read_as_written(tmp_path):
    run = Run(tmp_path / "new")
    assert run.read_metrics() == []
    run.append_metrics([line(1, 2.0)])
    run.append_metrics([line(2, 1.0), line(3, 0.5)])
    assert run.read_metrics() == [line(1, 2.0), line(2, 1.0), line(3, 0.5)]


def tear_last_line(run):
    path = run.path / "metrics.jsonl"
    path.write_text(path.read_text()[:-5])


def test_last_line_cut_by_a_kill_is_dropped(tmp_path):
    run = Run(tmp_path)
    run.append_metrics([line(1, 2.0), line(2, 1.0)])
    tear_last_line(run)
    assert run.read_metrics() == [line(1, 2.0)]


def test_lines_after_a_torn_one_are_whole(tmp_path):
    run = Run(tmp_path)
    run.append_metrics([line(1, 2.0), line(2, 1.0)])
    tear_last_line(run)
    run.append_metrics([line(3, 0.5)])
    assert run.read_metrics() == [line(1, 2.0), line(3, 0.5)]


def test_later_values_are_forgotten_on_resume(tmp_path):
    run = Run(tmp_path)
    run.append_metrics([line(1, 2.0), line(2, 1.0), line(3, 0.5)])
    tear_last_line(run)
    run.forget_metrics_after(1)
    run.append_metrics([line(2, 0.9)])
    assert run.read_metrics() == [line(1, 2.0), line(2, 0.9)]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_config_is_read_as_written(tmp_path):
    run = Run(tmp_path / "new")
    assert run.read_config() is None
    run.write_config({"preset": "x", "flags": {"steps": 3}})
    assert run.read_config() == {"preset": "x", "flags": {"steps": 3}}
    assert json.loads((run.path / "config.json").read_text())["preset"] == "x"
