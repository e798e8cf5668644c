"""Seeded nonsense against the REST surface: right codes, nothing unforeseen, memory flat."""

import contextlib
import gzip
import json
import random
import resource
import socket
import string

import pytest

from tests.serving import rest_toy, toy

PREDICT = "/v1/models/toy:predict"
SIGNATURES = ("serving_default", "generate", "from_latent", "two", "square", "classify", "zz", "")
SIGNATURES += tuple(f"echo_{dtype}" for dtype in rest_toy.DTYPES)
KEYS = ("instances", "inputs", "signature_name", "seed", "a", "b", "x", "label", "latents", "b64", "é")
NUMBERS = ("0", "-1", "1.5", "1e308", "-1e-400", "9" * 19, "9" * 300, "9" * 5000, "1e99999", "NaN",
           "-Infinity", "01", "-", "0x10", "1.", "18446744073709551616")  # fmt: skip
TOKENS = ('{"', '":', "[", "]", "{", "}", ",", '"', "null", "true", "\\u0000", "\\ud800", "\xff", "1")


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    base_path = tmp_path_factory.mktemp("fuzz") / "toy"
    rest_toy.save(base_path / "1")
    with rest_toy.gateway(base_path, max_body_bytes=200_000, read_timeout_seconds=2) as (rest, _):
        yield rest.port


def value(draw, depth=3) -> str:
    """Nearly JSON: a value of any type, as text."""
    kind = draw.randrange(9 if depth else 5)
    if kind == 0:
        return draw.choice(NUMBERS)
    if kind == 1:
        return str(draw.randrange(-(2**70), 2**70) >> draw.randrange(70))
    if kind == 2:
        return draw.choice(("null", "true", "false", '""', '"a"', '{"b64": "YQ=="}', '{"b64": 1}'))
    if kind == 3:
        return json.dumps("".join(draw.choices(string.printable + "é\u2028\0", k=draw.randrange(9))))
    if kind == 4:
        return repr(draw.uniform(-1e3, 1e3))
    items = [value(draw, depth - 1) for _ in range(draw.randrange(4))]
    if kind < 7:
        return "[" + ",".join(items) + "]"
    return "{" + ",".join(f'"{draw.choice(KEYS)}": {item}' for item in items) + "}"


def nearly_right(draw):
    body = f'"signature_name": {json.dumps(draw.choice(SIGNATURES))}'
    return f'{{{body}, "{draw.choice(("instances", "inputs"))}": {value(draw)}}}'.encode()


def random_bytes(draw):
    return draw.randbytes(draw.randrange(200))


def any_json(draw):
    return value(draw, 5).encode()


def flipped(draw):
    body = bytearray(nearly_right(draw))
    for _ in range(draw.randrange(1, 5)):
        body[draw.randrange(len(body))] = draw.randrange(256)
    return bytes(body)


def cut(draw):
    body = nearly_right(draw)
    return body[: draw.randrange(len(body))]


def tokens(draw):
    return "".join(draw.choices(TOKENS, k=draw.randrange(40))).encode("latin-1")


def deep(draw):
    depth = 2 ** draw.randrange(4, 17)
    opening, closing = draw.choice((("[", "]"), ('{"a":', "}")))
    whole = opening * depth + "1" + closing * depth * draw.randrange(2)
    return (f'{{"instances": {whole}}}').encode()


def long(draw):
    one = draw.choice(("1,", "[],", '"a",', '{"seed":1},', "[[1]],"))
    return f'{{"instances": [{one * draw.randrange(1, 8000)}1]}}'.encode()


BODIES = (nearly_right, random_bytes, any_json, flipped, cut, tokens, deep, long)


def surprises(port, bodies, seeds) -> list:
    """What was neither answered nor refused as a bad request, of one body a seed."""
    found = []
    for seed in seeds:
        draw = random.Random(f"{bodies.__name__} {seed}")
        method = draw.choice(("predict", "predict", "predict", "classify", "regress"))
        body, headers = bodies(draw), {}
        if draw.random() < 0.1:
            body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
        status, answer, _ = rest_toy.ask(port, "POST", f"/v1/models/toy:{method}", body, headers)
        expected = (200, 400, 413, 501)
        if status not in expected or (status != 200) != answer.startswith(b'{\n    "error": "'):
            found.append((seed, status, body[:200], answer[:500]))
        json.loads(answer)
    return found


def is_well(port) -> bool:
    return rest_toy.predict(port, {"instances": [5]})[1] == {"predictions": toy.expected([5]).tolist()}


@pytest.mark.parametrize("bodies", BODIES)
def test_any_body_is_answered_or_refused(port, caplog, bodies):
    assert surprises(port, bodies, range(40)) == []
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []
    assert is_well(port)


def path_of(draw) -> str:
    parts = ("/v1", "/models", "/toy", "/versions", "/1", "/labels", ":predict", "/metadata", "/..",
             "%2f", "%", "%zz", "%00", "%ff", "//", ":", "9" * 30, "?a=b", ";", "@", "~", "'", "\\")  # fmt: skip
    start = draw.choice(("/v1/models/toy", "/v1/models", "/v1/", "/"))
    return start + "".join(draw.choices(parts, k=draw.randrange(6)))


def odd_paths(port, seeds) -> list:
    found = []
    for seed in seeds:
        draw = random.Random(seed)
        verb = draw.choice(("GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH", "TRACE"))
        path = path_of(draw)
        status, answer, _ = rest_toy.ask(port, verb, path, b"{}" if verb != "TRACE" else None)
        if status not in (200, 400, 404) or b"root:" in answer or b"Traceback" in answer:
            found.append((seed, verb, path, status, answer[:300]))
    return found


def test_any_path_is_answered_or_refused(port, caplog):
    assert odd_paths(port, range(80)) == []
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []


def broken_http(draw) -> bytes:
    body = b'{"instances": [1]}'
    whole = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (
        PREDICT.encode(), len(body), body
    )  # fmt: skip
    broken = bytearray(whole)
    for _ in range(draw.randrange(6)):
        broken[draw.randrange(len(broken))] = draw.randrange(256)
    return bytes(broken[: draw.randrange(1, len(broken) + 1)]) if draw.random() < 0.5 else bytes(broken)


def half_talks(port, seeds) -> list:
    """What was no HTTP answer; the caller goes where none comes soon."""
    found = []
    for seed in seeds:
        request = broken_http(random.Random(seed))
        with socket.create_connection(("127.0.0.1", port), timeout=0.1) as wire:
            answer = b""
            with contextlib.suppress(ConnectionError, TimeoutError):
                wire.sendall(request)
                answer = wire.recv(65536)
        if answer and (not answer.startswith(b"HTTP/") or answer.split()[1] not in
                       (b"200", b"400", b"404", b"408", b"413")):  # fmt: skip
            found.append((seed, request, answer[:300]))
    return found


def test_any_bytes_are_answered_or_refused(port, caplog):
    assert half_talks(port, range(100)) == []
    assert [r.getMessage() for r in caplog.records if r.exc_info] == []
    assert is_well(port)


@pytest.mark.slow
def test_ten_thousand_malformed_requests_leave_memory_flat(port):
    def all_of(seeds):
        found = [one for bodies in BODIES for one in surprises(port, bodies, seeds)]
        return found + odd_paths(port, seeds) + half_talks(port, seeds)

    assert all_of(range(1000, 1200)) == []  # 2,000: what is allocated once is
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert all_of(range(2000, 2800)) == []  # 8,000
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000  # kB
    assert is_well(port)
