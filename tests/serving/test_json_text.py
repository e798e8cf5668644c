"""JSON's parts, against NumPy and the standard library."""

import json

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.rest import json_answers
from tfgan_kit.serving.rest.json_arrays import array_of
from tfgan_kit.serving.rest.json_requests import COLUMN, ROW
from tfgan_kit.serving.rest.json_text import parse_object

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

READ = {
    "a byte order mark": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "what is not finite": (b'{"a": [-Infinity, Infinity]}', {"a": [-np.inf, np.inf]}),
    "integers past 64 bits": (b'{"a": [9223372036854775808, 18446744073709551616, -9223372036854775809]}',
        {"a": [2**63, 2.0**64, -(2.0**63)]}),
    "the same beside a NaN's kin": (b'{"b": -Infinity, "a": [18446744073709551615, 18446744073709551616]}',
        {"b": -np.inf, "a": [2**64 - 1, 2.0**64]}),
    "a surrogate pair": (b'{"a": "\\ud83d\\ude00", "b": Infinity}', {"a": "\U0001f600", "b": np.inf}),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_a_document_is_read(case):
    body, document = READ[case]
    found = parse_object(body, 100)
    assert found == document and repr(found) == repr(document)  # types too


# Beside those of the conformance suite
MALFORMED = ["nulL", '{"a": [1,]}', "{1}", '{"a" 1}', '{"a":1]', '{"a": "T', '{"a": "\\a"}', '{"a": "\\uABCG"}']
MALFORMED += ['{"a": 1.}', '{"a": NaN, "b": "\\ud800"}', '{"a": 1e_}', '{"a": -1e309}', '{"a": 01}', '{"a":' * 2000]
MALFORMED += ['{"a":' * 300 + "NaN" + "}" * 300]
# More than 10,000 values, before anything of it is read
MALFORMED += ['{"a": [' + "[]," * 5_000 + "1]}", "[" + "1," * 10_000, "{" + '"a":1,' * 10_000]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: text[:12])
def test_what_is_no_object_in_json_is_the_callers_fault(text):
    with pytest.raises(RequestError) as caught:
        parse_object(text.encode(), 10_000)
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT and len(str(caught.value)) < 200


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 1, 3, 2)])
@pytest.mark.parametrize("dtype", [tf.float32, tf.int64, tf.uint8, tf.bool])
def test_nested_lists_become_the_array_they_came_from(shape, dtype):
    array = (np.random.default_rng(0).integers(0, 100, shape) % 101).astype(dtype.as_numpy_dtype)
    got = array_of(array.tolist(), dtype)
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


def test_a_tensor_has_at_most_32_dimensions():
    value = 1
    for _ in range(32):
        value = [value]
    assert array_of(value, tf.int64).shape == (1,) * 32
    with pytest.raises(RequestError, match="at most 32 dimensions"):
        array_of([value], tf.int64)


@pytest.mark.parametrize("spelled", ["YQ==", "Y Q=\n=", "YQ="])
def test_base64_may_be_spelled_as_abseil_takes_it(spelled):
    assert array_of({"b64": spelled}, tf.string).item() == b"a"


def response(**arrays):
    message = predict_pb2.PredictResponse()
    for alias, array in arrays.items():
        tensors.encode(array, message.outputs[alias], as_content=True)
    return message


@pytest.mark.parametrize("form, key", [(ROW, "predictions"), (COLUMN, "outputs")])
@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (1,), (2, 0, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_an_answer_parses_to_the_array(form, key, shape, dtype):
    array = np.random.default_rng(1).normal(0, 50, shape).astype(dtype)
    parsed = json.loads(json_answers.predictions(response(y=array), form))
    np.testing.assert_array_equal(np.array(parsed[key], dtype).reshape(shape), array)


@pytest.mark.parametrize("odd", [1.0, np.nan, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_have_no_more_digits_than_they_need(dtype, odd):
    """Also beside one that is not finite, which orjson cannot write."""
    values = np.append(np.random.default_rng(2).normal(0, 1, 500), odd).astype(dtype)
    text = json_answers.predictions(response(y=values), COLUMN).decode().replace(" ", "")
    written = text.split("[")[1].split("]")[0].split(",")[:-1]
    shortest = [np.format_float_scientific(value, unique=True, trim="-") for value in values[:-1]]

    def digits(number):
        return len(number.split("e")[0].replace(".", "").replace("-", "").strip("0"))

    assert [digits(one) for one in written] == [digits(one) for one in shortest]
    np.testing.assert_array_equal(np.array(json.loads(text)["outputs"], dtype), values)


def test_no_output_is_an_error():
    with pytest.raises(RequestError, match="no output"):
        json_answers.predictions(predict_pb2.PredictResponse(), ROW)
