"""The warmup file: replayed before a version is served, and what in it refuses the version."""

import gzip

import numpy as np
import pytest
from tensorflow_serving.apis import model_pb2, prediction_log_pb2

from tests.integration.conformance import zoo
from tests.integration.conformance.calls import names, predict, predict_request, status_of
from tests.serving import toy


def _predict_log(inputs=None, **spec):
    log = prediction_log_pb2.PredictionLog()
    inputs = {"seed": np.int64([1])} if inputs is None else inputs
    log.predict_log.request.CopyFrom(predict_request(inputs, **spec))
    return log.SerializeToString()


def _classify_log(signature):
    log = prediction_log_pb2.PredictionLog()
    request = log.classify_log.request
    request.model_spec.signature_name = signature
    request.input.example_list.examples.add().features.feature["x"].int64_list.value.append(1)
    return log.SerializeToString()


def _other_log(kind):
    log = prediction_log_pb2.PredictionLog()
    getattr(log, kind).SetInParent()
    return log.SerializeToString()


def _swap(own, records, scale=1):
    """Version 1 is served; then comes version 2 with these records, or these bytes as the file."""
    own.publish(1, scale)
    own.serve()
    version = own.publish("tmp", scale)
    if isinstance(records, bytes):
        (version / "assets.extra").mkdir()
        (version / "assets.extra" / "tf_serving_warmup_requests").write_bytes(records)
    else:
        toy.write_warmup(version, records)
    version.rename(own.base_path / "2")


GOOD = {
    "one": [_predict_log()],
    "another model's name": [_predict_log(name="nobody looks at it")],
    "no record": [],
    "a thousand": [_predict_log(signature="serving_default")] * 1000,
}


@pytest.mark.parametrize("case", GOOD)
def test_a_version_with_these_records_is_served(own, case):
    _swap(own, GOOD[case])
    own.until(v2="AVAILABLE", v1="END")


BAD = {
    "1001": ([_predict_log()] * 1001, "INVALID_ARGUMENT", "1000"),
    "no TFRecord": (b"these are not the records of a TFRecord file", "DATA_LOSS", "TFRecord"),
    "signature": ([_predict_log(signature="zz")], "FAILED_PRECONDITION", "zz"),
    "a bad one after a good one": ([_predict_log(), _predict_log({})], "INVALID_ARGUMENT", "seed"),
    "dtype": ([_predict_log({"seed": np.float32([1])})], "INVALID_ARGUMENT", "int64 float"),
    "session_run": ([_other_log("session_run_log")], "UNIMPLEMENTED", ""),
    "predict_streamed": ([_other_log("predict_streamed_log")], "UNIMPLEMENTED", ""),
    "no message": ([b"\xff\xff"], "INVALID_ARGUMENT", ""),
    "packed": (gzip.compress(b"records"), "DATA_LOSS", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_a_version_with_these_records_fails_and_the_good_one_stays(own, case):
    records, code, words = BAD[case]
    _swap(own, records)
    own.until(v2="END", v1="AVAILABLE")
    _, found, message = status_of(own.server, own.name, 2)
    assert found == code and names(message, words)
    assert own.scale() == 1


def test_a_half_written_version_with_a_warmup_file_fails_and_the_good_one_stays(own):
    own.publish(1)
    own.serve()
    version = own.publish("tmp", scale=2)
    toy.write_warmup(version, [_predict_log()])
    for file in (version / "variables").iterdir():
        file.unlink()
    (version / "variables").rmdir()
    version.rename(own.base_path / "2")
    own.until(v2="END", v1="AVAILABLE")
    assert own.scale() == 1


def test_warmup_advances_a_models_state(own):
    """Two records, so the first caller is the third; a version loaded anew starts anew."""
    version = own.publish(1, "zoo")
    toy.write_warmup(version, [_predict_log(zoo.X, signature="counted")] * 2)
    own.serve()
    assert predict(own.server, zoo.X, name=own.name, signature="counted")["y"][0] == 3


def test_logs_of_the_other_methods_are_replayed(own):
    version = own.publish(1, "zoo")
    regress, several = prediction_log_pb2.PredictionLog(), prediction_log_pb2.PredictionLog()
    regress.regress_log.request.model_spec.signature_name = "regress"
    regress.regress_log.request.input.example_list.examples.add()
    request = several.multi_inference_log.request
    request.tasks.add(method_name="tensorflow/serving/regress").model_spec.CopyFrom(
        model_pb2.ModelSpec(name="zoo", signature_name="regress")
    )
    request.input.example_list.examples.add()
    toy.write_warmup(version, [_classify_log("classify"), regress.SerializeToString(), several.SerializeToString()])
    own.serve()
    assert own.states() == {1: "AVAILABLE"}
