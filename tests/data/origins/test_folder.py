"""Folders of images, made here file by file."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import warnings

from tfgan_kit.data import from_directory, open_source
from tfgan_kit.data.order import positions_to_flips, positions_to_indices
from tfgan_kit.data.origins import folder as folder_module

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image


def save(path, colour=(10, 20, 30), size=(8, 8), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def all_images(source):
    batches = list(source.ordered(64).as_numpy_iterator())
    return np.concatenate([b[0] if isinstance(b, tuple) else b for b in batches])


@pytest.fixture
def shades(tmp_path):
    """20 grey-blue images; the red channel of number k is 10 k."""
    for k in range(20):
        save(tmp_path / f"{k:02d}.png", (10 * k, 0, 200))
    return tmp_path


@pytest.mark.thorough
def test_images_in_the_folder_itself_have_no_classes(shades):
    source = open_source(f"folder:{shades}")
    assert (source.num_images, source.image_shape) == (20, (8, 8, 3))
    assert source.labels is None and source.num_classes is None and source.class_names is None
    np.testing.assert_array_equal(all_images(source)[:, 0, 0, 0], 10 * np.arange(20))


def test_first_level_sub_folders_are_classes_in_sorted_order(tmp_path):
    save(tmp_path / "dog" / "a.png")
    save(tmp_path / "cat" / "deeper" / "b.png")
    save(tmp_path / "cat" / "c.jpg")
    source = open_source(f"folder:{tmp_path}")
    assert source.class_names == ["cat", "dog"]
    assert source.labels.tolist() == [0, 0, 1]
    assert source.num_classes == 2
    _, labels = next(source.training(3).as_numpy_iterator())
    assert labels.dtype == np.int32 and sorted(labels) == [0, 0, 1]


def test_images_both_beside_and_in_sub_folders_are_refused(tmp_path):
    save(tmp_path / "dog" / "a.png")
    save(tmp_path / "b.png")
    with pytest.raises(ValueError, match="both in the folder itself .*b.png.*Received: folder:"):
        open_source(f"folder:{tmp_path}")


@pytest.mark.parametrize("size", [(8, 8), (12, 10)])
def test_training_from_jpegs_gives_their_pixels_flipped_or_not(tmp_path, size):
    random = np.random.default_rng(0)
    for k in range(6):
        pixels = random.integers(0, 256, (*size[::-1], 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k}.jpg", quality=95)
    source = open_source(f"folder:{tmp_path}", image_size=8)
    left = (size[0] - size[1]) // 2
    expected = {}
    for k in range(6):
        image = tf.io.decode_jpeg((tmp_path / f"{k}.jpg").read_bytes())
        square = image[:, left : left + size[1]]
        square = tf.round(tf.image.resize(square, [8, 8], antialias=True)).numpy().astype(np.uint8)
        expected |= {square.tobytes(): (k, False), square[:, ::-1].tobytes(): (k, True)}
    batches = source.training(6, seed=4, flip=True).take(5).as_numpy_iterator()
    seen = [[expected[image.tobytes()] for image in batch] for batch in batches]
    positions = tf.range(30, dtype=tf.int64)
    indices, flips = positions_to_indices(positions, 4, 6), positions_to_flips(positions, 4)
    assert sum(seen, []) == list(zip(indices.numpy(), flips.numpy(), strict=True))


def test_a_folder_of_grey_images_is_grey_and_one_colour_image_makes_it_colour(tmp_path):
    save(tmp_path / "a.png", 7, mode="L")
    save(tmp_path / "b.png", (9, 9), mode="LA")
    Image.new("L", (8, 8), 9).convert("P").save(tmp_path / "c.png")  # a palette of greys
    Image.new("L", (8, 8), 9).save(tmp_path / "d.jpg")
    Image.new("L", (8, 8), 9).save(tmp_path / "e.gif")
    assert open_source(f"folder:{tmp_path}").image_shape == (8, 8, 1)
    assert open_source(f"folder:{tmp_path}", channels=3).image_shape == (8, 8, 3)
    save(tmp_path / "f.png", (9, 9, 9))  # as it is stored, not as it looks
    source = open_source(f"folder:{tmp_path}")
    assert source.image_shape == (8, 8, 3)
    np.testing.assert_array_equal(all_images(source)[0], np.full([8, 8, 3], 7))


def test_mixed_channels_come_out_on_white(tmp_path):
    save(tmp_path / "1.png", (0, 0, 0, 0), mode="RGBA")
    save(tmp_path / "2.png", (0, 128), mode="LA")
    save(tmp_path / "3.png", 60, mode="L")
    save(tmp_path / "4.png", (1, 2, 3))
    save(tmp_path / "5.gif", (1, 2, 3))
    save(tmp_path / "6.bmp", (1, 2, 3))
    pixels = all_images(open_source(f"folder:{tmp_path}"))[:, 4, 4]
    expected = [[255] * 3, [127] * 3, [60] * 3, [1, 2, 3], [1, 2, 3], [1, 2, 3]]
    np.testing.assert_array_equal(pixels, expected)


def test_mixed_sizes_are_refused_without_an_image_size_and_fitted_with_one(tmp_path):
    save(tmp_path / "a.png", size=(20, 10))
    save(tmp_path / "b.png", size=(30, 30))
    message = "2 different sizes, 20 to 30 wide and 10 to 30 high: pass image_size"
    with pytest.raises(ValueError, match=message):
        open_source(f"folder:{tmp_path}")
    source = open_source(f"folder:{tmp_path}", image_size=16)
    np.testing.assert_array_equal(all_images(source), np.tile([10, 20, 30], (2, 16, 16, 1)))


def test_oblong_images_of_one_size_are_refused_without_an_image_size(tmp_path):
    save(tmp_path / "a.png", size=(20, 10))
    with pytest.raises(ValueError, match="not square, 20 to 20 wide and 10 to 10 high"):
        open_source(f"folder:{tmp_path}")


@pytest.mark.parametrize(
    "mode, sizes, native",
    [
        ("RGB", [(12, 10), (12, 10)], (10, 12, 3)),
        ("RGBA", [(12, 10), (12, 10)], (10, 12, 3)),  # what shows, on white
        ("L", [(12, 10), (12, 10)], (10, 12, 1)),
        ("RGB", [(8, 8), (8, 8)], (8, 8, 3)),
    ],
)
def test_the_size_of_all_files_before_they_are_resized_is_known(tmp_path, mode, sizes, native):
    for k, size in enumerate(sizes):
        save(tmp_path / f"{k}.png", 7 if mode == "L" else (10, 20, 30, 40)[: len(mode)], size, mode)
    source = open_source(f"folder:{tmp_path}", image_size=8)
    assert (source.native_shape, source.image_shape) == (native, (8, 8, native[2]))


def test_files_of_several_sizes_had_no_size_of_their_own(tmp_path):
    save(tmp_path / "a.png", size=(20, 10))
    save(tmp_path / "b.png", size=(30, 30))
    source = open_source(f"folder:{tmp_path}", image_size=16)
    assert source.native_shape == source.image_shape


def cut(path, size=60):
    """Leaves the header of a file, and few of its pixels."""
    path.write_bytes(path.read_bytes()[:size])


def test_files_without_the_header_of_an_image_are_left_out_counted_and_named(shades):
    cut(shades / "03.png", 20)
    (shades / "05.png").write_bytes(b"")
    (shades / "99.gif").write_bytes(b"GIF89a, or not")
    os.symlink(shades / "nowhere.jpg", shades / "98.jpg")
    with pytest.warns(UserWarning, match="Left out 4 of 22 .*: 03.png, 05.png, 98.jpg, 99.gif$"):
        source = open_source(f"folder:{shades}")
    left = [10 * k for k in range(20) if k not in (3, 5)]
    assert all_images(source)[:, 0, 0, 0].tolist() == left


def test_nothing_is_decoded_when_a_folder_is_opened(shades):
    for k in (3, 5):
        cut(shades / f"{k:02d}.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_source(f"folder:{shades}").num_images == 20


@pytest.mark.thorough
def test_the_next_intact_image_takes_the_place_of_a_broken_one_told_once(shades):
    for k in (3, 4, 19):
        cut(shades / f"{k:02d}.png")
    expected = [10 * k for k in range(20)]
    expected[3] = expected[4] = 50
    expected[19] = 0
    source = open_source(f"folder:{shades}")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            assert all_images(source)[:, 0, 0, 0].tolist() == expected
    assert source.broken == ["03.png", "04.png", "19.png"]
    assert sorted(re.search(r"(\d\d.png) cannot be decoded", str(each.message))[1] for each in told) == source.broken


@pytest.mark.thorough
def test_training_passes_over_broken_images_alike_in_every_run_and_from_every_step(shades):
    for k in (3, 4, 11):
        cut(shades / f"{k:02d}.png")
    indices = positions_to_indices(tf.range(40, dtype=tf.int64), 7, 20).numpy()
    expected = [{3: 50, 4: 50, 11: 120}.get(k, 10 * k) for k in indices]
    with pytest.warns(UserWarning, match="cannot be decoded"):
        batches = list(open_source(f"folder:{shades}").training(8, seed=7).take(5).as_numpy_iterator())
        later = next(open_source(f"folder:{shades}").training(8, seed=7, start_step=3).as_numpy_iterator())
    assert np.concatenate(batches)[:, 0, 0, 0].tolist() == expected
    np.testing.assert_array_equal(later, batches[3])


def test_an_image_of_its_own_class_takes_the_place_of_a_broken_one(tmp_path):
    for k in range(3):
        for name in "ab":
            save(tmp_path / name / f"{k}.png", (50 * k + (name == "b"), 0, 9))
    cut(tmp_path / "a" / "2.png")
    cut(tmp_path / "b" / "1.png")
    with pytest.warns(UserWarning, match="cannot be decoded"):
        ((images, labels),) = open_source(f"folder:{tmp_path}").ordered(6).as_numpy_iterator()
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images[:, 0, 0, 0].tolist() == [0, 50, 0, 1, 101, 101]


def test_what_tensorflow_refuses_and_pillow_reads_is_read_and_not_told(shades):
    whole = (shades / "03.png").read_bytes()
    (shades / "03.png").write_bytes(whole[:-12])  # without its end mark
    source = open_source(f"folder:{shades}")
    assert all_images(source)[:, 0, 0, 0].tolist() == [10 * k for k in range(20)] and source.broken == []


def test_broken_images_are_no_part_of_what_is_prepared(shades):
    for k in (0, 4, 19):
        cut(shades / f"{k:02d}.png")
    with pytest.warns(UserWarning, match="cannot be decoded"):
        rows = list(open_source(f"folder:{shades}").intact(start=2).as_numpy_iterator())
    kept = [k for k in range(2, 19) if k != 4]
    assert [(int(index), int(image[0, 0, 0]), int(label)) for index, image, label in rows] == [
        (k, 10 * k, -1) for k in kept
    ]


def test_a_folder_that_is_gone_ends_the_reading_with_its_reason(shades):
    source = open_source(f"folder:{shades}")
    shutil.rmtree(shades)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(tf.errors.InvalidArgumentError, match="No image of folder:.* can be read"):
            next(source.training(8).as_numpy_iterator())


def test_labels_stay_with_their_images_when_one_is_left_out(tmp_path):
    for k, name in enumerate("abc"):
        save(tmp_path / name / "1.png", (k, 0, 9))
        save(tmp_path / name / "2.png", (k, 0, 9))
    (tmp_path / "a" / "1.png").write_bytes(b"no")
    with pytest.warns(UserWarning, match="Left out 1 of 6"):
        source = open_source(f"folder:{tmp_path}")
    images, labels = next(source.training(5).as_numpy_iterator())
    np.testing.assert_array_equal(images[:, 0, 0, 0], labels)


def test_each_image_keeps_its_decoder_when_one_before_it_is_left_out(tmp_path):
    (tmp_path / "1.png").write_bytes(b"no")
    save(tmp_path / "2.png", (9, 8, 7))
    Image.new("RGB", (8, 8), (200, 100, 50)).quantize(4).save(tmp_path / "3.bmp")  # by Pillow
    with pytest.warns(UserWarning, match="Left out 1 of 3"):
        source = open_source(f"folder:{tmp_path}")
    np.testing.assert_array_equal(all_images(source)[:, 0, 0], [[9, 8, 7], [200, 100, 50]])


def test_a_folder_of_broken_images_alone_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(ValueError, match="None of the 1 image files can be decoded, e.g. a.png"):
        open_source(f"folder:{tmp_path}")


def test_files_that_are_no_images_are_ignored_in_silence(shades):
    (shades / "README.txt").write_text("hello")
    (shades / ".DS_Store").write_bytes(b"x")
    (shades / "._01.png").write_bytes(b"x")
    save(shades / ".hidden" / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_source(f"folder:{shades}").num_images == 20


def test_images_of_other_kinds_are_counted_and_said(shades):
    (shades / "a.heic").write_bytes(b"x")
    (shades / "b.SVG").write_bytes(b"x")
    with pytest.warns(UserWarning, match=r"2 files of other kinds \(.heic, .svg\)"):
        assert open_source(f"folder:{shades}").num_images == 20


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="There is no image .*.png.*Received: folder:"):
        open_source(f"folder:{tmp_path}")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such folder. Received: folder:.*nowhere"):
        open_source(f"folder:{tmp_path / 'nowhere'}")


def test_a_file_in_place_of_a_folder_is_refused(shades):
    with pytest.raises(ValueError, match="folder:PATH is a folder, a zip, or a tar.*Received: folder:.*01.png"):
        open_source(f"folder:{shades / '01.png'}")


def test_a_folder_without_permission_is_refused(shades, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)  # root may read everything, so it is played
    with pytest.raises(ValueError, match="cannot be read .Permission denied.*chmod"):
        open_source(f"folder:{shades}")


def test_fewer_images_than_a_batch_are_refused(shades):
    with pytest.raises(ValueError, match="fewer images than a batch: 20.*batch_size=64"):
        from_directory(shades)


def test_links_that_lead_back_up_do_not_loop(tmp_path):
    save(tmp_path / "cat" / "a.png")
    save(tmp_path / "dog" / "a.png")
    os.symlink(tmp_path, tmp_path / "cat" / "up")
    assert open_source(f"folder:{tmp_path}").num_images == 2


def test_the_second_opening_takes_the_findings_from_the_cache(shades, monkeypatch):
    (shades / "03.png").write_bytes(b"no")
    with pytest.warns(UserWarning, match="Left out 1 of 20"):
        first = open_source(f"folder:{shades}")
    monkeypatch.setattr(folder_module, "read_header", None)  # a call would fail
    with pytest.warns(UserWarning, match="Left out 1 of 20"):
        second = open_source(f"folder:{shades}")
    assert second.fingerprint == first.fingerprint
    np.testing.assert_array_equal(all_images(first), all_images(second))


def test_a_changed_file_is_looked_at_again(shades):
    first = open_source(f"folder:{shades}")
    save(shades / "03.png", (0, 255, 0), size=(9, 9))
    with pytest.raises(ValueError, match="2 different sizes"):
        open_source(f"folder:{shades}")
    assert open_source(f"folder:{shades}", image_size=8).fingerprint != first.fingerprint


def test_the_fingerprint_is_of_the_content_wherever_the_folder_lies(shades, tmp_path_factory):
    copy = shutil.copytree(shades, tmp_path_factory.mktemp("elsewhere") / "copy", copy_function=shutil.copyfile)
    os.utime(copy / "03.png", (0, 0))
    assert open_source(f"folder:{copy}").fingerprint == open_source(f"folder:{shades}").fingerprint


def test_a_file_that_changed_behind_its_old_size_and_time_is_found_out(shades):
    file = shades / "03.png"
    before, first = file.stat(), open_source(f"folder:{shades}")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where a decoder takes the checksum seriously
        assert open_source(f"folder:{shades}").fingerprint != first.fingerprint


def test_a_damaged_cache_is_replaced(shades, cache):
    open_source(f"folder:{shades}")
    (file,) = (cache / "folders").iterdir()
    file.write_bytes(b"damaged")
    assert open_source(f"folder:{shades}").num_images == 20
    assert len(file.read_bytes()) > 100


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(shades, monkeypatch):
    monkeypatch.setenv("TFGAN_KIT_CACHE", str(shades / "00.png" / "below"))
    assert open_source(f"folder:{shades}").num_images == 20


def test_the_fingerprint_depends_on_the_size_and_the_channels_that_are_asked_for(shades):
    sources = [
        open_source(f"folder:{shades}"),
        open_source(f"folder:{shades}", image_size=4),
        open_source(f"folder:{shades}", channels=1),
    ]
    assert len({source.fingerprint for source in sources}) == 3


def test_from_directory_carries_its_source(shades):
    dataset = from_directory(shades, image_size=4, batch_size=8, channels=1)
    assert dataset.source.name == f"folder:{shades}"
    assert dataset.steps_per_epoch == 3
    assert dataset.element_spec.shape == (8, 4, 4, 1)


def test_names_of_any_bytes_are_read_in_the_order_of_their_bytes(tmp_path):
    root = os.fsencode(tmp_path) + b"/\xe9t\xe9"  # Latin-1
    utf8, latin1, shift_jis = "café".encode(), "café".encode("latin-1"), "写".encode("shift-jis")
    for k, folder in enumerate([utf8, latin1, shift_jis]):
        os.makedirs(os.path.join(root, folder))
        for name in (b"a\nb.png", b"\xff.png", b" c [1]*?.png"):
            save(pathlib.Path(os.fsdecode(os.path.join(root, folder, name))), (40 * k, 0, 0))
    with open(os.path.join(root, latin1, b"\xfe.png"), "wb") as file:
        file.write(b"no image")
    with pytest.warns(UserWarning, match=r"\\xe9t\\xe9: Left out 1 of 10 images .*: caf\\xe9/\\xfe.png$"):
        source = open_source("folder:" + os.fsdecode(root))
    assert source.class_names == ["café", "caf\\xe9", "\\x8e\\xca"]
    assert source.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    np.testing.assert_array_equal(all_images(source)[:, 0, 0, 0], 40 * source.labels)


def test_the_fingerprint_is_a_hash_of_files_names_and_shape(tmp_path):
    """Runs of earlier releases resume: theirs is this one."""
    names = ["a/é.png", "a/z.jpg", "b/1.gif"]
    for name in names:
        save(tmp_path / name)
    lines = [f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()} {name}" for name in sorted(names)]
    content = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    expected = hashlib.sha256(f"{content} (8, 8, 3)".encode()).hexdigest()
    assert open_source(f"folder:{tmp_path}").fingerprint == expected


def test_the_fingerprint_of_a_large_file_is_of_its_ends_and_its_size(tmp_path):
    file, random = tmp_path / "a.png", np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (200, 200, 3), np.uint8)).save(file)
    content = file.read_bytes()
    ends = b"%d " % len(content) + content[: 2**15] + content[-(2**15) :]
    text = hashlib.sha256(f"{hashlib.sha256(ends).hexdigest()} a.png".encode()).hexdigest()
    expected = hashlib.sha256(f"{text} (200, 200, 3)".encode()).hexdigest()
    assert len(content) > 2**16 and open_source(f"folder:{tmp_path}").fingerprint == expected


def test_a_large_turned_image_is_shown_upright(tmp_path):
    """Whether it is turned is judged by all of it when it is read."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (240, 300, 3), np.uint8)
    pixels[:40, :40] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to view
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95, exif=exif)
    assert (tmp_path / "a.jpg").stat().st_size > 2**16
    source = open_source(f"folder:{tmp_path}", image_size=240)
    assert source.native_shape == (300, 240, 3)
    (image,) = all_images(source)
    assert image[:5, -5:].min() > 200 > image[:5, :5].min()


@pytest.mark.slow
def test_a_locale_without_letters_opens_the_same(tmp_path):
    save(tmp_path / "é" / "1.png")
    save(pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/2.png")))
    source = open_source(f"folder:{tmp_path}")
    program = (
        "import sys; from tfgan_kit.data import open_source; assert sys.getfilesystemencoding() == 'ascii';"
        "source = open_source(sys.argv[1]); print(source.fingerprint, ascii(source.class_names))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, f"folder:{tmp_path}"],
        env=os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
    )
    assert told.stdout == f"{source.fingerprint} {ascii(source.class_names)}\n", told.stderr


def test_what_systems_put_into_folders_is_no_part_of_them(shades):
    before = open_source(f"folder:{shades}").fingerprint
    for name in ("__MACOSX/._0.png", "@eaDir/0.png", "#recycle/1.png", "$RECYCLE.BIN/2.png", "deep/@eaDir/1.png/S.jpg"):
        save(shades / name)
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
        "half.jpg.part",
        "09.png~",
        "1.jpg_original",
        "notes.txt",
        "script.py",
        "list",
    ):
        (shades / name).write_bytes(
            (shades / "01.png").read_bytes() if "png" in name or "jpg" in name else b"some text"
        )
    assert open_source(f"folder:{shades}").fingerprint == before


@pytest.mark.parametrize(
    "folders, message",
    [
        (["train", "test"], "The classes are test, train.*parts of a data set.*Pass folder:.*/test to open one part"),
        (["Train/cat", "Train/dog", "VAL/cat"], "The classes are Train, VAL.*Pass folder:.*/Train"),
        (["img_align"], "All images are of one class, img_align.*Pass folder:.*/img_align to open them without it"),
    ],
)
def test_folders_that_are_hardly_classes_are_said(tmp_path, folders, message):
    for folder in folders:
        save(tmp_path / folder / "1.png")
    with pytest.warns(UserWarning, match=message):
        source = open_source(f"folder:{tmp_path}")
    assert source.class_names == sorted({folder.split("/")[0] for folder in folders})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(tmp_path / "bus" / "1.png")
        save(tmp_path / "car" / "1.png")
        open_source(f"folder:{tmp_path}")


def test_the_home_folder_is_a_tilde(shades, monkeypatch):
    monkeypatch.setenv("HOME", str(shades.parent))
    source = open_source(f"folder:~/{shades.name}")
    assert (source.num_images, source.name) == (20, f"folder:~/{shades.name}")
    with pytest.raises(ValueError, match="no such folder. Received: folder:~nobody-of-that-name/x"):
        open_source("folder:~nobody-of-that-name/x")


@pytest.mark.parametrize("kind", ["folder", "npz", "idx", "stacked"])
def test_a_pipe_is_refused_at_once_and_so_is_a_name_that_is_too_long(tmp_path, kind):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=f"this is a pipe, a socket or a device, not a .*Received: {kind}|idx:"):
        open_source(f"{kind}:{tmp_path}/pipe")
    with pytest.raises(ValueError, match="this is no such fi|this is no such fo"):
        open_source(f"{kind}:{tmp_path}/{'x' * 5000}")
