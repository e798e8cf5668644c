"""REST's POST: rows and columns in, rows and columns out, numbers and bytes.

Whether a number has a point counts. The order of keys, and how the text is indented, are not in the contract.
"""

import base64
import json
import re

import numpy as np
import pytest

from tests.integration.conformance.calls import http_call, post
from tests.serving import toy

TWO = {"instances": [{"x": 1.5, "n": 2}, {"x": 0.5, "n": -1}]}
TWO_ROWS = '{"predictions":[{"sum":3.5,"twice":4},{"sum":-0.5,"twice":-2}]}'
TWO_COLUMNS = {"inputs": {"x": [1.5, 0.5], "n": [2, -1]}}

# signature, body, answer
ANSWERS = {
    "row, one input": (None, {"instances": [1.5, 2]}, '{"predictions":[3.0,4.0]}'),
    "row, one input by name": (None, {"instances": [{"x": 1.5}, {"x": 2}]}, '{"predictions":[3.0,4.0]}'),
    "column, one input": (None, {"inputs": [1.5, 2]}, '{"outputs":[3.0,4.0]}'),
    "column, one input by name": (None, {"inputs": {"x": [1.5, 2]}}, '{"outputs":[3.0,4.0]}'),
    "row, several": ("several", TWO, TWO_ROWS),
    "column, several": ("several", TWO_COLUMNS, '{"outputs":{"sum":[3.5,-0.5],"twice":[4,-2]}}'),
    "row, a matrix": ("rows", {"instances": [[1, 2], [3, 4]]}, '{"predictions":[[1.0,2.0],[3.0,4.0]]}'),
    "column, a matrix": ("rows", {"inputs": [[1, 2], [3, 4]]}, '{"outputs":[[1.0,2.0],[3.0,4.0]]}'),
    "column, a scalar input": (
        "scaled", {"inputs": {"scale": 2, "z": [[1, 2, 3, 4], [0, 0, 0, 0]]}},
        '{"outputs":[[2.0,4.0,6.0,8.0],[0.0,0.0,0.0,0.0]]}',
    ),
    "column, an output of no rows": ("with_loss", {"inputs": [1, 2]}, '{"outputs":{"loss":3.0,"y":[2.0,4.0]}}'),
    "column, outputs of other rows": (
        "with_classes", {"inputs": [1]}, '{"outputs":{"alike":[2.0],"classes":[1.0,2.0,3.0]}}',
    ),
    "an empty signature name": (None, {"signature_name": "", "instances": [1]}, '{"predictions":[2.0]}'),
    "ints are bare": ("whole", {"instances": [1, -2147483648]}, '{"predictions":[1,-2147483648]}'),
    "an int for a float": ("same", {"instances": [3]}, '{"predictions":[3.0]}'),
    "floats are the shortest": (
        "same", {"instances": [0.1, 100.0, -2.5, 0.0]}, '{"predictions":[0.1,100.0,-2.5,0.0]}',
    ),
    "doubles are the shortest": ("wide", {"instances": [0.1, 2.5, 1e300]}, '{"predictions":[0.1,2.5,1e+300]}'),
    "booleans": ("truth", {"instances": [True, False]}, '{"predictions":[true,false]}'),
    "text": ("words", {"instances": ["a", "ä"]}, '{"predictions":["a","ä"]}'),
    "base64 in": ("words", {"instances": [{"b64": "YWI="}]}, '{"predictions":["ab"]}'),
    "base64 in, by name": ("words", {"instances": [{"text": {"b64": "YWI="}}]}, '{"predictions":["ab"]}'),
    "base64 in, column": ("words", {"inputs": [{"b64": "YWI="}, "c"]}, '{"outputs":["ab","c"]}'),
    "base64 out": ("words_as_bytes", {"instances": ["ab"]}, '{"predictions":[{"b64":"YWI="}]}'),
    "base64 in and out": ("words_as_bytes", {"inputs": [{"b64": "/9g="}]}, '{"outputs":[{"b64":"/9g="}]}'),
    "base64 without its padding": ("words", {"inputs": [{"b64": "YWI"}]}, '{"outputs":["ab"]}'),
    "base64 with white space": ("words", {"inputs": [{"b64": "Y Q=\n="}]}, '{"outputs":["a"]}'),
    "text of any character": ("words", {"inputs": ['a"\\\n', "\u2028"]}, '{"outputs":["a\\"\\\\\\n","\\u2028"]}'),
    "an unsigned byte wraps": ("echo_uint8", {"inputs": [300]}, '{"outputs":[44]}'),
    "past float32 is infinity": ("same", {"inputs": [1e39]}, '{"outputs":[Infinity]}'),
    "no values in a column": ("same", {"inputs": []}, '{"outputs":[]}'),
    "other keys are not looked at": (None, {"instances": [1], "more": 2}, '{"predictions":[2.0]}'),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer(rest, case):
    signature, body, answer = ANSWERS[case]
    reply = post(rest, body, signature)
    assert reply.headers["Content-Type"] == "application/json" and reply.code == 200
    assert _read(reply.text) == _read(answer)


def _read(text):
    """What JSON says, whatever the order of its keys; 3.0 is not 3."""
    return repr(json.loads(text, object_pairs_hook=sorted))


@pytest.mark.parametrize("body, word", [('{"instances": [NaN]}', "NaN"), ('{"instances": [-Infinity]}', "-Infinity")])
def test_a_float_that_is_no_number_goes_both_ways_bare(rest, body, word):
    reply = http_call(rest, "POST", "/v1/models/zoo:predict", body)
    assert (reply.code, re.sub(r"\s", "", reply.text)) == (200, f'{{"predictions":[{word}]}}')


def test_the_digits_of_a_third(rest, expected):
    """As a float32 and as a float64: six digits do not read back."""
    bodies = [post(rest, {"instances": [1 / 3]}, signature).text for signature in ("same", "wide")]
    digits = [re.search(r"0\.\d+", body)[0] for body in bodies]
    assert digits == expected(["0.333333343", "0.33333333333333331"])


LIMITS = {
    "int8": [-128, 127],
    "uint8": [0, 255],
    "int16": [-(2**15), 2**15 - 1],
    "int32": [-(2**31), 2**31 - 1],
    "int64": [-(2**63), 2**63 - 1],
    "uint32": [0, 2**32 - 1],
    "uint64": [0, 2**64 - 1],
    "bool": [True, False],
}


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("given, answered", [("instances", "predictions"), ("inputs", "outputs")])
def test_whole_numbers_keep_every_digit(rest, dtype, given, answered):
    assert post(rest, {given: LIMITS[dtype]}, f"echo_{dtype}").json == {answered: LIMITS[dtype]}


def test_doubles_keep_every_bit(rest):
    sent = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 12345678.123456789, -0.0]
    assert repr(post(rest, {"instances": sent}, "wide").json["predictions"]) == repr(sent)


def test_bytes_of_any_value_go_in_and_out_as_base64(rest):
    sent = {"b64": base64.b64encode(bytes(range(256)) * 200 + b"\0").decode()}
    assert post(rest, {"instances": [sent]}, "words_as_bytes").json == {"predictions": [sent]}


def test_what_follows_the_document_is_not_looked_at(rest):
    reply = http_call(rest, "POST", "/v1/models/zoo:predict", b'{"instances": [1]} "\xc3\xa9')
    assert (reply.code, reply.json) == (200, {"predictions": [2.0]})


@pytest.mark.parametrize("value", [3.4028234663852886e38, 1 / 3, 16777217.0, 1.1754944e-38, 9e6])
def test_a_float_round_trips(rest, value):
    (answer,) = post(rest, {"signature_name": "same", "instances": [value]}).json["predictions"]
    assert isinstance(answer, float) and np.float32(answer) == np.float32(value)


PATHS = {
    "latest": "/v1/models/toy:predict",
    "version": "/v1/models/toy/versions/1:predict",
    "any case": "/V1/MODELS/toy/Versions/001:PREDICT",
    "escaped": "/v1/models/t%6Fy:predict",
}


@pytest.mark.parametrize("case", PATHS)
def test_images_of_seeds(rest, case):
    reply = http_call(rest, "POST", PATHS[case], {"instances": [1, 2, 3]})
    np.testing.assert_array_equal(reply.json["predictions"], toy.expected([1, 2, 3]))


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "image/png"}])
def test_the_content_type_is_not_looked_at(rest, headers):
    reply = http_call(rest, "POST", "/v1/models/zoo:predict", {"instances": [1]}, headers)
    assert reply.json == {"predictions": [2.0]}


def test_pictures_come_as_base64(rest):
    reply = post(rest, {"instances": [1]}, "serving_default_png", name="toy")
    (row,) = reply.json["predictions"]
    assert base64.b64decode(row["b64"]).startswith(b"\x89PNG")


def test_classify(rest):
    body = {"signature_name": "classify", "examples": [{"x": 1}, {"x": 2}], "context": {"y": "a"}}
    assert post(rest, body, verb="classify").json == {"results": [[["neg", 0.75], ["pos", 0.25]]] * 2}


FEATURES = {"int": 1, "float": 1.5, "text": "a", "true": True, "bytes": {"b64": "YWI="}, "a list": [1, 2], "none": []}


@pytest.mark.parametrize("case", FEATURES)
def test_a_feature_of_an_example(rest, case):
    """A boolean is an int64: json_tensor.cc."""
    body = {"signature_name": "classify", "examples": [{"x": FEATURES[case]}]}
    reply = post(rest, body, verb="classify")
    assert (reply.code, reply.json) == (200, {"results": [[["neg", 0.75], ["pos", 0.25]]]})


def test_the_context_belongs_to_every_example_and_the_examples_own_feature_wins(rest):
    body = {"signature_name": "regress_x", "context": {"x": 1.5}, "examples": [{}, {"w": "a"}, {"x": 2.0}]}
    assert post(rest, body, verb="regress").json == {"results": [4.5, 4.5, 6.0]}


def test_regress(rest):
    reply = post(rest, {"signature_name": "regress", "examples": [{"x": 1.5}]}, verb="regress")
    assert re.sub(r"\s", "", reply.text) == '{"results":[3.0]}'


def test_a_label_in_the_path(own, rest):
    own.publish(1, scale=2)
    own.serve()
    own.serve("", {"stable": 1})
    reply = http_call(rest, "POST", f"/v1/models/{own.name}/labels/stable:predict", {"instances": [1]})
    np.testing.assert_array_equal(reply.json["predictions"], toy.expected([1], scale=2))


def test_one_instance_for_a_scalar_input(rest):
    """Its value gets a batch dimension, which runs because shapes are not enforced."""
    body = {"signature_name": "scaled", "instances": [{"scale": 2, "z": [1, 2, 3, 4]}]}
    assert post(rest, body).code == 200


def test_a_string_that_is_no_utf8(rest, expected):
    """Broken JSON there: why an encoded picture's output is named `png_bytes`."""
    body = {"signature_name": "words", "instances": [{"b64": base64.b64encode(b"\xff\xd8").decode()}]}
    reply = post(rest, json.dumps(body).encode())
    assert reply.code == expected(200)
    assert (b"\xff\xd8" in reply.body) == (reply.code == 200)
