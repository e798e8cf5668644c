"""The recorded requests that are replayed before a version is served."""

import shutil

from tfgan_kit.export import contract
from tfgan_kit.serving.models.saved_model import SavedModel
from tfgan_kit.serving.models.warmup import warm_up
from tfgan_kit.serving.protocol.errors import RequestError

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tests.serving import toy


def record(kind="predict_log"):
    log = prediction_log_pb2.PredictionLog()
    request = getattr(log, kind).request
    request.model_spec.name = "another name is not looked at"
    if kind == "predict_log":
        request.inputs["seed"].CopyFrom(tf.make_tensor_proto(np.int64([1, 2])))
    return log.SerializeToString()


@pytest.fixture
def version(tmp_path, saved):
    return shutil.copytree(saved[1], tmp_path / "1")


def refusal(version):
    with pytest.raises(RequestError) as caught:
        warm_up(SavedModel(version, None))
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize("number", [1, 3, 1000])
def test_every_record_is_answered(version, number):
    toy.write_warmup(version, [record()] * number)
    assert warm_up(SavedModel(version, None)) == number


def test_a_version_without_records_is_served(version):
    assert warm_up(SavedModel(version, None)) == 0


def test_more_than_1000_records_refuse_the_version(version):
    toy.write_warmup(version, [record()] * 1001)
    code, text = refusal(version)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text.startswith("Number of warmup records exceeds the maximum (1000)")


def test_a_file_that_is_no_tfrecord_refuses_the_version(version):
    (version / contract.EXTRA_ASSETS).mkdir()
    (version / contract.EXTRA_ASSETS / contract.WARMUP_FILE).write_bytes(b"not a record" * 9)
    code, text = refusal(version)
    assert code is grpc.StatusCode.DATA_LOSS
    assert text.endswith("Please verify your warmup data is in TFRecord format.")


@pytest.mark.parametrize("kind", ["session_run_log", "predict_streamed_log"])
def test_a_record_of_what_the_server_does_not_answer_refuses_the_version(version, kind):
    log = prediction_log_pb2.PredictionLog()
    getattr(log, kind).SetInParent()
    toy.write_warmup(version, [log.SerializeToString()])
    assert refusal(version)[0] is grpc.StatusCode.UNIMPLEMENTED
