"""Streaming metrics: equal to the metric of all features at once, for any batches, on any replicas."""

from tfgan_kit.distribution import strategies
from tfgan_kit.metrics import frechet_distance, gaussian_statistics
from tfgan_kit.metrics.streaming import FrechetDistance, InceptionScore

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.baselines.metric_references import torch, torch_fidelity

DIMENSION = 6
CLASSES = 5


@keras.saving.register_keras_serializable("tests.streaming")
def flat(images):
    return tf.reshape(images, [-1, DIMENSION])


def features(count, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, DIMENSION)) @ rng.normal(size=(DIMENSION, DIMENSION)) + seed


def logits(count=90):
    return 3 * np.random.default_rng(4).normal(size=(count, CLASSES))


REAL, FAKE = features(90, 1), features(90, 2)
METRICS = {
    "frechet_distance": (lambda: FrechetDistance(DIMENSION), REAL, FAKE),
    "with_reference": (lambda: FrechetDistance(DIMENSION, reference=gaussian_statistics(REAL)), REAL, FAKE),
    "inception_score": (lambda: InceptionScore(CLASSES), REAL, logits()),
}
each_metric = pytest.mark.parametrize("make, real, fake", METRICS.values(), ids=METRICS)


def at_once(make, real, fake):
    metric = make()
    metric.update_state(real, fake)
    return float(metric.result())


# Against the metric of all features at once, and the reference


@pytest.mark.parametrize("with_reference", [False, True])
def test_distance_is_that_of_the_statistics_of_all_features(with_reference):
    fake = features(70, 2)  # each side has its own count
    metric = FrechetDistance(DIMENSION, reference=gaussian_statistics(REAL) if with_reference else None)
    metric.update_state(REAL, fake)
    expected = frechet_distance(gaussian_statistics(REAL), gaussian_statistics(fake))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-9)


def test_distance_of_fewer_images_than_dimensions_is_exact():
    real, fake = features(4, 1), features(3, 2)  # ranks 3 and 2 of 6
    expected = frechet_distance(gaussian_statistics(real), gaussian_statistics(fake))
    assert at_once(lambda: FrechetDistance(DIMENSION), real, fake) == pytest.approx(expected, rel=1e-9)


def test_distance_of_shifted_copies_is_that_of_the_means():
    value = at_once(lambda: FrechetDistance(DIMENSION), REAL, REAL + 2.0)
    assert value == pytest.approx(DIMENSION * 2.0**2, rel=1e-9)


def test_a_reference_saves_the_digits_that_a_far_mean_costs():
    real, fake = REAL + 1e7, FAKE + 1e7
    metric = FrechetDistance(DIMENSION, reference=gaussian_statistics(real))
    metric.update_state(None, fake)
    expected = frechet_distance(gaussian_statistics(real), gaussian_statistics(fake))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-7)


def test_inception_score_is_torch_fidelity_s_of_one_split():
    expected = torch_fidelity.metric_isc.isc_features_to_metric(torch.tensor(logits()), splits=1, shuffle=False)[
        "inception_score_mean"
    ]
    value = at_once(lambda: InceptionScore(CLASSES), None, logits())
    assert value == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize(
    "answers, expected",
    [
        (np.eye(CLASSES) * 1e4, CLASSES),  # sure and as frequent: the number of classes
        (np.tile([1e4, 0, 0, 0, 0], (7, 1)), 1.0),  # sure, and always the same
        (np.zeros((7, CLASSES)), 1.0),  # never sure
    ],
    ids=["all classes", "one class", "unsure"],
)
def test_inception_score_has_its_bounds(answers, expected):
    assert at_once(lambda: InceptionScore(CLASSES), None, answers) == pytest.approx(expected, rel=1e-12)


# Batches, weights, replicas


@pytest.mark.thorough
@each_metric
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batch_size_does_not_change_the_value(batch_size, make, real, fake):
    metric = make()
    for start in range(0, 90, batch_size):
        metric.update_state(real[start : start + batch_size], fake[start : start + batch_size])
    assert float(metric.result()) == pytest.approx(at_once(make, real, fake), rel=1e-12)


@each_metric
def test_a_weight_says_how_often_a_row_counts(make, real, fake):
    times = np.arange(90) % 3  # 0: not at all, as the padding of a batch
    metric = make()
    metric.update_state(real, fake, sample_weight=times)
    expected = at_once(make, real.repeat(times, axis=0), fake.repeat(times, axis=0))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.thorough
@each_metric
def test_replicas_merge_exactly_wherever_the_result_is_read(make, real, fake, two):
    assert two.num_replicas_in_sync == 2
    with two.scope():
        metric = make()

    @tf.function
    def step():
        def replica():
            first = 30 * tf.distribute.get_replica_context().replica_id_in_sync_group
            rows = tf.range(first, 30 + 2 * first)  # 30 rows and 60
            metric.update_state(tf.gather(real, rows), tf.gather(fake, rows))
            return metric.result()

        return two.experimental_local_results(two.run(replica))

    inside = [float(value) for value in step()]
    assert [*inside, float(metric.result())] == pytest.approx(3 * [at_once(make, real, fake)], rel=1e-12)


@each_metric
def test_the_graph_gives_the_value(make, real, fake):
    metric = make()

    @tf.function
    def measured():
        metric.update_state(real, fake)
        return metric.result()

    assert float(measured()) == pytest.approx(at_once(make, real, fake), rel=1e-12)


@each_metric
def test_reset_forgets_everything(make, real, fake):
    metric = make()
    metric.update_state(real * 3, fake * 5)
    metric.reset_state()
    assert all(not variable.numpy().any() for variable in metric.variables)
    metric.update_state(real, fake)
    assert float(metric.result()) == at_once(make, real, fake)


@pytest.mark.thorough
def test_a_keras_model_evaluates_with_it(two):
    """An autoencoder's: y_pred is what the model makes of x. On two replicas as on one."""
    images = np.random.default_rng(0).uniform(-1, 1, (20, 2, 3, 1)).astype(np.float32)
    values = []
    for strategy in (strategies.get("none"), two):
        with strategy.scope():
            model = keras.Sequential([keras.Input((2, 3, 1)), keras.layers.Rescaling(0.5)])
            model.compile(loss="mse", metrics=[FrechetDistance(DIMENSION, flat)])
            values.append(model.evaluate(images, images, 8, 0, return_dict=True)["frechet_distance"])
    rows = images.reshape(20, DIMENSION)
    expected = frechet_distance(gaussian_statistics(rows), gaussian_statistics(rows / 2))
    assert values == pytest.approx([expected, expected], rel=1e-6)  # Keras logs float32


# The extractor


def test_a_network_extracts_in_inference_mode():
    network = keras.Sequential([keras.Input((2, 3, 1)), keras.layers.Flatten(), keras.layers.BatchNormalization()])
    images = np.random.default_rng(0).normal(3.0, size=(2, 40, 2, 3, 1)).astype(np.float32)
    metric = FrechetDistance(DIMENSION, network)
    metric.update_state(images[0], images[1])
    expected = frechet_distance(*(gaussian_statistics(network.predict(part, verbose=0)) for part in images))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
    assert metric.variables == [*metric._real.values(), *metric._generated.values()]


def test_statistics_are_float64_under_mixed_precision(mixed_policy):
    for make, real, fake in METRICS.values():
        metric = make()
        metric.update_state(real, fake)
        assert {variable.dtype for variable in metric.variables} == {"float64"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: FrechetDistance(DIMENSION, flat, gaussian_statistics(REAL), name="fd"),
        lambda: FrechetDistance(DIMENSION),
        lambda: InceptionScore(CLASSES, flat, name="score"),
    ],
)
def test_configuration_is_read_back(make):
    metric = make()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert again.get_config() == metric.get_config()
    assert again.name == metric.name
    if metric.name == "fd":
        rows = FAKE.reshape(-1, 2, 3, 1)
        assert at_once(lambda: again, None, rows) == at_once(lambda: metric, None, rows)


@pytest.mark.parametrize("extractor", [lambda x: x, keras.layers.Flatten()])
def test_an_extractor_without_a_registered_name_has_no_configuration(extractor):
    with pytest.raises(ValueError, match="register_keras_serializable.* Received: extractor="):
        FrechetDistance(DIMENSION, extractor).get_config()


# Too little, and wrong input


@pytest.mark.parametrize("real, fake", [(0, 0), (1, 5), (5, 1)])
def test_distance_of_fewer_than_two_rows_is_nan(real, fake):
    assert np.isnan(at_once(lambda: FrechetDistance(DIMENSION), REAL[:real], FAKE[:fake]))


def test_score_before_the_first_image_is_nan():
    assert np.isnan(float(InceptionScore(CLASSES).result()))


@each_metric
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_makes_it_nan(bad, make, real, fake):
    fake = fake.copy()
    fake[3, 2] = bad
    assert np.isnan(at_once(make, real, fake))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: FrechetDistance(0), "Received: 0"),
        (lambda: InceptionScore(1), "num_classes=1"),
        (lambda: FrechetDistance("x"), "Received: 'x'"),
        (lambda: InceptionScore("x"), "num_classes='x'"),
        (lambda: FrechetDistance(3, reference=3), "`mean` and `covariance`.*reference=3"),
        (lambda: FrechetDistance(6).update_state(REAL, FAKE, np.ones(4)), r"sample_weight.shape=\(4,\)"),
        (lambda: FrechetDistance(6).update_state(REAL, FAKE, 2.0), r"sample_weight.shape=\(\)"),
        (lambda: FrechetDistance(6, lambda x: {"features": x}).update_state(REAL, FAKE), "one tensor.*dict of 1"),
        (lambda: FrechetDistance(6, lambda x: (x, x)).update_state(REAL, FAKE), "one tensor.*tuple of 2"),
        (lambda: InceptionScore(6).update_state(None, FAKE, np.ones((2, len(FAKE)))), "sample_weight.shape"),
        (lambda: FrechetDistance(3, extractor="inception"), "extractor='inception'"),
        (lambda: FrechetDistance(3, reference=gaussian_statistics(REAL)), r"reference.mean.shape=\(6,\)"),
        (lambda: FrechetDistance(3).update_state(REAL, FAKE), r"rows \(N, 3\).*shape=\(90, 6\)"),
        (lambda: InceptionScore(5).update_state(None, np.zeros((2, 4, 4, 1))), r"rows \(N, 5\)"),
    ],
)
def test_wrong_input_is_refused_with_the_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()
