"""REST's refusals of a POST: the code, and what the text in {"error": ...} says of the fault.

TensorFlow Serving's whole texts stand in json_tensor.cc and http_rest_api_handler.cc; a server may use other words.
"""

import pytest

from tests.integration.conformance.calls import http_call

ZOO, TOY = "/v1/models/zoo:predict", "/v1/models/toy:predict"
MALFORMED = "Malformed request: {} {}"
PARSE = "JSON Parse error"
TYPE = "is not of expected type: {}"
ROWS = "'instances'"


def _named(signature, rest):
    return f'{{"signature_name": "{signature}", {rest}}}'


# path, body, code, text
REFUSED = {
    "empty": (ZOO, "", 400, PARSE),
    "white space": (ZOO, "  ", 400, PARSE),
    "no comma": (
        ZOO, '{"inputs":[1 2]}', 400, PARSE,
    ),
    "cut short": (
        ZOO, '{"inputs":[12', 400, PARSE,
    ),
    "an array": (ZOO, "[1]", 400, "JSON Value"),
    "a number": (ZOO, "1", 400, "JSON Value"),
    "no key": (ZOO, "{}", 400, "Missing 'inputs' or 'instances' key"),
    "another key": (ZOO, '{"instance": [1]}', 400, "Missing 'inputs' or 'instances' key"),
    "a string for an int": (TOY, '{"inputs": ["a"]}', 400, TYPE.format("int64")),
    "a fraction for an int": (TOY, '{"inputs": [1.5]}', 400, TYPE.format("int64")),
    "too large for an int64": (
        TOY, '{"inputs": [9223372036854775808]}', 400, TYPE.format("int64"),
    ),
    "too large for an int32": (
        ZOO, _named("whole", '"inputs": [2147483648]'), 400, TYPE.format("int32"),
    ),
    "null": (ZOO, '{"inputs": [null]}', 400, TYPE.format("float")),
    "a boolean for a float": (ZOO, '{"inputs": [true]}', 400, TYPE.format("float")),
    "a number for a string": (ZOO, _named("words", '"inputs": [1]'), 400, TYPE.format("string")),
    "a string for an int, in a row": (
        TOY, '{"instances": [1, "a"]}', 400, TYPE.format("int64"),
    ),
    "ragged": (
        TOY, '{"inputs": [[1], 2]}', 400,
        "level",
    ),
    "ragged lists": (
        ZOO, _named("rows", '"inputs": [[1, 2], [3]]'), 400,
        "level",
    ),
    "ragged rows": (
        ZOO, _named("rows", '"instances": [[1, 2], [3]]'), 400, ROWS,
    ),
    "unknown input, in a row": (
        TOY, '{"instances": [{"zz": 1}]}', 400, ROWS,
    ),
    "missing input, in columns": (TOY, '{"inputs": {"zz": [1]}}', 400, "Missing named input: seed in 'inputs' object."),
    "a list for several, in columns": (
        ZOO, _named("several", '"inputs": [1]'), 400,
        "inputs is a plain value/list, but",
    ),
    "a list for several, in rows": (
        ZOO, _named("several", '"instances": [1]'), 400,
        "instances is a plain",
    ),
    "an object after a value": (
        ZOO, '{"instances": [1, {"x": 2}]}', 400, "tem 1 of",
    ),
    "a value after an object": (
        ZOO, '{"instances": [{"x": 2}, 1]}', 400, "tem 1 of",
    ),
    "bad base64": (ZOO, _named("words", '"inputs": [{"b64": "?"}]'), 400, "Unable to base64 decode"),
    "bad base64, in a row": (
        ZOO, _named("words", '"instances": [{"b64": "?"}]'), 400, "Unable to base64 decode",
    ),
    "half in, in a row": (ZOO, _named("half_in", '"instances": [1]'), 400, "half"),
    "bfloat16 in": (ZOO, _named("bfloat16_in", '"inputs": [1]'), 501, "bfloat16"),
    "an object for an int": (TOY, '{"inputs": [{"a": 1}]}', 400, TYPE.format("int64")),
    "deeper": (TOY, '{"inputs": [1, [2]]}', 400, "level"),
    "a late value": (TOY, '{"inputs": [%snull]}' % ("1," * 3000), 400, TYPE.format("int64")),
    "a late object": (TOY, '{"instances": [%s{}, 2]}' % ("1," * 3000), 400, "tem 3000 of"),
    "a late key": (TOY, '{"instances": [%s{"seed": 1, "zz": 2}]}' % ('{"seed": 1},' * 3000), 400, ROWS),
    "a late size": (TOY, '{"instances": [%s[1]]}' % ("1," * 3000), 400, ROWS),
    "no keys": (TOY, '{"instances": [{}]}', 400, ROWS),
    "no columns": (TOY, '{"inputs": {}}', 400, "Missing named input: seed in 'inputs' object."),
    "a number past a double": (ZOO, '{"instances": [1e400]}', 400, PARSE),
    "half in": (ZOO, _named("half_in", '"inputs": [1]'), 501, "half"),
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
        ZOO, _named("with_classes", '"instances": [1]'), 400, " has inconsistent batch size: ",  # either of the two
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
    "body before the model": ("/v1/models/nope:predict", "", 400, PARSE),
    "another verb": ("/v1/models/zoo:nothing", "{}", 400, MALFORMED.format("POST", "/v1/models/zoo:nothing")),
    "POST to the status": ("/v1/models/zoo", "{}", 400, MALFORMED.format("POST", "/v1/models/zoo")),
    "a trailing slash": (ZOO + "/", "{}", 400, MALFORMED.format("POST", ZOO + "/")),
    "a query string": (ZOO + "?x=1", "{}", 400, MALFORMED.format("POST", ZOO + "?x=1")),
    "jit_compile": (ZOO, _named("compiled", '"instances": [1]'), 500, "XLA compilation disabled"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(rest, case):
    path, body, code, text = REFUSED[case]
    reply = http_call(rest, "POST", path, body)
    found, message = reply.error
    assert found == code and text in message
    assert reply.headers["Content-Type"] == "application/json"


FORMAT = {
    "both keys": (
        '{"instances": [1], "inputs": [1]}',
        "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
    ),
    "no values": ('{"instances": []}', "No values in 'instances' array"),
    "no list": ('{"instances": 1}', "Expecting 'instances' to be an list/array"),
    "a signature that is no name": (
        '{"signature_name": 1, "instances": [1]}',
        "'signature_name' key must be a string value.",
    ),
}


@pytest.mark.parametrize("case", FORMAT)
def test_a_body_of_the_wrong_form(rest, case):
    body, words = FORMAT[case]
    code, text = http_call(rest, "POST", ZOO, body).error
    assert code == 400 and words in text


EXAMPLES = {
    "no examples": ("{}", "key 'examples' is expected and was not found"),
    "no list": ('{"examples": 1}', "to be an list/array"),
    "an empty list": ('{"examples": []}', "'examples'"),
    "no object": ('{"examples": [1]}', "Example must be JSON object but got"),
    "null": ('{"examples": [{"x": null}]}', "Feature: x has element with unexpected JSON type"),
    "an object": ('{"examples": [{"x": {"a": 1}}]}', "Feature: x has element with unexpected JSON type"),
    "mixed": ('{"examples": [{"x": [1.5, "a"]}]}', "x"),
    "an uint64": ('{"examples": [{"x": 9223372036854775808}]}', "Feature: x has uint64_t element"),
    "a nested list": ('{"examples": [{"x": [[1]]}]}', "Feature: x has element with unexpected JSON type"),
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_examples_of_the_wrong_form(rest, case):
    body, words = EXAMPLES[case]
    code, text = http_call(rest, "POST", "/v1/models/zoo:classify", body).error
    assert code == 400 and words in text


@pytest.mark.parametrize("version", [2**63, "9" * 5000])
def test_a_version_too_large_for_int64(rest, version):
    reply = http_call(rest, "POST", f"/v1/models/zoo/versions/{version}:predict", '{"instances": [1]}')
    assert (reply.code, reply.body) == (400, b"")
