"""The embedded server against calling the reloaded signature, with one caller and with many.

    python -m benchmarks.serving.callers_against_direct [--model dcgan64 | demo | --model_base_path $PWD/models/digits]

Without a folder it exports a network, untrained (its time does not depend on weights): `dcgan64`,
a DCGAN of 64x64x3, width 64, latent 128; or `demo`, the preset dcgan_mnist, 28x28x1, 10 classes.
One setting for both lines: batching on, the flags below; the server and the callers are processes
of their own on the same cores, the callers raw gRPC without retries. The contestants take turns,
call by call or block by block: in-process batches of 32, and the callers, one image a call.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pathlib
import subprocess
import sys
import tempfile
import time

import tfgan_kit
from tfgan_kit.networks.dcgan import DCGANGenerator
from tfgan_kit.presets import from_preset

import grpc
import numpy as np
import tensorflow as tf
from absl import app, flags, logging
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks.alternate import alternate
from benchmarks.serving.process import NAME, serving

_FLAGS = flags.FLAGS
_CALLERS = pathlib.Path(__file__).with_name("callers.py")
_BATCH = 32  # of the in-process images a second

flags.DEFINE_enum("model", "dcgan64", ["dcgan64", "demo"], "Which network to export.")
flags.DEFINE_string("model_base_path", None, "A folder of versions; None: export --model.")
flags.DEFINE_integer("rounds", 300, "Single calls of each contestant.", 10)
flags.DEFINE_integer("blocks", 15, "Blocks of in-process batches, and of many callers.", 3)
flags.DEFINE_integer("callers", 32, "How many callers are many.", 2, 64)
flags.DEFINE_integer("images", 640, "Images in a block.", 64)
flags.DEFINE_integer("max_batch_size", 32, "As of tfgan_kit.serving.", 1)
flags.DEFINE_integer("batch_timeout_micros", 0, "As of tfgan_kit.serving.", 0)
flags.DEFINE_integer("num_batch_threads", None, "As of tfgan_kit.serving.", 1)


def _export(folder) -> None:
    logging.set_verbosity(logging.WARNING)
    if _FLAGS.model == "demo":
        generator = from_preset("dcgan_mnist", image_shape=(28, 28, 1), num_classes=10)
    else:
        generator = DCGANGenerator(image_size=64, channels=3, latent_dim=128, width=64)
    tfgan_kit.export_generator(generator, folder)


def _server_flags() -> list[str]:
    given = ["max_batch_size", "batch_timeout_micros", "num_batch_threads"]
    given = [f"--{name}={_FLAGS[name].value}" for name in given if _FLAGS[name].value is not None]
    return ["--enable_batching", "--grpc_max_threads=64", *given]


def _quartiles(values, unit):
    low, median, high = np.percentile(values, [25, 50, 75])
    return f"{median:8.3g} {unit} (quartiles {low:.3g} to {high:.3g})"


def _request() -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = NAME
    request.inputs["seed"].CopyFrom(tf.make_tensor_proto([1], tf.int64))
    return request


def _one_caller(server, signature) -> None:
    """Milliseconds of one image: the server's answer, and the reloaded signature's."""
    request, seed = _request(), tf.constant([1], tf.int64)
    with grpc.insecure_channel(server.target) as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        seconds = alternate(
            {"server": lambda: predict(request), "direct": lambda: signature(seed=seed)["images"]
             .numpy()}, _FLAGS.rounds, warmup=50,
        )  # fmt: skip
    for name, values in seconds.items():
        print(f"  {name:12}{_quartiles(1e3 * values, 'ms')}")
    print(f"  more        {_quartiles(1e3 * (seconds['server'] - seconds['direct']), 'ms')}")


def _many_callers(server, signature) -> None:
    """Images a second of many callers, and of in-process batches, block by block."""
    command = [sys.executable, str(_CALLERS), server.target]
    body = _request().SerializeToString().hex()
    seeds = tf.range(_BATCH, dtype=tf.int64)
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as callers:

        def served() -> float:
            callers.stdin.write(f"{_FLAGS.callers} {_FLAGS.images} {body}\n")
            callers.stdin.flush()
            return float(callers.stdout.readline())

        def direct() -> float:
            started = time.perf_counter()
            for _ in range(_FLAGS.images // _BATCH):
                signature(seed=seeds)["images"].numpy()
            return _FLAGS.images // _BATCH * _BATCH / (time.perf_counter() - started)

        served(), direct()
        rates = np.array([(served(), direct()) for _ in range(_FLAGS.blocks)])
        callers.stdin.close()
    print(f"  server      {_quartiles(rates[:, 0], 'images/s')}")
    print(f"  direct      {_quartiles(rates[:, 1], 'images/s')}")
    print(f"  reached     {_quartiles(100 * rates[:, 0] / rates[:, 1], '%')}")


def main(_):
    """Makes the model if none is given, and prints both comparisons."""
    with tempfile.TemporaryDirectory() as folder:
        base_path = pathlib.Path(_FLAGS.model_base_path or folder).absolute()
        if _FLAGS.model_base_path is None:
            _export(folder)
        versions = [path for path in base_path.iterdir() if path.name.isdecimal()]
        loaded = tf.saved_model.load(str(max(versions, key=lambda path: int(path.name))))
        signature = loaded.signatures["serving_default"]
        with serving(base_path, _server_flags()) as server:
            name = _FLAGS.model_base_path or _FLAGS.model
            print(f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, ", end="")
            print(" ".join(_server_flags()))
            print("One caller, one image a call:")
            _one_caller(server, signature)
            print(f"{_FLAGS.callers} callers, one image a call, against batches of {_BATCH}:")
            _many_callers(server, signature)


if __name__ == "__main__":
    app.run(main)
