"""`TrainingData` keeps what `fit` needs, its epoch and its place, through what a user makes of it."""

import itertools

from tfgan_kit.data import TrainingData, from_arrays, training_dataset
from tfgan_kit.data.arrays import ArraySource
from tfgan_kit.data.source import check_endless, one_epoch

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import put_back, state_of
from tests.distribution import games

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 1), np.uint8)
LABELS = np.arange(24) % 3
SOURCE = ArraySource("numbered", IMAGES, LABELS)
OPTIONS = tf.data.Options()
OPTIONS.threading.private_threadpool_size = 2


@pytest.fixture
def data():
    """Four steps an epoch, from the fourth on, of (images, labels)."""
    return SOURCE.training(7, seed=2, start_step=3)


def images_of(dataset, count=5):
    return np.stack([np.asarray(batch[0]) for batch in itertools.islice(iter(dataset), count)])


def lighter(images, labels):
    return images // 2, labels


def flipped_by_step(step, batch):
    images, labels = batch
    return tf.image.stateless_random_flip_left_right(images, seed=(0, step)), labels


KEPT = {
    "map": lambda data: data.map(lighter, num_parallel_calls=2),
    "prefetch": lambda data: data.prefetch(2),
    "with_options": lambda data: data.with_options(OPTIONS),
    "repeat": lambda data: data.repeat(),
    "enumerate": lambda data: data.enumerate(),
    "apply": lambda data: data.apply(lambda inner: inner.map(lighter)),
    "an augmentation": lambda data: data.enumerate().map(flipped_by_step).prefetch(2),
    "several": lambda data: data.map(lighter).prefetch(1).map(lighter).with_options(OPTIONS).repeat(-1),
}
GIVEN_UP = {
    "take": lambda data: data.take(3),
    "skip": lambda data: data.skip(1),
    "batch": lambda data: data.batch(2),
    "unbatch": lambda data: data.unbatch(),
    "rebatch": lambda data: data.rebatch(5),
    "filter": lambda data: data.filter(lambda images, labels: labels[0] == 1),
    "repeat": lambda data: data.repeat(2),
    "shard": lambda data: data.shard(2, 0),
    "window": lambda data: data.window(2).flat_map(lambda images, labels: tf.data.Dataset.zip((images, labels))),
    "concatenate": lambda data: data.take(1).concatenate(data),
    "take_while": lambda data: data.take_while(lambda images, labels: True),
    "zip": lambda data: tf.data.Dataset.zip((data, data)).map(lambda one, other: one),
    "apply": lambda data: data.apply(lambda inner: inner.batch(2)),
}


@pytest.mark.parametrize("transform", ["itself", "prefetch", "with_options"])
def test_a_workers_rows_are_those_of_the_batch(transform, data):
    data = data if transform == "itself" else KEPT[transform](data)
    whole, own = images_of(data.at_step(5), 4), images_of(data.at_step(5).rows(2, 6), 4)
    np.testing.assert_array_equal(own, whole[:, 2:6])


@pytest.mark.parametrize("transform", ["map", "enumerate", "an augmentation", "several"])
def test_what_may_mix_rows_has_no_rows_of_a_worker(transform, data):
    assert data.has_rows and not KEPT[transform](data).has_rows


def test_it_is_a_tf_dataset(data):
    assert isinstance(data, tf.data.Dataset)
    assert data.cardinality() == tf.data.INFINITE_CARDINALITY
    assert [spec.shape for spec in data.element_spec] == [(7, 4, 4, 1), (7,)]
    np.testing.assert_array_equal(images_of(data), images_of(SOURCE.training(7, seed=2).skip(3)))

    @tf.function
    def brightest(dataset):
        return dataset.take(2).reduce(tf.zeros((), tf.uint8), lambda most, x: tf.maximum(most, tf.reduce_max(x[0])))

    assert brightest(data) == images_of(data, 2).max()


def test_it_keeps_its_options(data):
    assert data.options().deterministic is True
    assert data.options().autotune.enabled is False
    kept = data.with_options(OPTIONS).map(lighter)
    assert (kept.options().deterministic, kept.options().threading.private_threadpool_size) == (True, 2)
    with tf.Graph().as_default(), pytest.warns(UserWarning, match="tf.data options"):  # read off its inputs there
        assert (kept.options().deterministic, data.options().autotune.enabled) == (True, False)


def test_it_knows_its_source_and_its_epoch_and_starts_at_any_step(data):
    assert (data.source, data.steps_per_epoch, data.start_step) == (SOURCE, 4, 3)  # ceil(24 / 7)
    assert data.at_step(6).start_step == 6
    np.testing.assert_array_equal(images_of(data.at_step(6)), images_of(data.skip(3)))


@pytest.mark.parametrize("name", KEPT)
def test_what_has_an_element_a_step_is_training_data_from_every_step(data, name):
    kept = KEPT[name](data)
    assert isinstance(kept, TrainingData)
    assert (kept.source, kept.steps_per_epoch, kept.start_step) == (SOURCE, 4, 3)
    assert kept.cardinality() == tf.data.INFINITE_CARDINALITY
    np.testing.assert_array_equal(images_of(kept.at_step(7)), images_of(kept.skip(4)))
    np.testing.assert_array_equal(images_of(kept.at_step(0).at_step(3)), images_of(kept))


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_gives_what_a_plain_dataset_gives(name):
    data = SOURCE.training(7, seed=2)
    plain = tf.data.Dataset.range(5).flat_map(lambda step: data.skip(step).take(1))
    np.testing.assert_array_equal(images_of(KEPT[name](data)), images_of(KEPT[name](plain)))


@pytest.mark.parametrize("name", GIVEN_UP)
def test_what_changes_a_step_is_a_plain_dataset_of_the_right_elements(data, name):
    changed = GIVEN_UP[name](data)
    assert isinstance(changed, tf.data.Dataset) and not isinstance(changed, TrainingData)
    plain = GIVEN_UP[name](data.take(1000))
    np.testing.assert_array_equal(images_of(changed), images_of(plain))


def test_enumerate_numbers_the_steps_of_the_training(data):
    steps = [int(step) for step, _ in data.enumerate().at_step(1000).take(3)]
    assert steps == [1000, 1001, 1002]
    assert int(next(iter(data.enumerate(start=10)))[0]) == 13


def test_a_function_is_traced_once_until_the_data_starts_elsewhere(data):
    traces = []
    mapped = data.map(lambda images, labels: traces.append(1) or images).prefetch(1).map(tf.identity)
    assert len(traces) == 1
    mapped.at_step(5)
    assert len(traces) == 2


def test_batches_that_are_shuffled_say_that_they_cannot_be_resumed(data):
    with pytest.warns(UserWarning, match="numbered are in a random order already.*leave `shuffle` out"):
        shuffled = data.shuffle(4, seed=1)
    assert isinstance(shuffled, TrainingData) and shuffled.steps_per_epoch == 4


def test_a_cache_of_endless_data_is_refused_with_what_to_do_instead(data):
    with pytest.raises(ValueError, match=r"endless.*from_arrays.*source\.ordered\(batch_size\)\.cache\(\).*numbered"):
        data.map(lighter).cache()


def test_what_the_refusal_of_a_cache_recommends_gives_the_same_batches(data):
    images = np.concatenate([images for images, _ in SOURCE.ordered(5).as_numpy_iterator()])
    np.testing.assert_array_equal(images_of(from_arrays(images, LABELS, 7, seed=2)), images_of(data.at_step(0)))
    cached = SOURCE.ordered(5).cache()
    np.testing.assert_array_equal(images_of(cached, 4), images_of(cached, 4))


@pytest.mark.parametrize("step", [-1, 1.0, None])
def test_a_step_that_is_none_is_refused(data, step):
    with pytest.raises(ValueError, match="step must be an integer of at least 0. Received: step="):
        data.at_step(step)


def test_one_epoch_is_cut_of_training_data_alone(data):
    epoch = one_epoch(data.map(lighter))
    assert epoch.cardinality() == 4
    np.testing.assert_array_equal(images_of(epoch, 9), images_of(data.map(lighter), 4))
    for other in (None, IMAGES, (IMAGES, LABELS), SOURCE.ordered(5)):
        assert one_epoch(other) is other


@pytest.mark.parametrize("name", ["steps_per_epoch", "validation_steps", "steps"])
def test_an_endless_dataset_without_steps_is_refused_at_once(data, name):
    with pytest.raises(ValueError, match=f"endless.*pass `{name}`.*Received: .*RepeatDataset.*{name}=None"):
        check_endless(SOURCE.ordered(5).repeat(), None, name)
    with pytest.raises(ValueError, match="endless"):
        check_endless(data.batch(2), None, name)


@pytest.mark.parametrize("kind", ["training data", "finite", "unknown", "array", "pair", "none"])
def test_whatever_ends_or_may_end_passes(data, kind):
    passing = {
        "training data": data.map(lighter),
        "finite": SOURCE.ordered(5),
        "unknown": data.filter(lambda images, labels: True),
        "array": IMAGES,
        "pair": (IMAGES, LABELS),
        "none": None,
    }
    check_endless(passing[kind], None, "steps_per_epoch")
    check_endless(SOURCE.ordered(5).repeat(), 3, "steps_per_epoch")


def test_training_dataset_is_the_training_of_the_source(data):
    other = training_dataset(SOURCE, 7, seed=2, start_step=3)
    assert other.source is SOURCE
    np.testing.assert_array_equal(images_of(other), images_of(data))


def test_from_arrays_is_the_training_of_the_arrays():
    dataset = from_arrays(np.zeros([10, 4, 4, 3], np.uint8), batch_size=5)
    assert (dataset.source.image_shape, dataset.steps_per_epoch) == ((4, 4, 3), 2)


@pytest.mark.thorough
def test_a_plain_keras_model_trains_on_it(data):
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    scaled = data.map(lambda images, labels: (tf.cast(images, tf.float32) / 255.0, labels)).prefetch(2)
    history = model.fit(
        scaled, steps_per_epoch=4, epochs=2, validation_data=one_epoch(scaled), shuffle=False, verbose=0
    )
    assert model.optimizer.iterations == 8 and len(history.history["val_loss"]) == 2


@pytest.mark.thorough
def test_replicas_share_its_batches_out(two):
    data = SOURCE.training(6, seed=2).map(lighter).prefetch(2)
    batches = iter(two.experimental_distribute_dataset(data))
    shared = [tf.concat(two.experimental_local_results(next(batches)[0]), 0) for _ in range(5)]
    np.testing.assert_array_equal(shared, images_of(data))


@pytest.fixture
def augmented(dataset):
    """Three steps an epoch, each drawn from its step."""
    return dataset.enumerate().map(lambda step, x: tf.image.stateless_random_flip_left_right(x, (0, step))).prefetch(2)


@pytest.mark.thorough
def test_a_gan_trains_an_epoch_on_transformed_data_and_resumes_it(reused_gan, augmented, weights_of):
    gan = reused_gan()
    start = state_of(gan)
    gan.fit(augmented, epochs=2, verbose=0)
    assert gan.steps_trained == 6
    whole = weights_of(gan)
    put_back(start)
    gan.fit(augmented, steps_per_epoch=4, verbose=0)
    gan.fit(augmented, steps_per_epoch=2, verbose=0)
    np.testing.assert_array_equal(weights_of(gan), whole)


@pytest.mark.thorough
def test_a_gan_evaluates_an_epoch_of_transformed_data(reused_gan, augmented):
    gan = reused_gan()
    assert gan.evaluate(augmented, verbose=0, return_dict=True).keys() >= {"d_loss", "g_loss"}
    history = gan.fit(augmented, epochs=2, validation_data=augmented, verbose=0).history
    assert len(history["val_d_loss"]) == 2


@pytest.mark.slow
def test_two_replicas_train_an_epoch_on_transformed_data(two):
    gan = games.make(two)
    data = from_arrays(games.IMAGES, games.LABELS, batch_size=6).map(lighter).prefetch(2)
    history = gan.fit(data, validation_data=data, verbose=0).history
    assert gan.steps_trained == 4 and len(history["val_d_loss"]) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("argument", ["steps_per_epoch", "validation_steps", "steps"])
def test_a_gan_refuses_a_users_endless_data_before_the_first_step(make_gan, dataset, argument):
    gan, endless = make_gan(), dataset.source.ordered(8).repeat()
    runs = {
        "steps_per_epoch": lambda: gan.fit(endless),
        "validation_steps": lambda: gan.fit(dataset, validation_data=endless),
        "steps": lambda: gan.evaluate(endless),
    }
    with pytest.raises(ValueError, match=f"pass `{argument}`"):
        runs[argument]()
    assert gan.steps_trained == 0
