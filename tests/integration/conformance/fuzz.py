"""Malformed requests by the thousand, each run the same: seeded, with a deadline on each call."""

import contextlib
import random
import socket
import string

import grpc
import numpy as np
from google.protobuf import message
from tensorflow_serving.apis import predict_pb2

from tests.integration.conformance.calls import http_call, predict_request, scale_of

PREDICT = "/tensorflow.serving.PredictionService/Predict"
BLAMES = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED"}
GROWTH = 100e6  # bytes; an answer of 10^9 elements, or one leaked body of many, is more
HALF = b'POST /v1/models/toy:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"inst'


def fuzz(server, number, seed) -> set[str]:
    """The gRPC codes of that many spoiled requests, none of them a wrong one."""
    rng = random.Random(seed)
    valid = predict_request({"seed": np.int64([1])}, signature="serving_default").SerializeToString()
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


def fuzz_rest(server, number, seed) -> set[int]:
    """The HTTP codes of that many spoiled bodies, none of them a wrong one."""
    rng, codes = random.Random(seed), set()
    for _ in range(number):
        path = rng.choice(["toy:predict", "zoo:predict", "zoo:classify", "toy/versions/1:predict"])
        reply = http_call(server, "POST", f"/v1/models/{path}", _body(rng), timeout=5)
        assert reply.code in (200, 400, 404, 501), (reply.code, reply.body)
        codes.add(reply.code)
    return codes


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
