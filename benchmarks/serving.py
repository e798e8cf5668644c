"""The embedded server against calling the reloaded signature, and many callers against one.

    python -m benchmarks.serving [--model_base_path $PWD/models/digits]

Without a model it exports the demo's own network, untrained: preset dcgan_mnist, 28 pixels, one
grey channel, 10 classes.
One setting for both lines: batching on, the flags below. The callers of the second line are raw
gRPC in a process of their own on the same cores, and take turns: a block of one caller, a block of
sixteen.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import subprocess
import sys
import tempfile

import grpc
import numpy as np
import tensorflow as tf
from absl import app, flags, logging
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

import tfgan_kit
from benchmarks.alternate import alternate
from tfgan_kit.presets import from_preset
from tfgan_kit.serving import BatchingParameters, ModelServer

_FLAGS = flags.FLAGS
_CALLERS = pathlib.Path(__file__).with_name("serving_callers.py")

flags.DEFINE_string("model_base_path", None, "A folder of versions; None: export the demo's.")
flags.DEFINE_integer("rounds", 300, "Single calls of each contestant.", 10)
flags.DEFINE_integer("blocks", 15, "Blocks of one caller, and of many.", 3)
flags.DEFINE_integer("callers", 16, "How many callers are many.", 2)
flags.DEFINE_integer("calls", 320, "Calls in a block.", 16)
flags.DEFINE_integer("max_batch_size", 32, "As of tfgan_kit.serving.", 1)
flags.DEFINE_integer("batch_timeout_micros", 0, "As of tfgan_kit.serving.", 0)
flags.DEFINE_integer("num_batch_threads", None, "As of tfgan_kit.serving.", 1)
flags.DEFINE_bool("enable_batching", True, "As of tfgan_kit.serving.")


def _export_preset(folder) -> None:
    """Writes the demo's network, untrained, as version 1: its time does not depend on weights."""
    logging.set_verbosity(logging.WARNING)
    gan = from_preset("dcgan_mnist", image_shape=(28, 28, 1), num_classes=10)
    tfgan_kit.export_generator(gan, folder)


def _quartiles(values, unit):
    low, median, high = np.percentile(values, [25, 50, 75])
    return f"{median:8.2f} {unit} (quartiles {low:.2f} to {high:.2f})"


def _request(name) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.inputs["seed"].CopyFrom(tf.make_tensor_proto([1], tf.int64))
    return request


def _one_caller(server, version):
    """Milliseconds of one image: the server's answer, and the reloaded signature's."""
    loaded = tf.saved_model.load(str(version))
    signature, seed = loaded.signatures["serving_default"], tf.constant([1], tf.int64)
    request = _request(server.versions.name)
    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        seconds = alternate(
            {"server": lambda: predict(request), "direct": lambda: signature(seed=seed)["images"]
             .numpy()}, _FLAGS.rounds, warmup=50,
        )  # fmt: skip
    for name, values in seconds.items():
        print(f"  {name:8}{_quartiles(1e3 * values, 'ms')}")
    print(f"  more    {_quartiles(1e3 * (seconds['server'] - seconds['direct']), 'ms')}")


def _many_callers(server):
    """Images a second of one caller and of many, block by block."""
    command = [sys.executable, str(_CALLERS), f"localhost:{server.port}"]
    body = _request(server.versions.name).SerializeToString().hex()
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as callers:

        def block(number):
            callers.stdin.write(f"{number} {_FLAGS.calls} {body}\n")
            callers.stdin.flush()
            return float(callers.stdout.readline())

        block(1), block(_FLAGS.callers)
        rates = np.array([(block(1), block(_FLAGS.callers)) for _ in range(_FLAGS.blocks)])
        callers.stdin.close()
    print(f"  1 caller    {_quartiles(rates[:, 0], 'images/s')}")
    print(f"  {_FLAGS.callers:2} callers  {_quartiles(rates[:, 1], 'images/s')}")
    print(f"  ratio       {_quartiles(rates[:, 1] / rates[:, 0], 'times')}")


def main(_):
    """Makes the model if none is given, and prints both comparisons."""
    with tempfile.TemporaryDirectory() as folder:
        base_path = pathlib.Path(_FLAGS.model_base_path or folder).absolute()
        if _FLAGS.model_base_path is None:
            _export_preset(folder)
        batching = BatchingParameters(
            _FLAGS.max_batch_size, _FLAGS.batch_timeout_micros, _FLAGS.num_batch_threads
        )
        batching = batching if _FLAGS.enable_batching else None
        with ModelServer(
            base_path, "model", port=0, batching=batching, grpc_max_threads=64
        ) as server:
            print(f"{base_path}, one image a call, {os.cpu_count()} cores, {batching}")
            print("One caller:")
            _one_caller(server, server.versions.current.path)
            print("Many callers:")
            _many_callers(server)


if __name__ == "__main__":
    app.run(main)
