"""Requests and configs in one line, and what a server refuses them with."""

import contextlib

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

STATE = get_model_status_pb2.ModelVersionStatus


class Caller:
    """The stubs of one server; `address` is host:port or unix:PATH."""

    def __init__(self, address, credentials=None):
        self.channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.service = model_service_pb2_grpc.ModelServiceStub(self.channel)

    def scale(self, name="toy", version=None, label=None):
        """(Which scale answers, of which version): `toy.expected` of seed 1 begins with it."""
        answer = self.prediction.Predict(predict(1, name, version, label), timeout=20)
        pixels = tf.make_ndarray(answer.outputs["images"])
        return int(pixels[0, 0, 0, 0]), answer.model_spec.version.value


def predict(seed, name="toy", version=None, label=None, signature=""):
    """A `PredictRequest` of one image."""
    request = predict_pb2.PredictRequest()
    spec = request.model_spec
    spec.name, spec.signature_name = name, signature
    if version is not None:
        spec.version.value = version
    if label is not None:
        spec.version_label = label
    request.inputs["seed"].CopyFrom(tf.make_tensor_proto(np.int64([seed])))
    return request


def config(*models):
    """A `ModelServerConfig` of `model(...)`s."""
    whole = model_server_config_pb2.ModelServerConfig()
    whole.model_config_list.SetInParent()
    whole.model_config_list.config.extend(models)
    return whole


def model(base_path, name="toy", policy=None, platform="tensorflow", labels=None):
    """A `ModelConfig`; `policy` as `{"latest": {"num_versions": 2}}`."""
    return model_server_config_pb2.ModelConfig(
        name=name, base_path=str(base_path), model_platform=platform, model_version_policy=policy, version_labels=labels
    )


@contextlib.contextmanager
def refused(code, text):
    """The block's call is answered with this code and exactly this text."""
    with pytest.raises(grpc.RpcError) as caught:
        yield
    assert (caught.value.code(), caught.value.details()) == (code, text)
