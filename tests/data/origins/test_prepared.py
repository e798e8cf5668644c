"""Prepared folders: what goes in comes out, a killed preparation goes on, and what was changed is refused."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time

from tfgan_kit import files
from tfgan_kit.data import open_source, open_tfds, preparation, prepare
from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.origins import prepared, tfds

import numpy as np
import pytest
import tensorflow as tf

from tests.data import registry

GREY = np.random.default_rng(3).integers(0, 256, (23, 8, 8, 1), np.uint8)
LABELS = (np.arange(23) % 3).astype(np.int32)
SHARD = 5


def source_of(images=GREY, labels=LABELS):
    return ArraySource("arrays", images, labels)


def images_of(source):
    batches = source.ordered(7).as_numpy_iterator()
    return np.concatenate([batch if source.num_classes is None else batch[0] for batch in batches])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A prepared folder, not to be changed."""
    folder = tmp_path_factory.mktemp("prepared") / "whole"
    prepare(source_of(), folder, shard_size=SHARD)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("encoding", ["png", "webp"])
def test_lossless_encodings_give_the_source_back(encoding, channels, tmp_path):
    images = np.repeat(GREY, channels, axis=-1) + np.arange(channels, dtype=np.uint8)
    made = prepare(source_of(images), tmp_path / "a", encoding, shard_size=10)
    np.testing.assert_array_equal(images_of(made), images)
    np.testing.assert_array_equal(made.labels, LABELS)
    assert (made.name, made.class_names) == (f"prepared:{tmp_path}/a", ["0", "1", "2"])


def test_jpeg_is_near_by_its_quality(tmp_path):
    smooth = np.random.default_rng(0).integers(100, 120, (1, 8, 8, 3)).astype(np.uint8)
    near, far = (
        np.abs(images_of(prepare(source_of(smooth, None), tmp_path / str(q), "jpeg", q)).astype(int) - smooth).mean()
        for q in (95, 20)
    )
    assert 0 < near < 4 and near < 0.7 * far


def test_tensorflow_datasets_reads_the_folder(whole):
    import tensorflow_datasets

    rows = tensorflow_datasets.builder_from_directory(whole).as_data_source("train")
    assert len(rows) == 23
    np.testing.assert_array_equal(rows[22]["image"], GREY[22])
    assert (int(rows[22]["label"]), rows[22]["name"]) == (22 % 3, b"00000022")


def test_a_preparation_that_failed_anywhere_is_finished_by_the_same_call_to_the_same_bytes(
    whole, tmp_path, monkeypatch
):
    write = preparation._Writer.write
    for fails_at in (0, 7, 12, 22):
        calls = itertools.count()

        def failing(self, *arguments, calls=calls, fails_at=fails_at):
            if next(calls) == fails_at:
                raise OSError(28, "No space left on device", str(self._path))
            write(self, *arguments)

        monkeypatch.setattr(preparation._Writer, "write", failing)
        folder = tmp_path / str(fails_at)
        with pytest.raises(OSError, match="No space left"):
            prepare(source_of(), folder, shard_size=SHARD)
        with pytest.raises(ValueError, match="is not finished: run the same .*prepare"):
            open_source(f"prepared:{folder}")
        with open(folder / "progress.jsonl", "a") as file:
            file.write('{"count": 5, "by')  # as a process leaves it that was killed while it wrote
        monkeypatch.setattr(preparation._Writer, "write", write)
        prepare(source_of(), folder, shard_size=SHARD)
        assert contents(folder) == contents(whole)


def test_finished_files_are_not_written_again(tmp_path, monkeypatch):
    folder, written = tmp_path / "a", []
    finish = preparation._finish
    monkeypatch.setattr(preparation, "_finish", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        prepare(source_of(), folder, shard_size=SHARD)
    monkeypatch.setattr(preparation, "_finish", finish)
    monkeypatch.setattr(preparation._Writer, "write", lambda self, *arguments: written.append(arguments))
    assert prepare(source_of(), folder, shard_size=SHARD).num_images == 23
    assert written == []


def test_a_finished_folder_is_taken_as_it_is_by_the_same_call_and_refused_to_another(copy):
    before = contents(copy)
    assert prepare(source_of(), copy, shard_size=SHARD).num_images == 23
    assert contents(copy) == before
    for other, what in [
        (lambda: prepare(source_of(GREY[:9], LABELS[:9]), copy, shard_size=SHARD), "images of another source"),
        (lambda: prepare(source_of(), copy, "webp", shard_size=SHARD), "prepared with another encoding"),
        (lambda: prepare(source_of(), copy, shard_size=6), "prepared with another shard_size"),
    ]:
        with pytest.raises(ValueError, match=f"{what}: .*or another folder"):
            other()


def test_a_second_process_is_refused_while_the_first_writes(tmp_path):
    (tmp_path / "a").mkdir()
    with files.locked(tmp_path / "a" / ".lock"):
        with pytest.raises(ValueError, match=r"Another process \(.*-\d+\) is preparing images in this folder"):
            prepare(source_of(), tmp_path / "a")


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(ValueError, match="here lie thesis.txt: give an empty one"):
        prepare(source_of(), tmp_path)
    assert os.listdir(tmp_path) == ["thesis.txt", ".lock"] or (tmp_path / "thesis.txt").exists()


def _cut(folder):
    path = folder / prepared.shard_name(2, 5)
    path.write_bytes(path.read_bytes()[:-1])


def _remove(folder):
    (folder / prepared.shard_name(1, 5)).unlink()


def _edit_labels(folder):
    path = folder / "labels.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def _edit_manifest(folder):
    path = folder / "prepared.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"image_shape": [16, 16, 1]}))


def _break_manifest(folder):
    (folder / "prepared.json").write_text('{"format": 1,')


def _later(folder):
    path = folder / "prepared.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))


@pytest.mark.parametrize(
    "harm, message",
    [
        (_cut, r"00002-of-00005 has \d+ bytes in place of \d+: copy it again"),
        (_remove, "00001-of-00005 is missing: copy it again"),
        (_edit_labels, "labels.npy does not hold the labels .it was edited, or cut short"),
        (_edit_manifest, "prepared.json does not say what lies beside it .it was edited"),
        (_break_manifest, "prepared.json does not say what lies beside it"),
        (_later, "the format 99 of a later release: update tfgan_kit"),
    ],
)
def test_what_was_changed_is_refused_in_a_sentence(harm, message, copy):
    harm(copy)
    with pytest.raises(ValueError, match=message + ".*Received: prepared:"):
        open_source(f"prepared:{copy}")


def test_a_flipped_bit_is_found_when_its_image_is_read(copy):
    path = copy / prepared.shard_name(0, 5)
    content = bytearray(path.read_bytes())
    content[content.index(b"\x89PNG") + 30] ^= 1
    path.write_bytes(content)
    source = open_source(f"prepared:{copy}")
    with pytest.raises(tf.errors.InvalidArgumentError, match="its file is missing or damaged. Copy or make it again"):
        images_of(source)


@pytest.mark.parametrize(
    "path, what", [("nowhere", "no such folder"), ("x.json", "a file, not a folder"), (".", "has no")]
)
def test_what_is_no_prepared_folder_is_said(path, what, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ValueError, match=f"is made by `python -m tfgan_kit.prepare.*{what}"):
        open_source(f"prepared:{tmp_path / path}")


def test_another_size_is_refused_and_other_channels_are_converted(whole):
    assert open_source(f"prepared:{whole}", image_size=8).image_shape == (8, 8, 1)
    with pytest.raises(ValueError, match="of 8 x 8 pixels: leave image_size out, or prepare.*image_size=4"):
        open_source(f"prepared:{whole}", image_size=4)
    colour = open_source(f"prepared:{whole}", channels=3)
    np.testing.assert_array_equal(images_of(colour), np.repeat(GREY, 3, axis=-1))
    assert colour.fingerprint != open_source(f"prepared:{whole}").fingerprint


def test_points_and_wrong_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holds points"):
        prepare(open_source("ring8"), tmp_path / "a")
    with pytest.raises(ValueError, match="one of png, webp, jpeg. Received: encoding='bmp'"):
        prepare(source_of(), tmp_path / "a", "bmp")
    with pytest.raises(ValueError, match="quality"):
        prepare(source_of(), tmp_path / "a", "jpeg", 101)
    assert not (tmp_path / "a").exists()


def test_tfrecord_that_is_too_large_for_memory_can_be_prepared_and_nothing_else(tmp_path, monkeypatch):
    registry.store(tmp_path / "tfds", registry.COLOUR, registry.LABELS)
    in_memory = open_tfds("tiny", data_dir=tmp_path / "tfds")
    monkeypatch.setattr(tfds, "_MOST_BYTES_IN_MEMORY", 10)
    streamed = open_tfds("tiny", data_dir=tmp_path / "tfds")
    with pytest.raises(ValueError, match="no random access.*prepare --dataset tfds:tiny:train --output.*array_record"):
        streamed.training(4)
    made = prepare(streamed, tmp_path / "a", shard_size=5)
    np.testing.assert_array_equal(images_of(made), images_of(in_memory))
    np.testing.assert_array_equal(made.labels, in_memory.labels)
    assert made.class_names == in_memory.class_names


def test_withheld_labels_are_none_and_some_of_them_a_mistake(tmp_path):
    for split, labels in (("all", [-1] * 12), ("some", [0, -1] * 6)):
        registry.store(tmp_path / split, registry.COLOUR, labels, file_format="array_record")
    assert open_tfds("tiny", data_dir=tmp_path / "all").labels is None
    source = open_tfds("tiny", data_dir=tmp_path / "some")
    if source.num_classes is not None:  # by its first row
        with pytest.raises(tf.errors.InvalidArgumentError, match="Some labels of tfds:tiny:train are withheld"):
            images_of(source)


def test_random_access_to_tfds_needs_a_size_where_images_have_several(tmp_path):
    import tensorflow_datasets

    images = [np.full((8, 8 + k % 2, 3), k, np.uint8) for k in range(4)]
    feature = tensorflow_datasets.features.Image()
    registry.store(tmp_path, images, image_feature=feature, file_format="array_record")
    with pytest.raises(ValueError, match="not all squares of one size: pass image_size"):
        open_tfds("tiny", data_dir=tmp_path)
    assert images_of(open_tfds("tiny", image_size=4, data_dir=tmp_path)).shape == (4, 4, 4, 3)


def test_the_command_prepares_and_prints_the_next_one(command, tmp_path):
    np.savez(tmp_path / "a.npz", images=GREY, labels=LABELS)
    code, out, err = command("prepare", f"--dataset=npz:{tmp_path}/a.npz", f"--output={tmp_path}/b", "--image_size=4")
    assert code == 0, err
    assert "23 images of 4 x 4 x 1, 3 classes" in out and f"--dataset prepared:{tmp_path}/b" in out
    assert open_source(f"prepared:{tmp_path}/b").native_shape == (8, 8, 1)


@pytest.mark.slow
def test_a_killed_process_is_resumed_to_the_same_bytes(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3000, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=images)
    line = [sys.executable, "-m", "tfgan_kit.prepare", f"--dataset=npz:{tmp_path}/a.npz", "--shard_size=250"]
    subprocess.run([*line, f"--output={tmp_path}/whole"], check=True)
    for k in range(3):
        process = subprocess.Popen([*line, f"--output={tmp_path}/killed"])
        while process.poll() is None and len(list((tmp_path / "killed").glob("images*"))) < 3 * k + 2:
            time.sleep(0.002)
        process.kill()
        process.wait()
    assert not (tmp_path / "killed" / "prepared.json").exists()
    subprocess.run([*line, f"--output={tmp_path}/killed"], check=True)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
