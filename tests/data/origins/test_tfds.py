"""TensorFlow Datasets without a network: small data sets that are stored here, and its mocks."""

import time

from tfgan_kit.data import from_tfds, open_source, open_tfds
from tfgan_kit.data.origins import tfds as tfds_module

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.data.registry import store


def shades(count=12, shape=(8, 8, 3)):
    """Image k is filled with k."""
    return [np.full(shape, k, np.uint8) for k in range(count)]


@pytest.mark.thorough
def test_images_labels_and_class_names_come_from_the_data_set(tmp_path):
    store(tmp_path, shades(), [k % 2 for k in range(12)])
    source = open_tfds("tiny", data_dir=tmp_path)
    assert (source.name, source.num_images) == ("tfds:tiny:train", 12)
    assert source.image_shape == (8, 8, 3)
    assert (source.num_classes, source.class_names) == (3, ["cat", "dog", "fish"])
    images, labels = next(source.ordered(12).as_numpy_iterator())
    assert sorted(images[:, 0, 0, 0]) == list(range(12))
    np.testing.assert_array_equal(images[:, 0, 0, 0] % 2, labels)


def test_a_data_set_without_labels_yields_images(tmp_path):
    store(tmp_path, shades(shape=(8, 8, 1)), shape=(8, 8, 1))
    source = open_tfds("tiny", data_dir=tmp_path)
    assert source.labels is None and source.image_shape == (8, 8, 1)


def test_slices_of_a_split_are_disjoint(tmp_path):
    store(tmp_path, shades())
    parts = [open_tfds("tiny", part, data_dir=tmp_path) for part in ("train[:4]", "train[4:]")]
    seen = [next(part.ordered(12).as_numpy_iterator())[:, 0, 0, 0].tolist() for part in parts]
    assert [len(s) for s in seen] == [4, 8]
    assert sorted(seen[0] + seen[1]) == list(range(12))


@pytest.mark.thorough
def test_mixed_sizes_need_an_image_size(tmp_path):
    images = [np.zeros([8, 8, 3], np.uint8), np.zeros([8, 12, 3], np.uint8)]
    store(tmp_path, images, shape=(None, None, 3))
    with pytest.raises(ValueError, match="2 different sizes, 8 to 12 wide and 8 to 8 high"):
        open_tfds("tiny", data_dir=tmp_path)
    assert open_tfds("tiny", image_size=4, data_dir=tmp_path).image_shape == (4, 4, 1)
    assert open_tfds("tiny", image_size=4, channels=3, data_dir=tmp_path).image_shape == (4, 4, 3)


def test_images_that_are_stored_as_tensors_are_taken(tmp_path):
    feature = tfds.features.Tensor(shape=(8, 8, 3), dtype=np.uint8)
    store(tmp_path, shades(), image_feature=feature)
    assert open_tfds("tiny", data_dir=tmp_path).image_shape == (8, 8, 3)


def test_from_tfds_is_training_data(tmp_path):
    store(tmp_path, shades(), [k % 3 for k in range(12)])
    dataset = from_tfds("tiny", batch_size=5, seed=2, data_dir=tmp_path)
    assert (dataset.source.name, dataset.steps_per_epoch) == ("tfds:tiny:train", 3)


def test_the_fingerprint_follows_the_content(tmp_path):
    store(tmp_path / "a", shades())
    store(tmp_path / "b", shades(13)[1:])
    one, again = (open_tfds("tiny", data_dir=tmp_path / "a") for _ in range(2))
    assert one.fingerprint == again.fingerprint
    assert one.fingerprint != open_tfds("tiny", data_dir=tmp_path / "b").fingerprint


def test_an_unknown_split_is_refused_with_those_there_are(tmp_path):
    store(tmp_path, shades())
    with pytest.raises(ValueError, match=r"no split 'tran', only \['train'\]"):
        open_tfds("tiny", "tran", data_dir=tmp_path)


def test_an_empty_slice_is_refused(tmp_path):
    store(tmp_path, shades())
    with pytest.raises(ValueError, match="tiny:train.:0"):
        open_tfds("tiny", "train[:0]", data_dir=tmp_path)


def test_an_unknown_name_is_refused_with_one_like_it():
    with pytest.raises(ValueError, match="cannot open 'mnits'. Did you mean mnist.*tfds:mnits"):
        open_source("tfds:mnits")


def test_a_data_set_without_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must have one image feature.*has \[\]"):
        open_tfds("glue", data_dir=tmp_path)


@pytest.mark.thorough
def test_without_a_network_an_unprepared_data_set_is_refused_within_seconds(tmp_path, monkeypatch):
    # 192.0.2.1 is reserved for documentation (RFC 5737): nothing answers there.
    monkeypatch.setattr(tfds_module, "_PROBE_URL", "https://192.0.2.1")
    monkeypatch.setattr(tfds_module, "_PROBE_SECONDS", 1)
    start = time.monotonic()
    with pytest.raises(ValueError, match="(?s)mnist is not prepared in .*no network.*TFDS_DATA_DIR"):
        open_tfds("mnist", data_dir=tmp_path)
    assert time.monotonic() - start < 20


def test_a_download_that_fails_is_one_clear_error(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ConnectionError("the line went dead\nat once")

    monkeypatch.setattr(tfds_module, "_network_is_there", lambda: True)
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    with pytest.raises(ValueError, match="could not be downloaded.*: the line went dead. Prepare"):
        open_tfds("mnist", data_dir=tmp_path)


def test_the_mock_of_mnist_opens_as_mnist_would(monkeypatch):
    with tfds.testing.mock_data(num_examples=6):
        monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda self: True)
        source = open_source("tfds:mnist")
    assert (source.num_images, source.image_shape, source.num_classes) == (6, (28, 28, 1), 10)
    images, labels = next(source.training(6).as_numpy_iterator())
    assert (images.shape, labels.shape) == ((6, 28, 28, 1), (6,))
