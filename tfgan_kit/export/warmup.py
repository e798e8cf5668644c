"""The warmup file: requests that TensorFlow Serving replays before a version takes traffic."""

import pathlib

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from tfgan_kit.export import signatures as names

BATCH_SIZES = (1, 2, 8, 16)  # one record a signature and size; TF Serving takes at most 1000 in all


def example_inputs(function, batch_size, num_classes):
    """Valid, varied inputs of one signature: a dict name -> numpy array of `batch_size` rows."""
    _, specs = function.structured_input_signature
    random = np.random.default_rng(0)
    values = {}
    for name, spec in specs.items():
        shape = [batch_size, *spec.shape[1:]]
        if name == names.SEED:
            values[name] = np.arange(batch_size, dtype=np.int64)
        elif name == names.LATENTS:
            values[name] = random.standard_normal(shape).astype(np.float32)
        elif name == names.LABEL:
            values[name] = (np.arange(batch_size) % num_classes).astype(np.int32)
        else:
            values[name] = random.integers(0, 256, shape, np.uint8)
    return values


def write_warmup(folder, functions, num_classes):
    """Writes `assets.extra/tf_serving_warmup_requests` beside `folder`'s saved_model.pb.

    Args:
        folder: path of the version.
        functions: reloaded signatures, a dict name -> concrete function.
        num_classes: int, or None for an unconditional generator.
    """
    path = pathlib.Path(folder) / names.EXTRA_ASSETS / names.WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, function in functions.items():
            for batch_size in BATCH_SIZES:
                request = predict_pb2.PredictRequest()
                request.model_spec.signature_name = name
                for key, value in example_inputs(function, batch_size, num_classes).items():
                    request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictLog(request=request)
                writer.write(
                    prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString()
                )
