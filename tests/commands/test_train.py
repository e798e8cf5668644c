import dataclasses
import json
import resource
import runpy
import shutil
import signal

import tfgan_kit as gk
from tfgan_kit.callbacks import NonFiniteGuard
from tfgan_kit.commands import train as train_command
from tfgan_kit.data.source import Source
from tfgan_kit.files import here
from tfgan_kit.runs.checkpoints import load_gan
from tfgan_kit.runs.run import Run

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.command import exit_code, flags_and_policy_kept
from tests.commands.conftest import training
from tests.twins import twins

GRID = "step-00000002.png"


def state(path):
    """All numbers of a checkpoint: networks, average, both optimizers, step."""
    gan = load_gan(path)
    optimizers = [v.numpy() for o in gan.optimizer.optimizers for v in o.variables]
    return [*(w.numpy() for w in gan.variables), *optimizers]


def test_a_run_folder_holds_config_checkpoints_samples_logs_and_metrics(finished_run):
    run = Run(finished_run())
    config = run.read_config()
    assert config["flags"]["preset"] == "dcgan_mnist"
    assert len(config["dataset"]["fingerprint"]) == 64
    assert list(run.checkpoints()) == [2, 4]
    assert {p.name for p in run.samples_dir.iterdir()} == {"step-00000002.png", "step-00000004.png"}
    assert any(run.logs_dir.rglob("events.out.tfevents*"))
    assert {(line["step"], line["metric"]) for line in run.read_metrics()} >= {
        (2, "d_loss"),
        (4, "d_loss"),
        (4, "g_loss"),
    }
    assert "tfgan_kit.export --ckpt" in (run.path.parent / "printed.txt").read_text()


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(train, finished_run, copied_run):
    parted = copied_run(steps=3)  # ends between two checkpoints
    code, out, _ = train(parted, steps=6)
    assert code == 0 and "from step 3" in out
    whole, parts = (state(Run(path).newest()) for path in (finished_run(steps=6), parted))
    assert len(whole) == len(parts)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_a_finished_run_is_left_as_it_is(train, copied_run):
    path = copied_run(steps=2)
    before = Run(path).newest().read_bytes()
    code, _, _ = train(path, steps=2)
    assert code == 0 and Run(path).newest().read_bytes() == before


@pytest.fixture(scope="module")
def gone_on(finished_run, digits, tmp_path_factory):
    """A run that was killed after step 2, before its grid, and went on to step 4; its config at step 2, and a file
    left by the kill.
    """
    run = Run(shutil.copytree(finished_run(steps=2), tmp_path_factory.mktemp("gone_on") / "run"))
    begun = run.read_config()
    (run.samples_dir / GRID).unlink()
    run.append_metrics([{"step": 4, "metric": "d_loss", "value": 0.0, "protocol": "stale"}])
    leftover = run.checkpoints_dir / f".step-00000004.keras-{here(4194305)}.keras"  # above any PID
    leftover.touch()
    assert exit_code(*training(run.path, digits, "--seed=1", steps=4)) == 1  # refused
    assert run.read_config() == begun
    for _ in range(2):  # the second time it is finished
        assert exit_code(*training(run.path, digits, "--keep=9", steps=4)) == 0
    return run, begun, leftover


def test_a_grid_that_a_killed_process_left_out_is_made_on_resume(gone_on, finished_run):
    grid = gone_on[0].samples_dir / GRID
    assert grid.read_bytes() == (Run(finished_run(steps=2)).samples_dir / GRID).read_bytes()


def test_a_grid_is_made_where_nothing_is_left_to_train(train, copied_run):
    grid = Run(copied_run(steps=2)).samples_dir / GRID
    expected = grid.read_bytes()
    grid.unlink()
    code, _, err = train(grid.parents[1], steps=2)
    assert code == 0, err
    assert grid.read_bytes() == expected


def test_values_measured_after_the_checkpoint_are_measured_once(gone_on):
    run = gone_on[0]
    lines = [(line["step"], line["metric"]) for line in run.read_metrics()]
    assert len(lines) == len(set(lines))
    assert not any(line["protocol"] == "stale" for line in run.read_metrics())


@pytest.mark.parametrize("flag, value", [("seed", 1), ("batch_size", 4), ("conditional", "false")])
def test_another_setting_on_the_same_folder_is_refused_by_name(train, copied_run, flag, value):
    code, _, err = train(copied_run(steps=2), f"--{flag}={value}", steps=4)
    assert code == 1 and f"--{flag}" in err and "Traceback" not in err


def test_labels_are_left_out_on_request(finished_run):
    assert load_gan(finished_run("--noconditional")).num_classes is None


def test_points_are_trained_on_too(run_of_points):
    assert load_gan(run_of_points).generate(3).shape == (3, 2)


def test_networks_and_presets_of_a_users_own_module_train_and_load(train, command, tmp_path, digits, monkeypatch):
    monkeypatch.delitem(gk.presets.PRESETS, "mine", raising=False)  # an example in a docstring makes one
    (tmp_path / "my_networks.py").write_text(
        "import keras\n"
        "from tfgan_kit import presets\n"
        "def networks(image_shape, num_classes):\n"
        "    g = keras.Sequential([keras.Input((4,)), keras.layers.Dense(196, activation='tanh'),\n"
        "                          keras.layers.Reshape(image_shape)])\n"
        "    d = keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), Twice(), keras.layers.Dense(1)])\n"
        "    return g, d\n"
        "@keras.saving.register_keras_serializable('mine')\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
        "presets.register('mine', presets.Preset(networks))\n"
    )
    monkeypatch.chdir(tmp_path)
    code, _, err = command(
        "train",
        "--import_module=my_networks",
        "--preset=mine",
        "--run_dir=run",
        f"--dataset=npz:{digits}",
        "--noconditional",
        "--steps=2",
        "--batch_size=8",
    )
    assert code == 0, err
    code, _, err = command("generate", "--import_module=my_networks", "--ckpt=run", "--num_images=4", "--output=g.png")
    assert code == 0, err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--preset=dcgan_minst"], "dcgan_mnist"),
        (["--objective=wassertein"], "wasserstein"),
        (["--dataset=mnist6k"], "mnist5k"),
        (["--dataset=npz:/nowhere.npz"], "/nowhere.npz"),
        (["--batch_size=0"], "--batch_size"),
        (["--steps=-1"], "--steps"),
        (["--batch_size=1000"], "96"),
        (["--image_size=30"], "image_size=30"),
        (["--run_dir=/proc/run"], "/proc/run"),
        (["--import_module=no.such.module"], "no.such.module"),
        (["stray"], "stray"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_1(train, tmp_path, arguments, message):
    code, out, err = train(tmp_path / "run", *arguments)
    assert code == 1
    assert message in out + err
    assert "Traceback" not in out + err
    assert not list((tmp_path / "run").glob("*"))


def test_a_folder_that_holds_something_else_is_left_alone(train, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "cat.png").touch()
    code, _, err = train(tmp_path / "run")
    assert code == 1 and "holds other files" in err
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["cat.png"]


@pytest.mark.parametrize(
    "name, flags",
    [
        ("train", ["--preset", "--run_dir", "--import_module"]),
        ("export", ["--ckpt", "--which", "--output_range", "--import_module"]),
        ("serving", ["--port", "--model_base_path", "--[no]enable_batching"]),
    ],
)
@pytest.mark.filterwarnings("ignore:'tfgan_kit.*' found in sys.modules:RuntimeWarning")
def test_help_shows_every_flag_of_a_command(name, flags, monkeypatch, capfd):
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with flags_and_policy_kept(), pytest.raises(SystemExit):
        runpy.run_module(f"tfgan_kit.{name}", run_name="__main__", alter_sys=True)  # as `python -m` does
    out = capfd.readouterr().out
    assert [flag for flag in flags if f"{flag}:" not in out] == []


def test_checkpoints_stay_on_their_grid_whatever_was_asked_before(train, copied_run):
    run = copied_run(steps=3)
    train(run, "--keep=9", steps=7)
    assert list(Run(run).checkpoints()) == [2, 3, 4, 6, 7]


def test_temporary_files_of_killed_processes_are_removed(gone_on):
    run, _, leftover = gone_on
    assert list(run.checkpoints()) == [2, 4] and not leftover.exists()


def test_a_weight_that_is_not_finite_stops_with_its_name_and_keeps_the_last_good(train, copied_run):
    run = Run(copied_run(steps=2))
    gan = load_gan(run.newest())
    kernel = gan.discriminator.trainable_variables[0]
    kernel.assign(keras.ops.full(kernel.shape, float("nan")))
    gan.save(run.newest())  # a checkpoint that was broken by other means
    code, _, err = train(run.path, steps=4)
    assert code == 1 and "is not finite at step 3" in err and str(run.newest()) in err
    assert list(run.checkpoints()) == [2]


@pytest.mark.slow
def test_a_run_that_was_stopped_by_a_nan_stops_again_at_the_same_step(train, copied_run):
    run = Run(copied_run(steps=2))
    gan = load_gan(run.newest())
    gan.generator_optimizer.learning_rate = float("nan")  # finite weights, until the next update
    gan.save(run.newest())
    before = run.newest().read_bytes()
    (code, _, err), (code_again, _, err_again) = train(run.path), train(run.path)
    said = "d_loss is not finite at step 4, nor is weight"
    assert code == code_again == 1 and said in err and said in err_again
    assert "stops here again" in err
    assert run.newest().read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:1000]), id="cut"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty", marks=pytest.mark.slow),
    ],
)
def test_a_broken_newest_checkpoint_gives_way_to_the_one_before(damage, train, finished_run, copied_run):
    whole, run = Run(finished_run(steps=6)), Run(copied_run(steps=4))
    damage(run.checkpoints()[4])
    with pytest.warns(UserWarning, match="step-00000004.*not whole.*step-00000002"):
        code, out, err = train(run.path, steps=6)
    assert code == 0 and "from step 2." in out, err
    assert list(run.checkpoints()) == [2, 4, 6]
    parts = zip(state(whole.newest()), state(run.newest()), strict=True)
    assert all(np.array_equal(a, b) for a, b in parts)
    assert run.read_metrics() == whole.read_metrics()


def test_a_run_whose_only_checkpoint_is_broken_is_not_begun_again(train, copied_run):
    run = Run(copied_run(steps=2))
    path = run.checkpoints()[2]
    path.write_bytes(path.read_bytes()[:1000])
    code, _, err = train(run.path, steps=4)
    assert code == 1 and path.name in err and "Traceback" not in err
    assert path.stat().st_size == 1000


@pytest.mark.parametrize("name", ["generate", "evaluate", "export"])
def test_other_commands_pass_over_a_broken_newest_too(name, copied_run, command, tmp_path):
    run = Run(copied_run(steps=4))
    path = run.checkpoints()[4]
    path.write_bytes(path.read_bytes()[:1000])
    output = tmp_path / {"generate": "grid.png", "evaluate": "out.json", "export": "models"}[name]
    less_work = {"evaluate": ["--metrics=swd", "--num_images=24"], "export": ["--signatures=serving_default"]}
    few = less_work.get(name, [])
    with pytest.warns(UserWarning, match="step-00000004.*not whole.*step-00000002"):
        code, _, err = command(name, f"--ckpt={run.path}", f"--output={output}", *few)
    assert code == 0 and output.exists(), err
    code, _, err = command(name, f"--ckpt={path}", f"--output={output}", *few)
    assert code == 1 and path.name in err and "Traceback" not in err


@pytest.mark.slow
def test_a_checkpoint_of_another_preset_is_refused_by_name(train, finished_run, copied_run):
    run = Run(copied_run(steps=2))
    foreign = run.checkpoints_dir / "step-00000004.keras"
    foreign.write_bytes(Run(finished_run("--noconditional")).newest().read_bytes())
    code, _, err = train(run.path, steps=6)
    assert code == 1 and f"{foreign} is not this run's" in err and "num_classes=None" in err
    foreign.unlink()
    code, out, err = train(run.path, steps=3)
    assert code == 0 and "from step 2." in out, err


def test_a_renamed_checkpoint_is_refused(train, copied_run):
    run = Run(copied_run(steps=2))
    path = run.newest()
    path.rename(path.with_name("step-00000900.keras"))
    code, _, err = train(run.path, steps=4)
    assert code == 1 and "step-00000900.keras is not this run's" in err and "step=2" in err


@pytest.mark.slow
def test_a_full_disk_is_one_clear_line_and_the_next_start_goes_on(train, copied_run):
    run = Run(copied_run(steps=2))
    before = run.newest().read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        code, _, err = train(run.path, steps=4)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 1 and "Traceback" not in err
    assert "step-00000004.keras could not be written" in err and str(run.newest()) in err
    assert list(run.checkpoints()) == [2] and run.newest().read_bytes() == before
    code, out, err = train(run.path, steps=4)
    assert code == 0 and "from step 2." in out, err
    lines = [(line["step"], line["metric"]) for line in run.read_metrics()]
    assert len(lines) == len(set(lines))


# Evaluation


def test_evaluation_writes_its_lines_keeps_the_best_and_stops_early(train, tmp_path):
    flags = ["--evaluate_every=2", "--evaluate_metrics=swd", "--evaluate_num_images=8", "--keep=1"]
    code, out, err = train(tmp_path / "run", *flags, steps=6)
    assert code == 0, err
    run = Run(tmp_path / "run")
    values = {line["step"]: line["value"] for line in run.read_metrics() if line["metric"] == "swd"}
    best = min(values, key=values.get)
    assert list(values) == [2, 4, 6] and list(run.checkpoints()) == sorted({best, 6})
    assert f"Best:    {run.checkpoints()[best]}" in out
    run.append_metrics(  # as if the next two evaluations had found nothing better
        {**line, "step": step, "value": 1e6}
        for line in run.read_metrics()
        if line["metric"] == "swd" and line["step"] == 6
        for step in (5, 6)
    )
    code, out, err = train(tmp_path / "run", *flags, "--patience=1", steps=8)
    assert code == 0 and "has not improved" in out and "Trained to step 6" in out, err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--evaluate_every=2", "--evaluate_metrics=sdw"], "sdw"),
        (["--patience=2"], "--patience needs --evaluate_every"),
        (["--evaluate_every=2", "--patience=2", "--strategy=multi_worker"], "only the chief evaluates"),
    ],
)
def test_a_wrong_evaluation_is_refused_before_the_run_begins(train, tmp_path, arguments, message, monkeypatch):
    monkeypatch.setattr(train_command.strategies, "get", lambda name: tf.distribute.get_strategy())
    code, _, err = train(tmp_path / "run", *arguments)
    assert code == 1 and message in err and "Traceback" not in err
    assert not list((tmp_path / "run").glob("*"))


# Signals


@pytest.fixture
def signal_at(monkeypatch):
    """`signal_at(number, step)`: sends a real signal to this process when a step has ended."""

    def arrange(number, step):
        watch = NonFiniteGuard.on_train_batch_end

        def send(self, batch, logs=None):
            if int(self.model.step) == step:
                signal.raise_signal(number)
            watch(self, batch, logs)

        monkeypatch.setattr(NonFiniteGuard, "on_train_batch_end", send)

    return arrange


@twins("number, expected", [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_saves_the_step_and_names_the_command_that_goes_on(
    number, expected, train, finished_run, tmp_path, signal_at, monkeypatch
):
    whole = Run(finished_run(steps=6))
    signal_at(number, 3)
    code, out, err = train(tmp_path / "run", steps=6)
    assert code == expected and "Traceback" not in err
    run = Run(tmp_path / "run")
    assert list(run.checkpoints()) == [2, 3] and str(run.newest()) in out
    line = next(line for line in out.splitlines() if line.startswith("Resume:"))
    assert f"python -m tfgan_kit.train --preset=dcgan_mnist --run_dir={run.path} " in line
    monkeypatch.undo()
    code, out, err = train(tmp_path / "run", steps=6)
    assert code == 0 and "from step 3." in out, err
    parts = zip(state(whole.newest()), state(run.newest()), strict=True)
    assert all(np.array_equal(a, b) for a, b in parts)
    means = {
        line["step"]: (line["value"], line["protocol"]) for line in run.read_metrics() if line["metric"] == "d_loss"
    }
    (expected_mean,) = (
        line["value"] for line in whole.read_metrics() if line["metric"] == "d_loss" and line["step"] == 4
    )
    assert [means[step][1] for step in (2, 3, 4)] == ["mean of 2 steps", "mean of 1 steps", "mean of 1 steps"]
    assert (means[3][0] + means[4][0]) / 2 == pytest.approx(expected_mean)


@pytest.mark.parametrize(
    "place, moment",
    [(train_command.data, "open_source"), pytest.param(Source, "training", marks=pytest.mark.slow)],
    ids=["open_source", "training"],
)
def test_a_signal_before_the_first_step_ends_at_once_and_the_folder_is_taken_again(
    place, moment, train, tmp_path, monkeypatch
):
    """Nor does a start stand in the way that a wrong flag has ended."""
    assert train(tmp_path / "run", "--image_size=30")[0] == 1
    real = getattr(place, moment)

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return real(*arguments)

    monkeypatch.setattr(place, moment, interrupted)
    code, out, err = train(tmp_path / "run")
    assert code == 0 and "no step was finished" in out and "Resume:" in out, err
    monkeypatch.undo()
    code, _, err = train(tmp_path / "run", steps=2)
    assert code == 0, err


# How the step is run


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_the_networks_recorded_and_kept(policy, train, tmp_path):
    code, _, err = train(tmp_path / "run", f"--mixed_precision={policy}", steps=2)
    assert code == 0, err
    compute = policy.removeprefix("mixed_")
    layers = load_gan(tmp_path / "run").generator._flatten_layers()
    assert compute in {layer.compute_dtype for layer in layers}
    code, _, err = train(tmp_path / "run", steps=4)
    assert code == 1 and f"--mixed_precision={policy}" in err
    code, out, err = train(tmp_path / "run", f"--mixed_precision={policy}", steps=4)
    assert code == 0 and "from step 2." in out, err
    assert f"{policy}: a convolution with its gradients" in out and "measured" in out


@pytest.mark.slow
def test_steps_per_execution_changes_no_weight(train, finished_run, tmp_path):
    one = finished_run("--checkpoint_every=4", steps=8)
    train(tmp_path / "two", "--checkpoint_every=4", "--steps_per_execution=2", steps=4)
    code, _, err = train(tmp_path / "two", "--checkpoint_every=4", "--steps_per_execution=4", steps=8)
    assert code == 0, err
    assert list(Run(tmp_path / "two").checkpoints()) == [4, 8]
    one, two = (state(Run(path).newest()) for path in (one, tmp_path / "two"))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("flags, name", [(["--steps=5"], "steps"), (["--checkpoint_every=3"], "checkpoint_every")])
def test_an_execution_does_not_run_past_a_checkpoint(flags, name, train, tmp_path):
    code, _, err = train(tmp_path / "run", "--steps_per_execution=2", *flags)
    assert code == 1 and f"steps_per_execution=2, {name}=" in err


def test_an_execution_begins_on_its_grid(train, copied_run):
    code, _, err = train(copied_run(steps=3), "--steps_per_execution=2", steps=4)
    assert code == 1 and "first step=3" in err


@pytest.mark.slow
def test_jit_compile_is_what_the_flag_says_in_a_resumed_run_too(train, tmp_path):
    code, _, err = train(tmp_path / "run", "--jit_compile", steps=2)
    assert code == 0, err
    code, _, err = train(tmp_path / "run", steps=4)
    assert code == 1 and "--jit_compile=True" in err
    code, _, err = train(tmp_path / "run", "--jit_compile", steps=4)
    assert code == 0, err
    assert load_gan(tmp_path / "run").jit_compile is True


def test_a_run_of_an_earlier_version_is_gone_on_with(train, copied_run):
    run = Run(copied_run(steps=2))
    config = run.read_config()
    for name in ("mixed_precision", "jit_compile", "steps_per_execution"):
        del config["flags"][name]
    del config["networks"]
    run.write_config(config)
    code, out, err = train(run.path, steps=4)
    assert code == 0 and "from step 2." in out, err


def test_config_tells_of_every_time_the_run_went_on(gone_on):
    run, begun, _ = gone_on
    config = run.read_config()
    (resumed,) = config.pop("resumed")
    assert config == begun
    assert (resumed["step"], resumed["flags"]) == (2, {"steps": 4, "keep": 9})
    assert resumed["versions"] == begun["versions"] and resumed["git_commit"] == begun["git_commit"]
    assert resumed["started"] >= begun["started"]


@pytest.mark.parametrize(
    "changed, told",
    [
        ({"generator_learning_rate": 1e-3}, "generator_learning_rate=0.0004 (now 0.001)"),
        ({"beta_2": 0.9}, "beta_2=0.99 (now 0.9)"),
        ({"ema_decay": 0.5}, "ema_decay=0.999 (now 0.5)"),
        ({"flip": True}, "flip=False (now True)"),
        ({"penalties": (gk.penalties.R1(2.0, interval=16),)}, "penalties.0.config.gamma=1.0 (now 2.0)"),
        ({"networks": None}, "generator.config.width=32 (now 16)"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_edited_preset_is_not_resumed_and_every_difference_named(changed, told, train, copied_run, monkeypatch):
    run = copied_run(steps=2)
    if "networks" in changed:
        changed = {"networks": lambda shape, classes: (
            gk.networks.DCGANGenerator(14, 1, 64, 16, classes), gk.networks.DCGANDiscriminator(14, 1, 32, classes),
        )}  # fmt: skip
    edited = dataclasses.replace(gk.presets.get("dcgan_mnist"), **changed)
    monkeypatch.setitem(gk.presets.PRESETS, "dcgan_mnist", edited)
    code, _, err = train(run, steps=4)
    assert code == 1 and f"was made with another recipe: {told}." in err


def test_a_run_is_made_again_from_its_folder_whatever_became_of_its_preset(
    command, finished_run, tmp_path, monkeypatch
):
    run = finished_run()
    monkeypatch.delitem(gk.presets.PRESETS, "dcgan_mnist")
    code, _, err = command("train", f"--recipe={run}", f"--run_dir={tmp_path / 'again'}")
    assert code == 0, err
    weights = [gk.load_gan(path).ema_generator.get_weights() for path in (run, tmp_path / "again")]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    code, _, err = command("train", f"--recipe={tmp_path}", f"--run_dir={tmp_path / 'other'}")
    assert code == 1 and "folder of a run" in err


def test_config_json_is_valid_json(finished_run):
    assert json.loads((finished_run() / "config.json").read_text())["versions"]["keras"]
