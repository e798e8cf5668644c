"""One suite for any server of the protocol: TensorFlow Serving, or the embedded one.

    TFGAN_KIT_SERVING_TARGET=host:port pytest tests/integration/test_conformance.py

Such a server serves, under the name `toy`, the one version 1 that `toy.save` (tests/serving/toy.py)
writes, and nothing else, without batching. Where the variable is not set, the embedded server is
started on it. Codes and texts are those measured on tensorflow_model_server (field/serving.md).
"""

import os

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving import toy
from tfgan_kit.serving import ModelServer

NOT_FOUND = grpc.StatusCode.NOT_FOUND
INVALID = grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION
SEED = {"seed": np.int64([1])}
OUTPUTS = "Outputs expected to be in the set {images}."


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    named = os.environ.get("TFGAN_KIT_SERVING_TARGET")
    if named:
        yield named
        return
    base_path = tmp_path_factory.mktemp("conformance")
    toy.save(base_path / "1")
    with ModelServer(base_path, "toy", port=0) as server:
        yield f"localhost:{server.port}"


@pytest.fixture(scope="module")
def channel(target):
    with grpc.insecure_channel(target) as one:
        yield one


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def model_service(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def predict_request(inputs, name="toy", version=None, label=None, signature="", outputs=()):
    request = predict_pb2.PredictRequest(output_filter=outputs)
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return specified(request, name, version, label, signature)


def specified(request, name="toy", version=None, label=None, signature=""):
    request.model_spec.name, request.model_spec.signature_name = name, signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    return request


def refusal(call, request):
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=10)
    return caught.value.code(), caught.value.details()


NONE_SENT = "0!=1 len({}) != len({seed}). Sent extra: {}. Missing but required: {seed}."
ONE_TOO_MANY = "2!=1 len({more,seed}) != len({seed}). Sent extra: {more}. Missing but required: {}."
REFUSED = {
    "model": (SEED, {"name": "nope"}, NOT_FOUND, "Servable not found for request: Latest(nope)"),
    "version": (
        SEED, {"version": 99}, NOT_FOUND, "Servable not found for request: Specific(toy, 99)"
    ),
    "version of an unknown model": (
        SEED, {"name": "nope", "version": 1}, NOT_FOUND,
        "Servable not found for request: Specific(nope, 1)",
    ),
    "empty name": (SEED, {"name": ""}, INVALID, "ModelSpec has no name specified."),
    "label": (SEED, {"label": "zz"}, INVALID, "Unrecognized servable version label: zz"),
    "missing input": ({}, {}, INVALID, f"input size does not match signature: {NONE_SENT}"),
    "extra input": (
        {**SEED, "more": np.int64([1])}, {}, INVALID,
        f"input size does not match signature: {ONE_TOO_MANY}",
    ),
    "dtype": (
        {"seed": np.float32([1])}, {}, INVALID, "Expects arg[0] to be int64 but float is provided"
    ),
    "signature": (SEED, {"signature": "zz"}, FAILED, 'Serving signature key "zz" not found.'),
    "output": (
        SEED, {"outputs": ["zz"]}, INVALID,
        f"output tensor alias not found in signature: zz {OUTPUTS}",
    ),
    "output twice": (
        SEED, {"outputs": ["images", "images"]}, INVALID, "duplicate output tensor alias: images"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_predict_refuses_with_the_measured_code_and_text(prediction, case):
    inputs, arguments, code, text = REFUSED[case]
    assert refusal(prediction.Predict, predict_request(inputs, **arguments)) == (code, text)


def test_predict_without_a_model_spec_is_refused(prediction):
    answer = refusal(prediction.Predict, predict_pb2.PredictRequest())
    assert answer == (INVALID, "Missing ModelSpec")


def test_a_wrong_input_name_is_refused(prediction):
    code, text = refusal(prediction.Predict, predict_request({"sed": np.int64([1])}))
    assert code is INVALID and "seed" in text


def test_a_wrong_inner_shape_is_refused(prediction):
    request = predict_request({"latents": np.ones([4], np.float32)}, signature="from_latent")
    assert refusal(prediction.Predict, request)[0] is INVALID


@pytest.mark.parametrize("version", [None, 1])
@pytest.mark.parametrize("outputs", [(), ("images",)])
def test_predict_answers_with_typed_fields_and_what_was_run(prediction, version, outputs):
    request = predict_request({"seed": np.int64([5, 6, 7])}, version=version, outputs=outputs)
    answer = prediction.Predict(request, timeout=10)
    assert not answer.outputs["images"].tensor_content
    images = tf.make_ndarray(answer.outputs["images"])
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, toy.expected([5, 6, 7]))
    spec = answer.model_spec
    assert (spec.name, spec.version.value) == ("toy", 1)
    assert spec.signature_name == "serving_default"


@pytest.mark.parametrize(
    "signature, inputs, images",
    [
        ("generate", {"seed": np.int64([1, 2]), "label": np.int32([3, 4])}, ([1, 2], [3, 4])),
        ("from_latent", {"latents": np.float32([[1, 2, 3]])}, ([6],)),
    ],
)
def test_every_signature_answers(prediction, signature, inputs, images):
    answer = prediction.Predict(predict_request(inputs, signature=signature), timeout=10)
    np.testing.assert_array_equal(
        tf.make_ndarray(answer.outputs["images"]), toy.expected(*images)
    )


def test_png_bytes_are_strings_that_decode_to_the_images(prediction):
    request = predict_request({"seed": np.int64([1, 2])}, signature="serving_default_png")
    answer = prediction.Predict(request, timeout=10).outputs["png_bytes"]
    images = [tf.io.decode_png(png).numpy() for png in answer.string_val]
    np.testing.assert_array_equal(images, toy.expected([1, 2]))


@pytest.mark.parametrize("as_content", [False, True])
def test_an_input_is_read_from_typed_fields_and_from_content(prediction, as_content):
    request = predict_request(SEED)
    tensor = request.inputs["seed"]
    tensor.Clear()
    tensor.dtype = tf.int64.as_datatype_enum
    tensor.tensor_shape.dim.add(size=2)
    if as_content:
        tensor.tensor_content = np.int64([8, 9]).tobytes()
    else:
        tensor.int64_val.extend([8, 9])
    answer = prediction.Predict(request, timeout=10)
    np.testing.assert_array_equal(
        tf.make_ndarray(answer.outputs["images"]), toy.expected([8, 9])
    )


def metadata_request(fields=("signature_def",), **arguments):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    return specified(request, **arguments)


@pytest.mark.parametrize("version", [None, 1])
def test_metadata_holds_every_signature(prediction, version):
    answer = prediction.GetModelMetadata(metadata_request(version=version), timeout=10)
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("toy", 1)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(found)
    assert set(found.signature_def) == {*toy.CONDITIONAL, "__saved_model_init_op"}
    seed = found.signature_def["generate"].inputs["seed"]
    assert seed.dtype == tf.int64.as_datatype_enum
    assert [dim.size for dim in seed.tensor_shape.dim] == [-1]
    assert found.signature_def["generate"].method_name == "tensorflow/serving/predict"


NO_FIELD = "GetModelMetadataRequest must specify at least one metadata_field"
LATEST = "Servable not found for request: Latest(nope)"


@pytest.mark.parametrize(
    "request_, code, text",
    [
        (metadata_request(fields=[]), INVALID, NO_FIELD),
        (metadata_request(fields=["x"]), INVALID, "Metadata field x is not supported"),
        (metadata_request(name="nope"), NOT_FOUND, LATEST),
        (metadata_request(name=""), INVALID, "ModelSpec has no name specified."),
        (
            get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]),
            INVALID,
            "Missing ModelSpec",
        ),
    ],
)
def test_metadata_refuses_with_the_measured_code_and_text(prediction, request_, code, text):
    assert refusal(prediction.GetModelMetadata, request_) == (code, text)


@pytest.mark.parametrize("arguments", [{}, {"version": 1}, {"label": "labels are not looked at"}])
def test_status_says_that_the_version_is_available(model_service, arguments):
    request = specified(get_model_status_pb2.GetModelStatusRequest(), **arguments)
    (status,) = model_service.GetModelStatus(request, timeout=10).model_version_status
    assert status.version == 1
    assert status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert (status.status.error_code, status.status.error_message) == (0, "")


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (None, INVALID, "Missing ModelSpec"),
        ({"name": "nope"}, NOT_FOUND, "Could not find any versions of model nope"),
        ({"version": 9}, NOT_FOUND, "Could not find version 9 of model toy"),
    ],
)
def test_status_refuses_with_the_measured_code_and_text(model_service, arguments, code, text):
    request = get_model_status_pb2.GetModelStatusRequest()
    if arguments is not None:
        specified(request, **arguments)
    assert refusal(model_service.GetModelStatus, request) == (code, text)


def test_a_call_past_its_deadline_ends(prediction):
    request = predict_request(SEED, signature="slow")
    with pytest.raises(grpc.RpcError) as caught:
        prediction.Predict(request, timeout=0.1)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
