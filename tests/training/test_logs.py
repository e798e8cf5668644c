"""Metrics of `compile`: measured on the averaged generator in evaluation, unknown to training."""

import warnings
import zipfile

from tfgan_kit import pixels
from tfgan_kit.distribution import strategies
from tfgan_kit.metrics import frechet_distance, gaussian_statistics
from tfgan_kit.metrics.streaming import FrechetDistance, InceptionScore

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import LATENT_DIM
from tests.distribution import games
from tests.twins import twins

pytestmark = pytest.mark.thorough

ONE = strategies.get("none")


@keras.saving.register_keras_serializable("tests.validation")
def flat(images):
    return tf.reshape(images, [-1, 16])


@keras.saving.register_keras_serializable("tests.validation")
def first_row(images):
    return 5 * images[:, 0, :, 0]


def metrics():
    return [FrechetDistance(16, flat), InceptionScore(4, first_row)]


def expected_distance(gan, images, batch_size, labels=None):
    """The distance of the images from those of the latents that `evaluate` draws, by `predict`."""
    latents = np.concatenate(
        [
            tf.random.stateless_normal(
                [min(batch_size, len(images) - start), gan.latent_dim], [~gan.seed, start], alg="philox"
            )
            for start in range(0, len(images), batch_size)
        ]
    )
    row = latents if labels is None else [latents, labels]
    sides = pixels.to_float(images).numpy(), gan.predict(row, verbose=0)
    return frechet_distance(*(gaussian_statistics(side.reshape(-1, 16)) for side in sides))


@pytest.mark.parametrize("conditional", [False, True])
@twins("ema_decay", [0.5, 0.0])
def test_validation_in_fit_logs_the_distance_of_the_averaged_generator(
    conditional, ema_decay, make_gan, uint8_images, labels
):
    gan = make_gan(conditional, ema_decay, seed=3, metrics=metrics(), run_eagerly=True)
    labels = labels if conditional else None
    history = gan.fit(
        uint8_images,
        labels,
        batch_size=24,
        epochs=2,
        verbose=0,
        validation_data=(uint8_images[:20], labels[:20]) if conditional else (uint8_images[:20], None),
        validation_batch_size=8,
    ).history
    expected = expected_distance(gan, uint8_images[:20], 8, labels[:20] if conditional else None)
    assert history["val_frechet_distance"][-1] == pytest.approx(expected, rel=1e-5)
    assert history["val_frechet_distance"][0] != history["val_frechet_distance"][1]
    assert np.isfinite(history["val_inception_score"]).all()
    assert {"frechet_distance", "inception_score"} & history.keys() == set()
    assert len(gan.trackers) == len({name for name in history if not name.startswith("val_")})


def test_every_evaluation_begins_anew_and_gives_the_same(make_gan, uint8_images):
    gan = make_gan(metrics=metrics())
    arguments = dict(x=uint8_images, batch_size=10, verbose=0)
    first, again = (gan.evaluate(**arguments, return_dict=True) for _ in range(2))
    assert first == again
    in_order = gan.evaluate(**arguments)
    names = ["d_loss", "g_loss", "divergence_bound", "real_score", "fake_score", "frechet_distance", "inception_score"]
    assert in_order == [first[name] for name in names]


@twins("arguments", [{}, {"steps_per_execution": 3}, {"run_eagerly": True}])
def test_training_is_the_same_bit_for_bit(arguments, make_gan, reused_gan, weights_of, dataset, uint8_images):
    with_metrics, without = make_gan(metrics=metrics(), **arguments), reused_gan(**arguments)
    histories = [
        gan.fit(dataset, epochs=2, verbose=0, validation_data=(uint8_images, None)).history
        for gan in (with_metrics, without)
    ]
    np.testing.assert_array_equal(weights_of(with_metrics), weights_of(without))
    added = {"val_frechet_distance", "val_inception_score"}
    assert {name: histories[0][name] for name in histories[1]} == histories[1]
    assert histories[0].keys() - histories[1].keys() == added


@pytest.mark.slow
@pytest.mark.parametrize("trained", [False, True])
def test_two_replicas_measure_what_one_device_does(trained, two):
    values = []
    for strategy in (ONE, two):
        with strategy.scope():
            found = metrics()
        gan = games.make(strategy)
        optimizers = gan.generator_optimizer, gan.discriminator_optimizer
        with strategy.scope():
            gan.compile(*optimizers, metrics=found)
        data = dict(x=games.IMAGES, y=games.LABELS, batch_size=games.BATCH, verbose=0)
        values.append([])
        if trained:
            validation = games.IMAGES[:10], games.LABELS[:10]
            history = gan.fit(epochs=2, shuffle=False, validation_data=validation, **data).history
            values[-1] += [*history["val_frechet_distance"], *history["val_inception_score"]]
        evaluated = gan.evaluate(return_dict=True, **data)
        values[-1] += [evaluated["frechet_distance"], evaluated["inception_score"]]
    expected = expected_distance(gan, games.IMAGES, games.BATCH, games.LABELS)
    assert values[1] == pytest.approx(values[0], rel=1e-4)
    assert values[1][-2] == pytest.approx(expected, rel=1e-5)


def test_stock_callbacks_see_the_values(make_gan, dataset, uint8_images):
    gan = make_gan(metrics=metrics(), run_eagerly=True)
    stop = keras.callbacks.EarlyStopping("val_frechet_distance", mode="max", min_delta=1e9, patience=1)
    settings = dict(epochs=5, steps_per_epoch=1, validation_data=(uint8_images, None), verbose=0)
    history = gan.fit(dataset, callbacks=[stop], **settings).history
    assert len(history["val_frechet_distance"]) == 2


def test_keras_s_own_metrics_compare_images_too(make_gan, uint8_images):
    gan = make_gan(metrics=[keras.metrics.MeanSquaredError(name="mse")])
    found = gan.evaluate(uint8_images, batch_size=24, verbose=0, return_dict=True)["mse"]
    latents = tf.random.stateless_normal([24, LATENT_DIM], [~0, 0], alg="philox")
    error = pixels.to_float(uint8_images) - gan.predict(latents, verbose=0)
    assert found == pytest.approx(np.mean(error**2), rel=1e-5)


# Files


def test_a_file_holds_the_metrics_but_not_what_they_have_seen(make_gan, uint8_images, tmp_path):
    reference = gaussian_statistics(pixels.to_float(uint8_images).numpy().reshape(-1, 16))
    gan = make_gan(metrics=[FrechetDistance(16, flat, reference, name="fd"), *metrics()], run_eagerly=True)
    scores = gan.evaluate(uint8_images, verbose=0, return_dict=True)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.get_compile_config() == gan.get_compile_config()
    assert loaded.evaluate(uint8_images, verbose=0, return_dict=True) == pytest.approx(scores, rel=1e-6)
    make_gan().save(tmp_path / "plain.keras")
    sizes = [
        zipfile.ZipFile(tmp_path / f"{name}.keras").getinfo("model.weights.h5").file_size for name in ("gan", "plain")
    ]
    assert sizes[0] == sizes[1]


def test_a_metric_that_cannot_be_saved_is_left_out_with_a_warning(make_gan, uint8_images, weights_of, tmp_path):
    network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    unsaved = FrechetDistance(3, network, name="fd_network")
    gan = make_gan(metrics=[unsaved, *metrics()], run_eagerly=True)
    gan.fit(uint8_images, batch_size=24, verbose=0)
    with pytest.warns(UserWarning, match="'fd_network' is not saved with the GAN.*compile.*network's weights"):
        gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert [metric.name for metric in loaded.validation.metrics] == ["frechet_distance", "inception_score"]
    before = weights_of(loaded)
    loaded.compile(loaded.generator_optimizer, loaded.discriminator_optimizer, metrics=[unsaved])
    np.testing.assert_array_equal(weights_of(loaded), before)  # the optimizers' too
    expected = gan.evaluate(uint8_images, verbose=0, return_dict=True)["fd_network"]
    found = loaded.evaluate(uint8_images, verbose=0, return_dict=True)["fd_network"]
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_file_from_before_there_were_metrics_loads(make_gan):
    gan, old = make_gan(), make_gan()
    config = gan.get_compile_config()
    del config["metrics"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        old.compile_from_config(config)
    assert old.validation.metrics == []


# Wrong input


@pytest.mark.parametrize(
    "given, error, message",
    [
        ([frechet_distance], TypeError, "keras.metrics.Metrics.*Received: <function frechet_distance"),
        (["mse"], TypeError, "Received: 'mse'"),
        ([FrechetDistance(2), FrechetDistance(3)], ValueError, "a unique name.*frechet_distance"),
        ([keras.metrics.MeanSquaredError(name="d_loss")], ValueError, "a unique name.*d_loss"),
    ],
)
def test_what_is_no_metric_of_its_own_name_is_refused(given, error, message, make_gan):
    with pytest.raises(error, match=message):
        make_gan(metrics=given)


def test_metrics_made_outside_of_the_scope_are_refused(two):
    gan = games.make(two)
    with pytest.raises(ValueError, match="strategy.scope.*'frechet_distance' of another scope"):
        gan.compile(gan.generator_optimizer, gan.discriminator_optimizer, metrics=metrics())


def test_evaluation_of_a_gan_that_is_not_compiled_says_so(make_gan, uint8_images):
    gan = make_gan()
    bare = type(gan)(gan.generator, gan.discriminator)
    with pytest.raises(ValueError, match="compile"):
        bare.evaluate(uint8_images, verbose=0)
