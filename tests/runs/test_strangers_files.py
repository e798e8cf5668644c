"""Files that are no checkpoint of ours, or that were made to do harm: one sentence, in bounded time and memory."""

import io
import os
import resource
import time
import zipfile

from tfgan_kit.runs import keras_file
from tfgan_kit.runs.checkpoints import load_model
from tfgan_kit.runs.keras_file import CheckpointError
from tfgan_kit.runs.run import Run

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

DEEP = "[" * 200_000 + "]" * 200_000


@pytest.fixture(scope="module")
def network():
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])


@pytest.fixture(scope="module")
def whole(network, tmp_path_factory):
    """The members of a whole `.keras` file, a dict name -> bytes."""
    path = tmp_path_factory.mktemp("whole") / "whole.keras"
    network.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name, num_bytes, message",
    [("config.json", 2**24 + 1, "its config.json has"), ("metadata.json", 2**24 + 1, "its metadata.json has"),
     ("model.weights.h5", 2**26, "it unpacks to"), ("assets/x", 2**26, "it unpacks to")],
)  # fmt: skip
def test_a_file_that_unpacks_to_far_more_than_it_is_is_not_unpacked(name, num_bytes, message, whole, tmp_path):
    path = pack(tmp_path / "bomb.keras", whole | {name: bytes(num_bytes)}, zipfile.ZIP_DEFLATED)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(CheckpointError, match=f"no whole .keras file.*{message}"):
        load_model(path)
    assert time.process_time() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**14  # kB
    assert not keras_file.is_whole(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_three_gibibytes_in_a_small_file_are_not_unpacked(name, whole, tmp_path):
    path = pack(tmp_path / "bomb.keras", {other: whole[other] for other in whole if other != name})
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        for _ in range(3 * 2**10):
            member.write(bytes(2**20))
    assert path.stat().st_size < 2**23
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(CheckpointError, match="no whole .keras file"):
        load_model(path)
    assert time.process_time() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**14  # kB


def test_a_file_that_was_packed_again_with_compression_is_whole(whole, tmp_path):
    assert load_model(pack(tmp_path / "again.keras", whole, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize(
    "config",
    [DEEP, "{}", "[]", "5", "null", '{"class_name": 5}', '{"module": "os"}', "{", ""],
    ids=lambda text: text[:9],
)
def test_a_configuration_of_another_shape_is_one_sentence(config, whole, tmp_path):
    with pytest.raises(CheckpointError, match="Keras cannot load this file.*Received: ckpt="):
        load_model(pack(tmp_path / "x.keras", whole | {"config.json": config}))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_weights_that_the_file_cannot_hold_find_no_memory(compression, whole, tmp_path):
    content = io.BytesIO(whole["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        del file[names[0]]
        file.create_dataset(names[0], (2**29,), np.float32, chunks=(2**16,))  # 2 GiB, none of them written
    path = pack(tmp_path / "x.keras", whole | {"model.weights.h5": content.getvalue()}, compression)
    assert path.stat().st_size < 2**16
    with pytest.raises(CheckpointError, match=f"the weights are said to have {2**31 + 4} bytes"):
        load_model(path)


@pytest.mark.parametrize("metadata", [DEEP, "{}", "[]"], ids=len)
def test_metadata_of_another_shape_do_no_harm(metadata, whole, tmp_path):
    assert load_model(pack(tmp_path / "x.keras", whole | {"metadata.json": metadata}))


@pytest.mark.parametrize("where", ["x.keras", "run/checkpoints/step-00000010.keras"])
def test_a_pipe_is_not_waited_for(where, tmp_path):
    path = tmp_path / where
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(CheckpointError, match="a pipe, a socket or a device|None of this run's checkpoints is whole"):
        load_model(tmp_path / where.split("/")[0])


def whole_model_as_h5(network, folder):
    network.save(folder / "x.h5")
    return "x.h5", ["HDF5", "keras.saving.load_model("]


def weights(network, folder):
    network.save_weights(folder / "x.weights.h5")
    return "x.weights.h5", ["weights, without their network", "network.load_weights("]


def h5_under_our_name(network, folder):
    network.save_weights(folder / "x.weights.h5")
    (folder / "x.weights.h5").rename(folder / "x.keras")
    return "x.keras", ["weights, without their network"]


def saved_model(network, folder):
    network.export(folder / "saved", verbose=False)
    return "saved", ["a SavedModel", "give the .keras file"]


def versions_of_a_saved_model(_, folder):
    (folder / "digits" / "3").mkdir(parents=True)
    (folder / "digits" / "3" / "saved_model.pb").touch()
    return "digits", ["a SavedModel"]


def keras_2(_, folder):
    (folder / "saved").mkdir()
    for name in ("saved_model.pb", "keras_metadata.pb"):
        (folder / "saved" / name).touch()
    return "saved", ["SavedModel of a Keras 2 model", "tf_keras.models.load_model("]


def checkpoint(network, folder, name):
    tf.train.Checkpoint(generator=network).write(str(folder / "ckpt-7"))
    return name, ["a TensorFlow checkpoint", f"restore('{folder / 'ckpt-7'}')"]


def folder_of_checkpoints(network, folder):
    checkpoint(network, folder, "")
    return ".", ["a TensorFlow checkpoint", "tf.train.latest_checkpoint("]


def checkpoints_in_a_folder_of_that_name(network, folder):
    (folder / "run" / "checkpoints").mkdir(parents=True)
    checkpoint(network, folder / "run" / "checkpoints", "")
    return "run", ["a TensorFlow checkpoint", "run/checkpoints"]


def pytorch(_, folder):
    pack(folder / "x.pth", {"archive/data.pkl": b"", "archive/version": b"3"})
    return "x.pth", ["a file of PyTorch", "network.set_weights("]


def arrays(_, folder):
    np.savez(folder / "x.npz", a=np.zeros(3))
    return "x.npz", ["arrays of NumPy"]


def something(_, folder):
    (folder / "x.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    return "x.onnx", ["begins with b'\\x08\\x07"]


FORMATS = [whole_model_as_h5, weights, h5_under_our_name, saved_model, versions_of_a_saved_model, keras_2,
           folder_of_checkpoints, checkpoints_in_a_folder_of_that_name, pytorch, arrays, something,
           lambda network, folder: checkpoint(network, folder, "ckpt-7"),
           lambda network, folder: checkpoint(network, folder, "ckpt-7.index"),
           lambda network, folder: checkpoint(network, folder, "ckpt-7.data-00000-of-00001")]  # fmt: skip


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("make", FORMATS, ids=[make.__name__ for make in FORMATS])
def test_another_format_is_named_with_the_way_to_a_keras_file(make, network, tmp_path):
    name, said = make(network, tmp_path)
    with pytest.raises(CheckpointError) as error:
        load_model(tmp_path / name)
    assert all(text in str(error.value) for text in [*said, f"Received: ckpt={tmp_path / name}"]), error.value
    assert "damaged" not in str(error.value) and "cut short" not in str(error.value)


def test_the_lines_that_are_told_make_a_keras_file(network, tmp_path, monkeypatch):
    network.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(CheckpointError) as error:
        load_model(tmp_path / "x.weights.h5")
    first, second = str(error.value).split("`")[3::2][:2]
    monkeypatch.chdir(tmp_path)
    exec(first, {"network": network})
    exec(second, {"network": network})
    assert load_model("generator.keras")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/null")])
def test_a_lock_that_is_no_file_is_refused(make, tmp_path):
    make(tmp_path / ".lock")
    with pytest.raises(ValueError, match="lock must be a file of its own.*lock"):
        with Run(tmp_path).alone():
            pass


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_lock_is_not_written_through_a_link(link, tmp_path):
    (tmp_path / "mine").write_text("precious")
    (tmp_path / "run").mkdir()
    link(tmp_path / "mine", tmp_path / "run" / ".lock")
    with pytest.raises(ValueError, match="lock must be a file of its own"):
        with Run(tmp_path / "run").alone():
            pass
    assert (tmp_path / "mine").read_text() == "precious"


# to append to tests/runs/test_strangers_files.py with run_patch.diff


@pytest.mark.parametrize("text", ["[]", "5", "null", DEEP, "{", ""], ids=lambda text: text[:4])
def test_a_config_of_another_shape_is_one_sentence(text, tmp_path):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="config.json is not a complete JSON file"):
        Run(tmp_path).read_config()


@pytest.mark.parametrize(
    "text", ['{"step": 1, "metric": 5, "value": 1.0, "protocol": "x"}', DEEP, "[]", "{}"], ids=lambda text: text[:4]
)
def test_a_measurement_of_another_shape_is_one_sentence(text, tmp_path):
    (tmp_path / "metrics.jsonl").write_text(text + "\n")
    with pytest.raises(CheckpointError, match="metrics.jsonl, line 1, is damaged"):
        Run(tmp_path).best()


@pytest.mark.parametrize("name, read", [("config.json", Run.read_config), ("metrics.jsonl", Run.read_metrics)])
def test_a_record_that_is_a_pipe_is_not_waited_for(name, read, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(CheckpointError, match="not a regular file"):
        read(Run(tmp_path))
