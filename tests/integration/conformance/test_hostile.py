"""What nobody should send: no crash, no hang, the right code, and memory that stays.

Each call has a deadline of its own. A code is right if it blames the caller: INTERNAL only where the
bytes are no message at all, and gRPC itself says so.
"""

import random
import socket
import string

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import message
from tensorflow_serving.apis import predict_pb2

from tests.integration.conformance.calls import INVALID, http_call, predict_request, refusal, scale_of
from tests.serving import toy

SEED = {"seed": np.int64([1])}
PREDICT = "/tensorflow.serving.PredictionService/Predict"
BLAMES = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED"}
GROWTH = 100e6  # bytes; an answer of 10^9 elements, or one leaked body of many, is more


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
    "an unknown rank": _unknown_rank(),
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


def _bytes(rng, valid):
    """Random bytes; or a good request with some of its bytes changed, cut short, or twice."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(2000))
    spoiled = bytearray(valid)
    if kind == 1:
        del spoiled[rng.randrange(len(spoiled)) :]
    for _ in range(rng.randrange(1, 6)):
        if spoiled:
            spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
    return bytes(spoiled) * (2 if kind == 3 else 1)


def _is_message(data) -> bool:
    try:
        predict_pb2.PredictRequest.FromString(data)
    except message.DecodeError:
        return False
    return True


def _fuzz(server, number, seed) -> set[str]:
    """The codes of that many spoiled requests, none of them a wrong one."""
    rng = random.Random(seed)
    valid = predict_request(SEED, signature="serving_default").SerializeToString()
    call, codes = server.channel.unary_unary(PREDICT), set()
    for _ in range(number):
        data = _bytes(rng, valid)
        try:
            call(data, timeout=5)
            code = "OK"
        except grpc.RpcError as error:
            code = error.code().name
        right = BLAMES | {"OK"} if _is_message(data) else BLAMES | {"INTERNAL"}
        assert code in right, (code, data)
        codes.add(code)
    return codes


def _survived(server, before):
    assert scale_of(server) == 1
    if server.process is not None:
        assert server.process.poll() is None
        assert server.resident() < before + GROWTH


def _memory(server):
    return server.resident() if server.process is not None else 0


def test_spoiled_requests(plain):
    _fuzz(plain, 30, seed=0)  # whatever is loaded once
    before = _memory(plain)
    assert len(_fuzz(plain, 300, seed=1)) >= 3  # refused in several ways: the fuzz reaches the checks
    _survived(plain, before)


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
        code, _ = refusal(call, rng.randbytes(rng.randrange(1, 500)), timeout=5)
        assert code.name in BLAMES | {"INTERNAL"}


# What is sent on a socket of its own, which is then closed for writing.
HALF = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "half a line": b"POST /v1/mod",
    "half the headers": b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Le",
    "half the body": b'POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"inst',
    "a negative length": b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length that is no number": b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
    "two lengths": (
        b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "a chunk of no size": (
        b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    ),
    "an endless header": b"GET /v1/models/toy HTTP/1.1\r\nX: " + b"x" * 1_000_000,
    "ten thousand headers": b"GET /v1/models/toy HTTP/1.1\r\n" + b"X: x\r\n" * 10_000 + b"\r\n",
    "an endless path": b"GET /v1/models/" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
    "a verb that there is not": b"BREW /v1/models/toy HTTP/1.1\r\nHost: x\r\n\r\n",
    "a version that there is not": b"GET /v1/models/toy HTTP/9.9\r\nHost: x\r\n\r\n",
}


def _exchange(server, data, seconds=5) -> bytes:
    """What comes back before the server closes or answers; a hang is an error."""
    host, port = server.rest.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=seconds) as plain:
        try:
            plain.sendall(data)
            plain.shutdown(socket.SHUT_WR)
            return plain.recv(4096)
        except (ConnectionResetError, BrokenPipeError):
            return b""


@pytest.mark.parametrize("case", HALF)
def test_half_http_is_answered_or_closed(rest, case):
    answer = _exchange(rest, HALF[case])
    assert not answer or int(answer.split()[1]) in range(400, 600)
    assert b"Traceback" not in answer
    assert http_call(rest, "GET", "/v1/models/toy").code == 200


BODIES = {
    "nested a million deep": '{"instances": ' + "[" * 1_000_000,
    "nested and closed": '{"instances": ' + "[" * 100_000 + "1" + "]" * 100_000 + "}",
    "objects nested": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a number of 100,000 digits": '{"instances": [' + "9" * 100_000 + "]}",
    "an exponent": '{"instances": [1e999999999]}',
    "no UTF-8": b'{"instances": ["\xff\xfe"]}',
    "a lone surrogate": '{"instances": ["\\ud800"]}',
    "a byte order mark": b'\xef\xbb\xbf{"instances": ["a"]}',
    "a hundred thousand keys": "{" + ",".join(f'"k{k}": 1' for k in range(100_000)) + "}",
}


@pytest.mark.parametrize("case", BODIES)
def test_a_hostile_body_is_the_callers_fault(rest, case):
    reply = http_call(rest, "POST", "/v1/models/toy:predict", BODIES[case])
    assert reply.error[0] in range(400, 500)


def _body(rng):
    """JSON of a predict request's vocabulary, at random, and sometimes spoiled."""

    def value(depth):
        kind = rng.randrange(8 if depth < 4 else 6)
        if kind == 6:
            return "[" + ",".join(value(depth + 1) for _ in range(rng.randrange(4))) + "]"
        if kind == 7:
            keys = rng.choices(["seed", "b64", "instances", "inputs", "signature_name"], k=rng.randrange(3))
            return "{" + ",".join(f'"{key}":{value(depth + 1)}' for key in keys) + "}"
        return rng.choice(["null", "true", "NaN", "1.5", f"{rng.randrange(-9, 10**20)}", '"a"', "-0", "1e400"])

    rows = "[" + ",".join(value(3) for _ in range(rng.randrange(1, 3))) + "]"
    text = f'{{"{rng.choice(["instances", "inputs", "examples"])}":{rng.choice([rows, value(0)])}}}'
    if rng.randrange(3) == 0:
        where = rng.randrange(len(text))
        text = text[:where] + rng.choice(string.printable) + text[where + 1 :]
    return text


def _fuzz_rest(server, number, seed) -> set[int]:
    rng, codes = random.Random(seed), set()
    for _ in range(number):
        path = rng.choice(["toy:predict", "zoo:predict", "zoo:classify", "toy/versions/1:predict"])
        reply = http_call(server, "POST", f"/v1/models/{path}", _body(rng), timeout=5)
        assert reply.code in (200, 400, 404, 501), (reply.code, reply.body)
        codes.add(reply.code)
    return codes


def _fuzz_half(server, number, seed):
    rng, good = random.Random(seed), HALF["half the body"]
    for _ in range(number):
        data = good[: rng.randrange(len(good))] if rng.randrange(2) else rng.randbytes(rng.randrange(300))
        answer = _exchange(server, data)
        assert not answer or int(answer.split()[1]) in range(400, 600), answer


def test_spoiled_json(rest):
    before = _memory(rest)
    assert {200, 400} <= _fuzz_rest(rest, 200, seed=3)
    _fuzz_half(rest, 50, seed=4)
    _survived(rest, before)


@pytest.mark.slow
def test_ten_thousand_malformed_requests(rest):
    """Half by gRPC, half by REST, of those a fifth half HTTP."""
    _fuzz(rest, 500, seed=5)
    _fuzz_rest(rest, 500, seed=6)
    before = _memory(rest)
    _fuzz(rest, 5000, seed=7)
    _fuzz_rest(rest, 4000, seed=8)
    _fuzz_half(rest, 1000, seed=9)
    _survived(rest, before)


def test_after_all_that_answers_are_right(plain):
    request = predict_request({"seed": np.int64([5, 6])})
    images = plain.predictions.Predict(request, timeout=10).outputs["images"]
    np.testing.assert_array_equal(tf.make_ndarray(images), toy.expected([5, 6]))
