"""Generators that know nothing of this package: exported right, or refused in one sentence."""

import tfgan_kit as gk
from tfgan_kit.export import ExportProfile, read_lineage
from tfgan_kit.export import contract as names
from tfgan_kit.export.verify.check import check_version
from tfgan_kit.generation.adapter import check_generator

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.twins import twins

LATENTS = np.random.default_rng(0).standard_normal((6, 4)).astype("float32")
LABELS = np.array([0, 1, 2, 2, 1, 0], np.int32)


def pixels(x, activation="tanh"):
    return keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16, activation=activation)(x))


def functional():
    latents = keras.Input((4,))
    return keras.Model(latents, pixels(latents)), LATENTS


def sequential():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1))])
    model.add(keras.layers.Activation("tanh"))
    return model, LATENTS


def as_pixels():
    latents = keras.Input((1, 1, 4))
    x = keras.layers.Conv2DTranspose(1, 4, activation="tanh")(latents)
    return keras.Model(latents, x), LATENTS[:, None, None]


def with_a_lambda():
    latents = keras.Input((4,))
    return keras.Model(latents, keras.layers.Lambda(lambda x: 0.5 * x)(pixels(latents))), LATENTS


def by_name():
    latents = keras.Input((4,), name="z")
    return keras.Model({"z": latents}, pixels(latents)), {"z": LATENTS}


class Subclassed(keras.Model):
    """Its `training` is a keyword, and has no default."""

    latent_dim = 4

    def __init__(self):
        super().__init__()
        self.dense, self.norm = keras.layers.Dense(16), keras.layers.BatchNormalization()

    def call(self, inputs, *, training):
        return tf.reshape(tf.tanh(self.norm(self.dense(inputs), training=training)), [-1, 4, 4, 1])


def subclassed():
    return Subclassed(), LATENTS


class NoTraining(keras.Model):
    latent_dim = 4

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(16)

    def call(self, inputs):
        return tf.reshape(tf.tanh(self.dense(inputs)), [-1, 4, 4, 1])


def without_training():
    return NoTraining(), LATENTS


def exported(model, folder, **arguments):
    profile = ExportProfile(signatures=(names.FROM_LATENT,))
    version = gk.export_generator(model, folder, profile=profile, **arguments)
    loaded = tf.saved_model.load(str(version))
    return version, loaded, loaded.signatures[names.FROM_LATENT]


def levels(images):
    return np.round((np.asarray(images, np.float64) + 1) * 127.5)


@pytest.mark.thorough
@twins("make", [functional, sequential, as_pixels, with_a_lambda, by_name, subclassed, without_training], quick=2)
def test_an_unconditional_generator_answers_as_it_does_itself(make, tmp_path):
    model, own_latents = make()
    _, _loaded, answer = exported(model, tmp_path)
    expected = levels(model(own_latents, training=False))
    given = answer(latents=tf.constant(LATENTS))[names.IMAGES].numpy()
    assert np.abs(given - expected).max() <= 1 and given.std() > 10


def embedded(latents, labels):
    x = keras.layers.Dense(16)(latents)
    return pixels(keras.layers.Add()([x, keras.layers.Flatten()(keras.layers.Embedding(3, 16)(labels))]))


def labels_first():
    labels, latents = keras.Input((), dtype="int32", name="labels"), keras.Input((4,))
    return keras.Model([labels, latents], embedded(latents, labels)), [LABELS, LATENTS]


def labels_as_a_column():
    latents, labels = keras.Input((4,)), keras.Input((1,), dtype="int64")
    return keras.Model([latents, labels], embedded(latents, labels)), [LATENTS, LABELS[:, None]]


def labels_as_floats():
    latents, labels = keras.Input((4,)), keras.Input((1,))
    return keras.Model([latents, labels], embedded(latents, labels)), [LATENTS, LABELS[:, None]]


def labels_one_hot():
    classes, latents = keras.Input((3,), name="class_condition"), keras.Input((4,))
    x = keras.layers.Concatenate()([classes, latents])
    return keras.Model([classes, latents], pixels(x)), [np.eye(3, dtype="float32")[LABELS], LATENTS]


def labels_by_name():
    latents, labels = keras.Input((4,), name="z"), keras.Input((), dtype="int32", name="y")
    inputs = {"y": labels, "z": latents}
    return keras.Model(inputs, embedded(latents, labels)), {"y": LABELS, "z": LATENTS}


class TwoArguments(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense, self.embedding = keras.layers.Dense(16), keras.layers.Embedding(3, 16)

    def call(self, labels, noise):
        return tf.reshape(tf.tanh(self.dense(noise) + self.embedding(labels)), [-1, 4, 4, 1])


def two_arguments():
    return TwoArguments(), (LABELS, LATENTS)


@pytest.mark.thorough
@twins(
    "make", [labels_first, labels_as_a_column, labels_as_floats, labels_one_hot, labels_by_name, two_arguments], quick=2
)
def test_a_conditional_generator_answers_as_it_does_itself(make, tmp_path):
    model, own = make()
    version, _loaded, answer = exported(model, tmp_path, latent_dim=4, num_classes=3)
    expected = levels(model(*own) if isinstance(own, tuple) else model(own, training=False))
    given = answer(latents=tf.constant(LATENTS), label=tf.constant(LABELS))[names.IMAGES].numpy()
    assert np.abs(given - expected).max() <= 1 and given.std() > 10
    assert read_lineage(version)["model"]["num_classes"] == 3


def test_a_one_hot_input_tells_the_number_of_classes():
    _, _, num_classes, _ = check_generator(labels_one_hot()[0], None, None, (-1.0, 1.0))
    assert num_classes == 3


def test_a_generator_in_our_order_is_exported_as_it_is():
    model, _ = functional()
    assert check_generator(model, None, None, (-1.0, 1.0))[0] is model


def two_outputs():
    latents = keras.Input((4,))
    return keras.Model(latents, [pixels(latents), latents])


def channels_first():
    latents = keras.Input((4,))
    return keras.Model(latents, keras.layers.Reshape((1, 4, 4))(pixels(latents)))


def image_to_image():
    images = keras.Input((8, 8, 3))
    return keras.Model(images, images)


def three_inputs():
    inputs = [keras.Input((4,)) for _ in range(3)]
    return keras.Model(inputs, pixels(keras.layers.Add()(inputs)))


def two_noises():
    inputs = [keras.Input((4,)), keras.Input((4,))]
    return keras.Model(inputs, pixels(keras.layers.Add()(inputs)))


@pytest.mark.parametrize(
    "make, message",
    [
        (two_outputs, "one output.*Received: 2 outputs"),
        (channels_first, r"Permute\(\(2, 3, 1\)\)"),
        (image_to_image, "This generator translates images"),
        (three_inputs, "takes latents, or latents and labels"),
        (two_noises, "takes latents, or latents and labels"),
        (lambda: labels_first()[0], "give `num_classes`"),
        (lambda: TwoArguments(), "two arguments"),
    ],
)
def test_what_is_no_generator_is_refused_in_one_sentence(make, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        gk.export_generator(make(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_class_more_than_the_model_knows_is_refused(tmp_path):
    latents, label = keras.Input((4,)), keras.Input((), dtype="int32")
    merged = keras.layers.Concatenate()([latents, keras.layers.Embedding(5, 2)(label)])
    with pytest.raises(ValueError, match=r"(?s)labels \(N,\) from 0 to 8;.*8 is not in \[0, 5\)"):
        gk.export_generator(keras.Model([latents, label], pixels(merged)), tmp_path, num_classes=9)


@pytest.mark.thorough
@pytest.mark.parametrize("optimized", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_weights_of_8_bits_are_served_though_their_gradients_cannot_be_saved(tmp_path, optimized):
    latents = keras.Input((4,))
    model = keras.Model(latents, pixels(latents))
    next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense)).quantize("int8")
    profile = ExportProfile(signatures=(names.FROM_LATENT,), optimized=optimized)
    loaded = check_version(gk.export_generator(model, tmp_path, profile=profile)).loaded
    answer = loaded.signatures[names.FROM_LATENT](latents=tf.constant(LATENTS))
    np.testing.assert_allclose(answer[names.IMAGES], levels(model(LATENTS)), atol=1)


def test_a_function_is_no_model(tmp_path):
    with pytest.raises(TypeError, match="Received: generator of type function"):
        gk.export_generator(lambda latents: latents, tmp_path)


@pytest.mark.thorough
def test_a_sequential_model_that_was_built_by_one_row_takes_any_number(tmp_path):
    model = keras.Sequential([keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape((4, 4, 1))])
    model(LATENTS[:1])
    _, _loaded, answer = exported(model, tmp_path)
    np.testing.assert_allclose(answer(latents=tf.constant(LATENTS))[names.IMAGES], levels(model(LATENTS)), atol=1)


@pytest.mark.parametrize(
    "output_range",
    [(1.0, -1.0), (0.0, 0.0), (-1.0, float("inf")), (float("-inf"), 1.0), (float("nan"), 1.0), (-1.7e308, 1.7e308)],
    ids=str,
)
def test_a_range_that_maps_no_pixel_is_refused(output_range):
    with pytest.raises(ValueError, match="finite numbers with low < high. Received: output_range="):
        check_generator(sequential()[0], None, None, output_range)


@pytest.mark.thorough
def test_a_grouped_convolution_is_exported_optimised_and_else_named(tmp_path):
    """Keras compiles it, and TensorFlow Serving runs nothing compiled."""
    latents = keras.Input((4,))
    x = keras.layers.Reshape((4, 4, 4))(keras.layers.Dense(64)(latents))
    model = keras.Model(latents, pixels(keras.layers.Flatten()(keras.layers.Conv2D(4, 3, groups=2)(x))))
    exported(model, tmp_path)
    with pytest.raises(ValueError, match="grouped convolutions .*with optimisation.*Received: jit_compile"):
        gk.export_generator(model, tmp_path, profile=ExportProfile(optimized=False))
