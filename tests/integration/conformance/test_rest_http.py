"""REST below JSON: verbs, paths outside /v1/, gzip, connections that live, bounds."""

import gzip
import http.client
import socket
import time

import pytest

from tests.integration.conformance.calls import Reply, http_call, names

ZOO = "/v1/models/zoo:predict"
BODY = b'{"instances": [1, 2]}'
ANSWER = {"predictions": [2.0, 4.0]}
VERBS = [("PUT", ZOO), ("DELETE", ZOO), ("PATCH", ZOO), ("PUT", "/v1/models/toy"), ("DELETE", "/v1/models/toy")]


@pytest.mark.parametrize("verb, path", VERBS)
def test_another_verb(rest, verb, path):
    code, text = http_call(rest, verb, path, b"").error
    assert code == 400 and names(text, f"{verb} {path}")


def test_head_has_no_body(rest):
    reply = http_call(rest, "HEAD", "/v1/models/toy")
    assert (reply.code, reply.body) == (400, b"")


@pytest.mark.parametrize("origin, code", [("https://x.org", 200), ("http://x", 200), ("file://x", 400), (None, 400)])
def test_options_is_answered_without_the_cors_flag(rest, origin, code):
    reply = http_call(rest, "OPTIONS", ZOO, headers={"Origin": origin} if origin else {})
    assert reply.code == code and reply.headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize("path", ["/", "/v2/models/toy", "/v1", "/index.html", "/../etc/passwd", "/v1models"])
def test_outside_v1_is_an_html_404(rest, path):
    reply = http_call(rest, "GET", path)
    assert reply.code == 404 and reply.headers["Content-Type"].startswith("text/html")
    assert b"<html" in reply.body.lower()


def test_a_gzip_body_is_unpacked(rest):
    reply = http_call(rest, "POST", ZOO, gzip.compress(BODY), {"Content-Encoding": "gzip"})
    assert reply.json == ANSWER and reply.headers["Content-Encoding"] is None


def test_an_answer_is_never_compressed(rest):
    reply = http_call(rest, "POST", ZOO, BODY, {"Accept-Encoding": "gzip"})
    assert reply.headers["Content-Encoding"] is None and reply.json == ANSWER


@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY, mtime=0)[:-9], b""], ids=["plain", "cut", "empty"])
def test_a_gzip_body_that_is_none(rest, body):
    code, text = http_call(rest, "POST", ZOO, body, {"Content-Encoding": "gzip"}).error
    assert code == 400 and "JSON" in text


def test_a_gzip_bomb_is_refused(rest):
    """200 MB of spaces in 200 kB; the limit is 100 MB unpacked."""
    part = gzip.compress(b" " * 20_000_000)
    reply = http_call(rest, "POST", ZOO, part * 10, {"Content-Encoding": "gzip"}, timeout=20)
    assert 400 <= reply.code < 500


def test_a_connection_lives(rest):
    """Answers and errors, one after the other, on one connection."""
    connection = http.client.HTTPConnection(rest.rest, timeout=10)
    codes, sockets = [], set()
    for path, body in [(ZOO, BODY), (ZOO, b"no JSON"), ("/v1/nothing", b""), (ZOO, BODY)]:
        connection.request("POST", path, body=body)
        codes.append(Reply(connection.getresponse()).code)
        sockets.add(connection.sock)
    connection.close()
    assert codes == [200, 400, 400, 200] and len(sockets) == 1


def test_a_connection_after_an_html_404(rest, expected):
    with _wire(rest) as plain:
        plain.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.recv(4096).startswith(b"HTTP/1.1 404")
        time.sleep(0.1)  # that it may take to close
        try:
            plain.sendall(b"GET /v1/models/toy HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = plain.makefile("rb").read1()
        except ConnectionError:
            answer = b""
    assert ("kept" if b"HTTP/1.1 200" in answer else "closed") == expected("closed")


def test_a_body_in_chunks(rest):
    connection = http.client.HTTPConnection(rest.rest, timeout=10)
    connection.request("POST", ZOO, body=iter([BODY[:5], BODY[5:]]), encode_chunked=True)
    assert Reply(connection.getresponse()).json == ANSWER
    connection.close()


def _wire(server, timeout=10):
    host, port = server.rest.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=timeout)


def test_a_caller_that_asks_first_is_told_to_go_on(rest):
    with _wire(rest) as plain:
        lines = f"POST {ZOO} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(BODY)}\r\n\r\n"
        plain.sendall(lines.encode())
        assert plain.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        plain.sendall(BODY)
        assert plain.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_requests_sent_together_are_answered_in_order(rest):
    with _wire(rest) as plain:
        for path in ("/v1/models/toy", "/v1/models", "/v1/models/zoo"):
            plain.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while answer.count(b"HTTP/1.1 ") < 3:
            answer += plain.recv(4096) or pytest.fail(f"closed after {answer}")
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 400, 200]


def test_an_http_1_0_client(rest):
    with _wire(rest) as plain:
        plain.sendall(b"GET /v1/models/toy HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: plain.recv(4096), b""))
    assert b" 200 " in answer.split(b"\r\n")[0] and b'"AVAILABLE"' in answer


def test_a_body_that_claims_a_terabyte(rest, expected):
    """The code before any body was sent; TensorFlow Serving waits for all of it."""
    with _wire(rest, timeout=1) as plain:
        plain.sendall(f"POST {ZOO} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**12}\r\n\r\n".encode())
        try:
            line = plain.recv(4096).split(b"\r\n")[0]
        except TimeoutError:
            line = b""
    assert (int(line.split()[1]) if line else None) == expected(None)


def test_a_readiness_url(rest, expected):
    assert http_call(rest, "GET", "/readyz").code == expected(404)
