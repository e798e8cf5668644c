"""What goes in and out of a Predict, through real sockets, batched and not."""

from tfgan_kit.serving import BatchingParameters

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.serving import toy

BATCHING = [None, BatchingParameters(max_batch_size=8)]


def request(signature="", **inputs):
    message = predict_pb2.PredictRequest()
    message.model_spec.name, message.model_spec.signature_name = "toy", signature
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message


@pytest.fixture
def stub(serve):
    channels = []

    def connect(**arguments):
        channel = grpc.insecure_channel(f"localhost:{serve(**arguments).port}")
        channels.append(channel)
        return prediction_service_pb2_grpc.PredictionServiceStub(channel)

    yield connect
    for channel in channels:
        channel.close()


def refusal(call, message):
    with pytest.raises(grpc.RpcError) as caught:
        call(message, timeout=10)
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize("batching", BATCHING)
@pytest.mark.parametrize("as_content", [False, True])
def test_an_answer_holds_the_images_and_which_model_made_them(stub, batching, as_content):
    predict = stub(batching=batching, enable_serialization_as_tensor_content=as_content).Predict
    answer = predict(request("generate", seed=np.int64([5, 7]), label=np.int32([0, 1])))
    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["images"]), toy.expected([5, 7], [0, 1]))
    assert bool(answer.outputs["images"].tensor_content) == as_content
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("toy", 1, "generate")


@pytest.mark.parametrize("batching", BATCHING)
def test_a_deserialised_answer_equals_the_reloaded_signature(stub, saved, batching):
    latents = np.float32([[1, 2, 3], [4, 5, 6]])
    answer = stub(batching=batching).Predict(request("from_latent", latents=latents))
    reloaded = tf.saved_model.load(str(saved[1])).signatures["from_latent"]
    np.testing.assert_array_equal(
        tf.make_ndarray(answer.outputs["images"]), reloaded(latents=tf.constant(latents))["images"].numpy()
    )


@pytest.mark.parametrize("batching", BATCHING)
def test_an_encoded_picture_decodes_to_the_image(stub, batching):
    answer = stub(batching=batching).Predict(request("serving_default_png", seed=np.int64([9])))
    (png,) = tf.make_ndarray(answer.outputs["png_bytes"])
    np.testing.assert_array_equal(tf.io.decode_png(png).numpy(), toy.expected([9])[0])


def test_no_rows_are_refused_at_once_when_batching(stub):
    code, text = refusal(stub(batching=BATCHING[1]).Predict, request(seed=np.int64([])))
    assert (code, text) == (grpc.StatusCode.INVALID_ARGUMENT, "The request has 0 rows; send at least 1.")


def test_rows_beyond_the_batch_limit_are_refused(stub):
    predict = stub(batching=BatchingParameters(max_batch_size=8)).Predict
    code, text = refusal(predict, request(seed=np.arange(16)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text == "Task size 16 is larger than maximum input batch size 8"


def test_as_many_rows_as_the_batch_limit_are_answered(stub):
    answer = stub(batching=BatchingParameters(max_batch_size=8)).Predict(request(seed=np.arange(8)))
    assert len(tf.make_ndarray(answer.outputs["images"])) == 8


def test_a_batched_signature_refuses_a_scalar(stub):
    code, text = refusal(stub(batching=BATCHING[1]).Predict, request(seed=np.int64(1)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text == "Batching Run() input tensors must have at least one dimension"


def test_a_batched_signature_refuses_inputs_of_different_lengths(stub):
    code, text = refusal(
        stub(batching=BATCHING[1]).Predict, request("generate", seed=np.int64([1, 2]), label=np.int32([1]))
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text == "Batching Run() input tensors must have equal 0th-dimension size"


@pytest.mark.parametrize("batching", BATCHING)
def test_another_inner_shape_is_the_graphs_to_judge_and_spoils_no_one_elses_batch(stub, batching):
    predict = stub(batching=batching).Predict

    def call(k):  # the toy sums whatever comes
        return predict(request("from_latent", latents=np.ones([1, 3 + k % 2], np.float32)))

    answers = toy.at_once(8, call)
    assert [a.outputs["images"].int_val[0] for a in answers] == [3, 4] * 4


def test_a_claimed_giant_is_refused_without_making_it(stub):
    message = request("from_latent", latents=np.ones([1, 3], np.float32))
    message.inputs["latents"].tensor_shape.dim[1].size = 10**12
    code, _ = refusal(stub().Predict, message)
    assert code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("sizes", [[-1], [-5, 3], [2**62, 2**62]])
def test_an_impossible_shape_is_refused(stub, sizes):
    message = request("from_latent", latents=np.ones([1, 3], np.float32))
    del message.inputs["latents"].tensor_shape.dim[:]
    for size in sizes:
        message.inputs["latents"].tensor_shape.dim.add(size=size)
    assert refusal(stub().Predict, message)[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_bytes_that_do_not_make_the_tensor_are_refused(stub):
    message = request(seed=np.int64([1, 2]))
    message.inputs["seed"].tensor_content = b"123"
    assert refusal(stub().Predict, message) == (grpc.StatusCode.INVALID_ARGUMENT, "tensor parsing error: seed")


def test_bytes_that_are_no_message_are_refused(serve):
    with grpc.insecure_channel(f"localhost:{serve().port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        assert refusal(call, b"\xff" * 100)[0] is grpc.StatusCode.INTERNAL


def test_a_deadline_ends_the_wait_and_the_server_goes_on(stub):
    predict = stub().Predict
    with pytest.raises(grpc.RpcError) as caught:
        predict(request("slow", seed=np.int64([1])), timeout=0.1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert predict(request(seed=np.int64([3])), timeout=10).outputs["images"].int_val[0] == 3


def test_calls_past_the_thread_limit_are_refused_at_once(serve):
    server = serve(grpc_max_threads=1)
    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        running = predict.future(request("slow", seed=np.int64([4])), timeout=10)
        toy.until(lambda: not server.versions.drained(timeout=0))  # the slow one has the only slot
        assert refusal(predict, request(seed=np.int64([1]))) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "Server Threadpool Exhausted",
        )
        assert running.result().outputs["images"].int_val[0] == 4
