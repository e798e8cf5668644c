import keras
import pytest

from tfgan_kit.export import read_lineage


@pytest.fixture
def run_dir(train, tmp_path):
    train(tmp_path / "run", steps=2)
    return tmp_path / "run"


def test_the_lineage_names_checkpoint_step_data_and_metrics(command, run_dir, tmp_path):
    code, out, err = command("export", f"--ckpt={run_dir}", f"--output={tmp_path / 'models'}")
    assert code == 0, err
    lineage = read_lineage(tmp_path / "models" / "1")["lineage"]
    assert lineage["step"] == 2 and lineage["preset"] == "dcgan_mnist"
    assert len(lineage["checkpoint_sha256"]) == 64
    assert {line["metric"] for line in lineage["metrics"]} >= {"d_loss", "g_loss"}
    assert "tensorflow_model_server" in out and str(tmp_path / "models") in out


def test_a_plain_keras_file_is_exported_too(command, tmp_path):
    keras.Sequential([
        keras.Input((3,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape((4, 4, 1)),
    ]).save(tmp_path / "plain.keras")
    code, _, err = command(
        "export", f"--ckpt={tmp_path / 'plain.keras'}", f"--output={tmp_path / 'models'}"
    )
    assert code == 0, err
    assert read_lineage(tmp_path / "models" / "1")["model"]["latent_dim"] == 3


@pytest.mark.parametrize("arguments, message", [
    (["--ckpt=/nowhere.keras"], "/nowhere.keras"),
    (["--output_range=dark,light"], "two numbers"),
    (["--output_range=1,-1"], "low < high"),
    (["--output=/proc/models"], "/proc/models"),
])
def test_a_mistake_is_one_clear_line_and_leaves_no_version(
    command, run_dir, tmp_path, arguments, message
):
    code, out, err = command(
        "export", f"--ckpt={run_dir}", f"--output={tmp_path / 'models'}", *arguments
    )
    assert code == 1 and message in out + err and "Traceback" not in out + err
    assert not list(tmp_path.glob("models/*"))
