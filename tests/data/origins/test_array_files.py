"""The file formats that hold whole arrays: .npz and IDX."""

import gzip

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
