"""The file formats that hold whole arrays: .npz and IDX."""

import gzip
import io
import struct
import time
import tracemalloc
import zipfile

from tfgan_kit.data import open_source

import numpy as np
import pytest

from tests.fixtures.idx import idx_bytes

IMAGES = np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 4, 4)
LABELS = np.array([0, 1, 2, 1, 0], np.uint8)


def ordered(source):
    return next(source.ordered(100).as_numpy_iterator())


@pytest.mark.parametrize("keys", [("images", "labels"), ("x_train", "y_train")])
def test_npz_holds_images_and_labels_under_either_pair_of_names(tmp_path, keys):
    np.savez(tmp_path / "a.npz", **dict(zip(keys, (IMAGES, LABELS), strict=True)))
    source = open_source(f"npz:{tmp_path}/a.npz")
    images, labels = ordered(source)
    np.testing.assert_array_equal(images[..., 0], IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert source.num_classes == 3


def test_npz_labels_are_optional_and_points_are_taken(tmp_path):
    points = np.random.default_rng(0).normal(size=[5, 2]).astype(np.float32)
    np.savez_compressed(tmp_path / "a.npz", images=points)
    np.testing.assert_array_equal(ordered(open_source(f"npz:{tmp_path}/a.npz")), points)


def test_npz_without_a_known_key_says_which_it_has(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=IMAGES)
    with pytest.raises(ValueError, match=r"must hold `images`.*Received: npz:.*\['pictures'\]"):
        open_source(f"npz:{tmp_path}/a.npz")


def test_npz_of_float_images_says_how_to_convert(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES / 255.0)
    with pytest.raises(ValueError, match="Convert floats in"):
        open_source(f"npz:{tmp_path}/a.npz")


@pytest.mark.parametrize("keep", [0, 10, 200, -30])
def test_a_truncated_npz_is_refused(tmp_path, keep):
    np.savez_compressed(tmp_path / "a.npz", images=IMAGES, labels=LABELS)
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[:keep])
    with pytest.raises(ValueError, match="not a whole .npz file.*Received: npz:"):
        open_source(f"npz:{tmp_path}/a.npz")


def test_an_npz_with_damaged_content_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", images=np.random.default_rng(0).integers(0, 9, 5000))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[300:310] = bytes(10)
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="not a whole .npz file"):
        open_source(f"npz:{tmp_path}/a.npz")


def test_pickled_objects_are_never_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="plain arrays.*allow_pickle=False"):
        open_source(f"npz:{tmp_path}/a.npz")


def test_a_single_npy_array_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    with pytest.raises(ValueError, match="a single array"):
        open_source(f"npz:{tmp_path}/a.npy")


def test_a_missing_npz_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such file.*Received: npz:.*a.npz"):
        open_source(f"npz:{tmp_path}/a.npz")


@pytest.mark.parametrize("suffix, pack", [("", bytes), (".gz", gzip.compress)])
@pytest.mark.parametrize("names", ["idx{}-ubyte", ".idx{}-ubyte"])
def test_idx_opens_a_folder_gzipped_or_plain(tmp_path, suffix, pack, names):
    images, labels = names.format(3), names.format(1)
    dash = "" if images.startswith(".") else "-"
    (tmp_path / f"train-images{dash}{images}{suffix}").write_bytes(pack(idx_bytes(IMAGES)))
    (tmp_path / f"train-labels{dash}{labels}{suffix}").write_bytes(pack(idx_bytes(LABELS)))
    got_images, got_labels = ordered(open_source(f"idx:{tmp_path}"))
    np.testing.assert_array_equal(got_images[..., 0], IMAGES)
    np.testing.assert_array_equal(got_labels, LABELS)


def test_idx_opens_one_file_with_the_labels_beside_it(tmp_path):
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    path = f"idx:{tmp_path}/t10k-images-idx3-ubyte"
    assert open_source(path).labels is None
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(LABELS)))
    assert open_source(path).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "begins with the bytes 0, 0, 8, 3"),
        (idx_bytes(LABELS), "begins with the bytes 0, 0, 8, 3"),
        (idx_bytes(IMAGES)[:-1], "promises 80 bytes of shape .5, 4, 4.*with 79 bytes"),
        (idx_bytes(IMAGES) + b"x", "promises 80 bytes.*with 81 bytes"),
        (gzip.compress(idx_bytes(IMAGES))[:-9], "cannot be read whole"),
        (b"\x1f\x8b" + bytes(30), "cannot be read whole"),
    ],
)
def test_an_idx_file_of_another_kind_or_length_is_refused(tmp_path, content, message):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match=f"{message}|Received: idx:.*{message}"):
        open_source(f"idx:{tmp_path}")


def test_an_idx_folder_without_images_says_what_is_in_it(tmp_path):
    (tmp_path / "other.bin").write_bytes(b"x")
    with pytest.raises(ValueError, match="train-images-idx3-ubyte.*'other.bin'"):
        open_source(f"idx:{tmp_path}")


def test_idx_labels_of_another_count_are_refused(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:3]))
    with pytest.raises(ValueError, match="3 labels for 5 images"):
        open_source(f"idx:{tmp_path}")


def npy(shape, content=b"", descr="|u1"):
    """A member of an archive whose header may lie."""
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + content


def archive(*members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return file.getvalue()


def promising(size, content):
    """An archive of one member whose entry in the list of members states another size."""
    entry = content.rindex(b"PK\1\2")
    return content[: entry + 24] + struct.pack("<I", size) + content[entry + 28 :]


GIGABYTE = 2**30
LYING_NPZ = {
    "a header of more": archive(("images.npy", npy((GIGABYTE, 4, 4), bytes(160)))),
    "a header of less": archive(("images.npy", npy((5, 4, 4), bytes(160)))),
    "a header beyond all numbers": archive(("images.npy", npy((10**30, 4, 4), bytes(160)))),
    "a negative header": archive(("images.npy", npy((-1, 4, 4), bytes(160)))),
    "a header without bytes": archive(("images.npy", npy((10**15,), descr="|V0"))),
    "a header of labels": archive(
        ("images.npy", npy((5, 4, 4), bytes(80))), ("labels.npy", npy((GIGABYTE,), bytes(5)))
    ),
    "a member of more": promising(GIGABYTE + 128, archive(("images.npy", npy((GIGABYTE,), bytes(160))))),
    "a stored member of more": promising(
        GIGABYTE + 128, archive(("images.npy", npy((GIGABYTE,), bytes(160))), method=zipfile.ZIP_STORED)
    ),
    "a header of brackets": archive(("images.npy", npy("(" * 5000))),
    "no header": archive(("images.npy", b"images")),
}
LYING_IDX = {
    "more": struct.pack(">4B3I", 0, 0, 8, 3, GIGABYTE, 28, 28) + bytes(100),
    "beyond all numbers": struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(100),
    "gzipped": gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, GIGABYTE, 28, 28) + bytes(100)),
    "a bomb": gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 5, 4, 4) + bytes(2**25)),
}


@pytest.mark.parametrize(
    "kind, content",
    [*[("npz", c) for c in LYING_NPZ.values()], *[("idx", c) for c in LYING_IDX.values()]],
    ids=[*LYING_NPZ, *LYING_IDX],
)
def test_a_header_that_lies_is_refused_in_little_time_and_memory(tmp_path, kind, content):
    (tmp_path / "a").write_bytes(content)
    tracemalloc.start()
    start = time.monotonic()
    with pytest.raises(ValueError, match=f"{kind}:.*/a.*Received|Received: {kind}:.*/a") as refusal:
        open_source(f"{kind}:{tmp_path}/a")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.monotonic() - start < 2 and most < 2**21
    assert len(str(refusal.value)) < 700 and "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind, name", [("npz", "a.npz"), ("idx", "train-images-idx3-ubyte")])
def test_the_home_folder_is_a_tilde(tmp_path, monkeypatch, kind, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "a.npz", images=IMAGES)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    np.testing.assert_array_equal(ordered(open_source(f"{kind}:~/{name}"))[..., 0], IMAGES)


def test_a_folder_for_an_npz_is_refused_with_what_is_in_it(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"")
    with pytest.raises(ValueError, match=r"this is a folder of \['a.npz'\], not a file. Received: npz:"):
        open_source(f"npz:{tmp_path}")
