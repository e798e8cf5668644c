"""JSON's parts, against RapidJSON itself, NumPy and the standard library."""

import base64
import gzip
import json
import tracemalloc

from tfgan_kit.serving.protocol import tensors
from tfgan_kit.serving.protocol.errors import RequestError
from tfgan_kit.serving.rest import json_answers
from tfgan_kit.serving.rest.dispatch import BodyTooLargeError, unpacked
from tfgan_kit.serving.rest.json_arrays import array_of
from tfgan_kit.serving.rest.json_requests import COLUMN, ROW
from tfgan_kit.serving.rest.json_text import excerpt, parse_object, type_name

import grpc
import numpy as np
import pytest
import rapidjson
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

SHORT = (
    None, True, 1, -(2**63), 1.5, 0.1, "a\"\\/\n\u00e9\x7f", [], {}, [[], {}], [1, "a", [None]],
    {"a": [1, {"b": {"c": []}}], "d": {}}, [{"a": 1}, {"b": 2}], float("nan"), float("-inf"),
)  # fmt: skip


@pytest.mark.parametrize("value", SHORT)
def test_a_short_value_is_quoted_as_rapidjson_writes_it(value):
    assert excerpt(value) == rapidjson.dumps(
        value, indent=4, write_mode=rapidjson.WM_SINGLE_LINE_ARRAY, ensure_ascii=False
    )


@pytest.mark.parametrize("value", [list(range(10_000)), {f"k{k}": k for k in range(1000)}])
def test_of_a_long_value_the_start_is_quoted(value):
    whole = rapidjson.dumps(value, indent=4, write_mode=rapidjson.WM_SINGLE_LINE_ARRAY)
    text = excerpt(value)
    assert 256 <= len(text) < 300 and whole.startswith(text)


def test_the_start_of_a_giant_costs_no_giant():
    giant = [[1] * 1000] * 1000
    tracemalloc.start()
    excerpt(giant)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "value, name",
    [(None, "Null"), (True, "True"), (False, "False"), (1, "Number"), (1.5, "Number"),
     ("a", "String"), ([], "Array"), ({}, "Object")],
)  # fmt: skip
def test_types_have_rapidjsons_names(value, name):
    assert type_name(value) == name


def test_of_a_gzip_bomb_no_more_than_the_limit_is_unpacked():
    bomb = gzip.compress(b" " * 20_000_000)
    tracemalloc.start()
    with pytest.raises(BodyTooLargeError):
        unpacked(bomb, 100_000)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


# Offsets of RapidJSON's own test/unittest/readertest.cpp, texts of its error/en.h
RAPIDJSON = [
    (" \n", "The document is empty. at offset: 2"),
    ("nulL", "Invalid value. at offset: 3"),
    ("a]", "Invalid value. at offset: 0"),
    ("[1,]", "Invalid value. at offset: 3"),
    ("{1}", "Missing a name for object member. at offset: 1"),
    ('{"a":1,}', "Missing a name for object member. at offset: 7"),
    ('{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
    ('{"a":1]', "Missing a comma or '}' after an object member. at offset: 6"),
    ("[1", "Missing a comma or ']' after an array element. at offset: 2"),
    ("[1 2]", "Missing a comma or ']' after an array element. at offset: 3"),
    ('["Test]', "Missing a closing quotation mark in string. at offset: 7"),
    ('["\\a"]', "Invalid escape character in string. at offset: 2"),
    ('["\\uABCG"]', "Incorrect hex digit after \\u escape in string. at offset: 2"),
    ('["\\uD800X"]', "The surrogate pair in string is invalid. at offset: 2"),
    ("1.", "Miss fraction part in number. at offset: 2"),
    ("1e_", "Miss exponent in number. at offset: 2"),
    ("-1e309", "Number too big to be stored in double. at offset: 0"),
]


@pytest.mark.parametrize("text, error", RAPIDJSON)
def test_a_syntax_error_has_rapidjsons_text_and_offset(text, error):
    with pytest.raises(RequestError) as caught:
        parse_object(text.encode())
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert str(caught.value) == f"JSON Parse error: {error}"


def test_a_byte_order_mark_is_skipped():
    assert parse_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0), (2, 3), (2, 1, 3, 2)])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.int32, tf.int64, tf.uint8, tf.bool])
def test_nested_lists_become_the_array_they_came_from(shape, dtype):
    array = (np.random.default_rng(0).integers(0, 100, shape) % 101).astype(dtype.as_numpy_dtype)
    got = array_of(array.tolist(), dtype)
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("spelled", ["YQ==", "YQ", "Y Q=\n=", "YQ="])
def test_base64_may_be_spelled_as_abseil_takes_it(spelled):
    assert array_of({"b64": spelled}, tf.string).item() == b"a"


@pytest.mark.parametrize("spelled", ["Y", "Y*==", "YQ==YQ==", "é"])
def test_other_base64_is_refused(spelled):
    with pytest.raises(RequestError, match="^Unable to base64 decode$"):
        array_of([{"b64": spelled}], tf.string)


def response(**arrays):
    message = predict_pb2.PredictResponse()
    for alias, array in arrays.items():
        tensors.encode(array, message.outputs[alias], as_content=True)
    return message


@pytest.mark.parametrize("form, key", [(ROW, "predictions"), (COLUMN, "outputs")])
@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (1,), (3, 1), (2, 0, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64", "bool"])
def test_an_answer_parses_to_the_array(form, key, shape, dtype):
    array = np.random.default_rng(1).normal(0, 50, shape).astype(dtype)
    parsed = json.loads(json_answers.predictions(response(y=array), form))
    np.testing.assert_array_equal(np.array(parsed[key], dtype).reshape(shape), array)


def test_floats_have_no_more_digits_than_they_need():
    values = np.random.default_rng(2).normal(0, 1, 2000).astype(np.float32)
    text = json_answers.predictions(response(y=values), COLUMN).decode()
    written = text.split("[")[1].split("]")[0].split(", ")
    shortest = [np.format_float_scientific(value, unique=True, trim="-") for value in values]

    def digits(number):
        return len(number.split("e")[0].replace(".", "").replace("-", "").strip("0"))

    assert [digits(one) for one in written] == [digits(one) for one in shortest]


def test_rows_of_two_outputs_are_laid_out_as_there():
    answer = response(a=np.int32([[1, 2], [3, 4]]), b_bytes=np.array([b"x", b""], object))
    assert json_answers.predictions(answer, ROW) == (
        b'{\n    "predictions": [\n        {\n            "a": [1, 2],\n'
        b'            "b_bytes": {"b64":"eA=="}\n        },\n        {\n'
        b'            "a": [3, 4],\n            "b_bytes": {"b64":""}\n        }\n    ]\n}'
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_cannot_be_written(dtype):
    answer = response(y=np.ones(2, tf.dtypes.as_dtype(dtype).as_numpy_dtype))
    text = f"^Failed to write JSON value for tensor type: {'half' if dtype == 'float16' else dtype}$"
    with pytest.raises(RequestError, match=text):
        json_answers.predictions(answer, ROW)


def test_no_output_is_an_error():
    with pytest.raises(RequestError, match="^Cannot convert empty tensor map to JSON$"):
        json_answers.predictions(predict_pb2.PredictResponse(), ROW)


def test_bytes_of_a_picture_are_its_base64():
    png = bytes(range(256))
    parsed = json.loads(json_answers.predictions(response(p_bytes=np.array([png], object)), ROW))
    assert base64.b64decode(parsed["predictions"][0]["b64"]) == png
