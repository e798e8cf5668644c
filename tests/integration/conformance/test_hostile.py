"""What nobody should send: no crash, no hang, the right code, and memory that stays.

Each call has a deadline of its own. A code is right if it blames the caller: INTERNAL only where the
bytes are no message at all, and gRPC itself says so.
"""

import random

import grpc
import numpy as np
import pytest
import tensorflow as tf

from tests.integration.conformance.calls import INVALID, predict_request, refusal
from tests.integration.conformance.fuzz import BLAMES, fuzz, harmless, memory, survived
from tests.serving import toy

SEED = {"seed": np.int64([1])}


def _tensor(dtype=tf.int64, sizes=(1,), **values):
    request = predict_request({})
    tensor = request.inputs["seed"]
    tensor.dtype = dtype if isinstance(dtype, int) else dtype.as_datatype_enum
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    for field, value in values.items():
        if isinstance(value, list):
            getattr(tensor, field).extend(value)
        else:
            setattr(tensor, field, value)
    return request


def _unknown_rank():
    request = _tensor(int64_val=[1])
    request.inputs["seed"].tensor_shape.unknown_rank = True
    return request


HOSTILE = {
    "a shape of 10^12 from one value": _tensor(sizes=[10**12], int64_val=[1]),
    "a shape of 10^12 from nothing": _tensor(sizes=[10**12]),
    "a shape of 10^12 in two dimensions": _tensor(sizes=[10**6, 10**6], int64_val=[1]),
    "a shape that overflows int64": _tensor(sizes=[2**40, 2**40], int64_val=[1]),
    "a shape of 2^63 - 1": _tensor(sizes=[2**63 - 1], int64_val=[1]),
    "a negative size": _tensor(sizes=[-1], int64_val=[1]),
    "two negative sizes": _tensor(sizes=[-3, -3], int64_val=[1] * 9),
    "300 dimensions": _tensor(sizes=[1] * 300, int64_val=[1]),
    "content too short": _tensor(sizes=[2], tensor_content=b"\0" * 8),
    "content too long": _tensor(sizes=[1], tensor_content=b"\0" * 24),
    "content of no whole value": _tensor(sizes=[1], tensor_content=b"\0" * 7),
    "no type": _tensor(dtype=0, int64_val=[1]),
    "a type that there is not": _tensor(dtype=9999, int64_val=[1]),
    "a resource": _tensor(dtype=tf.resource, int64_val=[1]),
    "a variant": _tensor(dtype=tf.variant, int64_val=[1]),
    "a reference type": _tensor(dtype=109, int64_val=[1]),
    "a string for the seed": _tensor(dtype=tf.string, string_val=[b"x" * 10_000_000]),
    "an empty tensor": predict_request({}),
    "ten thousand inputs": predict_request({f"x{k}": np.int64([1]) for k in range(10_000)}),
    "ten thousand outputs": predict_request(SEED, outputs=[f"x{k}" for k in range(10_000)]),
    "a path as the signature": predict_request(SEED, signature="../../../etc/passwd"),
    "a megabyte as the signature": predict_request(SEED, signature="s" * 1_000_000),
}
HOSTILE["an empty tensor"].inputs["seed"].SetInParent()
CODES = {"a path as the signature": "FAILED_PRECONDITION", "a megabyte as the signature": "FAILED_PRECONDITION"}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_tensor_is_the_callers_fault(plain, case):
    code, text = refusal(plain.predictions.Predict, HOSTILE[case])
    assert code.name == CODES.get(case, INVALID.name) and text
    assert len(text) <= 1024 + len("...TRUNCATED")


@pytest.mark.parametrize("name", ["../toy", "/etc/passwd", "toy\0", "t" * 1_000_000, "%2e%2e", "тoy"])
def test_a_hostile_name_is_not_found(plain, name):
    code, _ = refusal(plain.predictions.Predict, predict_request(SEED, name=name))
    assert code is grpc.StatusCode.NOT_FOUND


def test_a_shape_of_unknown_rank(plain, expected):
    try:
        plain.predictions.Predict(_unknown_rank(), timeout=10)
        code = "OK"
    except grpc.RpcError as error:
        code = error.code().name
    assert code == expected("OK")


def test_bytes_that_are_no_message_are_an_internal_error(plain):
    call = plain.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    assert refusal(call, b"\xff" * 100)[0] is grpc.StatusCode.INTERNAL


def test_spoiled_requests(plain):
    fuzz(plain, 30, seed=0)  # whatever is loaded once
    before = memory(plain)
    assert len(fuzz(plain, 300, seed=1)) >= 3  # refused in several ways: the fuzz reaches the checks
    survived(plain, before)


@pytest.mark.parametrize(
    "path",
    [
        "/tensorflow.serving.PredictionService/GetModelMetadata",
        "/tensorflow.serving.PredictionService/Classify",
        "/tensorflow.serving.PredictionService/Regress",
        "/tensorflow.serving.PredictionService/MultiInference",
        "/tensorflow.serving.ModelService/GetModelStatus",
    ],
)
def test_random_bytes_to_the_other_methods(plain, path):
    rng, call = random.Random(2), plain.channel.unary_unary(path)
    for _ in range(30):
        data = rng.randbytes(rng.randrange(1, 500))
        if not harmless(data):
            continue
        code, _ = refusal(call, data, timeout=5)
        assert code.name in BLAMES | {"INTERNAL"}


def test_after_all_that_answers_are_right(plain):
    request = predict_request({"seed": np.int64([5, 6])})
    images = plain.predictions.Predict(request, timeout=10).outputs["images"]
    np.testing.assert_array_equal(tf.make_ndarray(images), toy.expected([5, 6]))
