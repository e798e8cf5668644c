"""The order of the training data, on arrays whose pixels say which image they are."""

import itertools

from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.order import positions_to_flips, positions_to_indices

import numpy as np
import pytest
import tensorflow as tf


def numbered(count=10):
    """Image k is filled with k; its label is k."""
    images = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones([1, 2, 3], np.uint8)
    return ArraySource("numbered", images, np.arange(count))


def taken(dataset, count):
    """The first `count` batches, as NumPy."""
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def labels_of(dataset, count):
    return np.concatenate([labels for _, labels in taken(dataset, count)])


def test_each_epoch_holds_each_image_once_though_batches_cross_its_end():
    drawn = labels_of(numbered(10).training(4), 15)  # 60 positions: 6 epochs
    np.testing.assert_array_equal(np.sort(drawn.reshape(6, 10)), np.tile(np.arange(10), (6, 1)))


def test_every_epoch_has_an_order_of_its_own():
    epochs = labels_of(numbered(50).training(50), 4)
    assert len({tuple(epoch) for epoch in epochs.reshape(4, 50)}) == 4


def agreement(one, other):
    """By how many standard deviations two runs of ten even classes agree more than by chance."""
    return ((one == other).mean() - 0.1) / np.sqrt(0.1 * 0.9 / len(one))


@pytest.mark.parametrize("lag", [1, 2, 16, 60_000, 120_000])
def test_neighbours_and_epochs_of_sorted_classes_agree_in_class_by_chance_alone(lag):
    # With the 4 rounds of tf.random.experimental.index_shuffle: 79, 60, 18, 848, 595.
    num_images = 60_000
    positions = tf.range(4 * num_images, dtype=tf.int64)
    classes = positions_to_indices(positions, 0, num_images).numpy() * 10 // num_images
    assert abs(agreement(classes[lag:], classes[:-lag])) < 5


def test_the_orders_of_two_seeds_agree_in_class_by_chance_alone():
    positions = tf.range(60_000, dtype=tf.int64)
    one, other = (positions_to_indices(positions, s, 60_000).numpy() // 6_000 for s in (0, 1))
    assert abs(agreement(one, other)) < 5


@pytest.mark.parametrize("num_images", [1, 2, 3, 17, 1024])
def test_every_epoch_of_any_number_of_images_is_a_permutation(num_images):
    indices = positions_to_indices(tf.range(3 * num_images, dtype=tf.int64), -5, num_images)
    expected = np.tile(np.arange(num_images), (3, 1))
    np.testing.assert_array_equal(np.sort(np.reshape(indices, (3, -1))), expected)


def test_the_same_seed_gives_the_same_batches_and_another_seed_others():
    source = numbered(30)
    first = labels_of(source.training(10, seed=1), 3)
    np.testing.assert_array_equal(first, labels_of(source.training(10, seed=1), 3))
    assert not np.array_equal(first, labels_of(source.training(10, seed=2), 3))


def test_labels_and_images_stay_together():
    images, labels = taken(numbered(10).training(10), 1)[0]
    np.testing.assert_array_equal(images[:, 0, 1, 0], labels)


def test_training_is_infinite_and_its_batches_have_a_static_shape():
    dataset = numbered(10).training(4)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    images, labels = dataset.element_spec
    assert (images.shape, images.dtype) == ((4, 2, 3, 1), tf.uint8)
    assert (labels.shape, labels.dtype) == ((4,), tf.int32)


@pytest.mark.parametrize("lag", [1, 2, 3, 16, 64])
def test_flips_are_fair_and_neighbours_agree_by_chance_alone(lag):
    coins = positions_to_flips(tf.range(20_000, dtype=tf.int64), seed=0).numpy()
    deviation = 0.5 / np.sqrt(20_000)
    assert abs(coins.mean() - 0.5) < 5 * deviation
    assert abs((coins[lag:] == coins[:-lag]).mean() - 0.5) < 5 * deviation


def test_the_flips_of_two_seeds_agree_by_chance_alone():
    one, other = (positions_to_flips(tf.range(20_000, dtype=tf.int64), s).numpy() for s in (0, 1))
    assert abs((one == other).mean() - 0.5) < 5 * 0.5 / np.sqrt(20_000)


def test_ordered_goes_through_all_images_once_and_keeps_the_last_partial_batch():
    batches = taken(numbered(10).ordered(4), 9)
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([b[1] for b in batches]), np.arange(10))


def test_ordered_takes_the_indices_it_is_given_in_their_order():
    np.testing.assert_array_equal(labels_of(numbered(10).ordered(2, [7, 0, 7]), 9), [7, 0, 7])


def test_ordered_over_no_indices_is_empty():
    assert taken(numbered(10).ordered(2, []), 9) == []


@pytest.mark.parametrize("indices", [[10], [-1], [0.5], [[0]]])
def test_ordered_refuses_indices_that_name_no_image(indices):
    with pytest.raises(ValueError, match="indices must .* Received: indices"):
        numbered(10).ordered(2, indices)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"batch_size": 11}, "numbered holds fewer images than a batch: 10.*batch_size=11"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1.*batch_size=0"),
        ({"batch_size": 2.0}, "batch_size must be an integer.*batch_size=2.0"),
        ({"batch_size": 2, "start_step": -1}, "start_step must be .*start_step=-1"),
        ({"batch_size": 2, "seed": "a"}, "seed must be .*seed='a'"),
    ],
)
def test_training_refuses_a_bad_argument_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        numbered(10).training(**arguments)
