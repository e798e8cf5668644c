"""What REST costs an image: 16 pictures of 64x64x3 as JSON lists and as PNG, against gRPC.

    python -m benchmarks.serving.rest

The model does nearly nothing (it counts pixels up from the seed), so that what is timed is the way
there and back: one caller, one connection, the server's threads in the caller's process.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import http.client
import json
import pathlib
import tempfile

from tfgan_kit.serving import ModelServer
from tfgan_kit.serving.protocol.methods import ModelMethods
from tfgan_kit.serving.rest.gateway import RestGateway
from tfgan_kit.serving.rest.json_answers import predictions
from tfgan_kit.serving.rest.json_requests import ROW

import grpc
import numpy as np
import orjson
import tensorflow as tf
from absl import app, flags
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks.alternate import alternate, ratio

_FLAGS = flags.FLAGS
_IMAGES, _SIZE = 16, 64

flags.DEFINE_integer("rounds", 60, "Calls of each contestant.", 5)


class _Counting(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="seed")])
    def images(self, seed):
        pixels = seed[:, None] + tf.range(_SIZE * _SIZE * 3, dtype=tf.int64)
        return {"images": tf.reshape(tf.cast(pixels % 256, tf.uint8), [-1, _SIZE, _SIZE, 3])}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, name="seed")])
    def png(self, seed):
        images = self.images(seed)["images"]
        return {"png_bytes": tf.map_fn(tf.io.encode_png, images, fn_output_signature=tf.string)}


def _save(path) -> None:
    model = _Counting()
    tf.saved_model.save(model, str(path), {"serving_default": model.images, "png": model.png})


def _rest(port, signature):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"signature_name": signature, "instances": list(range(_IMAGES))})

    def call():
        connection.request("POST", "/v1/models/default:predict", body)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()

    return call


def _grpc(port):
    predict = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}")).Predict
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "default"
    request.inputs["seed"].CopyFrom(tf.make_tensor_proto(np.arange(_IMAGES)))
    return lambda: predict(request)


def _written():
    """An answer in memory -> JSON: ours, and the standard library's way."""
    array = np.random.default_rng(0).integers(0, 256, (_IMAGES, _SIZE, _SIZE, 3), np.uint8)
    response = predict_pb2.PredictResponse()
    response.outputs["images"].CopyFrom(
        tf.make_tensor_proto(array)  # as `tensor_content`, which is how the gateway gets it
    )
    return {
        "json.dumps(tolist())": lambda: json.dumps({"predictions": array.tolist()}),
        "orjson.dumps(tolist())": lambda: orjson.dumps({"predictions": array.tolist()}),
        "ours": lambda: predictions(response, ROW),
    }


def _print(seconds, baseline) -> None:
    for name, values in seconds.items():
        rate = f"{_IMAGES / np.median(values):8.0f} images/s, {1e3 * np.median(values):6.2f} ms a call"
        print(f"  {name:24}{rate}, {baseline} / it {ratio(seconds[baseline], values)}")


def main(_):
    """Prints both comparisons."""
    print(f"{_IMAGES} images of {_SIZE}x{_SIZE}x3 a call; load average {os.getloadavg()[0]:.1f}")
    print("Answer to JSON text:")
    _print(alternate(_written(), _FLAGS.rounds), "json.dumps(tolist())")
    with tempfile.TemporaryDirectory() as folder:
        _save(pathlib.Path(folder) / "1")
        with ModelServer(folder, port=0) as server:
            methods = ModelMethods(server.models, as_content=True)
            with RestGateway(methods) as rest:
                contestants = {
                    "gRPC": _grpc(server.port),
                    "REST, lists": _rest(rest.port, "serving_default"),
                    "REST, PNG": _rest(rest.port, "png"),
                }
                print("A call, over the loopback:")
                _print(alternate(contestants, _FLAGS.rounds), "gRPC")


if __name__ == "__main__":
    app.run(main)
