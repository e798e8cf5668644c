"""HTTP itself: gzip, keep-alive, limits, half requests, slow senders, overload, the end."""

import base64
import contextlib
import gzip
import http.client
import json
import os
import socket
import threading
import time

from tfgan_kit.serving.rest_options import RestOptions

import numpy as np
import pytest

from tests.serving import rest_toy, toy

PREDICT = "/v1/models/toy:predict"
BODY = b'{"instances": [5]}'
SLOW = b'{"instances": [5], "signature_name": "slow"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base_path = tmp_path_factory.mktemp("http") / "toy"
    rest_toy.save(base_path / "1")
    return base_path


@pytest.fixture(scope="module")
def port(folder):
    with rest_toy.gateway(
        folder, num_threads=8, max_body_bytes=100_000, read_timeout_seconds=1, idle_timeout_seconds=2
    ) as (rest, _):
        yield rest.port


def talk(port, *parts, pause=0.0, seconds=10) -> bytes:
    """What the server says to these bytes until it closes, or until `seconds` are over."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as wire:
        for part in parts:
            with contextlib.suppress(OSError):  # it may have closed already
                wire.sendall(part)
            time.sleep(pause)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := wire.recv(65536):
                answer += data
        return answer


def head(verb=b"POST", path=b"/v1/models/toy:predict", **headers):
    lines = [b"%s: %s" % (k.replace("_", "-").encode(), v) for k, v in headers.items()]
    return b"\r\n".join([b"%s %s HTTP/1.1" % (verb, path), b"Host: x", *lines, b"", b""])


def code(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_gzip_body_is_unpacked(port):
    status, answer, headers = rest_toy.ask(port, "POST", PREDICT, gzip.compress(BODY), {"Content-Encoding": "gzip"})
    np.testing.assert_array_equal(json.loads(answer)["predictions"], toy.expected([5]))
    assert status == 200 and "Content-Encoding" not in headers


@pytest.mark.parametrize("body", [BODY, gzip.compress(BODY, mtime=0)[:-9], b""], ids=["plain", "cut", "empty"])
def test_a_body_that_is_no_gzip_is_empty(port, body):
    status, answer, _ = rest_toy.ask(port, "POST", PREDICT, body, {"Content-Encoding": "gzip"})
    assert (status, json.loads(answer)["error"]) == (400, "JSON Parse error: The document is empty")


def test_a_gzip_bomb_is_refused(port):
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    status, answer, _ = rest_toy.ask(port, "POST", PREDICT, bomb, {"Content-Encoding": "gzip"})
    assert status == 413 and b"larger than 100000 bytes" in answer


def test_a_large_body_is_refused_by_its_length_alone(port):
    answer = talk(port, head(Content_Length=b"100001"))
    assert code(answer) == 413 and b"Connection: close" in answer


def test_a_large_body_without_a_length_is_refused(port):
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    assert code(talk(port, head(Transfer_Encoding=b"chunked"), *[chunk] * 30)) == 413


def test_a_chunked_body_is_read(port):
    body = b"%x\r\n%s\r\n" % (len(BODY), BODY) + b"0\r\n\r\n"
    answer = talk(port, head(Transfer_Encoding=b"chunked", Connection=b"close"), body)
    assert code(answer) == 200


def test_a_caller_that_asks_first_is_told_to_go_on(port):
    request = head(Expect=b"100-continue", Content_Length=b"%d" % len(BODY), Connection=b"close")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(request)
        assert wire.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.sendall(BODY)
        assert wire.recv(100).startswith(b"HTTP/1.1 200 OK")


BAD_HTTP = {
    "no HTTP": [b"\x16\x03\x01\x02\x00" + os.urandom(64)],
    "no such version": [b"GET /v1/models/toy HTTP/9.9\r\n\r\n"],
    "bad chunk at once": [head(Transfer_Encoding=b"chunked") + b"zz\r\n{}\r\n0\r\n\r\n"],
    "bad chunk": [head(Transfer_Encoding=b"chunked"), b"zz\r\n{}\r\n0\r\n\r\n"],
    "bad length": [head(Content_Length=b"-1")],
    "two lengths": [head(Content_Length=b"2\r\nContent-Length: 3"), b"{}}"],
    "length and chunks": [head(Content_Length=b"2", Transfer_Encoding=b"chunked"), b"0\r\n\r\n"],
    "long line": [b"GET /v1/models/" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n"],
    "long header": [head(X=b"a" * 100_000)],
    "many headers": [b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n"],
    "NUL in a header": [head(X=b"a\0b")],
}


@pytest.mark.parametrize("case", BAD_HTTP)
def test_bad_http_is_a_bad_request_and_the_connection_ends(port, case, caplog):
    answer = talk(port, *BAD_HTTP[case], pause=0.05)
    assert code(answer) == 400 and b"Traceback" not in answer
    assert [r for r in caplog.records if r.exc_info] == []
    assert rest_toy.predict(port, BODY)[0] == 200


HALVES = {
    "nothing": [],
    "half a line": [b"POST /v1/mo"],
    "half a header": [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le"],
    "drips of a header": [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 8],
}


@pytest.mark.parametrize("case", HALVES)
def test_a_sender_that_never_ends_its_headers_is_cut_off(port, case):
    started = time.monotonic()
    assert talk(port, *HALVES[case], pause=0.3) == b""
    assert 1.5 < time.monotonic() - started < 6


@pytest.mark.parametrize("parts", [[], [b"{"], [b"{", *[b" "] * 8]])
def test_a_sender_that_never_ends_its_body_is_told_so(port, parts):
    answer = talk(port, head(Content_Length=b"1000"), *parts, pause=0.2)
    assert code(answer) == 408 and b"did not arrive within 1 s" in answer


def test_a_caller_that_leaves_in_the_middle_costs_nothing(port):
    for request in (head(Content_Length=b"1000") + b"{", head(Content_Length=b"18") + BODY):
        with socket.create_connection(("127.0.0.1", port)) as wire:
            wire.sendall(request)
    assert rest_toy.predict(port, BODY)[0] == 200


def test_callers_that_leave_the_queue_cost_nothing(folder):
    with rest_toy.gateway(folder, num_threads=1) as (rest, _):
        request = head(Content_Length=b"%d" % len(SLOW)) + SLOW
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(socket.create_connection(("127.0.0.1", rest.port))).sendall(request)
            toy.until(lambda: rest._running == 5)
        started = time.monotonic()
        toy.until(lambda: rest_toy.predict(rest.port, BODY)[0] == 200)
        assert time.monotonic() - started < 3 * toy.SECONDS  # the one that ran, not all five


def test_a_connection_serves_many_requests(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        sockets = set()
        for _ in range(3):
            connection.request("POST", PREDICT, BODY)
            assert connection.getresponse().read().startswith(b'{\n    "predictions"')
            sockets.add(connection.sock)
        assert len(sockets) == 1 and None not in sockets


def test_requests_sent_together_are_answered_in_order(port):
    get = [head(b"GET", path) for path in (b"/v1/models/toy", b"/", b"/v1/models")]
    answer = talk(port, *get)
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 404, 400]


def test_answers_do_not_say_what_runs_here(port):
    _, _, headers = rest_toy.ask(port, "GET", "/v1/models/toy")
    assert headers["Server"] == "tfgan_kit"


@pytest.mark.parametrize("origin, status", [("https://a.b", 200), ("http://a", 200), ("", 400)])
def test_options_is_answered_by_the_origin(port, origin, status):
    answer = rest_toy.ask(port, "OPTIONS", PREDICT, headers={"Origin": origin})
    assert answer[:2] == (status, b"")


@pytest.mark.parametrize("wanted", [True, False])
@pytest.mark.parametrize("request_", [("GET", "/v1/models/toy"), ("GET", "/v1/models/zz"),
                                      ("OPTIONS", PREDICT)])  # fmt: skip
def test_cors_headers_are_on_every_answer_if_asked_for(folder, wanted, request_):
    with rest_toy.gateway(folder, enable_cors_support=wanted) as (rest, _):
        _, _, headers = rest_toy.ask(rest.port, *request_)
    found = {name: value for name, value in headers.items() if name.startswith("Access-Control")}
    assert found == (wanted and {
        "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST, GET",
        "Access-Control-Allow-Headers": "Content-Type",
    } or {})  # fmt: skip


def test_a_prediction_that_takes_too_long_is_504(folder):
    with rest_toy.gateway(folder, timeout_in_ms=500) as (rest, _):
        started = time.monotonic()
        status, answer = rest_toy.predict(rest.port, SLOW)
        assert (status, answer["error"]) == (504, "Timed out waiting for notification")
        assert time.monotonic() - started < toy.SECONDS
        toy.until(lambda: rest_toy.predict(rest.port, BODY)[0] == 200)


def test_calls_past_the_threads_and_the_queue_are_refused_at_once(folder):
    with rest_toy.gateway(folder, num_threads=1) as (rest, _):  # and 4 wait
        codes, slow = [], []
        callers = [threading.Thread(target=lambda: slow.append(rest_toy.predict(rest.port, SLOW))) for _ in range(5)]
        for caller in callers:
            caller.start()
        toy.until(lambda: rest._running == 5)
        started = time.monotonic()
        for _ in range(20):
            codes.append(rest_toy.predict(rest.port, BODY))
        assert time.monotonic() - started < 2
        assert {code for code, _ in codes} == {429}
        assert codes[0][1]["error"] == "Server Threadpool Exhausted"
        for caller in callers:
            caller.join()
        assert [code for code, _ in slow] == [200] * 5
        assert rest_toy.predict(rest.port, BODY)[0] == 200


@contextlib.contextmanager
def unfinished(rest, number, start):
    """Requests whose bodies of 1,000 bytes never get beyond their start."""
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", rest.port)))
            wire.sendall(head(Content_Length=b"1000") + start)
        yield


def test_many_slow_senders_do_not_keep_others_out(folder):
    with rest_toy.gateway(folder, num_threads=1, read_timeout_seconds=5) as (rest, _):
        with unfinished(rest, 50, b"{"):
            toy.until(lambda: rest._bodies._held == 50)
            assert rest_toy.predict(rest.port, BODY)[0] == 200


def test_what_all_bodies_hold_together_is_bounded(folder):
    with rest_toy.gateway(folder, max_body_bytes=1000, read_timeout_seconds=3) as (rest, _):
        with unfinished(rest, 8, b" " * 999):
            toy.until(lambda: rest._bodies._held == 8 * 999)
            status, answer = rest_toy.predict(rest.port, BODY)
            assert status == 503 and "try again later" in answer["error"]
        toy.until(lambda: not rest._bodies._held)
        assert rest_toy.predict(rest.port, BODY)[0] == 200


def test_stop_lets_running_requests_finish_and_opens_no_more(folder):
    with rest_toy.gateway(folder) as (rest, _):
        answers = []
        caller = threading.Thread(target=lambda: answers.append(rest_toy.ask(rest.port, "POST", PREDICT, SLOW)))
        caller.start()
        toy.until(lambda: rest._running)
        rest.stop()
        caller.join()
        status, answer, headers = answers[0]
        assert status == 200 and headers["Connection"] == "close"
        np.testing.assert_array_equal(json.loads(answer)["predictions"], toy.expected([5]))
        with pytest.raises(ConnectionRefusedError):
            rest_toy.ask(rest.port, "GET", "/v1/models/toy")


def test_stop_does_not_wait_longer_than_its_grace(folder):
    with rest_toy.gateway(folder) as (rest, _):
        answers = []

        def call():
            with contextlib.suppress(OSError, http.client.HTTPException):
                answers.append(rest_toy.predict(rest.port, SLOW))

        caller = threading.Thread(target=call)
        caller.start()
        toy.until(lambda: rest._running)
        started = time.monotonic()
        rest.stop(grace=0.1)
        assert time.monotonic() - started < 0.9
        caller.join()
        assert answers == []


def test_a_request_sent_as_the_server_stops_is_answered_on_its_connection(folder):
    with rest_toy.gateway(folder) as (rest, _):
        connection = http.client.HTTPConnection("127.0.0.1", rest.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", PREDICT, BODY)
            connection.getresponse().read()
            stopping = threading.Thread(target=rest.stop)
            stopping.start()
            toy.until(lambda: rest._stopping)
            connection.request("POST", PREDICT, BODY)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["Connection"]) == (200, "close")
            stopping.join()


def test_a_port_in_use_is_an_os_error(folder):
    with rest_toy.gateway(folder) as (rest, _), pytest.raises(OSError, match="address already in use"):
        type(rest)(None, port=rest.port).start()


def test_ready_is_200_only_if_every_model_is(folder):
    missing = []
    with rest_toy.gateway(folder, unavailable=lambda: missing) as (rest, _):
        status, answer, _ = rest_toy.ask(rest.port, "GET", "/readyz")
        assert (status, json.loads(answer)) == (200, {"ready": True, "unavailable": []})
        missing.append("faces")
        status, answer, _ = rest_toy.ask(rest.port, "GET", "/readyz")
        assert (status, json.loads(answer)) == (503, {"ready": False, "unavailable": ["faces"]})


@pytest.mark.parametrize("path", ["/monitoring/prometheus/metrics", "/m"])
def test_metrics_are_served_where_they_were_asked_for(folder, path):
    with rest_toy.gateway(folder, monitoring_path=path) as (rest, _):
        for body in (BODY, BODY, b"{}"):
            rest_toy.ask(rest.port, "POST", PREDICT, body)
        rest_toy.ask(rest.port, "POST", "/v1/models/never_heard_of:predict", BODY)
        status, page, headers = rest_toy.ask(rest.port, "GET", path)
    assert (status, headers["Content-Type"]) == (200, "text/plain")
    count = b":tensorflow:serving:request_count"
    assert count + b'{model_name="toy",status="OK"} 2\n' in page
    assert count + b'{model_name="toy",status="INVALID_ARGUMENT"} 1\n' in page
    assert b'request_latency_count{model_name="toy",API="predict",entrypoint="REST"} 2\n' in page
    assert count + b'{model_name="",status="NOT_FOUND"} 1\n' in page and b"never_heard_of" not in page


def test_metrics_are_not_served_unasked(port):
    assert rest_toy.ask(port, "GET", "/monitoring/prometheus/metrics")[0] == 404


@pytest.mark.parametrize(
    "option", [{"num_threads": 0}, {"timeout_in_ms": 0}, {"max_body_bytes": -1},
               {"read_timeout_seconds": 0.0}, {"monitoring_path": "metrics"}],
)  # fmt: skip
def test_a_bad_option_is_named(option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"{name} must .*Received: {name}={value!r}"):
        RestOptions(**option)


def test_more_connections_than_files_are_closed_at_once_and_the_rest_go_on(folder, monkeypatch):
    monkeypatch.setattr("tfgan_kit.serving.rest.gateway._MOST", 3)
    with rest_toy.gateway(folder) as (rest, _), contextlib.ExitStack() as open_:
        held = [open_.enter_context(socket.create_connection(("127.0.0.1", rest.port), 5)) for _ in range(3)]
        assert talk(rest.port, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        held.pop().close()
        toy.until(lambda: b"200 OK" in talk(rest.port, b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))


def test_thirty_two_callers_get_their_own_rows(port):
    def call(k):
        body = {"instances": [k, k + 1]}
        return rest_toy.predict(port, body)[1]["predictions"]

    for k, answer in enumerate(toy.at_once(32, call)):
        np.testing.assert_array_equal(answer, toy.expected([k, k + 1]))


def test_a_picture_of_many_pixels_is_exact(port):
    every = {"b64": base64.b64encode(bytes(range(256)) * 200).decode()}
    status, answer = rest_toy.predict(port, {"instances": [every], "signature_name": "echo_string"})
    assert (status, answer["predictions"]) == (200, [every])
