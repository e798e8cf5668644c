"""The run folder: whole checkpoints, the newest and the best kept, metrics that survive a kill."""

import contextlib
import json
import os
import resource
import zipfile

from tfgan_kit.files import here, whole
from tfgan_kit.penalties import Penalty
from tfgan_kit.runs import keras_file
from tfgan_kit.runs.checkpoints import load_gan, load_model, resolve
from tfgan_kit.runs.keras_file import CheckpointError
from tfgan_kit.runs.non_finite import NonFiniteError
from tfgan_kit.runs.run import Run

import keras
import numpy as np
import pytest


@pytest.fixture
def gan(reused_gan):
    return reused_gan()


def save_steps(run, gan, steps):
    for step in steps:
        gan.step.assign(step)
        run.save(gan)


def line(step, value, metric="fd_domain"):
    return {"step": step, "metric": metric, "value": value, "protocol": "test"}


# Saving


@pytest.mark.thorough
def test_checkpoint_is_named_by_its_step_and_loads_equal(gan, weights_of, tmp_path):
    gan.step.assign(12000)
    path = Run(tmp_path).save(gan)
    assert path == tmp_path / "checkpoints" / "step-00012000.keras"
    np.testing.assert_array_equal(weights_of(load_gan(path)), weights_of(gan))


@pytest.mark.thorough
@pytest.mark.parametrize("keep, kept", [(1, [40]), (2, [30, 40]), (9, [10, 20, 30, 40])])
def test_the_newest_are_kept(keep, kept, gan, tmp_path):
    run = Run(tmp_path, keep=keep)
    save_steps(run, gan, [10, 20, 30, 40])
    assert list(run.checkpoints()) == kept


@pytest.mark.thorough
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


@contextlib.contextmanager
def largest_file(num_bytes):
    """A real write error in the middle of a file, as of a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.thorough
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("step", [10, 20], ids=["the same step", "the next step"])
def test_failed_write_leaves_the_folder_as_it_was_and_says_so(part, step, gan, tmp_path):
    run = Run(tmp_path, keep=1)
    save_steps(run, gan, [10])
    before = content(run.checkpoints_dir)
    size = run.newest().stat().st_size
    with largest_file(int(part * size)):
        with pytest.raises(OSError, match=f"step-000000{step}.*could not be written") as error:
            save_steps(run, gan, [step])
    assert str(run.checkpoints()[10]) in str(error.value) and "Free space" in str(error.value)
    assert content(run.checkpoints_dir) == before
    save_steps(run, gan, [step])
    assert list(run.checkpoints()) == [step]


def test_file_too_small_for_its_model_does_not_take_a_good_one_s_place(gan, tmp_path, monkeypatch):
    run = Run(tmp_path, keep=1)
    save_steps(run, gan, [10])
    before = content(run.checkpoints_dir)
    # Whole, but of another model; 300 * 300 float32 are more than all that a tiny file holds.
    monkeypatch.setattr(gan, "save", keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]).save)
    monkeypatch.setattr(type(gan), "variables", [keras.Variable(np.zeros((300, 300), np.float32))])
    with pytest.raises(OSError, match="its weights take .* bytes, not 36"):
        save_steps(run, gan, [20])
    assert content(run.checkpoints_dir) == before


def test_half_written_file_of_a_killed_process_is_no_checkpoint(gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10])
    (run.checkpoints_dir / ".writing-other_host-1.keras").write_bytes(b"half")
    (run.checkpoints_dir / "notes.txt").write_text("mine")
    assert list(run.checkpoints()) == [10]


def test_leftovers_of_killed_processes_are_removed(gan, tmp_path, monkeypatch):
    run = Run(tmp_path)
    save_steps(run, gan, [10])
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 4194305)  # above any PID
        for path in (run.checkpoints_dir / "step-00000020.keras", run.metrics_path, run.samples_dir / "step-20.png"):
            path.parent.mkdir(exist_ok=True)
            whole(path).__enter__().touch()
    (run.checkpoints_dir / f".writing-{here(4194305)}.keras").touch()  # of 0.1.0
    (run.checkpoints_dir / "tmpa1b2c3_d").touch()  # Keras's own, beside a file that it writes with little memory
    (run.checkpoints_dir / "tmp-of-mine").touch()
    (run.checkpoints_dir / ".writing-other_host-4194305.keras").touch()  # may be alive there
    save_steps(run, gan, [20])
    names = {path.name for path in [*tmp_path.iterdir(), *run.checkpoints_dir.iterdir(), *run.samples_dir.iterdir()]}
    assert names == {"checkpoints", "samples", "step-00000010.keras", "step-00000020.keras", "tmp-of-mine"} | {
        ".writing-other_host-4194305.keras"
    }


def test_run_that_does_not_write_leaves_no_trace(gan, tmp_path):
    run = Run(tmp_path / "run", writes=False)
    assert run.save(gan) is None
    run.write_config({"preset": "x"})
    run.append_metrics([line(1, 2.0)])
    run.forget_metrics_after(0)
    assert not run.path.exists()


def test_run_that_does_not_write_refuses_weights_that_are_not_finite_too(gan, tmp_path):
    gan.generator.weights[0].assign(np.full(gan.generator.weights[0].shape, np.nan))
    with pytest.raises(NonFiniteError):
        Run(tmp_path, writes=False).save(gan)


@pytest.mark.thorough
def test_saving_a_step_again_replaces_it_whole(gan, weights_of, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10])
    gan.generator.trainable_variables[0].assign_add(np.ones(gan.generator.trainable_variables[0].shape))
    save_steps(run, gan, [10])
    np.testing.assert_array_equal(weights_of(load_gan(tmp_path)), weights_of(gan))


@pytest.mark.parametrize("network", ["generator", "discriminator", "ema_generator"])
def test_weights_that_are_not_finite_are_refused_by_name(network, gan, tmp_path):
    weight = getattr(gan, network).weights[0]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(NonFiniteError, match=f"{weight.path} is not finite at step 0"):
        Run(tmp_path).save(gan)
    assert Run(tmp_path).newest() is None


class Adaptive(Penalty):
    """Keeps one number from step to step."""

    name = "adaptive"

    def build(self, state):
        self.average = state.add_weight(name="average", shape=(), trainable=False)


@pytest.mark.parametrize(
    "kept",
    [
        lambda gan: gan.generator_optimizer.variables[2],  # Adam's first moment of the first weight
        lambda gan: gan.discriminator_optimizer.variables[-1],
        lambda gan: gan.generator_optimizer.learning_rate,
        lambda gan: gan.penalties[0].average,
    ],
    ids=["first slot", "last slot", "learning rate", "penalty"],
)
def test_what_training_keeps_beside_the_weights_is_refused_by_name_too(kept, make_gan, tmp_path):
    gan = make_gan(penalties=[Adaptive()])
    variable = kept(gan)
    variable.assign(np.full(variable.shape, np.inf))
    with pytest.raises(NonFiniteError, match=f"/{variable.path} is not finite at step 0"):
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


@pytest.mark.thorough
def test_run_folder_means_its_newest(gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10, 20])
    assert resolve(tmp_path) == run.newest() == run.checkpoints()[20]
    assert int(load_gan(tmp_path).step) == 20


@pytest.mark.thorough
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


def truncate(path, part=0.5):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])


def empty(path):
    path.write_bytes(b"")


def flip_a_byte(path):
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)


def leave_the_weights_out(path):
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist() if "weights" not in name}
    with zipfile.ZipFile(path, "w") as file:
        for name, text in members.items():
            file.writestr(name, text)


DAMAGE = [truncate, empty, flip_a_byte, leave_the_weights_out]
damaged = pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_truncated_file_is_refused(part, gan, tmp_path):
    path = Run(tmp_path).save(gan)
    truncate(path, part)
    with pytest.raises(CheckpointError, match="no whole .keras file"):
        load_gan(path)


@pytest.mark.thorough
@damaged
def test_damaged_file_that_is_named_itself_is_refused(damage, gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10, 20])
    damage(run.checkpoints()[20])
    with pytest.raises(CheckpointError, match="no whole .keras file.*step-00000020"):
        load_gan(run.checkpoints()[20])


@pytest.mark.thorough
@damaged
def test_damaged_newest_gives_way_to_the_one_before_and_both_are_named(damage, gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10, 20])
    damage(run.checkpoints()[20])
    with pytest.warns(UserWarning, match="step-00000020.*not whole.*step-00000010"):
        assert int(load_gan(tmp_path).step) == 10
    assert list(Run(tmp_path).checkpoints()) == [10, 20]  # nothing is deleted


@pytest.mark.thorough
def test_damaged_best_gives_way_to_the_second(gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10, 20, 30])
    run.append_metrics([line(10, 2.0), line(20, 1.0), line(30, 3.0)])
    truncate(run.checkpoints()[20])
    with pytest.warns(UserWarning, match="step-00000020.*The best whole.*step-00000010"):
        assert int(load_gan(tmp_path, which="best").step) == 10


def test_run_without_a_whole_checkpoint_is_refused_by_their_names(gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10, 20])
    truncate(run.checkpoints()[10])
    empty(run.checkpoints()[20])
    with pytest.raises(CheckpointError, match="None .* whole: step-00000020.*step-00000010"):
        load_gan(tmp_path)


@pytest.mark.thorough
@damaged
def test_damaged_checkpoint_keeps_no_place_of_a_whole_one(damage, gan, tmp_path):
    save_steps(Run(tmp_path, keep=2), gan, [10, 20])
    damage(Run(tmp_path).checkpoints()[20])
    save_steps(Run(tmp_path, keep=2), gan, [30])
    assert list(Run(tmp_path).checkpoints()) == [10, 20, 30]
    save_steps(Run(tmp_path, keep=2), gan, [40])
    assert list(Run(tmp_path).checkpoints()) == [30, 40]


@pytest.mark.thorough
def test_damage_after_the_run_was_opened_is_noticed(gan, tmp_path):
    run = Run(tmp_path, keep=2)
    save_steps(run, gan, [10, 20])
    truncate(run.checkpoints()[20])
    assert run.newest() == run.checkpoints()[10]
    save_steps(run, gan, [30])
    assert list(run.checkpoints()) == [10, 20, 30]


@pytest.mark.thorough
def test_damaged_checkpoint_is_replaced_when_its_step_comes_again(gan, tmp_path):
    run = Run(tmp_path)
    save_steps(run, gan, [10, 20])
    truncate(run.checkpoints()[20])
    save_steps(run, gan, [20])
    assert int(load_gan(tmp_path).step) == 20


def test_a_checkpoint_is_read_back_once(gan, tmp_path, monkeypatch):
    run, read = Run(tmp_path), []
    save_steps(run, gan, [10, 20])
    is_whole = keras_file.is_whole
    monkeypatch.setattr(keras_file, "is_whole", lambda path: read.append(path.name) or is_whole(path))
    save_steps(run, gan, [30])
    assert run.newest() and run.best() is None
    assert len(read) == 1 and read[0].startswith(".step-00000030.keras-")


@pytest.mark.thorough
@pytest.mark.parametrize("ckpt", ["run", "run/checkpoints/step-00000010.keras"])
def test_a_checkpoint_that_is_loaded_is_proved_once(ckpt, gan, tmp_path, monkeypatch):
    save_steps(Run(tmp_path / "run"), gan, [10])
    read, is_whole = [], keras_file.is_whole
    monkeypatch.setattr(keras_file, "is_whole", lambda path: read.append(path.name) or is_whole(path))
    load_gan(tmp_path / ckpt)
    assert read == ["step-00000010.keras"]


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


def test_metrics_that_are_not_finite_are_read_as_written_and_by_strict_readers(tmp_path):
    run = Run(tmp_path)
    run.append_metrics([line(1, float("inf")), line(2, float("nan")), line(3, 0.5)])
    run.forget_metrics_after(2)  # writes all lines again
    one, two = run.read_metrics()
    assert one["value"] == float("inf") and np.isnan(two["value"])
    for text in run.metrics_path.read_text().splitlines():
        json.loads(text, parse_constant=pytest.fail)


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


@pytest.mark.parametrize(
    "damaged", [b'{"step": 2, "metr', b"", b"\x00" * 40, b'{"step": "\xff"}', b"2", b'{"stap": 2}'], ids=str
)
def test_damaged_line_before_the_last_is_refused_by_file_and_number(damaged, tmp_path):
    run = Run(tmp_path)
    run.append_metrics([line(1, 2.0), line(2, 1.0), line(3, 0.5)])
    first, _, last, _ = run.metrics_path.read_bytes().split(b"\n")
    run.metrics_path.write_bytes(b"\n".join([first, damaged, last, b""]))
    with pytest.raises(CheckpointError, match="metrics.jsonl, line 2, is damaged"):
        run.read_metrics()
    Run(tmp_path, writes=False).forget_metrics_after(0)  # does not even read


def test_appending_reads_no_whole_line_again(tmp_path, monkeypatch):
    run = Run(tmp_path)
    run.append_metrics([line(1, 2.0)])
    with monkeypatch.context() as context:
        context.setattr(run, "read_metrics", lambda: pytest.fail("read the whole file"))
        run.append_metrics([line(2, 1.0)])
    assert run.read_metrics() == [line(1, 2.0), line(2, 1.0)]


def test_appended_metrics_are_on_the_disk(tmp_path, monkeypatch):
    flushed, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: flushed.append(os.readlink(f"/proc/self/fd/{file}")) or fsync(file))
    Run(tmp_path).append_metrics([line(1, 2.0)])
    assert flushed == [str(tmp_path / "metrics.jsonl")]


def test_metrics_without_later_values_are_not_written_again(tmp_path):
    run = Run(tmp_path)
    run.forget_metrics_after(0)
    assert not run.metrics_path.exists()
    run.append_metrics([line(1, 2.0), line(2, 1.0)])
    before = run.metrics_path.stat()
    run.forget_metrics_after(2)
    after = run.metrics_path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_later_values_are_forgotten_on_resume(tmp_path):
    run = Run(tmp_path)
    run.append_metrics([line(1, 2.0), line(2, 1.0), line(3, 0.5)])
    tear_last_line(run)
    run.forget_metrics_after(1)
    run.append_metrics([line(2, 0.9)])
    assert run.read_metrics() == [line(1, 2.0), line(2, 0.9)]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_metrics_of_a_full_disk_are_those_before(tmp_path):
    run = Run(tmp_path)
    run.append_metrics([line(1, 2.0)])
    size = (tmp_path / "metrics.jsonl").stat().st_size
    with largest_file(size + size // 2), pytest.raises(OSError, match="metrics.jsonl could not be"):
        run.append_metrics([line(2, 1.0)])
    assert run.read_metrics() == [line(1, 2.0)]
    with largest_file(size // 2), pytest.raises(OSError, match="metrics.jsonl could not be"):
        run.forget_metrics_after(1)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]
    run.append_metrics([line(2, 1.0)])
    assert run.read_metrics() == [line(1, 2.0), line(2, 1.0)]


def test_config_that_is_no_json_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").touch()
    with pytest.raises(CheckpointError, match="config.json is not a complete JSON file"):
        Run(tmp_path).read_config()


def test_config_is_read_as_written(tmp_path):
    run = Run(tmp_path / "new")
    assert run.read_config() is None
    run.write_config({"preset": "x", "flags": {"steps": 3}})
    assert run.read_config() == {"preset": "x", "flags": {"steps": 3}}
    assert json.loads((run.path / "config.json").read_text())["preset"] == "x"


def test_two_trainings_on_one_run_folder_are_refused(tmp_path):
    with Run(tmp_path).alone():
        with pytest.raises(CheckpointError, match=f"Another training writes.*{here()}"):
            with Run(tmp_path).alone():
                pass
    with Run(tmp_path).alone():  # a finished one does not stand in the way
        pass
