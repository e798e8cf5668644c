"""Zips and tars of images are opened as the folder that is in them; labels beside the images are theirs."""

import io
import json
import os
import shutil
import tarfile
import warnings
import zipfile

from tfgan_kit.data import open_source, prepare
from tfgan_kit.data.preparation import MANIFEST

import numpy as np
import pytest
from PIL import Image

KINDS = ["zip", "tar", "gztar", "bztar", "xztar"]


@pytest.fixture
def photos(tmp_path):
    """Two classes of three images; the red channel tells image and class."""
    for k in range(3):
        for name in "ab":
            path = tmp_path / "photos" / name / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (50 * k + (name == "b"), 0, 9)).save(path)
    return tmp_path / "photos"


def rows(source):
    """(name, red, label) of the intact images."""
    return [
        (source.image_name(int(i)), int(image[0, 0, 0]), int(label))
        for i, image, label in source.intact().as_numpy_iterator()
    ]


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in a folder"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_the_folder_that_is_in_it(photos, tmp_path, kind, wrapped):
    (photos / ".DS_Store").write_bytes(b"x")
    base = {"root_dir": photos.parent, "base_dir": "photos"} if wrapped else {"root_dir": photos}
    archive = shutil.make_archive(str(tmp_path / "archive"), kind, **base)
    found, folder = open_source(f"folder:{archive}"), open_source(f"folder:{photos}")
    assert found.fingerprint == folder.fingerprint and found.class_names == folder.class_names == ["a", "b"]
    assert rows(found) == rows(folder)
    for ours, theirs in zip(found.training(3, seed=1).take(3), folder.training(3, seed=1).take(3), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_a_second_opening_finds_a_changed_archive(photos, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", photos)
    first = open_source(f"folder:{archive}").fingerprint
    Image.new("RGB", (8, 8), (9, 9, 9)).save(photos / "a" / "0.png")
    shutil.make_archive(str(tmp_path / "archive"), "zip", photos)
    assert open_source(f"folder:{archive}").fingerprint != first


def test_an_archive_is_prepared_with_its_labels_and_names(photos, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "archive"), "gztar", photos)
    prepared = prepare(open_source(f"folder:{archive}"), tmp_path / "out")
    assert prepared.class_names == ["a", "b"] and prepared.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert json.loads((tmp_path / "out" / MANIFEST).read_text())["made_of"]["source"] == f"folder:{archive}"


def encrypted(content):
    """A zip whose files say that they are encrypted."""
    content = bytearray(content)
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + at] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    "kind, damage, message",
    [
        ("zip", lambda c: c[: len(c) // 2], "this file cannot be read"),
        ("zip", encrypted, "it is encrypted: unpack it"),
        ("gztar", lambda c: c[: len(c) // 2], "this file cannot be read"),
        ("tar", lambda c: c[:300], "this file cannot be read"),
        ("tar", lambda c: b"hello", "folder:PATH is a folder, a zip, or a tar"),
        ("tar", lambda c: b"", "folder:PATH is a folder, a zip, or a tar"),
    ],
)
def test_a_damaged_archive_is_one_sentence(photos, tmp_path, kind, damage, message):
    archive = shutil.make_archive(str(tmp_path / "archive"), kind, photos)
    with open(archive, "rb+") as file:
        content = damage(file.read())
        file.seek(0)
        file.truncate()
        file.write(content)
    with pytest.raises(ValueError, match=f"{message}.*Received: folder:.*archive"):
        open_source(f"folder:{archive}")


def test_a_damaged_member_is_passed_over(photos, tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for path in sorted(photos.rglob("*.png")):
            made.write(path, f"{path.parent.name}{path.name}")
    content = bytearray(archive.read_bytes())
    content[content.index(b"IDAT") + 6] ^= 255  # of the first file, whose check sum in the zip no longer holds
    archive.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source = open_source(f"folder:{archive}")
        assert [red for _, red, _ in rows(source)] == [50, 100, 1, 51, 101]


def test_links_and_devices_in_a_tar_are_no_images(photos, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(photos / "a" / "0.png", "0.png")
        for name, kind in (("1.png", tarfile.SYMTYPE), ("2.png", tarfile.CHRTYPE), ("3.png", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    assert open_source(f"folder:{tmp_path}/a.tar").num_images == 1


def test_a_member_that_unpacks_to_more_than_it_says_is_passed_over(tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(file, "PNG")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", file.getvalue())
        archive.writestr("b.png", file.getvalue() + bytes(2**20), zipfile.ZIP_DEFLATED)
    content = (tmp_path / "a.zip").read_bytes()
    size = (len(file.getvalue()) + 2**20).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content.replace(size, (2**31).to_bytes(4, "little")))
    with pytest.warns(UserWarning, match="Left out 1 of 2 images"):
        assert open_source(f"folder:{tmp_path}/a.zip").num_images == 1


# Labels beside the images


def write_csv(folder, lines):
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")


def write_json(folder, labels):
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))


PAIRS = [[f"{name}/{k}.png", (k + (name == "b")) % 2] for name in "ab" for k in range(3)]


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("kind", ["json", "csv"])
def test_labels_beside_the_images_are_theirs(photos, tmp_path, kind, archived):
    if kind == "json":
        write_json(photos, PAIRS)
    else:
        write_csv(photos, ["file_name,text,label", *(f"{name},hello,{label}" for name, label in reversed(PAIRS))])
    place = shutil.make_archive(str(tmp_path / "archive"), "zip", photos.parent, "photos") if archived else photos
    source = open_source(f"folder:{place}")
    assert source.labels.tolist() == [label for _, label in PAIRS] and source.class_names == ["0", "1"]
    assert [label for *_, label in rows(source)] == [label for _, label in PAIRS]


def test_labels_may_be_texts_and_are_sorted(photos):
    names = ["dog", "cat", "dog", "ape", "cat", "cat"]
    write_csv(photos, ["file_name,label", *(f"{p[0]},{n}" for p, n in zip(PAIRS, names, strict=True))])
    source = open_source(f"folder:{photos}")
    assert source.class_names == ["ape", "cat", "dog"] and source.labels.tolist() == [2, 1, 2, 0, 1, 1]


def test_sub_folders_are_no_classes_where_a_file_says_that_there_are_none(photos):
    write_json(photos, None)
    assert open_source(f"folder:{photos}").labels is None


def test_a_table_without_labels_is_said(photos):
    write_csv(photos, ["file_name,text", "a/0.png,hello"])
    with pytest.warns(UserWarning, match="no column label, only file_name, text"):
        assert open_source(f"folder:{photos}").labels is None


def test_other_labels_are_other_data(photos):
    fingerprints = []
    for flip in (0, 1):
        write_json(photos, [[name, label ^ flip] for name, label in PAIRS])
        fingerprints.append(open_source(f"folder:{photos}").fingerprint)
    assert len(set(fingerprints)) == 2


@pytest.mark.parametrize(
    "files, message",
    [
        ({"dataset.json": '{"labels": [["a/0.png", 1]]}'}, "has no label of 5 of the 6 images, e.g. a/1.png: add them"),
        ({"dataset.json": '{"labels": [["a/0.png", [0.5, 1]]]}'}, "one whole number or one text for each file"),
        ({"dataset.json": "[" * 100_000}, "cannot be read"),
        ({"dataset.json": '{"images": []}'}, "cannot be read .it is not"),
        ({"metadata.csv": "name,label\na,1\n"}, "no column file_name, only name, label"),
        ({"metadata.csv": "file_name,label\na/0.png,\n"}, "line 2 has no name, or no label"),
        ({"metadata.csv": "file_name,label\na/0.png\n"}, "line 2 has no name, or no label"),
        ({"metadata.csv": "file_name,label\na/0.png,1\na/0.png,2\n"}, "a/0.png has two labels, 1 and 2"),
        ({"metadata.csv": b"\xff\xfe"}, "metadata.csv cannot be read"),
        ({"metadata.csv": ""}, "no column file_name, only none"),
        ({"metadata.csv": "file_name,label\n", "dataset.json": "{}"}, "are two files of labels: take one away"),
    ],
)
def test_a_file_of_labels_that_does_not_fit_is_one_sentence(photos, files, message):
    for name, content in files.items():
        (photos / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=f"{message}.*Received: folder:{photos}"):
        open_source(f"folder:{photos}")


def test_rows_without_an_image_are_counted(photos):
    write_json(photos, [*PAIRS, ["gone.png", 1]])
    with pytest.warns(UserWarning, match="1 rows of dataset.json name no image here"):
        assert open_source(f"folder:{photos}").num_images == 6
    os.remove(photos / "dataset.json")
