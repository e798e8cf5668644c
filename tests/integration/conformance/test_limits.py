"""What a server does with the flags of the start line `limited`: threads, deadlines, health, labels."""

import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import prediction_log_pb2, prediction_service_pb2_grpc

from tests.integration.conformance import starts, zoo
from tests.integration.conformance.calls import (
    FAILED,
    INVALID,
    http_call,
    names,
    predict,
    predict_request,
    refused,
    scale_of,
)
from tests.serving import toy

SLOW = predict_request({"seed": np.int64([1])}, signature="slow")


def test_calls_past_the_threads_are_refused_at_once(limited):
    refusals, answered = [], []

    def ask():
        begin = time.monotonic()
        try:
            answered.append(limited.predictions.Predict(SLOW, timeout=30))
        except grpc.RpcError as error:
            refusals.append((error.code().name, time.monotonic() - begin))

    callers = [threading.Thread(target=ask) for _ in range(6 * starts.THREADS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answered and refusals
    assert {code for code, _ in refusals} == {"RESOURCE_EXHAUSTED"}
    assert min(seconds for _, seconds in refusals) < toy.SECONDS / 2


def test_after_an_overload_the_next_call_is_answered(limited):
    toy.until(lambda: _answers(limited), seconds=3 * toy.SECONDS)


def _answers(server):
    try:
        return scale_of(server) == 1
    except grpc.RpcError:
        return False


@pytest.mark.parametrize("service", ["", "PredictionService", "ModelService"])
def test_health_serves(limited, service):
    stub = health_pb2_grpc.HealthStub(limited.channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_health_does_not_know_the_full_name(limited):
    stub = health_pb2_grpc.HealthStub(limited.channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="tensorflow.serving.PredictionService"), timeout=10)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_health_answers_though_every_thread_is_taken(limited):
    running = [limited.predictions.Predict.future(SLOW, timeout=30) for _ in range(3 * starts.THREADS)]
    toy.until(lambda: any(call.done() for call in running), seconds=toy.SECONDS)  # refused: all threads are taken
    stub = health_pb2_grpc.HealthStub(limited.channel)
    assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status == health_pb2.HealthCheckResponse.SERVING
    assert {call.code().name for call in running} == {"OK", "RESOURCE_EXHAUSTED"}


def test_watching_health(limited, expected):
    stub = health_pb2_grpc.HealthStub(limited.channel)
    try:
        code = next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=10)) and "OK"
    except grpc.RpcError as error:
        code = error.code().name
    assert code == expected("OK")


def test_answers_are_content_where_the_flag_says_so(limited):
    request = predict_request({"seed": np.int64([5])})
    images = limited.predictions.Predict(request, timeout=10).outputs["images"]
    assert images.tensor_content and not images.int_val
    np.testing.assert_array_equal(tf.make_ndarray(images), toy.expected([5]))


def test_a_new_label_may_come_with_its_version_where_the_flag_says_so(limited, saved, tmp_path):
    name = starts.new_name("labelled")
    toy.publish(saved[2], tmp_path, 1)
    limited.reload(starts.model(name, tmp_path, "", {"stable": 1}))
    toy.until(lambda: scale_of(limited, name, label="stable") == 2)
    with pytest.raises(grpc.RpcError) as caught:  # no new label: it must name what is there
        limited.reload(starts.model(name, tmp_path, "", {"stable": 9}))
    assert caught.value.code() is FAILED
    limited.reload()


@pytest.fixture
def zoo_folder(limited, saved, tmp_path):
    """The folder of a zoo, not yet a version; see `_publish`. The model is gone after the test."""
    toy.publish(saved["zoo"], tmp_path, "tmp")
    yield tmp_path / "tmp"
    limited.reload()


def _publish(server, folder):
    """Serves that version; the name of its model."""
    name = starts.new_name("another")
    folder.rename(folder.parent / "1")
    server.reload(starts.model(name, folder.parent))
    return name


def test_a_version_is_batched_by_its_own_file(limited, zoo_folder):
    (zoo_folder / "batching_params.pbtxt").write_text("max_batch_size { value: 2 }")
    name = _publish(limited, zoo_folder)
    code, text = refused(limited, {"x": np.float32([1, 2, 3])}, name=name)
    assert code is INVALID and names(text, "size 3 larger 2")


def test_a_version_without_that_file_is_not_batched(limited):
    """So a scalar input is answered."""
    inputs = {"scale": np.float32(2), "z": np.ones([1, 4], np.float32)}
    answer = predict(limited, inputs, name="zoo", signature="scaled")
    np.testing.assert_array_equal(answer["y"], [[2, 2, 2, 2]])


def test_warmup_repeats_each_record(limited, zoo_folder):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request(zoo.X, signature="counted"))
    toy.write_warmup(zoo_folder, [log.SerializeToString()])
    name = _publish(limited, zoo_folder)
    answer = predict(limited, zoo.X, name=name, signature="counted")
    assert answer["y"][0] == starts.WARMUPS + 1


def test_a_unix_socket_answers(limited):
    if limited.socket is None:
        pytest.skip("where its socket is, only who started it knows")
    with grpc.insecure_channel(f"unix:{limited.socket}") as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(
            predict_request({"seed": np.int64([5])}), timeout=10
        )
    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["images"]), toy.expected([5]))


@pytest.fixture
def limited_rest(limited):
    if limited.rest is None:
        pytest.skip("TFGAN_KIT_SERVING_REST_TARGET names no host:port")
    return limited


def test_rest_ends_a_request_after_its_timeout(limited_rest):
    body = {"signature_name": "slow", "instances": [1]}
    reply = http_call(limited_rest, "POST", "/v1/models/toy:predict", body)
    assert reply.error[0] == 504
    toy.until(lambda: http_call(limited_rest, "POST", "/v1/models/toy:predict", {"instances": [1]}).code == 200)


CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}


@pytest.mark.parametrize("path", ["/v1/models/toy", "/v1/models/nope", "/v1/models"])
def test_every_answer_has_the_cors_headers(limited_rest, path):
    headers = http_call(limited_rest, "GET", path).headers
    assert {name: headers[name] for name in CORS} == CORS
