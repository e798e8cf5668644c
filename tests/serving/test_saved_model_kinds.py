"""SavedModels of every kind, from every writer, answer as when they are called in process."""

import contextlib

from tfgan_kit.serving import BatchingParameters
from tfgan_kit.serving.models.saved_model import SavedModel
from tfgan_kit.serving.protocol.errors import RequestError

import grpc
import keras
import numpy as np
import pytest
import tensorflow as tf

BATCHING = [None, BatchingParameters(max_batch_size=8)]
ROWS = np.float32([[1, 2], [3, 4], [5, 6]])


@pytest.fixture
def served(tmp_path):
    """`served(write, batching, signature)`: what `write(path)` wrote, loaded, as a function of arrays."""
    with contextlib.ExitStack() as stack:

        def load(write, batching, signature="serving_default", tags=("serve",)):
            write(str(tmp_path / "1"))
            model = SavedModel(tmp_path / "1", batching, tags)
            stack.callback(model.close)
            run = model.signature(signature).run
            return lambda **inputs: run({name: tf.make_tensor_proto(value) for name, value in inputs.items()})

        yield load


@pytest.fixture
def network():
    return keras.Sequential(
        [keras.layers.Input([2], name="z"), keras.layers.Dense(3), keras.layers.BatchNormalization()]
    )


def test_a_keras_export(served, network):
    run = served(lambda path: network.export(path, verbose=False), BATCHING[1])
    np.testing.assert_allclose(run(z=ROWS)["output_0"], network.predict(ROWS, verbose=0), rtol=1e-6)


def test_an_export_archive(served, network):
    def write(path):
        archive = keras.export.ExportArchive()
        archive.track(network)
        specs = [tf.TensorSpec([None, 2], tf.float32, "latents")]
        archive.add_endpoint("twice", lambda latents: {"images": 2 * network(latents)}, specs)
        archive.write_out(path, verbose=False)

    run = served(write, None, "twice")
    expected = 2 * network.predict(ROWS, verbose=0)
    np.testing.assert_allclose(run(latents=ROWS)["images"], expected, rtol=1e-6)


class Vocabulary(tf.Module):
    """A word to its line in a file, -1 if it has none: an asset, and a table with an initialiser."""

    def __init__(self, path):
        super().__init__()
        self.asset = tf.saved_model.Asset(str(path))
        index = tf.lookup.TextFileIndex
        words = tf.lookup.TextFileInitializer(self.asset, tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER)
        self.table = tf.lookup.StaticHashTable(words, -1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "word")])
    def serving_default(self, word):
        return {"line": self.table.lookup(word)}


@pytest.mark.parametrize("batching", BATCHING)
def test_a_table_that_is_filled_from_an_asset(served, tmp_path, batching):
    words = tmp_path / "words.txt"
    words.write_text("zero\none\ntwo\n")
    run = served(lambda path: _save(Vocabulary(words), path), batching)
    words.unlink()  # the version has its own
    assert run(word=np.array([b"two", b"nine", b"zero"]))["line"].tolist() == [2, -1, 0]


def _save(module, path):
    tf.saved_model.save(module, path, signatures={"serving_default": module.serving_default})


class Scalar(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string, "text")])
    def serving_default(self, text):
        return {"text": tf.identity(text), "length": tf.strings.length(text)}


def test_a_scalar_stays_a_scalar(served):
    answer = served(lambda path: _save(Scalar(), path), None)(text=np.array(b"\x00ab\x00", object))
    assert {name: (value.shape, value.dtype) for name, value in answer.items()} == {
        "text": ((), np.dtype(object)), "length": ((), np.dtype(np.int32)),
    }  # fmt: skip
    assert answer["text"].item() == b"\x00ab\x00" and answer["length"] == 4


def _save_first_generation(path):
    """As TensorFlow 1 wrote it: no function, an initialiser in the `legacy_init_op`'s place."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 2], "x")
        weight = v1.get_variable("w", initializer=3.0, use_resource=True)
        offset = v1.get_variable("b", initializer=0.0, use_resource=True, collections=[v1.GraphKeys.LOCAL_VARIABLES])
        y = tf.identity(weight * x + offset, "y")
        session.run([weight.initializer, offset.initializer])
        builder = v1.saved_model.Builder(path)
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(
            session, ["serve", "small"], {"serving_default": signature},
            main_op=offset.assign(0.5).op,
        )  # fmt: skip
        builder.save()


@pytest.mark.parametrize("batching", BATCHING)
def test_a_graph_of_tensorflow_1_and_tags_of_its_own(served, batching):
    run = served(_save_first_generation, batching, tags=("serve", "small"))
    np.testing.assert_array_equal(run(x=ROWS)["y"], 3 * ROWS + 0.5)


def _save_frozen(path):
    """Constants alone: it has no folder of variables."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 2], "x")
        v1.saved_model.simple_save(session, path, {"x": x}, {"y": 2.0 * x})
    assert not tf.io.gfile.exists(f"{path}/variables/variables.index")


@pytest.mark.parametrize("batching", BATCHING)
def test_a_graph_without_variables(served, batching):
    np.testing.assert_array_equal(served(_save_frozen, batching)(x=ROWS)["y"], 2 * ROWS)


class Compiled(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")], jit_compile=True)
    def whole(self, x):
        return {"y": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def within_a_loop(self, x):
        return {"y": tf.while_loop(lambda y: False, lambda y: [self.whole(y)["y"]], [x])[0]}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def plain(self, x):
        return {"y": 3 * x}


def _save_compiled(path):
    module = Compiled()
    names = ("whole", "within_a_loop", "plain")
    tf.saved_model.save(module, path, signatures={name: getattr(module, name) for name in names})


@pytest.mark.parametrize("signature, batching", [("whole", BATCHING[1]), ("within_a_loop", None)])
def test_a_function_with_jit_compile_is_refused_as_tensorflow_serving_does(served, signature, batching):
    run = served(_save_compiled, batching, signature)
    with pytest.raises(RequestError, match="^XLA compilation disabled$") as caught:
        run(x=ROWS)
    assert caught.value.code is grpc.StatusCode.INTERNAL


def test_a_signature_beside_one_with_jit_compile_answers(served):
    np.testing.assert_array_equal(served(_save_compiled, None, "plain")(x=ROWS)["y"], 3 * ROWS)
