"""Predict: the answer's form, and each refusal with its code and what it names."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from tests.integration.conformance import zoo
from tests.integration.conformance.calls import (
    FAILED,
    INVALID,
    NOT_FOUND,
    names,
    predict,
    predict_request,
    refusal,
    refused,
)
from tests.serving import toy

SEED = {"seed": np.int64([1])}
INTERNAL = grpc.StatusCode.INTERNAL

# inputs, the rest of the request, code, what the text names
REFUSED = {
    "model": (SEED, {"name": "nope"}, NOT_FOUND, "nope"),
    "version": (SEED, {"version": 99}, NOT_FOUND, "toy 99"),
    "negative version": (SEED, {"version": -1}, NOT_FOUND, "toy -1"),
    "version of an unknown model": (SEED, {"name": "nope", "version": 1}, NOT_FOUND, "nope 1"),
    "empty name": (SEED, {"name": ""}, INVALID, "name"),
    "label": (SEED, {"label": "zz"}, INVALID, "zz"),
    "empty label": (SEED, {"label": ""}, INVALID, "label"),
    "label of an unknown model": (SEED, {"name": "nope", "label": "zz"}, INVALID, "zz"),
    "missing input": ({}, {}, INVALID, "seed"),
    "extra input": ({**SEED, "more": np.int64([1])}, {}, INVALID, "more"),
    "another input": ({"sed": np.int64([1])}, {}, INVALID, "seed"),
    "one of two inputs": (SEED, {"signature": "generate"}, INVALID, "label"),
    "float for int64": ({"seed": np.float32([1])}, {}, INVALID, "int64 float"),
    "double for int64": ({"seed": np.float64([1])}, {}, INVALID, "int64 double"),
    "int32 for int64": ({"seed": np.int32([1])}, {}, INVALID, "int64 int32"),
    "string for int64": ({"seed": np.array([b"1"])}, {}, INVALID, "int64 string"),
    "half for float": ({"latents": np.ones([1, 3], np.float16)}, {"signature": "from_latent"}, INVALID, "float half"),
    "signature": (SEED, {"signature": "zz"}, FAILED, "zz"),
    "signature before its inputs": ({}, {"signature": "zz"}, FAILED, "zz"),
    "output": (SEED, {"outputs": ["zz"]}, INVALID, "zz images"),
    "output twice": (SEED, {"outputs": ["images", "images"]}, INVALID, "images"),
    "inputs before outputs": ({}, {"outputs": ["zz"]}, INVALID, "seed"),
    "jit_compile": (zoo.X, {"name": "zoo", "signature": "compiled"}, INTERNAL, "XLA compilation disabled"),
    "what the graph cannot take": (
        {"z": np.ones([1, 3], np.float32)}, {"name": "zoo", "signature": "product"}, INVALID, "3"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(plain, case):
    inputs, arguments, code, words = REFUSED[case]
    found, text = refused(plain, inputs, **arguments)
    assert found is code and names(text, words)


def test_no_model_spec(plain):
    assert refusal(plain.predictions.Predict, predict_pb2.PredictRequest())[0] is INVALID


@pytest.mark.parametrize("version", [None, 1])
@pytest.mark.parametrize("outputs", [(), ("images",)])
def test_typed_fields_and_what_was_run(plain, version, outputs):
    request = predict_request({"seed": np.int64([5, 6, 7])}, version=version, outputs=outputs)
    answer = plain.predictions.Predict(request, timeout=10)
    assert not answer.outputs["images"].tensor_content
    images = tf.make_ndarray(answer.outputs["images"])
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, toy.expected([5, 6, 7]))
    spec = answer.model_spec
    assert (spec.name, spec.version.value) == ("toy", 1)
    assert spec.signature_name == "serving_default"


ANSWERS = {
    "generate": ({"seed": np.int64([1, 2]), "label": np.int32([3, 4])}, ([1, 2], [3, 4])),
    "from_latent": ({"latents": np.float32([[1, 2, 3]])}, ([6],)),
}


@pytest.mark.parametrize("signature", ANSWERS)
def test_a_signature_answers(plain, signature):
    inputs, images = ANSWERS[signature]
    answer = plain.predictions.Predict(predict_request(inputs, signature=signature), timeout=10)
    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["images"]), toy.expected(*images))
    assert answer.model_spec.signature_name == signature


def test_png_bytes_are_strings_that_decode_to_the_images(plain):
    answer = predict(plain, {"seed": np.int64([1, 2])}, signature="serving_default_png")
    images = [tf.io.decode_png(png).numpy() for png in answer["png_bytes"]]
    np.testing.assert_array_equal(images, toy.expected([1, 2]))


def test_an_output_filter_leaves_the_other_outputs_out(plain):
    inputs = {"x": np.float32([1]), "n": np.int64([2])}
    answer = predict(plain, inputs, name="zoo", signature="several", outputs=["twice"])
    assert answer == {"twice": 4}


@pytest.mark.parametrize("as_content", [False, True])
def test_typed_fields_and_content_are_read_alike(plain, as_content):
    request = predict_request(SEED)
    tensor = request.inputs["seed"]
    tensor.Clear()
    tensor.dtype = tf.int64.as_datatype_enum
    tensor.tensor_shape.dim.add(size=2)
    if as_content:
        tensor.tensor_content = np.int64([8, 9]).tobytes()
    else:
        tensor.int64_val.extend([8, 9])
    answer = plain.predictions.Predict(request, timeout=10)
    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["images"]), toy.expected([8, 9]))


# As tensor.cc fills a tensor from a field: too few values repeat the last one, none are zeros.
FILLED = {
    "one for three": (3, {"int64_val": [7]}, [7, 7, 7]),
    "two for three": (3, {"int64_val": [7, 8]}, [7, 8, 8]),
    "none for two": (2, {}, [0, 0]),
    "three for two": (2, {"int64_val": [7, 8, 9]}, [7, 8]),
    "another type's field": (2, {"float_val": [7.0, 8.0]}, [0, 0]),
}


@pytest.mark.parametrize("case", FILLED)
def test_fewer_or_more_values_than_the_shape(plain, case):
    size, fields, seeds = FILLED[case]
    request = predict_request({})
    tensor = request.inputs["seed"]
    tensor.dtype = tf.int64.as_datatype_enum
    tensor.tensor_shape.dim.add(size=size)
    for field, values in fields.items():
        getattr(tensor, field).extend(values)
    answer = plain.predictions.Predict(request, timeout=10)
    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["images"]), toy.expected(seeds))


NUMBERS = {
    "same": ("x", np.float32([0.1, np.inf, -0.0]), "y", tf.float32),
    "wide": ("x", np.float64([0.1, 1e300]), "y", tf.float64),
    "whole": ("n", np.int32([-1, 2**31 - 1]), "n", tf.int32),
    "truth": ("b", np.array([True, False]), "b", tf.bool),
    "half_in": ("x", np.float16([0.5, 2]), "y", tf.float32),
    "half_out": ("x", np.float32([0.5, 2]), "y", tf.float16),
    "bfloat16_out": ("x", np.float32([0.5, 2]), "y", tf.bfloat16),
}


@pytest.mark.parametrize("signature", NUMBERS)
def test_a_dtype_goes_in_and_out(plain, signature):
    name, values, alias, dtype = NUMBERS[signature]
    answer = predict(plain, {name: values}, name="zoo", signature=signature)[alias]
    assert answer.dtype == dtype.as_numpy_dtype
    np.testing.assert_array_equal(answer.astype(values.dtype), values)


@pytest.mark.parametrize("signature, alias", [("words", "words"), ("words_as_bytes", "words_bytes")])
def test_strings_are_any_bytes(plain, signature, alias):
    text = np.array([b"\x89PNG\xff", b"", "ä".encode()], object)
    answer = predict(plain, {"text": text}, name="zoo", signature=signature)
    assert list(answer[alias]) == list(text)


def test_a_state_advances_over_requests(plain):
    def ask():
        return predict(plain, zoo.X, name="zoo", signature="counted")["y"][0]

    assert ask() + 1 == ask()


def test_a_call_past_its_deadline_ends(plain):
    code, _ = refused(plain, SEED, signature="slow", timeout=0.1)
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_an_answer_larger_than_4_mib(plain):
    """What a Python client takes unless told otherwise; the server's own limit is 2 GiB."""
    z = np.ones([2, 2**20], np.float32)
    np.testing.assert_array_equal(predict(plain, {"z": z}, name="zoo", signature="rows")["y"], z)


@pytest.mark.parametrize("rows", [0, 1001])
def test_without_batching_rows_are_not_counted(plain, rows):
    """Read in predict_util.cc, which hands the tensors to the session as they are; not measured."""
    images = predict(plain, {"seed": np.arange(rows, dtype=np.int64)})["images"]
    assert images.shape == (rows, toy.SIZE, toy.SIZE, 1)


SHAPES = {
    "a row of another inner shape": ("row_sums", {"z": np.ones([1, 3], np.float32)}),
    "one column": ("any_row_sums", {"z": np.ones([2, 1], np.float32)}),
    "five columns": ("any_row_sums", {"z": np.ones([2, 5], np.float32)}),
    "a scalar": ("scaled", {"scale": np.float32(1), "z": np.ones([2, 4], np.float32)}),
}


@pytest.mark.parametrize("case", SHAPES)
def test_static_shapes_are_not_enforced(plain, case):
    """[1, 3] into a signature of [-1, 4] runs: its graph sums whatever comes."""
    signature, inputs = SHAPES[case]
    (answer,) = predict(plain, inputs, name="zoo", signature=signature).values()
    np.testing.assert_array_equal(answer, inputs["z"] if signature == "scaled" else inputs["z"].sum(axis=1))
