"""What a published version holds and answers."""

import io
import os

import tfgan_kit as gk
from tfgan_kit.export import ExportProfile, read_lineage
from tfgan_kit.export import contract as names
from tfgan_kit.export.publish import publish, unpublished, versions
from tfgan_kit.generation.generative_model import GenerativeModel

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import prediction_log_pb2

ONE_SIGNATURE = ExportProfile(signatures=(names.SERVING_DEFAULT,))  # where all of them show the same
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="module")
def signatures(published):
    loaded = tf.saved_model.load(str(published))
    yield loaded.signatures


def ask(signatures, name, **inputs):
    ((_, answer),) = signatures[name](**{k: tf.constant(v) for k, v in inputs.items()}).items()
    return answer.numpy()


@pytest.mark.thorough
def test_the_version_has_the_signatures_of_the_contract(signatures):
    expected = {names.SERVING_DEFAULT, names.GENERATE, names.FROM_LATENT}
    expected |= {name + names.PNG_SUFFIX for name in expected} | {names.DISCRIMINATE}
    assert set(signatures) == expected


@pytest.mark.thorough
def test_signature_json_is_what_the_command_prints(signatures):
    with open(os.path.join(ROOT, "export", "signature.json")) as file:
        assert file.read() == names.contract_text()  # --print_contract


@pytest.mark.thorough
def test_the_offered_names_are_those_of_the_graph(signatures):
    assert names.offered(3, (names.SCORE,)) == tuple(sorted(signatures, key=names.offered(3, (names.SCORE,)).index))


@pytest.mark.thorough
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_the_default_answer_equals_generate_byte_for_byte(signatures, conditional_gan, count):
    seeds = gk.image_seeds(5, count)
    np.testing.assert_array_equal(
        ask(signatures, names.SERVING_DEFAULT, seed=seeds), conditional_gan.generate(seeds=seeds)
    )


@pytest.mark.thorough
def test_a_given_label_replaces_the_drawn_one(signatures, conditional_gan):
    seeds, labels = gk.image_seeds(5, 6), np.array([0, 1, 2, 0, 1, 2], np.int32)
    np.testing.assert_array_equal(
        ask(signatures, names.GENERATE, seed=seeds, label=labels), conditional_gan.generate(seeds=seeds, labels=labels)
    )


@pytest.mark.thorough
def test_pictures_decode_to_the_images(signatures):
    seeds = gk.image_seeds(1, 3)
    pictures = ask(signatures, names.SERVING_DEFAULT + names.PNG_SUFFIX, seed=seeds)
    decoded = np.stack([np.asarray(Image.open(io.BytesIO(png))) for png in pictures])
    np.testing.assert_array_equal(decoded, ask(signatures, names.SERVING_DEFAULT, seed=seeds)[..., 0])


@pytest.mark.thorough
def test_scores_are_the_discriminators_logits(signatures, conditional_gan):
    images = conditional_gan.generate(4, seed=1, labels=[0, 1, 2, 0])
    labels = np.array([0, 1, 2, 0], np.int32)
    pixels = tf.constant(images / 127.5 - 1.0, tf.float32)
    logits = conditional_gan.discriminator([pixels, tf.constant(labels)])
    np.testing.assert_allclose(
        ask(signatures, names.DISCRIMINATE, images=images, label=labels), logits[:, 0], atol=1e-5
    )


@pytest.mark.thorough
@pytest.mark.parametrize("size", [2, 3, 7, 16, 33])
def test_a_rows_answer_does_not_depend_on_its_batch(signatures, size):
    seeds = gk.image_seeds(9, size)
    batch = ask(signatures, names.SERVING_DEFAULT, seed=seeds)
    alone = np.concatenate([ask(signatures, names.SERVING_DEFAULT, seed=seeds[k : k + 1]) for k in range(size)])
    assert np.abs(batch.astype(int) - alone.astype(int)).max() <= 1


@pytest.mark.thorough
def test_weights_are_stored_once(published, conditional_gan):
    stored = sum(f.stat().st_size for f in (published / "variables").iterdir())
    networks = (conditional_gan.ema_generator, conditional_gan.discriminator)
    needed = 4 * sum(np.size(w) for n in networks for w in n.get_weights())
    assert stored < 1.1 * needed + 20_000  # the index of variables


@pytest.mark.thorough
def test_the_warmup_file_asks_every_signature_for_what_it_takes(published, signatures):
    path = published / names.EXTRA_ASSETS / names.WARMUP_FILE
    asked = set()
    for record in tf.data.TFRecordDataset(str(path)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        signatures[request.model_spec.signature_name](**{k: tf.constant(v) for k, v in inputs.items()})
        asked.add(request.model_spec.signature_name)
    assert asked == set(signatures)


@pytest.mark.thorough
def test_the_lineage_states_what_was_given_and_certifies_every_signature(published, signatures):
    lineage = read_lineage(published)
    assert lineage["lineage"] == {"step": 7}
    assert lineage["model"]["image_shape"] == [14, 14, 1]
    assert set(lineage["certificate"]) == set(signatures)
    assert all(row["reloaded_max_difference"] <= 1 for row in lineage["certificate"].values())


@pytest.mark.thorough
def test_the_next_export_is_the_next_version(conditional_gan, tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "notes").mkdir()
    assert gk.export_generator(conditional_gan, tmp_path, profile=ONE_SIGNATURE).name == "8"
    assert versions(tmp_path) == [7, 8]


@pytest.mark.thorough
def test_no_half_written_version_is_left_when_a_check_fails(conditional_gan, tmp_path, monkeypatch):
    def fail(*_):
        raise ValueError("on purpose")

    monkeypatch.setattr("tfgan_kit.export.exporter.certify", fail)
    with pytest.raises(ValueError, match="on purpose"):
        gk.export_generator(conditional_gan, tmp_path, profile=ONE_SIGNATURE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_a_plain_keras_generator_is_exported_with_its_own_range(plain_generator, tmp_path):
    version = gk.export_generator(plain_generator, tmp_path, output_range=(0.0, 1.0))
    signatures = tf.saved_model.load(str(version)).signatures
    latents = np.random.default_rng(0).standard_normal((6, 5)).astype("float32")
    expected = np.round(plain_generator(latents).numpy() * 255.0)
    answer = ask(signatures, names.FROM_LATENT, latents=latents)
    assert np.abs(answer - expected).max() <= 1
    assert names.GENERATE not in signatures


@pytest.mark.thorough
def test_a_sigmoid_taken_for_tanh_is_said(plain_generator, tmp_path):
    with pytest.warns(UserWarning, match="output_range 0,1"):
        gk.export_generator(plain_generator, tmp_path, profile=ONE_SIGNATURE)


@pytest.mark.thorough
def test_uint8_output_is_exported_as_it_is(tmp_path):
    class Levels(keras.layers.Layer):
        def call(self, x):
            return tf.cast(255.0 * tf.sigmoid(x), tf.uint8)

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, "uint8")

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1)), Levels()])
    version = gk.export_generator(model, tmp_path, output_range=(0, 255))
    latents = np.ones((2, 2), "float32")
    np.testing.assert_array_equal(
        ask(tf.saved_model.load(str(version)).signatures, names.FROM_LATENT, latents=latents), model(latents)
    )


@pytest.mark.thorough
@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_is_refused_with_the_range(signatures, label):
    with pytest.raises(tf.errors.InvalidArgumentError, match="label must be from 0 to 2"):
        ask(signatures, names.GENERATE, seed=np.array([1]), label=np.array([label], np.int32))


def image_model(*layers):
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape((4, 4, 1)), *layers]
    )


class CenteredOverBatch(keras.layers.Layer):
    def call(self, x):
        return tf.tanh(x - tf.reduce_mean(x, axis=0, keepdims=True))


@pytest.mark.thorough
def test_a_model_whose_rows_depend_on_their_batch_is_not_published(tmp_path):
    with pytest.raises(ValueError, match="depends on its batch"):
        gk.export_generator(image_model(CenteredOverBatch()), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_nan_weights_is_not_published(tmp_path):
    model = image_model()
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    with pytest.raises(ValueError, match="not finite"):
        gk.export_generator(model, tmp_path)


@pytest.mark.thorough
def test_a_graph_that_differs_from_the_model_is_not_published(tmp_path, monkeypatch):
    monkeypatch.setattr("tfgan_kit.generation.sample.to_uint8", lambda x: tf.cast((x + 1) * 120, tf.uint8))
    with pytest.raises(ValueError, match="does not answer as the model in memory"):
        gk.export_generator(image_model(), tmp_path)


@pytest.mark.thorough
def test_a_variable_that_keras_does_not_know_is_said(tmp_path):
    class Hidden(keras.layers.Layer):
        def build(self, _):
            object.__setattr__(self, "hidden", [tf.Variable(0.5)])

        def call(self, x):
            return x * self.hidden[0]

    with pytest.raises(ValueError, match="add_weight"):
        gk.export_generator(image_model(Hidden()), tmp_path)


def test_two_exporters_at_once_leave_each_other_alone(tmp_path):
    with unpublished(tmp_path) as one, unpublished(tmp_path) as other:
        (one / "a").touch()
        (other / "b").touch()
        assert publish(one, tmp_path).name == "1"
        assert publish(other, tmp_path).name == "2"
    assert versions(tmp_path) == [1, 2]


def test_pixels_outside_the_stated_range_are_refused(tmp_path):
    loud = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16), keras.layers.Reshape((4, 4, 1)), keras.layers.Rescaling(100.0)]
    )
    with pytest.raises(ValueError, match="outside `output_range`"):
        gk.export_generator(loud, tmp_path)


class NoisyLayer(keras.layers.Layer):
    def call(self, x):
        return x + tf.random.normal(tf.shape(x)) * 0.001


class PythonLayer(keras.layers.Layer):
    def call(self, x):
        return tf.ensure_shape(tf.py_function(lambda v: v, [x], tf.float32), [None, 4, 4, 1])


class StatelessPythonLayer(keras.layers.Layer):
    def call(self, x):
        y = tf.numpy_function(lambda v: v, [x], tf.float32, stateful=False)
        return tf.ensure_shape(y, [None, 4, 4, 1])


class FileLayer(keras.layers.Layer):
    def call(self, x):
        return x + 0.0 * tf.cast(tf.strings.length(tf.io.read_file(__file__)), tf.float32)


class CompiledLayer(keras.layers.Layer):
    def call(self, x):
        return tf.function(tf.tanh, jit_compile=True)(x)


@pytest.mark.parametrize(
    "layer, operation",
    [
        (NoisyLayer, "RandomStandardNormal"),
        (PythonLayer, "EagerPyFunc"),
        (StatelessPythonLayer, "PyFuncStateless"),
        (FileLayer, "ReadFile"),
        (CompiledLayer, "jit_compile=True"),
    ],
)
def test_what_a_server_cannot_repeat_is_refused_by_name(layer, operation, tmp_path):
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape((4, 4, 1)), layer()]
    )
    with pytest.raises(ValueError, match=operation):
        gk.export_generator(model, tmp_path, output_range=(-2.0, 2.0))
    assert versions(tmp_path) == []


@pytest.mark.parametrize(
    "model, message",
    [
        (lambda: keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)]), "makes images"),
        (lambda: gk.GAN(gk.networks.MLPGenerator(width=4), gk.networks.MLPDiscriminator(width=4)), "makes images"),
    ],
)
def test_what_makes_no_images_is_refused(model, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        gk.export_generator(model(), tmp_path)


def test_only_a_gan_has_a_discriminator_to_export(plain_generator, tmp_path):
    with pytest.raises(ValueError, match="discriminator"):
        gk.export_generator(plain_generator, tmp_path, discriminate=True)


@pytest.mark.thorough
def test_a_version_is_not_taken_for_a_model_folder(plain_generator, published):
    with pytest.raises(ValueError, match="give its parent"):
        gk.export_generator(plain_generator, published, output_range=(0.0, 1.0))


@pytest.mark.thorough
def test_a_generative_model_of_any_origin_is_exported_with_its_range(plain_generator, tmp_path):
    model = GenerativeModel.of(plain_generator, output_range=(0.0, 1.0))
    version = gk.export_generator(model, tmp_path, profile=ONE_SIGNATURE)
    assert read_lineage(version)["model"]["output_range"] == [0.0, 1.0]
    seeds = gk.image_seeds(1, 4)
    served = ask(tf.saved_model.load(str(version)).signatures, names.SERVING_DEFAULT, seed=seeds)
    assert np.abs(served.astype(int) - model.generate(seeds=seeds)).max() <= 1
