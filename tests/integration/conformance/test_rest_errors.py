"""REST's refusals of a POST: the code, and the text in {"error": ...}, letter for letter.

Texts that the contract cuts short stand in json_tensor.cc and http_rest_api_handler.cc.
"""

import pytest

from tests.integration.conformance.calls import http_call

ZOO, TOY = "/v1/models/zoo:predict", "/v1/models/toy:predict"
MALFORMED = "Malformed request: {} {}"
ROW = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: {}"
KEY = "Failed to process element: 0 key: {} of 'instances' list. Error: INVALID_ARGUMENT: {}"
TYPE = "JSON Value: {} Type: {} is not of expected type: {}"
SEVERAL = "Failed to process element: 0 of 'instances' list. JSON object: "


def _named(signature, rest):
    return f'{{"signature_name": "{signature}", {rest}}}'


# path, body, code, text
REFUSED = {
    "empty": (ZOO, "", 400, "JSON Parse error: The document is empty"),
    "white space": (ZOO, "  ", 400, "JSON Parse error: The document is empty. at offset: 2"),
    "no comma": (
        ZOO, '{"inputs":[1 2]}', 400, "JSON Parse error: Missing a comma or ']' after an array element. at offset: 13",
    ),
    "cut short": (
        ZOO, '{"inputs":[12', 400, "JSON Parse error: Missing a comma or ']' after an array element. at offset: 13",
    ),
    "an array": (ZOO, "[1]", 400, "JSON Value: [1] Is not object"),
    "a number": (ZOO, "1", 400, "JSON Value: 1 Is not object"),
    "no key": (ZOO, "{}", 400, "Missing 'inputs' or 'instances' key"),
    "another key": (ZOO, '{"instance": [1]}', 400, "Missing 'inputs' or 'instances' key"),
    "a string for an int": (TOY, '{"inputs": ["a"]}', 400, TYPE.format('"a"', "String", "int64")),
    "a fraction for an int": (TOY, '{"inputs": [1.5]}', 400, TYPE.format("1.5", "Number", "int64")),
    "too large for an int64": (
        TOY, '{"inputs": [9223372036854775808]}', 400, TYPE.format("9223372036854775808", "Number", "int64"),
    ),
    "too large for an int32": (
        ZOO, _named("whole", '"inputs": [2147483648]'), 400, TYPE.format("2147483648", "Number", "int32"),
    ),
    "null": (ZOO, '{"inputs": [null]}', 400, TYPE.format("null", "Null", "float")),
    "a boolean for a float": (ZOO, '{"inputs": [true]}', 400, TYPE.format("true", "True", "float")),
    "a number for a string": (ZOO, _named("words", '"inputs": [1]'), 400, TYPE.format("1", "Number", "string")),
    "a string for an int, in a row": (
        TOY, '{"instances": [1, "a"]}', 400, ROW.format(1, TYPE.format('"a"', "String", "int64")),
    ),
    "ragged": (
        TOY, '{"inputs": [[1], 2]}', 400,
        "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
    ),
    "ragged lists": (
        ZOO, _named("rows", '"inputs": [[1, 2], [3]]'), 400,
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2",
    ),
    "ragged rows": (
        ZOO, _named("rows", '"instances": [[1, 2], [3]]'), 400, ROW.format(1, "Expecting tensor size: 2 but got: 1"),
    ),
    "unknown input, in a row": (
        TOY, '{"instances": [{"zz": 1}]}', 400, KEY.format("zz", "JSON object: does not have named input: zz"),
    ),
    "missing input, in columns": (TOY, '{"inputs": {"zz": [1]}}', 400, "Missing named input: seed in 'inputs' object."),
    "a list for several, in columns": (
        ZOO, _named("several", '"inputs": [1]'), 400,
        "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
        "tensorinfo_map",
    ),
    "a list for several, in rows": (
        ZOO, _named("several", '"instances": [1]'), 400,
        "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
        "tensorinfo_map",
    ),
    "an object after a value": (
        ZOO, '{"instances": [1, {"x": 2}]}', 400, "Expecting value/list but got object at item 1 of input list",
    ),
    "a value after an object": (
        ZOO, '{"instances": [{"x": 2}, 1]}', 400, "Expecting object but got list at item 1 of input list",
    ),
    "bad base64": (ZOO, _named("words", '"inputs": [{"b64": "?"}]'), 400, "Unable to base64 decode"),
    "bad base64, in a row": (
        ZOO, _named("words", '"instances": [{"b64": "?"}]'), 400, ROW.format(0, "Unable to base64 decode"),
    ),
    "half in": (ZOO, _named("half_in", '"inputs": [1]'), 501, "Conversion of JSON Value: 1 to type: half"),
    "half out": (
        ZOO, _named("half_out", '"inputs": [1]'), 400, "Failed to write JSON value for tensor type: half",
    ),
    "bfloat16 out": (
        ZOO, _named("bfloat16_out", '"instances": [1]'), 400, "Failed to write JSON value for tensor type: bfloat16",
    ),
    "an output of no rows": (
        ZOO, _named("with_loss", '"instances": [1]'), 400, "Tensor name: loss has no shape information ",
    ),
    "outputs of other rows": (
        ZOO, _named("with_classes", '"instances": [1]'), 400,
        "Tensor name: classes has inconsistent batch size: 3 expecting: 1",
    ),
    "signature": (
        ZOO, _named("zz", '"instances": [1]'), 400, 'Serving signature name: "zz" not found in signature def',
    ),
    "model": (
        "/v1/models/nope:predict", '{"instances": [1]}', 404, "Servable not found for request: Latest(nope)",
    ),
    "version": (
        "/v1/models/zoo/versions/9:predict", '{"instances": [1]}', 404,
        "Servable not found for request: Specific(zoo, 9)",
    ),
    "label": (
        "/v1/models/zoo/labels/zz:predict", '{"instances": [1]}', 400, "Unrecognized servable version label: zz",
    ),
    "model before the body's keys": (
        "/v1/models/nope:predict", "{}", 404, "Servable not found for request: Latest(nope)",
    ),
    "body before the model": ("/v1/models/nope:predict", "", 400, "JSON Parse error: The document is empty"),
    "another verb": ("/v1/models/zoo:nothing", "{}", 400, MALFORMED.format("POST", "/v1/models/zoo:nothing")),
    "POST to the status": ("/v1/models/zoo", "{}", 400, MALFORMED.format("POST", "/v1/models/zoo")),
    "a trailing slash": (ZOO + "/", "{}", 400, MALFORMED.format("POST", ZOO + "/")),
    "a query string": (ZOO + "?x=1", "{}", 400, MALFORMED.format("POST", ZOO + "?x=1")),
    "jit_compile": (ZOO, _named("compiled", '"instances": [1]'), 500, None),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(rest, case):
    path, body, code, text = REFUSED[case]
    reply = http_call(rest, "POST", path, body)
    found, message = reply.error
    assert (found, message if text is not None else None) == (code, text)
    assert reply.headers["Content-Type"] == "application/json"


# The text begins with the body as RapidJSON prints it, which the contract leaves out.
FORMAT = {
    "both keys": (
        '{"instances": [1], "inputs": [1]}',
        " Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
    ),
    "no values": ('{"instances": []}', " No values in 'instances' array"),
    "no list": ('{"instances": 1}', " Expecting 'instances' to be an list/array"),
    "a signature that is no name": (
        '{"signature_name": 1, "instances": [1]}',
        " not formatted correctly. 'signature_name' key must be a string value.",
    ),
}


@pytest.mark.parametrize("case", FORMAT)
def test_a_body_of_the_wrong_form(rest, case):
    body, end = FORMAT[case]
    code, text = http_call(rest, "POST", ZOO, body).error
    assert code == 400 and text.startswith("JSON Value: {") and text.endswith(end)


EXAMPLES = {
    "no examples": ("{}", "key 'examples' is expected and was not found"),
    "no list": ('{"examples": 1}', "Expecting 'examples' value to be an list/array"),
    "an empty list": ('{"examples": []}', "'examples' value is an empty array"),
    "no object": ('{"examples": [1]}', "Example must be JSON object but got JSON Number"),
    "a nested list": ('{"examples": [{"x": [[1]]}]}', "Feature: x has element with unexpected JSON type: Array"),
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_examples_of_the_wrong_form(rest, case):
    body, end = EXAMPLES[case]
    code, text = http_call(rest, "POST", "/v1/models/zoo:classify", body).error
    assert code == 400 and text.endswith(end)


def test_a_version_too_large_for_int64(rest):
    reply = http_call(rest, "POST", f"/v1/models/zoo/versions/{2**63}:predict", '{"instances": [1]}')
    assert (reply.code, reply.body) == (400, b"")
