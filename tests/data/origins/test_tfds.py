"""TensorFlow Datasets without a network: small data sets that are stored here, and its mocks."""

import time

from tfgan_kit.data import from_tfds, open_source, open_tfds
from tfgan_kit.data.origins import tfds as tfds_module

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.data.pictures import png, saved
from tests.data.registry import store, store_rows


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
    assert open_tfds("tiny", image_size=4, data_dir=tmp_path).image_shape == (4, 4, 3)
    assert open_tfds("tiny", image_size=4, channels=1, data_dir=tmp_path).image_shape == (4, 4, 1)


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


F = tfds.features
FLOATS = {"image": F.Image(shape=(None, None, 1), dtype=np.float32)}


@pytest.mark.parametrize("dtype, white", [(np.float32, 1), (np.uint16, 65535)])
@pytest.mark.parametrize("shape", [(8, 8, 1), (None, None, 1)])
def test_images_of_more_bits_are_shown_in_8(tmp_path, dtype, white, shape):
    levels = [np.linspace(k, 255 - k, 64).reshape(8, 8, 1).round() for k in range(3)]
    images = [(white * (image / 255)).astype(dtype) for image in levels]
    store_rows(tmp_path, {"image": F.Image(shape=shape, dtype=dtype)}, [{"image": image} for image in images])
    source = open_tfds("tiny", data_dir=tmp_path)
    assert source.image_shape == (8, 8, 1)
    shown = sorted(next(source.ordered(3).as_numpy_iterator()).tolist())
    np.testing.assert_array_equal(shown, sorted(np.array(levels).tolist()))


@pytest.mark.parametrize("number, said", [(100.0, "from 0.0 to 100.0"), (-0.5, "from -0.5 to"), (np.nan, "nan")])
def test_float_images_of_another_range_are_refused_by_their_feature(tmp_path, number, said):
    image = np.zeros([8, 8, 1], np.float32)
    image[3, 4] = number
    store_rows(tmp_path, FLOATS, [{"image": image}])
    with pytest.raises(ValueError, match=rf"feature 'image' must lie in \[0, 1\].*Received: tfds:tiny:train.*{said}"):
        open_tfds("tiny", data_dir=tmp_path)


@pytest.mark.parametrize(
    "features, row, named",
    [
        ({"data": {"image": F.Image(shape=(8, 8, 3))}}, {"data": {"image": shades(1)[0]}}, "data/image: Image"),
        ({"frames": F.Video(shape=(2, 8, 8, 3))}, {"frames": np.zeros([2, 8, 8, 3], np.uint8)}, "frames: Video"),
        (
            {"depth": F.Tensor(shape=(8, 8, 1), dtype=np.float32)},
            {"depth": np.zeros([8, 8, 1], np.float32)},
            "depth: T",
        ),
        (dict.fromkeys("ab", F.Image(shape=(8, 8, 3))), dict.fromkeys("ab", shades(1)[0]), "a: Image, b: Image"),
    ],
)
def test_images_that_are_not_one_a_row_are_refused_by_the_names_of_the_features(tmp_path, features, row, named):
    store_rows(tmp_path, features, [row])
    with pytest.raises(ValueError, match=f"must have one image feature.* among {named}"):
        open_tfds("tiny", data_dir=tmp_path)


@pytest.mark.parametrize(
    "features, values, said",
    [
        ({"label": F.Sequence(F.ClassLabel(num_classes=3))}, {"label": [0, 1]}, "label: Sequence"),
        ({"kinds": F.Sequence(F.ClassLabel(num_classes=3))}, {"kinds": [0, 1]}, "kinds: Sequence"),
        ({"fine": F.ClassLabel(num_classes=3), "coarse": F.ClassLabel(num_classes=2)}, {"fine": 1, "coarse": 0},
         "coarse: ClassLabel, fine: ClassLabel"),
        ({"label": F.Text()}, {"label": "cat"}, "label: Text"),
        ({"label": F.Scalar(np.int64)}, {"label": 5}, "label: Scalar"),
    ],
)  # fmt: skip
def test_labels_that_are_passed_over_are_said(tmp_path, features, values, said):
    store_rows(tmp_path, {"image": F.Image(shape=(8, 8, 3)), **features}, [{"image": shades(1)[0], **values}])
    with pytest.warns(UserWarning, match=f"tfds:tiny:train is opened without labels: none of {said}"):
        assert open_tfds("tiny", data_dir=tmp_path).labels is None


def test_labels_that_are_withheld_of_some_images_are_refused_and_of_all_are_none(tmp_path):
    store(tmp_path / "some", shades(), [-1 if k % 3 == 0 else 1 for k in range(12)])
    with pytest.raises(ValueError, match="4 of 12 labels, the feature 'label', are withheld .*Received: tfds:tiny"):
        open_tfds("tiny", data_dir=tmp_path / "some")
    store(tmp_path / "all", shades(), [-1] * 12)
    assert open_tfds("tiny", data_dir=tmp_path / "all").labels is None


def test_images_of_tfds_that_cannot_be_decoded_are_counted(tmp_path):
    feature, image = F.Image(shape=(None, None, 3), encoding_format="png"), np.full([8, 8, 3], 9, np.uint8)
    files = [saved(image, "PNG"), png(image, 8, 2, shape=(20_000, 20_000)), saved(image, "PNG")[:40]]
    for k, content in enumerate(files):
        (tmp_path / f"{k}.png").write_bytes(content)
    store(tmp_path / "data", [str(tmp_path / f"{k}.png") for k in range(3)], [0, 1, 2], image_feature=feature)
    with pytest.warns(UserWarning, match="tfds:tiny:train: left out 1 of 3 images"):
        source = open_tfds("tiny", image_size=8, data_dir=tmp_path / "data")
    assert (source.num_images, source.num_classes) == (2, 3)
    with pytest.warns(UserWarning, match="0000000[01] cannot be decoded"):
        assert len(list(source.intact())) == 1
