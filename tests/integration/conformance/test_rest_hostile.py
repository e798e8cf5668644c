"""What nobody should send by HTTP: half requests, deep nesting, a flood of spoiled JSON."""

import pytest

from tests.integration.conformance.calls import http_call
from tests.integration.conformance.fuzz import HALF, exchange, fuzz, fuzz_half, fuzz_paths, fuzz_rest, memory, survived

# What is sent on a socket of its own, which is then closed for writing.
SENT = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "half a line": b"POST /v1/mod",
    "half the headers": b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Le",
    "half the body": HALF,
    "a negative length": b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length that is no number": b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
    "two lengths": (
        b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "a chunk of no size": (
        b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    ),
    "length and chunks": (
        b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n"
    ),
    "a NUL in a header": b"GET /v1/models/toy HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "an endless header": b"GET /v1/models/toy HTTP/1.1\r\nX: " + b"x" * 1_000_000,
    "an endless path": b"GET /v1/models/" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
    "a verb that there is not": b"BREW /v1/models/toy HTTP/1.1\r\nHost: x\r\n\r\n",
    "a version that there is not": b"GET /v1/models/toy HTTP/9.9\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("case", SENT)
def test_half_http_is_answered_or_closed(rest, case):
    answer = exchange(rest, SENT[case])
    assert not answer or int(answer.split()[1]) in range(400, 600)
    assert b"Traceback" not in answer
    assert http_call(rest, "GET", "/v1/models/toy").code == 200


def test_ten_thousand_headers(rest, expected):
    answer = exchange(rest, b"GET /v1/models/toy HTTP/1.1\r\n" + b"X: x\r\n" * 10_000 + b"\r\n")
    status = answer.split()[1:2]  # none: closed, perhaps in the middle of the answer
    assert (int(status[0]) if status else None) in expected([200])


BODIES = {
    "nested a million deep": '{"instances": ' + "[" * 1_000_000,
    "nested and closed": '{"instances": ' + "[" * 100_000 + "1" + "]" * 100_000 + "}",
    "objects nested": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a number of 100,000 digits": '{"instances": [' + "9" * 100_000 + "]}",
    "an exponent": '{"instances": [1e999999999]}',
    "a lone surrogate": '{"instances": ["\\ud800"]}',
    "a byte order mark": b'\xef\xbb\xbf{"instances": ["a"]}',
    "a hundred thousand keys": "{" + ",".join(f'"k{k}": 1' for k in range(100_000)) + "}",
}


@pytest.mark.parametrize("case", BODIES)
def test_a_hostile_body_is_the_callers_fault(rest, case):
    reply = http_call(rest, "POST", "/v1/models/toy:predict", BODIES[case])
    assert reply.error[0] in range(400, 500)


NO_UTF8 = {
    "a value": b'{"instances": ["\xff\xfe"]}',
    "a signature's name": b'{"signature_name": "\xff", "instances": [1]}',
}


@pytest.mark.parametrize("case", NO_UTF8)
def test_a_string_that_is_no_utf8_is_the_callers_fault(rest, case):
    reply = http_call(rest, "POST", "/v1/models/toy:predict", NO_UTF8[case])
    assert reply.code == 400 and b'"error": "' in reply.body


def test_the_refusal_of_a_string_that_is_no_utf8(rest, expected):
    """There it quotes the string."""
    reply = http_call(rest, "POST", "/v1/models/toy:predict", NO_UTF8["a value"])
    text = reply.body.decode(errors="replace")
    assert ("\ufffd" not in text) == expected(False)


def test_spoiled_json(rest):
    before = memory(rest)
    assert {200, 400} <= fuzz_rest(rest, 200, seed=3)
    fuzz_half(rest, 50, seed=4)
    fuzz_paths(rest, 80, seed=10)
    survived(rest, before)


@pytest.mark.slow
def test_ten_thousand_malformed_requests(rest):
    """Half by gRPC, half by REST, of those a fifth half HTTP."""
    fuzz(rest, 500, seed=5)
    fuzz_rest(rest, 500, seed=6)
    before = memory(rest)
    fuzz(rest, 5000, seed=7)
    fuzz_rest(rest, 3500, seed=8)
    fuzz_half(rest, 1000, seed=9)
    fuzz_paths(rest, 500, seed=11)
    survived(rest, before)
