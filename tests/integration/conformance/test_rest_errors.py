"""REST's refusals of a POST: the code, and what the text in {"error": ...} names."""

import pytest

from tests.integration.conformance.calls import http_call, names

ZOO, TOY = "/v1/models/zoo:predict", "/v1/models/toy:predict"


def _named(signature, rest):
    return f'{{"signature_name": "{signature}", {rest}}}'


# path, body, code, what the text names
REFUSED = {
    "empty": (ZOO, "", 400, "JSON"),
    "white space": (ZOO, "  ", 400, "JSON"),
    "no comma": (ZOO, '{"inputs":[1 2]}', 400, "JSON"),
    "cut short": (ZOO, '{"inputs":[12', 400, "JSON"),
    "a number past a double": (ZOO, '{"instances": [1e400]}', 400, "JSON"),
    "an array": (ZOO, "[1]", 400, "JSON [1]"),
    "a number": (ZOO, "1", 400, "JSON 1"),
    "no key": (ZOO, "{}", 400, "inputs instances"),
    "another key": (ZOO, '{"instance": [1]}', 400, "inputs instances"),
    "both keys": (ZOO, '{"instances": [1], "inputs": [1]}', 400, "inputs instances"),
    "no values": (ZOO, '{"instances": []}', 400, "instances"),
    "no list": (ZOO, '{"instances": 1}', 400, "instances list"),
    "a signature that is no name": (ZOO, '{"signature_name": 1, "instances": [1]}', 400, "signature_name"),
    "a string for an int": (TOY, '{"inputs": ["a"]}', 400, "a int64"),
    "a fraction for an int": (TOY, '{"inputs": [1.5]}', 400, "1.5 int64"),
    "too large for an int64": (TOY, '{"inputs": [9223372036854775808]}', 400, "9223372036854775808 int64"),
    "too large for an int32": (ZOO, _named("whole", '"inputs": [2147483648]'), 400, "2147483648 int32"),
    "null": (ZOO, '{"inputs": [null]}', 400, "float"),
    "a boolean for a float": (ZOO, '{"inputs": [true]}', 400, "true float"),
    "a number for a string": (ZOO, _named("words", '"inputs": [1]'), 400, "1 string"),
    "a string for an int, in a row": (TOY, '{"instances": [1, "a"]}', 400, "a int64"),
    "an object for an int": (TOY, '{"inputs": [{"a": 1}]}', 400, "int64"),
    "a late value": (TOY, '{"inputs": [%snull]}' % ("1," * 3000), 400, "int64"),
    "ragged": (TOY, '{"inputs": [[1], 2]}', 400, "level"),
    "deeper": (TOY, '{"inputs": [1, [2]]}', 400, "level"),
    "ragged lists": (ZOO, _named("rows", '"inputs": [[1, 2], [3]]'), 400, "level"),
    "ragged rows": (ZOO, _named("rows", '"instances": [[1, 2], [3]]'), 400, "instances"),
    "a late size": (TOY, '{"instances": [%s[1]]}' % ("1," * 3000), 400, "instances"),
    "unknown input, in a row": (TOY, '{"instances": [{"zz": 1}]}', 400, "instances zz"),
    "no keys": (TOY, '{"instances": [{}]}', 400, "instances"),
    "a late key": (TOY, '{"instances": [%s{"seed": 1, "zz": 2}]}' % ('{"seed": 1},' * 3000), 400, "instances zz"),
    "missing input, in columns": (TOY, '{"inputs": {"zz": [1]}}', 400, "seed"),
    "no columns": (TOY, '{"inputs": {}}', 400, "seed"),
    "a list for several, in columns": (ZOO, _named("several", '"inputs": [1]'), 400, "inputs"),
    "a list for several, in rows": (ZOO, _named("several", '"instances": [1]'), 400, "instances"),
    "an object after a value": (ZOO, '{"instances": [1, {"x": 2}]}', 400, "item 1"),
    "a value after an object": (ZOO, '{"instances": [{"x": 1}, 2]}', 400, "item 1"),
    "a late object": (TOY, '{"instances": [%s{}, 2]}' % ("1," * 3000), 400, "item 3000"),
    "base64 that is none, in columns": (ZOO, _named("words", '"inputs": [{"b64": "?"}]'), 400, "base64"),
    "base64 that is none": (ZOO, _named("words", '"instances": [{"b64": "?"}]'), 400, "base64"),
    "half in": (ZOO, _named("half_in", '"inputs": [1]'), 501, "type"),
    "half in, in a row": (ZOO, _named("half_in", '"instances": [1]'), 400, "type"),
    "half out": (ZOO, _named("half_out", '"inputs": [1]'), 400, "type"),
    "bfloat16 in": (ZOO, _named("bfloat16_in", '"inputs": [1]'), 501, "bfloat16"),
    "bfloat16 out": (ZOO, _named("bfloat16_out", '"instances": [1]'), 400, "bfloat16"),
    "an output of no rows": (ZOO, _named("with_loss", '"instances": [1]'), 400, "loss"),
    "outputs of other rows": (ZOO, _named("with_classes", '"instances": [1]'), 400, "1 3"),
    "two instances for a scalar input": (
        ZOO, _named("scaled", '"instances": [{"scale": 2, "z": [1, 2, 3, 4]}, {"scale": 2, "z": [1, 2, 3, 4]}]'), 400,
        "shapes: [2] [2,4]",
    ),
    "signature": (ZOO, _named("zz", '"instances": [1]'), 400, "signature zz"),
    "model": ("/v1/models/nope:predict", '{"instances": [1]}', 404, "nope"),
    "version": ("/v1/models/zoo/versions/9:predict", '{"instances": [1]}', 404, "zoo 9"),
    "label": ("/v1/models/zoo/labels/zz:predict", '{"instances": [1]}', 400, "label zz"),
    "model before the body's keys": ("/v1/models/nope:predict", "{}", 404, "nope"),
    "body before the model": ("/v1/models/nope:predict", "", 400, "JSON"),
    "another verb": ("/v1/models/zoo:nothing", "{}", 400, "POST /v1/models/zoo:nothing"),
    "POST to the status": ("/v1/models/zoo", "{}", 400, "POST /v1/models/zoo"),
    "a trailing slash": (ZOO + "/", "{}", 400, f"POST {ZOO}/"),
    "a query string": (ZOO + "?x=1", "{}", 400, f"POST {ZOO}?x=1"),
    "jit_compile": (ZOO, _named("compiled", '"instances": [1]'), 500, "XLA compilation disabled"),
}  # fmt: skip
# bodies of :classify
EXAMPLES = {
    "no examples": ("{}", "examples"),
    "examples that are no list": ('{"examples": 1}', "examples list"),
    "no example": ('{"examples": []}', "examples"),
    "an example that is no object": ('{"examples": [1]}', "example object"),
    "a feature that is null": ('{"examples": [{"x": null}]}', "feature x"),
    "a feature that is an object": ('{"examples": [{"x": {"a": 1}}]}', "feature x"),
    "mixed features": ('{"examples": [{"x": [1.5, "a"]}]}', "x"),
    "a feature of uint64": ('{"examples": [{"x": 9223372036854775808}]}', "feature x int64"),
    "a nested feature": ('{"examples": [{"x": [[1]]}]}', "feature x"),
}
REFUSED |= {case: ("/v1/models/zoo:classify", body, 400, words) for case, (body, words) in EXAMPLES.items()}
NO_JSON = [
    "nulL",
    '{"a": [1,]}',
    "{1}",
    '{"a" 1}',
    '{"a":1]',
    '{"a": "T',
    '{"a": "\\a"}',
    '{"a": "\\uABCG"}',
    '{"a": 1.}',
]
NO_JSON += ['{"a": 1e_}', '{"a": -1e309}', '{"a": 01}', '{"a": NaN, "b": "\\ud800"}', '{"a":' * 2000]
REFUSED |= {f"no JSON: {text[:12]}": (ZOO, text, 400, "JSON") for text in NO_JSON}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal(rest, case):
    path, body, code, words = REFUSED[case]
    found, text = http_call(rest, "POST", path, body).error
    assert found == code and names(text, words)


@pytest.mark.parametrize("version", [2**63, "9" * 5000])
def test_a_version_too_large_for_int64(rest, version):
    reply = http_call(rest, "POST", f"/v1/models/zoo/versions/{version}:predict", '{"instances": [1]}')
    assert (reply.code, reply.body) == (400, b"")
