"""Values of a preset, weights to begin with, and callbacks of one's own, on the command line."""

import json

import tfgan_kit as gk

import numpy as np
import pytest


def test_settings_are_trained_with_recorded_and_compared(train, tmp_path):
    settings = ["--set=generator_learning_rate=1e-4", "--set=penalties.r1.gamma=2", "--set=generator.width=8"]
    code, _, err = train(tmp_path / "run", *settings, steps=2)
    assert code == 0, err
    gan = gk.load_gan(tmp_path / "run")
    assert float(gan.generator_optimizer.learning_rate) == np.float32(1e-4)
    assert (gan.penalties[0].gamma, gan.generator.width) == (2, 8)
    recipe = json.loads((tmp_path / "run" / "config.json").read_text())["recipe"]
    assert (recipe["generator_learning_rate"], recipe["generator"]["config"]["width"]) == (1e-4, 8)
    code, _, err = train(tmp_path / "run", *settings[:2], steps=4)
    assert code == 1 and "--set" in err
    code, _, err = train(tmp_path / "other", "--set=width=8", steps=2)
    assert code == 1 and "no such setting" in err and not (tmp_path / "other").exists()


def test_the_recipe_is_printed_without_a_run(command, digits):
    code, out, err = command(
        "train",
        "--preset=dcgan_mnist",
        f"--dataset=npz:{digits}",
        "--image_size=14",
        "--set=beta_1=0.25",
        "--print_config",
    )
    assert code == 0, err
    recipe = json.loads(out)
    assert (recipe["beta_1"], recipe["image_size"], recipe["generator"]["config"]["num_classes"]) == (0.25, 14, 3)
    code, _, err = command("train", "--preset=dcgan_mnist")
    assert code == 1 and "Give a --run_dir" in err


def test_a_run_begins_with_the_weights_of_another(train, finished_run, tmp_path):
    before = finished_run()
    code, _, err = train(tmp_path / "tuned", f"--init_from={before}", "--set=generator_learning_rate=1e-30",
                         "--set=discriminator_learning_rate=1e-30", steps=2)  # fmt: skip
    assert code == 0, err
    found, expected = gk.load_gan(tmp_path / "tuned"), gk.load_gan(before)
    assert found.steps_trained == 2
    for one, other in zip(found.generator.trainable_weights, expected.generator.trainable_weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    code, _, err = train(tmp_path / "wide", f"--init_from={before}", "--set=generator.width=8", steps=2)
    assert code == 1 and "--init_from holds another generator" in err


@pytest.mark.parametrize(
    "spelling, message",
    [("counting:make", None), ("counting:number", "returns a keras"), ("no_such:make", "cannot be imported")],
)
def test_callbacks_of_one_s_own_are_called(spelling, message, train, tmp_path, monkeypatch):
    (tmp_path / "counting.py").write_text(
        "import keras, pathlib\n"
        "class Count(keras.callbacks.Callback):\n"
        "    def on_train_batch_end(self, batch, logs=None):\n"
        "        open('counted', 'a').write('x')\n"
        "def make():\n    return [Count()]\n"
        "number = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    code, _, err = train(tmp_path / "run", f"--callbacks={spelling}", steps=2)
    assert code == (0 if message is None else 1), err
    assert (tmp_path / "counted").read_text() == "xx" if message is None else message in err


def test_the_version_is_printed(command):
    code, out, _ = command("train", "--version")
    assert (code, out) == (0, f"tfgan_kit {gk.__version__}\n")
