"""Each check before publishing, by a model or function that breaks exactly it."""

import tfgan_kit as gk
from tfgan_kit.export import ExportProfile
from tfgan_kit.export import contract as names
from tfgan_kit.export.graph.operations import check_operations
from tfgan_kit.export.verify.contract_checks import check_batch_rule, check_batches, check_dtypes
from tfgan_kit.export.warmup import replay, write_warmup

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

SEED = tf.TensorSpec([None], tf.int64, names.SEED)


def traced(function, *specs):
    return tf.function(function, input_signature=specs or (SEED,)).get_concrete_function()


@pytest.fixture
def signature(tmp_path):
    """`signature(function, *specs)`: the function as a signature that was saved and loaded again."""

    loaded = []

    def save(function, *specs):
        folder = str(tmp_path / "saved")
        tf.saved_model.save(tf.Module(), folder, signatures={"odd": traced(function, *specs)})
        loaded.append(tf.saved_model.load(folder))
        return loaded[-1].signatures["odd"]

    return save


def image_model(*layers):
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape((4, 4, 1)), *layers]
    )


def test_a_signature_that_meets_the_contract_passes_all_checks(signature):
    good = signature(lambda seed: {"images": tf.cast(seed[:, None] + tf.range(4, dtype=tf.int64), tf.uint8)})
    check_batch_rule("good", good)
    check_dtypes("good", good)
    check_operations("good", good)
    check_batches("good", good, None)


@pytest.mark.parametrize(
    "function, specs, kind",
    [
        (lambda seed: {"y": tf.fill([2], seed)}, [tf.TensorSpec([], tf.int64, "seed")], "input 'seed'"),
        (lambda seed: {"y": seed}, [tf.TensorSpec([8], tf.int64, "seed")], "input 'seed'"),
        (lambda seed: {"y": seed, "loss": tf.reduce_sum(seed)}, [], "output 'loss'"),
        (lambda seed: {"y": seed, "classes": tf.constant([1, 2])}, [], "output 'classes'"),
    ],
)
def test_a_tensor_without_an_open_0th_dimension_breaks_the_batch_rule(signature, function, specs, kind):
    with pytest.raises(ValueError, match=f"0th dimension.*Received: {kind}"):
        check_batch_rule("odd", signature(function, *specs))


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_floats_are_refused(signature, dtype):
    with pytest.raises(ValueError, match=f"half-precision floats.*{dtype.name}"):
        check_dtypes("half", signature(lambda seed: {"images": tf.cast(seed, dtype)}))


@pytest.mark.parametrize(
    "function, message",
    [
        (lambda seed: {"y": seed + [1, 2]}, "(?s)fixed number of rows.*batch size 5"),
        (lambda seed: {"y": tf.boolean_mask(seed, seed > 1)}, "one row per input row.*for 2 rows"),
        (lambda seed: {"y": seed - tf.reduce_max(seed)}, "depends on its batch"),
        (lambda seed: {"y": tf.cast(seed, tf.float32) * np.nan}, "depends on its batch"),
        (lambda seed: {"png_bytes": tf.strings.as_string(seed)}, r"a picture.*'png_bytes'"),
        (lambda seed: {"name": tf.fill(tf.shape(seed), b"\xff\xfe")}, "UTF-8 text.*'name'"),
    ],
)
def test_what_two_batches_show_is_refused(signature, function, message):
    with pytest.raises(ValueError, match=message):
        check_batches("odd", signature(function), None)


def test_text_outputs_are_allowed(signature):
    check_batches("name", signature(lambda seed: {"name": tf.strings.as_string(seed)}), None)


@pytest.mark.parametrize(
    "function, operation",
    [
        (lambda seed: {"y": tf.random.uniform(tf.shape(seed))}, "RandomUniform"),
        (lambda seed: {"y": tf.numpy_function(lambda v: v, [seed], tf.int64)}, "PyFunc"),
        (lambda seed: {"y": tf.function(lambda v: v + 1, jit_compile=True)(seed)}, "jit_compile=True"),
        (lambda seed: {"y": tf.strings.length(tf.io.read_file("/etc/hosts")) + tf.cast(seed, tf.int32)}, "ReadFile"),
        (lambda seed: {"y": tf.map_fn(lambda s: s + tf.random.uniform([], 0, 2, tf.int64), seed)}, "RandomUniformInt"),
    ],
)
def test_only_known_operations_pass_however_deep(function, operation):
    with pytest.raises(ValueError, match=rf"{operation}\b.* in signature 'odd'"):
        check_operations("odd", traced(function))


def test_reading_a_weight_is_allowed():
    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.scale = tf.Variable(2, dtype=tf.int64)
            self.function = tf.function(lambda seed: {"y": self.scale * seed}, input_signature=[SEED])

    model = Model()
    check_operations("scaled", model.function.get_concrete_function())


class FixedRows(keras.layers.Layer):
    def call(self, x):
        return tf.reshape(x, [4, 4, 4, 1])


class HeavyLayer(keras.layers.Layer):
    """2 MB that Keras does not know of, and the graph would hold as a constant."""

    def call(self, x):
        noise = tf.constant(np.random.default_rng(0).random(500_000, np.float32))
        return x + 0.0 * tf.reduce_sum(noise)


@pytest.mark.thorough
@pytest.mark.parametrize("layer, message", [(FixedRows, "every batch size"), (HeavyLayer, "large constant")])
def test_a_model_that_breaks_one_rule_is_not_published(layer, message, tmp_path):
    profile = ExportProfile(signatures=(names.SERVING_DEFAULT,), optimized=False)  # it would make them variables
    with pytest.raises(ValueError, match=message):
        gk.export_generator(image_model(layer()), tmp_path, profile=profile)
    assert list(tmp_path.iterdir()) == []


def test_a_warmup_request_that_fails_is_said(signature, tmp_path):
    good = signature(lambda seed: {"y": seed})
    write_warmup(tmp_path, {"serving_default": good}, None, 4)
    assert [len(inputs["seed"]) for _, inputs, _ in replay(tmp_path, {"serving_default": good})] == [1, 2, 4]
    picky = signature(lambda seed: {"y": tf.ensure_shape(seed, [1])})
    with pytest.raises(ValueError, match=r"(?s)warmup request fails.*'serving_default' with .*\(2,\)"):
        replay(tmp_path, {"serving_default": picky})


@pytest.mark.parametrize("signature_name, dtype", [("nope", np.int64), ("serving_default", np.float32)])
def test_a_warmup_request_of_another_signature_or_dtype_is_said(signature, signature_name, dtype, tmp_path):
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature_name
    request.inputs["seed"].CopyFrom(tf.make_tensor_proto(np.ones(1, dtype)))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    (tmp_path / names.EXTRA_ASSETS).mkdir()
    with tf.io.TFRecordWriter(str(tmp_path / names.EXTRA_ASSETS / names.WARMUP_FILE)) as writer:
        writer.write(log.SerializeToString())
    with pytest.raises(ValueError, match="warmup request fails"):
        replay(tmp_path, {"serving_default": signature(lambda seed: {"y": seed})})


def test_a_warmup_file_that_is_none_is_said(tmp_path):
    (tmp_path / names.EXTRA_ASSETS).mkdir()
    (tmp_path / names.EXTRA_ASSETS / names.WARMUP_FILE).write_text("not a TFRecord")
    with pytest.raises(ValueError, match="cannot be read"):
        replay(tmp_path, {})


def test_large_inputs_do_not_make_the_warmup_file_large(signature, tmp_path):
    images = tf.TensorSpec([None, 512, 512, 3], tf.uint8, names.IMAGES)
    score = signature(lambda images: {"score": tf.reduce_mean(tf.cast(images, tf.float32), [1, 2, 3])}, images)
    write_warmup(tmp_path, {"discriminate": score}, None, 32)
    assert (tmp_path / names.EXTRA_ASSETS / names.WARMUP_FILE).stat().st_size < 2**20
