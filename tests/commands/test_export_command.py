import contextlib
import io
import pathlib
import warnings

from tfgan_kit.export import contract as names
from tfgan_kit.export import read_lineage
from tfgan_kit.export.publish import versions

import keras
import pytest

from tests.command import exit_code
from tests.twins import twins

PROFILES = sorted((pathlib.Path(__file__).parents[2] / "export").glob("*.flags"))


@pytest.fixture
def run_dir(finished_run):
    """A run that the command only reads."""
    return finished_run(steps=2)


@pytest.fixture(scope="module")
def exported(finished_run, tmp_path_factory):
    """The folder of a version that was exported once, to read only, and what the command printed."""
    folder, printed = tmp_path_factory.mktemp("exported") / "models", io.StringIO()
    arguments = [f"--ckpt={finished_run(steps=2)}", f"--output={folder}", "--signatures=serving_default"]
    with contextlib.redirect_stdout(printed):
        assert exit_code("export", *arguments) == 0
    return folder, printed.getvalue()


def test_the_lineage_names_checkpoint_step_data_and_metrics(exported):
    folder, out = exported
    lineage = read_lineage(folder / "1")["lineage"]
    assert lineage["step"] == 2 and lineage["preset"] == "dcgan_mnist"
    assert len(lineage["checkpoint_sha256"]) == 64
    assert {line["metric"] for line in lineage["metrics"]} >= {"d_loss", "g_loss"}
    assert "tensorflow_model_server" in out and str(folder) in out


@twins("skipped", [False, True])
def test_the_kernels_that_a_version_was_run_by_are_printed(command, run_dir, tmp_path, monkeypatch, skipped):
    run = {"instruction_set": "AVX2", "onednn": False, "xla": False, "requests": 4, "max_difference": {"a": 1.0}}
    monkeypatch.setattr("tfgan_kit.export.exporter.try_kernels", lambda *_: [run])
    arguments = [f"--ckpt={run_dir}", f"--output={tmp_path / 'models'}", "--signatures=serving_default"]
    code, out, err = command("export", *arguments, *(["--notry_kernels"] if skipped else []))
    assert code == 0, err
    assert ("AVX2, oneDNN off, XLA off" in out) != skipped and ("--notry_kernels" in out) == skipped
    assert read_lineage(tmp_path / "models" / "1")["kernels"] == ([] if skipped else [run])


def test_bfloat16_says_what_it_gained_here(command, run_dir, tmp_path):
    with warnings.catch_warnings(record=True) as warned:
        warnings.filterwarnings("always", "This model in bfloat16 takes")  # any other is an error, as everywhere
        arguments = [f"--ckpt={run_dir}", f"--output={tmp_path / 'models'}", "--signatures=serving_default"]
        code, out, err = command("export", *arguments, "--precision=bfloat16")
    assert code == 0, err
    gained = read_lineage(tmp_path / "models" / "1")["bfloat16"]
    assert gained["times_as_fast"] == pytest.approx(gained["float32_ms"] / gained["half_ms"])
    assert "bfloat16 " + ("is" if gained["times_as_fast"] >= 1.0 else "takes") in out
    assert len(warned) == (gained["times_as_fast"] < 1.0)


def test_a_check_by_other_kernels_says_so(command, exported, monkeypatch):
    check = f"--check={exported[0]}"
    assert "It was exported with" not in command("export", check)[1]
    monkeypatch.setattr("tfgan_kit.processor.record", lambda: {"instruction_set": "SSE41", "onednn": False})
    _, out, _ = command("export", check)
    assert "checked with SSE41, oneDNN off: answers may be a level apart" in out


@pytest.fixture(scope="module")
def plain_file(tmp_path_factory):
    """A generator of a script that knows nothing of this package."""
    path = tmp_path_factory.mktemp("plain") / "plain.keras"
    keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape((4, 4, 1))]
    ).save(path)
    return path


def test_a_kept_number_of_versions_and_what_was_removed(command, plain_file, tmp_path):
    arguments = [f"--ckpt={plain_file}", f"--output={tmp_path}", "--signatures=from_latent", "--keep=1"]
    code, out, err = command("export", *arguments, "--version=7", "--max_batch=4")
    assert code == 0 and "Removed" not in out, err
    code, out, err = command("export", *arguments)
    assert code == 0 and f"Removed from {tmp_path}: 7" in out, err
    assert versions(tmp_path) == [8]
    assert read_lineage(tmp_path / "8")["signatures"] == ["serving_default", "from_latent"]


def test_a_published_version_of_a_plain_keras_file_is_checked_without_it(command, plain_file, tmp_path):
    code, _, err = command(
        "export", f"--ckpt={plain_file}", f"--output={tmp_path / 'plain'}", "--signatures=from_latent"
    )
    assert code == 0, err
    code, out, err = command("export", f"--check={tmp_path / 'plain' / '1'}")
    assert code == 0 and '"latent_dim": 3' in out and "answers as then" in out, err
    with open(tmp_path / "plain" / "1" / "variables" / "variables.data-00000-of-00001", "r+b") as file:
        file.write(b"\x01")
    code, out, err = command("export", f"--check={tmp_path / 'plain' / '1'}")
    assert code == 1 and "variables.data" in err and "Traceback" not in err
    assert len(err.strip().splitlines()) == 1 and out == ""


def test_the_contract_is_printed_as_export_signature_json_has_it(command):
    assert command("export", "--print_contract")[:2] == (0, names.contract_text())


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_the_profiles_of_the_folder_are_flags_of_the_command(command, profile):
    code, _, err = command("export", f"--flagfile={profile}", "--print_contract")
    assert code == 0, err


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "Give --ckpt"),
        (["--ckpt=x.keras"], "Give --output"),
        (["--target=localhost:1"], "go with --check"),
        (["--tls"], "go with --check"),
        (["--check=/nowhere", "--root_certificates=ca.pem"], "need --target"),
        (["--check=/nowhere"], "no version of a model"),
    ],
)
def test_what_is_missing_is_said(command, arguments, message):
    code, out, err = command("export", *arguments)
    assert code == 1 and message in err and "Traceback" not in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--version=v2"], "Received: version='v2'"),
        (["--signatures=nope"], "Received: signatures=nope"),
        (["--ckpt=/nowhere.keras"], "/nowhere.keras"),
        (["--output_range=dark,light"], "two numbers"),
        (["--output_range=1,-1"], "low < high"),
        (["--output_range=-1,inf"], "finite numbers"),
        (["--output=/proc/models"], "/proc/models"),
    ],
)
def test_a_mistake_is_one_clear_line_and_leaves_no_version(command, run_dir, tmp_path, arguments, message):
    code, out, err = command("export", f"--ckpt={run_dir}", f"--output={tmp_path / 'models'}", *arguments)
    assert code == 1 and message in out + err and "Traceback" not in out + err
    assert not list(tmp_path.glob("models/*"))
