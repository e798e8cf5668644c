"""One SavedModel with a signature for each trap of the contract."""

import pathlib

import numpy as np
import tensorflow as tf


def _spec(shape, dtype, name):
    return tf.TensorSpec(shape, dtype, name=name)


_X = _spec([None], tf.float32, "x")
_TEXT = _spec([None], tf.string, "text")
_EXAMPLES = _spec([None], tf.string, "inputs")
_Z = _spec([None, 4], tf.float32, "z")


class Zoo(tf.Module):
    """Every signature is a line or two; what it shows stands in the test that calls it."""

    def __init__(self):
        super().__init__()
        self.calls = tf.Variable(0, dtype=tf.int64)

    @tf.function(input_signature=[_X])
    def serving_default(self, x):
        return {"y": 2 * x}

    @tf.function(input_signature=[_X, _spec([None], tf.int64, "n")])
    def several(self, x, n):
        return {"sum": x + tf.cast(n, tf.float32), "twice": 2 * n}

    @tf.function(input_signature=[_X])
    def same(self, x):
        return {"y": tf.identity(x)}

    @tf.function(input_signature=[_spec([None], tf.float64, "x")])
    def wide(self, x):
        return {"y": tf.identity(x)}

    @tf.function(input_signature=[_spec([None], tf.int32, "n")])
    def whole(self, n):
        return {"n": tf.identity(n)}

    @tf.function(input_signature=[_spec([None], tf.bool, "b")])
    def truth(self, b):
        return {"b": tf.identity(b)}

    @tf.function(input_signature=[_TEXT])
    def words(self, text):
        return {"words": tf.identity(text)}

    @tf.function(input_signature=[_TEXT])
    def words_as_bytes(self, text):
        return {"words_bytes": tf.identity(text)}

    @tf.function(input_signature=[_spec([None], tf.float16, "x")])
    def half_in(self, x):
        return {"y": tf.cast(x, tf.float32)}

    @tf.function(input_signature=[_spec([None], tf.bfloat16, "x")])
    def bfloat16_in(self, x):
        return {"y": tf.cast(x, tf.float32)}

    @tf.function(input_signature=[_X])
    def half_out(self, x):
        return {"y": tf.cast(x, tf.float16)}

    @tf.function(input_signature=[_X])
    def bfloat16_out(self, x):
        return {"y": tf.cast(x, tf.bfloat16)}

    @tf.function(input_signature=[_X])
    def with_loss(self, x):
        return {"loss": tf.reduce_sum(x), "y": 2 * x}

    @tf.function(input_signature=[_X])
    def with_classes(self, x):
        return {"alike": 2 * x, "classes": tf.constant([1.0, 2.0, 3.0])}

    @tf.function(input_signature=[_spec([], tf.float32, "scale"), _Z])
    def scaled(self, scale, z):
        return {"y": scale * z}

    @tf.function(input_signature=[_spec([], tf.int64, "seed")])
    def scalar_seed(self, seed):
        return {"y": tf.fill([1], seed)}

    @tf.function(input_signature=[_Z])
    def row_sums(self, z):
        return {"y": tf.reduce_sum(z, axis=1)}

    @tf.function(input_signature=[_spec([None, None], tf.float32, "z")])
    def any_row_sums(self, z):
        return {"y": tf.reduce_sum(z, axis=1)}

    @tf.function(input_signature=[_spec([None, None], tf.float32, "z")])
    def rows(self, z):
        return {"y": tf.identity(z)}

    @tf.function(input_signature=[_Z])
    def product(self, z):
        return {"y": tf.matmul(z, tf.ones([4, 1]))}

    @tf.function(input_signature=[_X], jit_compile=True)
    def compiled(self, x):
        return {"y": 2 * x}

    @tf.function(input_signature=[_X])
    def counted(self, x):
        number = self.calls.assign_add(1)
        return {"y": tf.zeros_like(x, tf.int64) + number}

    @tf.function(input_signature=[_EXAMPLES])
    def classify(self, inputs):
        rows = tf.shape(inputs)[:1]
        labels = tf.reshape(tf.tile(tf.constant(["neg", "pos"]), 2 * rows // 2), [-1, 2])
        return {"classes": labels, "scores": tf.tile(tf.constant([[0.75, 0.25]]), [rows[0], 1])}

    @tf.function(input_signature=[_EXAMPLES])
    def regress(self, inputs):
        return {"outputs": tf.fill(tf.shape(inputs), 3.0)}

    @tf.function(input_signature=[_EXAMPLES])
    def classify_x(self, inputs):
        x = _feature(inputs)
        names = tf.tile([["neg", "pos"]], [tf.size(x), 1])
        return {"classes": names, "scores": tf.stack([x, 2 * x], axis=1)}

    @tf.function(input_signature=[_EXAMPLES])
    def scores(self, inputs):
        return {"scores": _feature(inputs)[:, None]}

    @tf.function(input_signature=[_EXAMPLES])
    def whole_x(self, inputs):
        return {"scores": tf.zeros([tf.size(inputs), 1], tf.int64)}

    @tf.function(input_signature=[_EXAMPLES])
    def regress_x(self, inputs):
        return {"outputs": 3 * _feature(inputs)}

    @tf.function(input_signature=[_EXAMPLES])
    def column(self, inputs):
        return {"outputs": 3 * _feature(inputs)[:, None]}

    @tf.function(input_signature=[_EXAMPLES])
    def wide_x(self, inputs):
        return {"outputs": tf.zeros([tf.size(inputs), 2])}

    @tf.function(input_signature=[_EXAMPLES])
    def first_x(self, inputs):
        return {"outputs": tf.zeros([1]) * tf.cast(tf.size(inputs), tf.float32)}


def _feature(inputs):
    return tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32, 0.0)})["x"]


def _echo(dtype):
    return tf.function(lambda self, x: {"y": tf.identity(x)}, input_signature=[_spec([None], dtype, "x")])


ECHOED = ("int8", "uint8", "int16", "int32", "int64", "uint32", "uint64", "bool")
for _dtype in ECHOED:
    setattr(Zoo, f"echo_{_dtype}", _echo(_dtype))

NAMES = [name for name, value in vars(Zoo).items() if not name.startswith("_")]


def save(path) -> pathlib.Path:
    """Writes a version."""
    zoo = Zoo()
    tf.saved_model.save(zoo, str(path), signatures={name: getattr(zoo, name) for name in NAMES})
    return pathlib.Path(path)


X = {"x": np.float32([1, 2])}
