"""GetModelMetadata: every signature of a version, and each refusal with its code and what it names."""

import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2

from tests.integration.conformance import zoo
from tests.integration.conformance.calls import INVALID, NOT_FOUND, names, refusal, specified
from tests.serving import toy

FIELD = "signature_def"
INIT = "__saved_model_init_op"


def _request(fields=(FIELD,), **spec):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    return specified(request, **spec)


def _signatures(server, **spec):
    answer = server.predictions.GetModelMetadata(_request(**spec), timeout=10)
    assert set(answer.metadata) == {FIELD}
    found = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata[FIELD].Unpack(found)
    return answer.model_spec, found.signature_def


@pytest.mark.parametrize("version", [None, 1])
@pytest.mark.parametrize("name, names", [("toy", toy.CONDITIONAL), ("zoo", zoo.NAMES)])
def test_every_signature_and_the_init_op(plain, version, name, names):
    spec, found = _signatures(plain, name=name, version=version)
    assert (spec.name, spec.version.value, spec.signature_name) == (name, 1, "")
    assert set(found) == {*names, INIT}


def test_a_signature_says_dtypes_shapes_and_tensors(plain):
    generate = _signatures(plain)[1]["generate"]
    assert generate.method_name == "tensorflow/serving/predict"
    assert set(generate.inputs) == {"seed", "label"} and set(generate.outputs) == {"images"}
    seed, images = generate.inputs["seed"], generate.outputs["images"]
    assert (seed.dtype, images.dtype) == (tf.int64.as_datatype_enum, tf.uint8.as_datatype_enum)
    assert [dim.size for dim in seed.tensor_shape.dim] == [-1]
    assert [dim.size for dim in images.tensor_shape.dim] == [-1, 8, 8, 1]
    assert seed.name.startswith("generate_seed") and images.name.endswith(":0")


REFUSED = {
    "no field": (_request(fields=[]), INVALID, "metadata_field"),
    "another field": (_request(fields=["x"]), INVALID, "x"),
    "another field too": (_request(fields=[FIELD, "x"]), INVALID, "x"),
    "field before model": (_request(fields=["x"], name="nope"), INVALID, "x"),
    "model": (_request(name="nope"), NOT_FOUND, "nope"),
    "version": (_request(version=9), NOT_FOUND, "toy 9"),
    "label": (_request(label="zz"), INVALID, "zz"),
    "empty name": (_request(name=""), INVALID, "name"),
    "no model": (
        get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]),
        INVALID,
        "ModelSpec",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(plain, case):
    request, code, words = REFUSED[case]
    found, text = refusal(plain.predictions.GetModelMetadata, request)
    assert found is code and names(text, words)
