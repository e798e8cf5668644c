"""A model whose answers are known by heart, of every type that JSON meets, and a plain HTTP caller."""

import contextlib
import http.client
import json
import pathlib

from tfgan_kit.serving import ModelServer
from tfgan_kit.serving.protocol.methods import ModelMethods
from tfgan_kit.serving.rest.gateway import RestGateway
from tfgan_kit.serving.rest_options import RestOptions

import tensorflow as tf

from tests.serving import toy

DTYPES = ("float32 float64 int8 uint8 int16 int32 int64 uint32 uint64 bool string float16 bfloat16 uint16").split()
STATUS = """{
 "model_version_status": [
  {
   "version": "1",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}"""  # of one model with one good version


def _vector(dtype, name="x"):
    return tf.TensorSpec([None], dtype, name=name)


def _examples(name="inputs"):
    return tf.TensorSpec([None], tf.string, name=name)


class Echo(tf.Module):
    """`echo_<dtype>` answers its input; the others are named after what they show."""

    def signatures(self) -> dict:
        """Concrete functions by name."""
        functions = {f"echo_{dtype}": self._echo(dtype) for dtype in DTYPES}
        for name in ("two", "uneven", "loss", "texts", "classify", "regress", "square"):
            functions[name] = getattr(self, name)
        return {name: f.get_concrete_function() for name, f in functions.items()}

    def _echo(self, dtype):
        output = "y_bytes" if dtype == "string" else "y"
        return tf.function(lambda x: {output: tf.identity(x)}, input_signature=[_vector(dtype)])

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int64, name="a"), tf.TensorSpec([None, 2], tf.float32, name="b")
        ]
    )  # fmt: skip
    def two(self, a, b):
        return {"sum": tf.cast(a, tf.float32) + tf.reduce_sum(b, 1), "pair": b}

    @tf.function(input_signature=[_vector(tf.int64)])
    def uneven(self, x):
        return {"classes": tf.range(3), "images": x}

    @tf.function(input_signature=[_vector(tf.int64)])
    def loss(self, x):
        return {"loss": tf.reduce_sum(x)}

    @tf.function(input_signature=[_vector(tf.string)])
    def texts(self, x):
        return {"y": tf.identity(x)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64, name="x")])
    def square(self, x):
        return {"y": x * x}

    @tf.function(input_signature=[_examples()])
    def classify(self, inputs):
        features = tf.io.parse_example(inputs, {"v": tf.io.FixedLenFeature([], tf.float32)})
        names = tf.tile(tf.constant([["neg", "pos"]]), [tf.shape(inputs)[0], 1])
        return {"classes": names, "scores": tf.stack([1 - features["v"], features["v"]], 1)}

    @tf.function(input_signature=[_examples()])
    def regress(self, inputs):
        features = tf.io.parse_example(inputs, {"v": tf.io.FixedLenFeature([], tf.float32)})
        return {"outputs": 2 * features["v"]}


def save(path) -> pathlib.Path:
    """Writes the toy's generator and all of `Echo` as one version."""
    echo, images = Echo(), toy.Toy(1)
    both = tf.Module()
    both.echo, both.images = echo, images
    functions = {name: getattr(images, name) for name in toy.CONDITIONAL} | echo.signatures()
    tf.saved_model.save(both, str(path), signatures=functions)
    return pathlib.Path(path)


@contextlib.contextmanager
def gateway(base_path, unavailable=None, **options):
    """A REST gateway on that folder, as model `toy`; gives it and the `ModelServer` behind."""
    with ModelServer(base_path, "toy", port=0, grpc_max_threads=64) as server:
        methods = ModelMethods(server.models, as_content=True)
        with RestGateway(methods, port=0, options=RestOptions(**options), unavailable=unavailable) as rest:
            yield rest, server


def ask(port, verb, path, body=None, headers=()) -> tuple[int, bytes, dict]:
    """Status, body and headers of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        connection.request(verb, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())


def predict(port, body, path="/v1/models/toy:predict"):
    """Status and parsed body of a `:predict`."""
    status, answer, _ = ask(port, "POST", path, body)
    return status, json.loads(answer)
