"""What arrays are taken, what is refused, and what happens to them on the way in."""

from tfgan_kit.data.arrays import ArraySource

import numpy as np
import pytest

IMAGES = np.zeros([6, 4, 4, 3], np.uint8)


def test_images_without_a_channel_axis_are_grey():
    assert ArraySource("a", np.zeros([6, 4, 5], np.uint8)).image_shape == (4, 5, 1)


def test_float32_rows_are_points():
    source = ArraySource("a", np.ones([6, 2], np.float32))
    assert source.image_shape == (2,)
    batch = next(source.training(3).as_numpy_iterator())
    assert (batch.shape, batch.dtype) == ((3, 2), np.float32)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros([6, 4, 4, 3], np.float32),
        np.zeros([6, 4, 4, 3], np.int32),
        np.zeros([6, 3, 4, 4], np.uint8),
        np.zeros([6, 4, 4, 4], np.uint8),
        np.zeros([6, 2], np.float64),
        np.zeros([6, 2], np.uint8),
        np.zeros([6], np.uint8),
    ],
)
def test_a_wrong_dtype_or_rank_is_refused_with_the_conversion(images):
    with pytest.raises(ValueError, match=r"must be uint8 images .*Convert .*Received: images of"):
        ArraySource("a", images)


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="at least one image"):
        ArraySource("a", np.zeros([0, 4, 4, 3], np.uint8))


def test_points_that_are_not_finite_are_refused_by_their_row():
    points = np.zeros([6, 2], np.float32)
    points[4, 1] = np.nan
    with pytest.raises(ValueError, match=r"Received: points\[4\]"):
        ArraySource("a", points)


@pytest.mark.parametrize("argument", [{"image_size": 8}, {"channels": 3}])
def test_points_have_no_image_size_and_no_channels(argument):
    with pytest.raises(ValueError, match="points, which have no image_size"):
        ArraySource("a", np.zeros([6, 2], np.float32), **argument)


def test_points_cannot_be_mirrored():
    with pytest.raises(ValueError, match="Only images can be mirrored"):
        ArraySource("a", np.zeros([6, 2], np.float32)).training(2, flip=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.int32])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_integer_labels_become_int32_ids(dtype, shape):
    source = ArraySource("a", IMAGES, np.array([0, 1, 2, 0, 1, 4], dtype).reshape(shape))
    assert source.labels.dtype == np.int32
    assert source.labels.tolist() == [0, 1, 2, 0, 1, 4]
    assert source.num_classes == 5


def test_class_names_say_how_many_classes_there_are():
    source = ArraySource("a", IMAGES, [0, 1, 0, 1, 0, 1], ["cat", "dog", "fish"])
    assert (source.num_classes, source.class_names) == (3, ["cat", "dog", "fish"])


@pytest.mark.parametrize(
    "labels, message",
    [
        ([0.0, 1, 0, 1, 0, 1], "integer class ids"),
        (np.eye(6, dtype=np.int64), "argmax"),
        ([True, False] * 3, "integer class ids"),
        ([0, 1, 2], "3 labels for 6 images"),
        ([-1, 0, 1, 0, 1, 0], "from -1 to 1"),
        ([1000, 1001] * 3, "renumber"),
    ],
)
def test_labels_that_are_no_class_ids_are_refused(labels, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        ArraySource("a", IMAGES, labels)


def test_a_label_beyond_the_class_names_is_refused():
    with pytest.raises(ValueError, match="for 2 classes.*from 0 to 2"):
        ArraySource("a", IMAGES, [0, 1, 2, 0, 1, 2], ["cat", "dog"])


def test_image_size_and_channels_are_applied_once_at_opening():
    images = np.full([6, 4, 8, 3], 90, np.uint8)
    source = ArraySource("a", images, image_size=2, channels=1)
    assert source.image_shape == (2, 2, 1)
    np.testing.assert_array_equal(next(source.ordered(6).as_numpy_iterator()), 90)


@pytest.mark.parametrize("image_size", [0, -3, 2.0, True, "8"])
def test_a_bad_image_size_is_refused(image_size):
    with pytest.raises(ValueError, match="image_size must be .*Received: image_size="):
        ArraySource("a", IMAGES, image_size=image_size)


def test_the_fingerprint_changes_with_a_pixel_and_with_a_label():
    changed = IMAGES.copy()
    changed[3, 1, 1, 1] = 1
    sources = [
        ArraySource("a", IMAGES),
        ArraySource("a", changed),
        ArraySource("a", IMAGES, [0, 1, 0, 1, 0, 1]),
        ArraySource("a", IMAGES, [0, 1, 0, 1, 1, 1]),
    ]
    assert len({source.fingerprint for source in sources}) == 4
    assert ArraySource("b", IMAGES.copy()).fingerprint == sources[0].fingerprint
