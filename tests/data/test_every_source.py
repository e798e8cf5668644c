"""What holds for every kind of source: the order, where it starts, what it is called and what it is resized from."""

import itertools

from tfgan_kit.data import TrainingData, open_source
from tfgan_kit.data.open import ORIGINS
from tfgan_kit.data.order import positions_to_flips, positions_to_indices

import numpy as np
import pytest
import tensorflow as tf

from tests.data.registry import SOURCES


@pytest.fixture(scope="module", params=SOURCES)
def opener(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TFGAN_KIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield SOURCES[request.param](tmp_path_factory.mktemp("source"), patch)


@pytest.fixture(scope="module")
def source(opener):
    return opener()


def arrays_of(batches, count=None):
    """[images], or [images, labels], of the first batches: NumPy."""
    parts = [batch if isinstance(batch, tuple) else (batch,) for batch in itertools.islice(iter(batches), count)]
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_kind_of_source_is_registered():
    assert ORIGINS.keys() - SOURCES.keys() == set()


@pytest.mark.parametrize("batch_size", [3, 8])
def test_training_gives_the_images_that_seed_and_position_name(source, batch_size):
    steps = 4
    drawn = arrays_of(source.training(batch_size, seed=5), steps)
    indices = positions_to_indices(tf.range(steps * batch_size, dtype=tf.int64), 5, source.num_images).numpy()
    assert_equal(drawn, arrays_of(source.ordered(7, indices)))
    assert drawn[0].shape[1:] == source.image_shape


def test_training_from_a_step_is_training_with_that_many_batches_skipped(source):
    data = source.training(3, seed=9)
    assert isinstance(data, TrainingData)
    assert_equal(arrays_of(data.at_step(7), 3), arrays_of(data.skip(7), 3))


def test_flips_mirror_the_images_whose_coin_says_so(source):
    if len(source.image_shape) == 1:
        with pytest.raises(ValueError, match="Only images can be mirrored"):
            source.training(4, flip=True)
        return
    plain, flipped = (arrays_of(source.training(8, seed=3, flip=flip), 2)[0] for flip in (False, True))
    coins = positions_to_flips(tf.range(16, dtype=tf.int64), 3).numpy()
    assert 0 < coins.sum() < 16
    np.testing.assert_array_equal(flipped, np.where(coins[:, None, None, None], plain[:, :, ::-1], plain))


def test_labels_are_those_of_the_images(source):
    if source.labels is None:
        assert source.num_classes is None and len(arrays_of(source.ordered(5), 1)) == 1
        return
    assert_equal(arrays_of(source.ordered(5))[1:], [source.labels])
    assert source.num_classes == 3


def test_opened_again_it_is_the_same(opener, source):
    again = opener()
    assert (again.fingerprint, again.name, again.image_shape) == (source.fingerprint, source.name, source.image_shape)
    assert_equal(arrays_of(again.ordered(5), 4), arrays_of(source.ordered(5), 4))


def test_its_name_is_the_spelling_that_opens_it(source):
    kind = source.name.partition(":")[0]
    if kind not in ORIGINS:
        with pytest.raises(ValueError, match="A source is spelled"):
            open_source(source.name)
    elif kind != "tfds":  # that one lies in a folder of the test's
        assert open_source(source.name).fingerprint == source.fingerprint


def test_resized_images_tell_what_they_were_and_have_another_fingerprint(opener, source):
    assert source.native_shape == source.image_shape
    if len(source.image_shape) == 1:  # points
        return
    small = opener(image_size=4)
    assert small.image_shape == (4, 4, source.image_shape[-1])
    assert small.native_shape == source.image_shape
    assert small.fingerprint != source.fingerprint
