"""The client's own messages are TensorFlow Serving's, byte for byte."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pool
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2, predict_pb2, status_pb2

from tfgan_kit_client import wire

REAL = {
    "TensorProto": tensor_pb2.TensorProto,
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
}
VARINTS = {"TYPE_INT32", "TYPE_ENUM"}  # one encoding


def compare(ours, real):
    """Every field that we declare has its number, kind and repetition in the real message."""
    for field in ours.fields:
        other = real.fields_by_name[field.name]
        assert field.number == other.number
        assert field.is_repeated == other.is_repeated
        same = field.type == other.type or {field.type, other.type} == {5, 14}  # int32, enum
        assert same, field.full_name
        if field.message_type is not None and not field.message_type.full_name.startswith("google"):
            compare(field.message_type, other.message_type)


@pytest.mark.parametrize("name", REAL)
def test_every_field_is_the_real_messages(name):
    compare(getattr(wire, name).DESCRIPTOR, REAL[name].DESCRIPTOR)


def test_a_request_of_ours_is_read_by_the_real_message():
    ours = wire.PredictRequest(output_filter=["images"])
    ours.model_spec.name, ours.model_spec.version.value = "toy", 3
    ours.inputs["seed"].dtype = 9
    ours.inputs["seed"].tensor_shape.dim.add(size=2)
    ours.inputs["seed"].tensor_content = np.int64([1, 2]).tobytes()
    real = predict_pb2.PredictRequest.FromString(ours.SerializeToString())
    assert real.model_spec == model_pb2.ModelSpec(name="toy", version={"value": 3}) and list(real.output_filter) == [
        "images"
    ]
    assert tf.make_ndarray(real.inputs["seed"]).tolist() == [1, 2]


def test_a_real_answer_is_read_by_our_message():
    real = predict_pb2.PredictResponse()
    real.model_spec.signature_name, real.model_spec.version_label = "generate", "canary"
    real.outputs["images"].CopyFrom(tf.make_tensor_proto(np.uint8([[1, 255]])))
    real.outputs["png_bytes"].CopyFrom(tf.make_tensor_proto([b"\xff"]))
    ours = wire.PredictResponse.FromString(real.SerializeToString())
    assert ours.outputs["images"].tensor_content == b"\x01\xff"
    assert list(ours.outputs["png_bytes"].string_val) == [b"\xff"]
    assert ours.model_spec.signature_name == "generate"


def test_a_real_status_is_read_by_our_message():
    real = get_model_status_pb2.GetModelStatusResponse()
    real.model_version_status.add(
        version=4, state=50, status=status_pb2.StatusProto(error_code=5, error_message="gone")
    )
    (one,) = wire.GetModelStatusResponse.FromString(real.SerializeToString()).model_version_status
    assert (one.version, wire.STATES[one.state]) == (4, "END")
    assert (one.status.error_code, one.status.error_message) == (5, "gone")


def test_every_state_has_its_real_name():
    states = get_model_status_pb2.ModelVersionStatus.State
    assert wire.STATES == {number: name for name, number in states.items()}


def test_our_messages_are_not_in_tensorflows_pool():
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindFileByName("tfgan_kit_client/wire.proto")
    assert meta_graph_pb2.SignatureDef.DESCRIPTOR.full_name == "tensorflow.SignatureDef"
