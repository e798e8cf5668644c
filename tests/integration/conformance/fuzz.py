"""Malformed requests by the thousand, each run the same: seeded, with a deadline on each call."""

import contextlib
import gzip
import random
import socket

import grpc
import numpy as np
from google.protobuf import message
from tensorflow_serving.apis import predict_pb2

from tests.integration.conformance import starts, zoo
from tests.integration.conformance.calls import http_call, predict_request, scale_of
from tests.serving import toy

PREDICT = "/tensorflow.serving.PredictionService/Predict"
BLAMES = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED"}
# TensorFlow Serving died of 100,000 lists in one another; what it bears was not measured.
DEEPEST = 15 if starts.EMBEDDED else 11
GROWTH = 100e6  # bytes; an answer of 10^9 elements, or one leaked body of many, is more
HALF = b'POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"inst'


def fuzz(server, number, seed) -> set[str]:
    """The gRPC codes of that many spoiled requests, none of them a wrong one."""
    rng = random.Random(seed)
    valid = predict_request({"seed": np.int64([1])}, signature="serving_default").SerializeToString()
    call, codes = server.channel.unary_unary(PREDICT), set()
    for _ in range(number):
        data = _bytes(rng, valid)
        if not harmless(data):
            continue
        try:
            call(data, timeout=5)
            code = "OK"
        except grpc.RpcError as error:
            code = error.code().name
        right = BLAMES | {"OK"} if _is_message(data) else BLAMES | {"INTERNAL"}
        assert code in right, (code, data)
        codes.add(code)
    return codes


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


def harmless(data) -> bool:
    """False where a model's name of two lines would break the metrics page of a TensorFlow Serving, until its end."""
    return starts.EMBEDDED or not _is_message(data) or "\n" not in _message(data).model_spec.name


def _message(data):
    return predict_pb2.PredictRequest.FromString(data)


def _is_message(data) -> bool:
    try:
        _message(data)
    except message.DecodeError:
        return False
    return True


def fuzz_rest(server, number, seed) -> set[int]:
    """The HTTP codes of that many spoiled bodies, a tenth of them packed; none is a wrong one."""
    rng, codes = random.Random(seed), set()
    for _ in range(number):
        path = rng.choice(["toy:predict", "zoo:predict", "zoo:classify", "toy/versions/1:predict"])
        body, headers = _body(rng), {}
        if rng.randrange(10) == 0:
            body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
        reply = http_call(server, "POST", f"/v1/models/{path}", body, headers, timeout=5)
        assert reply.code in (200, 400, 404, 413, 501), (reply.code, reply.body, body[:200])
        codes.add(reply.code)
    return codes


NUMBERS = ["1.5", "1e308", "-1e-400", "1e400", "-0", "9" * 19, "9" * 300, "9" * 5000, "01", "-", "0x10", "1."]
WORDS = ["null", "true", "NaN", "-Infinity", '"a"', '"\\ud800"', '{"b64": "YQ=="}', '{"b64": 1}']
KEYS = ["seed", "x", "b64", "instances", "inputs", "signature_name", "é"]
SIGNATURES = ["", "zz", *toy.UNCONDITIONAL, *(name for name in zoo.NAMES if name != "compiled")]  # which is INTERNAL


def _value(rng, depth=3) -> str:
    """Nearly JSON."""
    kind = rng.randrange(8 if depth else 5)
    if kind < 5:
        number = str(rng.randrange(-(2**70), 2**70) >> rng.randrange(70))
        return rng.choice([number, rng.choice(NUMBERS), rng.choice(WORDS)])
    items = [_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind < 7:
        return "[" + ",".join(items) + "]"
    return "{" + ",".join(f'"{rng.choice(KEYS)}": {item}' for item in items) + "}"


def _body(rng) -> bytes:
    """A body of a request's vocabulary; or one with bytes flipped, or cut, or nested, or very long, or any bytes."""
    key, signature = rng.choice(["instances", "inputs", "examples"]), rng.choice(SIGNATURES)
    whole = f'{{"signature_name": "{signature}", "{key}": {_value(rng)}}}'.encode()
    kind = rng.randrange(8)
    if kind == 0:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:
        return whole[: rng.randrange(len(whole))]
    if kind == 2:
        depth, (opening, closing) = 2 ** rng.randrange(4, DEEPEST), rng.choice([("[", "]"), ('{"a":', "}")])
        return f'{{"{key}": {opening * depth}1{closing * depth * rng.randrange(2)}}}'.encode()
    if kind == 3:
        one = rng.choice(["1,", "[],", '"a",', '{"seed":1},', "[[1]],"])
        return f'{{"{key}": [{one * rng.randrange(1, 8000)}1]}}'.encode()
    if kind == 4:
        spoiled = bytearray(whole)
        for _ in range(rng.randrange(1, 5)):
            spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
        return bytes(spoiled)
    return whole


PARTS = ["/v1", "/models", "/toy", "/versions", "/1", "/labels", ":predict", "/metadata", "/..", "//", ":", "?a=b"]
PARTS += ["%2f", "%", "%zz", "%00", "%ff", "9" * 30, ";", "@", "~", "'", "\\"]


def fuzz_paths(server, number, seed) -> None:
    """That many odd paths by any verb: each is answered or refused, and none reaches a file."""
    rng = random.Random(seed)
    for _ in range(number):
        path = rng.choice(["/v1/models/toy", "/v1/models", "/v1/", "/"]) + "".join(
            rng.choices(PARTS, k=rng.randrange(6))
        )
        verb = rng.choice(["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "TRACE"])
        reply = http_call(server, verb, path, None if verb == "TRACE" else b"{}", timeout=5)
        assert reply.code in (200, 400, 404), (verb, path, reply.code)
        assert b"root:" not in reply.body and b"Traceback" not in reply.body


def fuzz_half(server, number, seed) -> None:
    """That many requests cut off or no HTTP at all: each is answered with an error, or closed."""
    rng = random.Random(seed)
    for _ in range(number):
        data = HALF[: rng.randrange(len(HALF))] if rng.randrange(2) else rng.randbytes(rng.randrange(300))
        answer = exchange(server, data)
        assert not answer or int(answer.split()[1]) in range(400, 600), answer


def exchange(server, data, seconds=5) -> bytes:
    """What comes back before the server closes or answers; a hang is an error."""
    host, port = server.rest.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=seconds) as plain:
        try:
            plain.sendall(data)
            with contextlib.suppress(OSError):  # it closed already: what it said first can still be read
                plain.shutdown(socket.SHUT_WR)
            return plain.recv(4096)
        except ConnectionError:
            return b""


def survived(server, before) -> None:
    """It answers, lives, and holds no more memory than before."""
    assert scale_of(server) == 1
    if server.process is not None:
        assert server.process.poll() is None
        assert server.resident() < before + GROWTH


def memory(server) -> int:
    """Bytes, where it is a process of ours."""
    return server.resident() if server.process is not None else 0
