import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfgan_kit.checkpoint import Run, load_gan


def state(path):
    """All numbers of a checkpoint: networks, average, both optimizers, step."""
    gan = load_gan(path)
    optimizers = [v.numpy() for o in gan.optimizer.optimizers for v in o.variables]
    return [*(w.numpy() for w in gan.variables), *optimizers]


def test_a_run_folder_holds_config_checkpoints_samples_logs_and_metrics(train, tmp_path):
    code, out, err = train(tmp_path / "run")
    assert code == 0, err
    run = Run(tmp_path / "run")
    config = run.read_config()
    assert config["flags"]["preset"] == "dcgan_mnist"
    assert len(config["dataset"]["fingerprint"]) == 64
    assert list(run.checkpoints()) == [2, 4]
    assert {p.name for p in run.samples_dir.iterdir()} == {"step-00000002.png", "step-00000004.png"}
    assert any(run.logs_dir.rglob("events.out.tfevents*"))
    assert {(line["step"], line["metric"]) for line in run.read_metrics()} >= {
        (2, "d_loss"), (4, "d_loss"), (4, "g_loss"),
    }
    assert "tfgan_kit.export --ckpt" in out


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(train, tmp_path):
    train(tmp_path / "whole", steps=6)
    train(tmp_path / "parts", steps=3)  # ends between two checkpoints
    code, out, _ = train(tmp_path / "parts", steps=6)
    assert code == 0 and "from step 3" in out
    whole, parts = (state(Run(tmp_path / name).newest()) for name in ("whole", "parts"))
    assert len(whole) == len(parts)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_a_finished_run_is_left_as_it_is(train, tmp_path):
    train(tmp_path / "run", steps=2)
    before = Run(tmp_path / "run").newest().read_bytes()
    code, _, _ = train(tmp_path / "run", steps=2)
    assert code == 0 and Run(tmp_path / "run").newest().read_bytes() == before


def test_values_measured_after_the_checkpoint_are_measured_once(train, tmp_path):
    train(tmp_path / "run", steps=2)
    run = Run(tmp_path / "run")
    run.append_metrics([{"step": 4, "metric": "d_loss", "value": 0.0, "protocol": "stale"}])
    train(tmp_path / "run", steps=4)
    lines = [(line["step"], line["metric"]) for line in run.read_metrics()]
    assert len(lines) == len(set(lines))
    assert not any(line["protocol"] == "stale" for line in run.read_metrics())


@pytest.mark.parametrize("flag, value", [("seed", 1), ("batch_size", 4), ("conditional", "false")])
def test_another_setting_on_the_same_folder_is_refused_by_name(train, tmp_path, flag, value):
    train(tmp_path / "run", steps=2)
    code, _, err = train(tmp_path / "run", f"--{flag}={value}", steps=4)
    assert code == 1 and f"--{flag}" in err and "Traceback" not in err


def test_labels_are_left_out_on_request(train, tmp_path):
    code, _, err = train(tmp_path / "run", "--noconditional", steps=2)
    assert code == 0, err
    assert load_gan(tmp_path / "run").num_classes is None


def test_points_are_trained_on_too(command, tmp_path):
    code, _, err = command(
        "train", "--preset=mlp_grid", f"--run_dir={tmp_path / 'run'}", "--steps=2",
        "--checkpoint_every=2", "--batch_size=16",
    )
    assert code == 0, err
    assert load_gan(tmp_path / "run").generate(3).shape == (3, 2)


def test_networks_and_presets_of_a_users_own_module_train_and_load(
    train, command, tmp_path, digits, monkeypatch
):
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
        "train", "--import_module=my_networks", "--preset=mine", "--run_dir=run",
        f"--dataset=npz:{digits}", "--noconditional", "--steps=2", "--batch_size=8",
    )
    assert code == 0, err
    code, _, err = command(
        "generate", "--import_module=my_networks", "--ckpt=run", "--num_images=4", "--output=g.png"
    )
    assert code == 0, err


@pytest.mark.parametrize("arguments, message", [
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
])
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


@pytest.mark.parametrize("name, flags", [
    ("train", ["--preset", "--run_dir", "--import_module"]),
    ("export", ["--ckpt", "--which", "--output_range", "--import_module"]),
])
def test_help_shows_every_flag_of_a_command(name, flags):
    line = [sys.executable, "-m", f"tfgan_kit.{name}", "--help"]
    out = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False).stdout
    assert [flag for flag in flags if f"{flag}:" not in out] == []


def test_a_corrected_flag_is_accepted_after_a_mistake(train, tmp_path):
    train(tmp_path / "run", "--image_size=30")
    code, _, err = train(tmp_path / "run", steps=2)
    assert code == 0, err


def test_checkpoints_stay_on_their_grid_whatever_was_asked_before(train, tmp_path):
    for steps in (3, 7):
        train(tmp_path / "run", "--keep=9", steps=steps)
    assert list(Run(tmp_path / "run").checkpoints()) == [2, 3, 4, 6, 7]


def test_temporary_files_of_killed_processes_are_removed(train, tmp_path):
    train(tmp_path / "run", steps=2)
    leftover = Run(tmp_path / "run").checkpoints_dir / ".writing-4194305.keras"  # above any PID
    leftover.touch()
    train(tmp_path / "run", steps=4)
    assert not leftover.exists()


def test_a_weight_that_is_not_finite_stops_with_its_name_and_keeps_the_last_good(train, tmp_path):
    train(tmp_path / "run", steps=2)
    run = Run(tmp_path / "run")
    gan = load_gan(run.newest())
    kernel = gan.discriminator.trainable_variables[0]
    kernel.assign(keras.ops.full(kernel.shape, float("nan")))
    gan.save(run.newest())  # a checkpoint that was broken by other means
    code, _, err = train(tmp_path / "run", steps=4)
    assert code == 1 and "is not finite at step 3" in err and str(run.newest()) in err
    assert list(run.checkpoints()) == [2]


def test_a_truncated_checkpoint_is_named(train, tmp_path):
    train(tmp_path / "run", steps=2)
    path = Run(tmp_path / "run").newest()
    path.write_bytes(path.read_bytes()[:1000])
    code, _, err = train(tmp_path / "run", steps=4)
    assert code == 1 and path.name in err and "Traceback" not in err


def test_config_json_is_valid_json(train, tmp_path):
    train(tmp_path / "run", steps=2)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["versions"]["keras"]
