from tfgan_kit import pixels
from tfgan_kit.metrics import FeatureExtractor, differences, feature_extractor
from tfgan_kit.metrics.features.extractor import hash_of_weights

import keras
import numpy as np
import pytest
import tensorflow as tf


def _images(count=10, shape=(8, 8, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def _network(shape=(8, 8, 3), seed=0):
    """An unpadded convolution, pooled: 5 features, and 4 logits of them."""
    images = keras.Input(shape)
    features = keras.layers.Conv2D(5, 3, kernel_initializer=keras.initializers.RandomNormal(seed=seed))(images)
    features = keras.layers.GlobalAveragePooling2D()(features)
    logits = keras.layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(seed=seed))(features)
    return keras.Model(images, [features, logits])


def _features_only(shape=(8, 8, 3)):
    network = _network(shape)
    return keras.Model(network.inputs, network.outputs[0])


def test_features_are_the_networks_of_images_in_minus_one_to_one():
    network, images = _network(), _images()
    features, logits = feature_extractor(network)(images)
    expected, expected_logits = network(pixels.to_float(images))
    np.testing.assert_allclose(features, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits, expected_logits, rtol=1e-5, atol=1e-6)


def test_classes_are_the_likeliest_and_absent_without_logits():
    answers = feature_extractor(_network())(_images())
    np.testing.assert_array_equal(answers.classes, np.argmax(answers.logits, axis=1))
    assert feature_extractor(_features_only())(_images()).classes is None


@pytest.mark.parametrize("batch", [1, 3, 10])
def test_neither_batch_nor_neighbours_change_a_row(batch):
    extractor, images = feature_extractor(_network()), _images()
    parts = [extractor(images[start : start + batch]).features for start in range(0, 10, batch)]
    np.testing.assert_array_equal(np.concatenate(parts), extractor(images).features)


def test_a_batch_normalization_is_run_at_inference():
    images = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(images)
    network = keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))
    expected = network(pixels.to_float(_images()), training=False)
    np.testing.assert_allclose(feature_extractor(network)(_images()).features, expected, rtol=1e-5, atol=1e-6)


def test_images_of_another_size_or_colour_fit_the_network_and_the_protocol_says_how():
    extractor = feature_extractor(_features_only())
    grey = _images(shape=(20, 20, 1))
    resized = tf.image.resize(np.repeat(grey, 3, axis=-1), (8, 8), antialias=True)
    expected = extractor.network(pixels.to_float(resized))
    np.testing.assert_allclose(extractor(grey).features, expected, rtol=1e-5, atol=1e-6)
    assert extractor.protocol()["resizer"] == "bilinear_antialiased_8x8"


def test_a_keras_file_and_a_saved_model_answer_as_the_model_does(tmp_path):
    network, images = _features_only(), _images()
    network.save(tmp_path / "own.keras")
    network.export(tmp_path / "exported", verbose=False)
    expected = feature_extractor(network)(images).features
    for path in (tmp_path / "own.keras", str(tmp_path / "exported")):
        extractor = feature_extractor(path)
        np.testing.assert_allclose(extractor(images).features, expected, rtol=1e-5, atol=1e-6)
        assert extractor.name == ("own" if path == tmp_path / "own.keras" else "exported")
        assert len(extractor.weights_hash) == 16


def test_a_saved_model_of_bytes_is_given_bytes(tmp_path):
    module = tf.Module()
    specification = tf.TensorSpec((None, 8, 8, 3), tf.uint8, name="pictures")
    mean = tf.function(
        lambda pictures: {"mean": tf.reduce_mean(tf.cast(pictures, tf.float32), axis=(1, 2))},
        input_signature=[specification],
    )
    tf.saved_model.save(module, str(tmp_path / "bytes"), signatures={"serving_default": mean})
    features = feature_extractor(tmp_path / "bytes")(_images()).features
    np.testing.assert_allclose(features, _images().mean(axis=(1, 2)), rtol=1e-5)


def test_a_callable_is_given_arrays_and_has_its_own_name():
    def Mean_Colour(images):
        assert isinstance(images, np.ndarray)
        return images.mean(axis=(1, 2))

    extractor = feature_extractor(Mean_Colour)
    np.testing.assert_allclose(extractor(_images()).features, _images().mean(axis=(1, 2)), rtol=1e-6)
    assert (extractor.name, extractor.weights_hash) == ("mean_colour", None)


def _pooled(pooling):
    images = keras.Input((8, 8, 3))
    return keras.Model(images, pooling()(keras.layers.Conv2D(5, 3, kernel_initializer="ones")(images)))


def test_another_weight_or_another_architecture_is_another_hash():
    hashes = {feature_extractor(_network(seed=seed)).weights_hash for seed in (0, 0, 1)}
    assert len(hashes) == 2
    pools = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
    assert len({feature_extractor(_pooled(pooling)).weights_hash for pooling in (*pools, *pools)}) == 2


@pytest.mark.parametrize("name", ["inception", "lite0", "domain", "inception_clean"])
def test_a_network_of_ones_own_never_bears_the_name_of_ours(name, tmp_path):
    _features_only().save(tmp_path / f"{name}.keras")
    assert feature_extractor(tmp_path / f"{name}.keras").name == f"own_{name}"


def test_extractors_of_unknown_weights_are_never_alike():
    first, second = (feature_extractor(lambda images: images.mean(axis=(1, 2))).protocol() for _ in range(2))
    assert differences(first, first) == [] and differences(first, second)


@pytest.mark.parametrize(
    "images, message",
    [
        (_images()[0], "uint8"),
        (_images() / np.float32(255), r"to_uint8.*in \[0, 1\]"),
        (_images()[:0], "N >= 1"),
        (_images(shape=(8, 8, 4)), "3 channels.*of 4"),
    ],
)
def test_images_of_another_kind_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        feature_extractor(_network())(images)


@pytest.mark.parametrize(
    "network, message",
    [
        (lambda images: images.astype(np.float32), "pool over the image"),
        (lambda images: np.full((len(images), 2), np.nan), "not finite"),
        (lambda images: (images[:, 0, :, 0], np.full((len(images), 2), np.nan)), "not finite"),
        (lambda images: images.reshape(-1, 16), "a row an image"),
        (lambda images: np.zeros((3, 5)), "a row an image"),
        (lambda images: (images[:, 0, :, 0],) * 3, "3 of bad"),
        (lambda images: {"a": images[:, 0, :, 0], "b": images}, "one output that is meant.*a dict of a, b"),
        (lambda images: images[:, 0, :, 0] + 1j, "real numbers.*complex128"),
        (lambda images: images[:, 0, :, 0].astype(str), "real numbers.*U"),
    ],
)
def test_answers_that_are_no_features_are_refused(network, message):
    with pytest.raises(ValueError, match=message):
        FeatureExtractor(network, "bad", prepare=np.asarray, graph=False)(_images())


def _points_model(path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path / "points.keras")
    return path / "points.keras"


def _no_signature(path):
    tf.saved_model.save(tf.Module(), str(path / "empty"))
    return path / "empty"


def test_a_model_that_answers_a_dict_is_refused():
    network = _network()
    model = keras.Model(network.inputs, dict(zip(("features", "logits"), network.outputs, strict=True)))
    with pytest.raises(ValueError, match="a dict of features, logits"):
        feature_extractor(model, "named")(_images())


def _cut(path, length):
    _network().save(path / "whole.keras")
    (path / "cut.keras").write_bytes((path / "whole.keras").read_bytes()[:length])
    return path / "cut.keras"


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path: path / "nothing.keras", "no such file.*nothing.keras"),
        (lambda path: _cut(path, 1000), "cut.keras .*damaged"),
        (lambda path: _cut(path, 0), "cut.keras .*damaged"),
        (lambda path: _cut(path, None).rename(path / "x.zip"), "no .keras file"),
        (lambda path: path, "SavedModel"),
        (_points_model, "one batch of images"),
        (_no_signature, "serving_default"),
        (lambda path: 3, "Received: int"),
        (lambda path: "lito0", "no such extractor.*domain, inception, lite0.*extractor='lito0'"),
        (lambda path: keras.Sequential([keras.layers.Flatten()]), "is built"),
    ],
)
def test_what_is_no_extractor_is_refused_with_the_reason(make, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        feature_extractor(make(tmp_path))


@pytest.mark.parametrize("name, batch_size", [("Upper", 1), ("a b", 1), ("fine", 0)])
def test_names_and_batch_sizes_are_checked(name, batch_size):
    with pytest.raises(ValueError, match="Received"):
        FeatureExtractor(np.asarray, name, batch_size=batch_size)


class Scaled(keras.Model):
    """A model of one's own that does not say what it is made of."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, images):
        return self.factor * keras.ops.mean(images, axis=(1, 2))


def test_a_model_that_does_not_say_what_it_is_made_of_has_no_hash():
    assert hash_of_weights(Scaled(keras.ops.ones(()))) is None
    assert hash_of_weights(_network()) is not None
