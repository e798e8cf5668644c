"""The warmup file: requests that TensorFlow Serving replays before a version takes traffic."""

import math
import pathlib

from tfgan_kit.export import contract as names

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

BATCH_SIZES = (1, 2, 8, 16)  # one record per signature and size; TensorFlow Serving takes at most 1000
_VALUES = [  # fields of a TensorProto
    "half_val", "float_val", "double_val", "int_val", "int64_val", "uint32_val", "uint64_val", "bool_val", "string_val",
]  # fmt: skip
BYTES_OF_A_REQUEST = 2**18  # limits its rows (but to no less than 1), and so the size of the export


def example_inputs(function, batch_size, num_classes):
    """Valid, varied inputs of one signature: a dict name -> numpy array of `batch_size` rows."""
    _, specs = function.structured_input_signature
    random = np.random.default_rng(0)
    values = {}
    for name, spec in specs.items():
        shape = [batch_size, *spec.shape[1:]]
        if name == names.SEED:
            values[name] = np.arange(batch_size, dtype=np.int64)
        elif name in (names.LATENTS, names.W, names.STRENGTHS):
            values[name] = random.standard_normal(shape).astype(np.float32)
        elif name == names.LABEL:
            values[name] = (np.arange(batch_size) % num_classes).astype(np.int32)
        elif name == names.TRUNCATION_PSI:
            values[name] = (0.25 * (1 + np.arange(batch_size) % 4)).astype(np.float32)
        else:
            values[name] = random.integers(0, 256, shape, np.uint8)
    return values


def write_warmup(folder, functions, num_classes, max_batch):
    """Writes `assets.extra/tf_serving_warmup_requests` beside `folder`'s saved_model.pb.

    Args:
        folder: path of the version.
        functions: reloaded signatures, a dict name -> concrete function.
        num_classes: int, or None for an unconditional generator.
        max_batch: int, most rows of a request; a server that batches would refuse a larger one, and with
            it the version.
    """
    path = _path(folder)
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, function in functions.items():
            for batch_size in _sizes(function, max_batch):
                request = predict_pb2.PredictRequest()
                request.model_spec.signature_name = name
                for key, value in example_inputs(function, batch_size, num_classes).items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictLog(request=request)
                writer.write(prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString())


def _sizes(function, max_batch):
    _, specs = function.structured_input_signature
    row = sum(spec.dtype.size * spec.shape[1:].num_elements() for spec in specs.values())
    most = min(max_batch, max(1, BYTES_OF_A_REQUEST // row))
    return sorted({min(size, most) for size in BATCH_SIZES})


def read_warmup(version):
    """The requests of a version's warmup file, a list of `(signature, {input: numpy array})`.

    Raises:
        ValueError: the file cannot be read.
    """
    path = _path(version)
    try:
        records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        requests = [prediction_log_pb2.PredictionLog.FromString(record).predict_log.request for record in records]
        return [(r.model_spec.signature_name, {k: whole_array(v) for k, v in r.inputs.items()}) for r in requests]
    except (tf.errors.OpError, DecodeError, ValueError) as error:
        raise ValueError(
            f"The warmup file cannot be read, so TensorFlow Serving would refuse the version: "
            f"{str(error)[:200]}. Received: {path}"
        ) from error


def whole_array(tensor):
    """The array of a TensorProto that holds all its values; TensorFlow would repeat the last one up to any size.

    Raises:
        ValueError: it holds another number of values than its shape says, or is of a dtype that NumPy lacks.
    """
    count = math.prod(dim.size for dim in tensor.tensor_shape.dim)
    given = max(len(getattr(tensor, name)) for name in _VALUES)
    try:
        if tensor.tensor_content:
            given = len(tensor.tensor_content) // tf.as_dtype(tensor.dtype).size
        if count > max(given, 1):
            raise ValueError(f"a tensor of {count} values holds {given}")
        return tf.make_ndarray(tensor)
    except TypeError as error:
        raise ValueError(f"a tensor of an unknown type, {tensor.dtype}") from error


def replay(version, functions):
    """Runs every request of a version's warmup file, as a server does before the first caller.

    Args:
        version: path of the version.
        functions: its signatures, a dict name -> concrete function.

    Returns:
        A list of `(signature, {input: numpy array}, {output: numpy array})`.

    Raises:
        ValueError: a request fails on the model.
    """
    answered = []
    for name, inputs in read_warmup(version):
        try:
            outputs = functions[name](**{key: tf.constant(value) for key, value in inputs.items()})
        except (KeyError, TypeError, ValueError, tf.errors.OpError) as error:
            shapes = {key: (value.dtype.name, value.shape) for key, value in inputs.items()}
            raise ValueError(
                "A warmup request fails on the model, so TensorFlow Serving would refuse the "
                f"version: {str(error)[:200]}. Received: signature {name!r} with {shapes}"
            ) from error
        answered.append((name, inputs, {key: value.numpy() for key, value in outputs.items()}))
    return answered


def _path(version):
    return pathlib.Path(version) / names.EXTRA_ASSETS / names.WARMUP_FILE
