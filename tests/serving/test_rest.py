"""The REST surface, over real sockets. Codes and texts are those measured on tensorflow_model_server."""

import base64
import json
import math

import numpy as np
import pytest
import tensorflow as tf

from tests.serving import rest_toy, toy

PREDICT = "/v1/models/toy:predict"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    base_path = tmp_path_factory.mktemp("rest") / "toy"
    rest_toy.save(base_path / "1")
    with rest_toy.gateway(base_path) as (rest, _):
        yield rest.port


def rows(port, instances, signature="serving_default", path=PREDICT):
    status, answer = rest_toy.predict(port, {"instances": instances, "signature_name": signature}, path)
    assert status == 200, answer
    assert list(answer) == ["predictions"]
    return answer["predictions"]


def columns(port, inputs, signature="serving_default"):
    status, answer = rest_toy.predict(port, {"inputs": inputs, "signature_name": signature})
    assert status == 200, answer
    assert list(answer) == ["outputs"]
    return answer["outputs"]


def refusal(port, body, path=PREDICT):
    status, answer = rest_toy.predict(port, body, path)
    assert list(answer) == ["error"]
    return status, answer["error"]


@pytest.mark.parametrize("instances", [[5, 7], [{"seed": 5}, {"seed": 7}]])
@pytest.mark.parametrize(
    "path",
    [PREDICT, "/v1/models/toy/versions/1:predict", "/V1/MODELS/toy/Versions/001:PREDICT",
     "/v1/models/t%6Fy:predict"],
)  # fmt: skip
def test_rows_in_rows_out(port, instances, path):
    np.testing.assert_array_equal(rows(port, instances, path=path), toy.expected([5, 7]))


@pytest.mark.parametrize("inputs", [[5, 7], {"seed": [5, 7]}])
def test_columns_in_columns_out(port, inputs):
    np.testing.assert_array_equal(columns(port, inputs), toy.expected([5, 7]))


def test_several_inputs_and_outputs_by_row(port):
    answer = rows(port, [{"a": 1, "b": [0.5, 2]}, {"b": [1, 1.25], "a": -3}], "two")
    assert answer == [{"sum": 3.5, "pair": [0.5, 2.0]}, {"sum": -0.75, "pair": [1.0, 1.25]}]


def test_several_inputs_and_outputs_by_column(port):
    answer = columns(port, {"a": [1, -3], "b": [[0.5, 2], [1, 1.25]]}, "two")
    assert answer == {"sum": [3.5, -0.75], "pair": [[0.5, 2.0], [1.0, 1.25]]}


def test_a_picture_comes_as_base64(port):
    (answer,) = rows(port, [9], "serving_default_png")
    picture = tf.io.decode_png(base64.b64decode(answer["b64"])).numpy()
    np.testing.assert_array_equal(picture, toy.expected([9])[0])


def test_bytes_of_any_value_go_in_and_out_as_base64(port):
    every = bytes(range(256)) + b"\0"
    sent = {"b64": base64.b64encode(every).decode()}
    assert rows(port, [sent, "é"], "echo_string") == [
        sent, {"b64": base64.b64encode("é".encode()).decode()}
    ]  # fmt: skip


def test_text_comes_as_text(port):
    assert rows(port, ['a"\\\n', "é\u2028"], "texts") == ['a"\\\n', "é\u2028"]


def test_bytes_that_are_no_text_under_a_name_without_bytes_are_refused_in_words(port):
    status, text = refusal(port, {"instances": [{"b64": "/w=="}], "signature_name": "texts"})
    assert status == 400 and "name it y_bytes" in text


LIMITS = {
    "int8": [-128, 127], "uint8": [0, 255], "int16": [-(2**15), 2**15 - 1],
    "int32": [-(2**31), 2**31 - 1], "int64": [-(2**63), 2**63 - 1], "uint32": [0, 2**32 - 1],
    "uint64": [0, 2**64 - 1], "bool": [True, False],
}  # fmt: skip


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("ask", [rows, columns])
def test_whole_numbers_keep_every_digit(port, dtype, ask):
    assert ask(port, LIMITS[dtype], f"echo_{dtype}") == LIMITS[dtype]


def test_floats_come_in_the_fewest_digits_that_read_back(port):
    sent = [0.1, 0.2, 1, -0.0, 9e6, 1e-7, 3.4e38, 1 / 3]
    body = json.dumps({"instances": sent, "signature_name": "echo_float32"}).encode()
    _, answer, _ = rest_toy.ask(port, "POST", PREDICT, body)
    assert answer.startswith(b'{\n    "predictions": [0.1, 0.2, 1.0, -0.0, 9000000.0, ')
    assert answer.endswith(b"0.33333334\n    ]\n}")
    got = np.float32(json.loads(answer)["predictions"])
    np.testing.assert_array_equal(got, np.float32(sent))


def test_doubles_keep_every_bit(port):
    sent = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 12345678.123456789]
    assert rows(port, sent, "echo_float64") == sent


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_not_finite_goes_in_and_out_bare(port, dtype):
    body = f'{{"signature_name": "echo_{dtype}", "instances": [NaN, 1, Infinity, -Infinity]}}'
    _, answer, _ = rest_toy.ask(port, "POST", PREDICT, body.encode())
    assert b"[NaN, 1.0, Infinity, -Infinity\n" in answer


def test_past_float32_is_infinity(port):
    assert rows(port, [1e39], "echo_float32") == [math.inf]


def test_a_small_integer_type_wraps_as_there(port):
    assert rows(port, [300], "echo_uint8") == [44]


def test_a_scalar_by_column(port):
    assert columns(port, {"x": 7}, "square") == 49


def test_an_output_without_rows_by_column(port):
    assert columns(port, [1, 2], "loss") == 3
    assert columns(port, [1], "uneven") == {"classes": [0, 1, 2], "images": [1]}


LEVEL = "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"
EXPECTED = "is not of expected type"
REFUSED = {
    "not closed": (b'{"inputs": [1', 400,
        "JSON Parse error: Missing a comma or ']' after an array element. at offset: 13"),
    "no body": (b"", 400, "JSON Parse error: The document is empty"),
    "blank": (b"  ", 400, "JSON Parse error: The document is empty. at offset: 2"),
    "array": (b"[1]", 400, "JSON Value: [1] Is not object"),
    "number too big": (b'{"instances": [1e400]}', 400,
        "JSON Parse error: Number too big to be stored in double. at offset: 15"),
    "both": (b'{"instances": [1], "inputs": [1]}', 400,
        'JSON Value: {\n    "instances": [1],\n    "inputs": [1]\n} Not formatted correctly expecting '
        "only one of 'inputs' or 'instances' keys to exist "),
    "neither": (b"{}", 400, "Missing 'inputs' or 'instances' key"),
    "no rows": (b'{"instances": []}', 400,
        'JSON Value: {\n    "instances": []\n} No values in \'instances\' array'),
    "no list": (b'{"instances": 1}', 400,
        'JSON Value: {\n    "instances": 1\n} Expecting \'instances\' to be an list/array'),
    "type by row": (b'{"instances": ["a"]}', 400,
        "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
        f'JSON Value: "a" Type: String {EXPECTED}: int64'),
    "type by column": (b'{"inputs": ["a"]}', 400,
        f'JSON Value: "a" Type: String {EXPECTED}: int64'),
    "fraction": (b'{"inputs": [1.5]}', 400, f"JSON Value: 1.5 Type: Number {EXPECTED}: int64"),
    "past int64": (b'{"inputs": [9223372036854775808]}', 400,
        f"JSON Value: 9223372036854775808 Type: Number {EXPECTED}: int64"),
    "null": (b'{"inputs": [null]}', 400, f"JSON Value: null Type: Null {EXPECTED}: int64"),
    "true": (b'{"inputs": [true]}', 400, f"JSON Value: true Type: True {EXPECTED}: int64"),
    "object": (b'{"inputs": [{"a": 1}]}', 400,
        f'JSON Value: {{\n    "a": 1\n}} Type: Object {EXPECTED}: int64'),
    "ragged": (b'{"inputs": [[1], 2]}', 400, LEVEL),
    "deeper": (b'{"inputs": [1, [2]]}', 400, "Encountered list at unexpected level: 1 expected < 1"),
    "longer": (b'{"inputs": [[1], [2, 3]]}', 400,
        "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
    "rows of other sizes": (b'{"instances": [[1], [2, 3]]}', 400,
        "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
        "Expecting tensor size: 1 but got: 2"),
    "a late row": (b'{"instances": [%s{}, 2]}' % (b"1," * 3000), 400,
        "Expecting value/list but got object at item 3000 of input list"),
    "a late value": (b'{"inputs": [%snull]}' % (b"1," * 3000), 400,
        f"JSON Value: null Type: Null {EXPECTED}: int64"),
    "a late key": (b'{"instances": [%s{"seed": 1, "zz": 2}]}' % (b'{"seed": 1},' * 3000), 400,
        "Failed to process element: 3000 key: zz of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON object: does not have named input: zz"),
    "a late size": (b'{"instances": [%s[1]]}' % (b"1," * 3000), 400,
        "Failed to process element: 3000 of 'instances' list. Error: INVALID_ARGUMENT: "
        "Expecting shape [] but got: [1]"),
    "too many lists": (b'{"inputs": [%s1]}' % (b"[]," * 2_000_000), 400,
        "JSON Parse error: more than 2000000 lists and objects; send fewer rows"),
    "too deep": (b'{"inputs": %s' % (b"[" * 5000), 400,
        "JSON Parse error: nested too deep (1000 levels); a tensor has one level a dimension"),
    "too many dimensions": (b'{"inputs": %s1%s}' % (b"[" * 33, b"]" * 33), 400,
        "A tensor has at most 32 dimensions over REST"),
    "key": (b'{"instances": [{"zz": 1}]}', 400,
        "Failed to process element: 0 key: zz of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON object: does not have named input: zz"),
    "no keys": (b'{"instances": [{}]}', 400,
        "Failed to process element: 0 of 'instances' list. JSON object: {} keys must be equal to: "
        "seed"),
    "object then value": (b'{"instances": [{"seed": 1}, 2]}', 400,
        "Expecting object but got list at item 1 of input list"),
    "value then object": (b'{"instances": [1, {"seed": 2}]}', 400,
        "Expecting value/list but got object at item 1 of input list"),
    "missing column": (b'{"inputs": {}}', 400, "Missing named input: seed in 'inputs' object."),
    "plain for two": (b'{"inputs": [1], "signature_name": "two"}', 400,
        "inputs is a plain value/list, but expecting an object as multiple input tensors required "
        "as per tensorinfo_map"),
    "plain rows for two": (b'{"instances": [1], "signature_name": "two"}', 400,
        "instances is a plain list, but expecting list of objects as multiple input tensors "
        "required as per tensorinfo_map"),
    "signature": (b'{"instances": [1], "signature_name": "zz"}', 400,
        'Serving signature name: "zz" not found in signature def'),
    "signature of no text": (b'{"signature_name": 1}', 400,
        'JSON Value: {\n    "signature_name": 1\n} not formatted correctly. \'signature_name\' key '
        "must be a string value."),
    "base64": (b'{"inputs": {"b64": "a"}, "signature_name": "echo_string"}', 400,
        "Unable to base64 decode"),
    "half by column": (b'{"inputs": [1], "signature_name": "echo_float16"}', 501,
        "Conversion of JSON Value: 1 to type: half"),
    "bfloat16 by column": (b'{"inputs": [1], "signature_name": "echo_bfloat16"}', 501,
        "Conversion of JSON Value: 1 to type: bfloat16"),
    "half by row": (b'{"instances": [1], "signature_name": "echo_float16"}', 400,
        "Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: "
        "Conversion of JSON Value: 1 to type: half"),
    "scalar by row": (b'{"instances": [1], "signature_name": "loss"}', 400,
        "Tensor name: loss has no shape information "),
    "uneven by row": (b'{"instances": [1], "signature_name": "uneven"}', 400,
        "Tensor name: images has inconsistent batch size: 1 expecting: 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_body_is_refused_with_the_measured_code_and_text(port, case):
    body, code, text = REFUSED[case]
    assert refusal(port, body) == (code, text)


def test_an_error_is_written_as_there(port):
    _, answer, headers = rest_toy.ask(port, "POST", PREDICT, b"{}")
    assert answer == b"{\n    \"error\": \"Missing 'inputs' or 'instances' key\"\n}"
    assert headers["Content-Type"] == "application/json"


def test_what_follows_the_object_is_not_looked_at(port):
    assert rest_toy.ask(port, "POST", PREDICT, b'{"instances": [1]} "\xc3\xa9')[0] == 200


def test_text_that_is_no_utf8_is_refused(port):
    text = "JSON Parse error: Invalid encoding in string. at offset: 20"
    assert refusal(port, b'{"signature_name": "\xff"}') == (400, text)


def test_a_long_value_is_quoted_by_its_start(port):
    _, text = refusal(port, {"more": list(range(10_000)), "instances": 1})
    assert len(text) < 400 and text.startswith('JSON Value: {\n    "more": [0, 1, 2, 3, ')


PATHS = {
    "model": ("POST", "/v1/models/nope:predict", 404, "Servable not found for request: Latest(nope)"),
    "version": ("POST", "/v1/models/toy/versions/99:predict", 404,
        "Servable not found for request: Specific(toy, 99)"),
    "label": ("POST", "/v1/models/toy/labels/zz:predict", 400,
        "Unrecognized servable version label: zz"),
    "query": ("GET", "/v1/models/toy?x=1", 404, "Could not find any versions of model toy?x=1"),
    "query of predict": ("POST", f"{PREDICT}?x=1", 400, f"Malformed request: POST {PREDICT}?x=1"),
    "get predict": ("GET", PREDICT, 400, f"Malformed request: GET {PREDICT}"),
    "put": ("PUT", PREDICT, 400, f"Malformed request: PUT {PREDICT}"),
    "delete": ("DELETE", "/v1/models/toy", 400, "Malformed request: DELETE /v1/models/toy"),
    "slash": ("GET", "/v1/models/toy/", 400, "Malformed request: GET /v1/models/toy/"),
    "other method": ("POST", "/v1/models/toy:generate", 400,
        "Malformed request: POST /v1/models/toy:generate"),
    "no model": ("GET", "/v1/models", 400, "Missing model name in request."),
    "files": ("GET", "/v1/models/%2e%2e%2fetc%2fpasswd", 404,
        "Could not find any versions of model ../etc/passwd"),
    "status of no version": ("GET", "/v1/models/toy/versions/9", 404,
        "Could not find version 9 of model toy"),
    "metadata of no model": ("GET", "/v1/models/nope/metadata", 404,
        "Servable not found for request: Latest(nope)"),
}  # fmt: skip


@pytest.mark.parametrize("case", PATHS)
def test_a_bad_path_is_refused_with_the_measured_code_and_text(port, case):
    verb, path, code, text = PATHS[case]
    status, answer, _ = rest_toy.ask(port, verb, path, b'{"instances": [1]}')
    assert (status, json.loads(answer)) == (code, {"error": text})


def test_head_is_malformed_and_has_no_body(port):
    assert rest_toy.ask(port, "HEAD", "/v1/models/toy")[:2] == (400, b"")


@pytest.mark.parametrize("version", [str(2**63), "9" * 5000])
def test_a_version_that_is_no_int64_is_400_without_a_body(port, version):
    path = f"/v1/models/toy/versions/{version}"
    assert rest_toy.ask(port, "GET", path)[:2] == (400, b"")


@pytest.mark.parametrize("path", ["/", "/index.html", "/v1", "/v2/models/toy", "/../etc/passwd"])
def test_outside_v1_is_a_page_not_found(port, path):
    status, answer, headers = rest_toy.ask(port, "GET", path)
    assert (status, headers["Content-Type"]) == (404, "text/html")
    assert b"<TITLE>404 Not Found</TITLE>" in answer and path.encode() not in answer.replace(b"</", b"")


@pytest.mark.parametrize("which", ["", "/versions/1", "/labels/never_set"])
def test_status_is_written_as_there(port, which):
    status, answer, _ = rest_toy.ask(port, "GET", f"/v1/models/toy{which}")
    assert (status, answer.decode()) == (200, rest_toy.STATUS + "\n")


@pytest.mark.parametrize("which", ["", "/versions/1"])
def test_metadata_holds_every_signature(port, which):
    status, answer, _ = rest_toy.ask(port, "GET", f"/v1/models/toy{which}/metadata")
    assert status == 200 and answer.startswith(b'{\n"model_spec":{\n "name": "toy",\n')
    metadata = json.loads(answer)
    assert metadata["model_spec"] == {"name": "toy", "signature_name": "", "version": "1"}
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert signatures["generate"]["inputs"]["seed"] == {
        "name": "generate_seed:0",
        "dtype": "DT_INT64",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
    }
    assert signatures["generate"]["method_name"] == "tensorflow/serving/predict"
    assert signatures["generate"]["defaults"] == {}


EXAMPLES = {"signature_name": "classify", "examples": [{"v": 0.25}, {"v": [1.0]}]}


def test_classify_answers_labels_and_scores(port):
    status, answer, _ = rest_toy.ask(port, "POST", "/v1/models/toy:classify", EXAMPLES)
    assert status == 200, answer
    assert json.loads(answer) == {"results": [[["neg", 0.75], ["pos", 0.25]], [["neg", 0.0], ["pos", 1.0]]]}


def test_the_context_belongs_to_every_example(port):
    body = {"signature_name": "regress", "context": {"v": 1.5}, "examples": [{}, {"w": "x"}]}
    status, answer, _ = rest_toy.ask(port, "POST", "/v1/models/toy:regress", body)
    assert (status, json.loads(answer)) == (200, {"results": [3.0, 3.0]})


def _with(example):
    return {"signature_name": "classify", "examples": [example]}


NO_EXAMPLES = "When method is classify, key 'examples' is expected and was not found"
BAD_EXAMPLES = {
    "none": ({}, f"JSON Value: {{}} {NO_EXAMPLES}"),
    "empty": ({"examples": []},
        "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array"),
    "no list": ({"examples": 1},
        "JSON Value: {\n    \"examples\": 1\n} Expecting 'examples' value to be an list/array"),
    "no object": (_with(1), "Example must be JSON object but got JSON Number"),
    "null": (_with({"v": None}), "Feature: v has element with unexpected JSON type: Null"),
    "lists": (_with({"v": [[1]]}), "Feature: v has element with unexpected JSON type: Array"),
    "object": (_with({"v": {"a": 1}}), "Feature: v has element with unexpected JSON type: Object"),
    "mixed": (_with({"v": [1.5, "a"]}),
        "Unexpected element type in feature: v expecting type: float"),
    "uint64": (_with({"v": 2**63}), "Feature: v has uint64_t element. Only int64_t is supported."),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_EXAMPLES)
def test_bad_examples_are_refused_in_its_words(port, case):
    body, text = BAD_EXAMPLES[case]
    status, answer, _ = rest_toy.ask(port, "POST", "/v1/models/toy:classify", body)
    assert (status, json.loads(answer)) == (400, {"error": text})
