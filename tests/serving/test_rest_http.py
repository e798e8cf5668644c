"""HTTP's limits: slow senders, half requests, overload, memory, the end."""

import contextlib
import gzip
import http.client
import json
import os
import socket
import threading
import time

from tfgan_kit.serving import ServerOptions
from tfgan_kit.serving.protocol.memory import RequestMemory
from tfgan_kit.serving.protocol.methods import ModelMethods
from tfgan_kit.serving.rest.gateway import RestGateway

import numpy as np
import pytest

from tests.serving import rest_calls, toy
from tests.serving.rest_calls import PREDICT, code, head, talk

BODY = b'{"instances": [5]}'
SLOW = b'{"instances": [5], "signature_name": "slow"}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base_path = tmp_path_factory.mktemp("http") / "toy"
    toy.save(base_path / "1")
    return base_path


@pytest.fixture(scope="module")
def port(folder):
    with rest_calls.gateway(
        folder, num_threads=8, max_body_bytes=100_000, read_timeout_seconds=1, idle_timeout_seconds=2
    ) as rest:
        yield rest.port


def test_a_large_body_without_a_length_is_refused(port):
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    assert code(talk(port, head(Transfer_Encoding=b"chunked"), *[chunk] * 30)) == 413


def test_bad_http_is_no_line_in_the_log(port, caplog):
    """What it is answered with is in the conformance suite."""
    assert code(talk(port, b"\x16\x03\x01\x02\x00" + os.urandom(64), pause=0.05)) == 400
    assert [record for record in caplog.records if record.exc_info] == []


HALVES = {"half a line": [b"POST /v1/mo"], "drips of a header": [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 8]}


@pytest.mark.parametrize("case", HALVES)
def test_a_sender_that_never_ends_its_headers_is_cut_off(port, case):
    started = time.monotonic()
    assert talk(port, *HALVES[case], pause=0.3) == b""
    assert 1.5 < time.monotonic() - started < 6


BODIES = {
    "drips": [head(Content_Length=b"1000"), b"{", *[b" "] * 8],
    "a chunk of no size": [head(Transfer_Encoding=b"chunked"), b"zz\r\n{}\r\n0\r\n\r\n"],
}


@pytest.mark.parametrize("case", BODIES)
def test_a_sender_that_never_ends_its_body_is_told_so(port, case):
    answer = talk(port, *BODIES[case], pause=0.2)
    assert code(answer) == 408 and b"did not arrive within 1 s" in answer


def test_callers_that_leave_the_queue_cost_nothing(folder):
    with rest_calls.gateway(folder, num_threads=1) as rest:
        request = head(Content_Length=b"%d" % len(SLOW)) + SLOW
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(socket.create_connection(("127.0.0.1", rest.port))).sendall(request)
            toy.until(lambda: rest._running == 5)  # one runs, and 4 wait: no place is left
            assert {rest_calls.predict(rest.port, BODY)[0] for _ in range(20)} == {429}
        started = time.monotonic()
        toy.until(lambda: rest_calls.predict(rest.port, BODY)[0] == 200)
        assert time.monotonic() - started < 3 * toy.SECONDS  # the one that ran, not all five


@contextlib.contextmanager
def unfinished(rest, number, start):
    """Requests whose bodies of 100,000 bytes never get beyond their start."""
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", rest.port)))
            wire.sendall(head(Content_Length=b"100000") + start)
        yield


def test_many_slow_senders_do_not_keep_others_out(folder):
    with rest_calls.gateway(folder, num_threads=1, read_timeout_seconds=5) as rest:
        with unfinished(rest, 50, b"{"):
            toy.until(lambda: rest._running == 50)
            assert rest_calls.predict(rest.port, BODY)[0] == 200


FREE = 2**16  # bytes of a request that are not counted


@pytest.mark.parametrize("packed", [False, True])
def test_what_all_bodies_hold_together_unpacked_is_bounded_and_a_small_one_is_answered(folder, packed):
    memory = RequestMemory(8 * 1000)
    with rest_calls.gateway(folder, memory=memory, read_timeout_seconds=3) as rest:
        start = b" " * (FREE + 999)
        large, headers = b" " * (FREE + 9) + BODY, {}
        if packed:
            large, headers = gzip.compress(large), {"Content-Encoding": "gzip"}
        with unfinished(rest, 8, start):
            toy.until(lambda: memory.held_bytes == 8 * 999)
            assert rest_calls.predict(rest.port, BODY)[0] == 200
            status, answer, _ = rest_calls.ask(rest.port, "POST", PREDICT, large, headers)
            assert status == 429 and b"hold more than 8000 bytes" in answer
        toy.until(lambda: not memory.held_bytes)
        assert rest_calls.ask(rest.port, "POST", PREDICT, large, headers)[0] == 200
        assert not memory.held_bytes


@pytest.mark.parametrize("most, status", [(999, 200), (998, 400)])
def test_the_values_of_a_body_are_bounded(folder, most, status):
    body = b'{"instances": [%s1]}' % (b"1," * 997)  # 997 commas, a list and an object
    with rest_calls.gateway(folder, max_json_values=most) as rest:
        found, answer = rest_calls.predict(rest.port, body)
    assert found == status and (status == 200 or f"more than {most} values" in answer["error"])


def test_a_small_body_does_not_wait_for_large_ones(folder):
    """Which are answered one after the other; each runs a second here."""
    large = b" " * 2**19 + SLOW
    with rest_calls.gateway(folder) as rest:
        codes = []
        callers = [threading.Thread(target=lambda: codes.append(rest_calls.predict(rest.port, large)[0])) for _ in "ab"]
        for caller in callers:
            caller.start()
        toy.until(lambda: rest._running == 2)
        started = time.monotonic()
        assert rest_calls.predict(rest.port, BODY)[0] == 200
        assert time.monotonic() - started < 1.5 * toy.SECONDS  # not after both
        for caller in callers:
            caller.join()
        assert codes == [200, 200] and time.monotonic() - started > 1.9 * toy.SECONDS


def test_stop_lets_running_requests_finish_and_opens_no_more(folder):
    with rest_calls.gateway(folder) as rest:
        answers = []
        caller = threading.Thread(target=lambda: answers.append(rest_calls.ask(rest.port, "POST", PREDICT, SLOW)))
        caller.start()
        toy.until(lambda: rest._running)
        rest.stop()
        caller.join()
        status, answer, headers = answers[0]
        assert status == 200 and headers["Connection"] == "close"
        np.testing.assert_array_equal(json.loads(answer)["predictions"], toy.expected([5]))
        with pytest.raises(ConnectionRefusedError):
            rest_calls.ask(rest.port, "GET", "/v1/models/toy")


def test_stop_does_not_wait_longer_than_its_grace(folder):
    with rest_calls.gateway(folder) as rest:
        answers = []

        def call():
            with contextlib.suppress(OSError, http.client.HTTPException):
                answers.append(rest_calls.predict(rest.port, SLOW))

        caller = threading.Thread(target=call)
        caller.start()
        toy.until(lambda: rest._running)
        started = time.monotonic()
        rest.stop(grace=0.1)
        assert time.monotonic() - started < 0.9
        caller.join()
        assert answers == []


def test_a_request_sent_as_the_server_stops_is_answered_on_its_connection(folder):
    with rest_calls.gateway(folder) as rest:
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
    with rest_calls.gateway(folder) as rest, pytest.raises(OSError, match="address already in use"):
        RestGateway(ModelMethods(None), ServerOptions(rest_api_port=rest.port)).start()


READY = [({"toy": True}, 200, []), ({"toy": True, "faces": False}, 503, ["faces"]), ({}, 503, [])]


@pytest.mark.parametrize("models, code, unavailable", READY)
def test_ready_is_200_only_if_there_is_a_model_and_every_one_is(folder, models, code, unavailable):
    with rest_calls.gateway(folder, available=lambda: models) as rest:
        status, answer, _ = rest_calls.ask(rest.port, "GET", "/readyz?from=a+probe")
    assert (status, json.loads(answer)) == (code, {"ready": code == 200, "unavailable": unavailable})


@pytest.mark.parametrize(
    "path",
    ["/v1/models/toy%3Apredict", "/v1/models/toy%3apredict", "/v1/models/t%6Fy:%70redict", "/v1/%6dodels/toy%3Apredict",
     "http://example.org/v1/models/toy:predict", "HTTP://[::1]:80/v1/models/toy%3Apredict"],
)  # fmt: skip
def test_another_spelling_of_a_url_means_the_same(port, path):
    answer = talk(port, head(path=path.encode(), Content_Length=b"%d" % len(BODY), Connection=b"close") + BODY)
    assert code(answer) == 200


def test_more_connections_than_files_are_closed_at_once_and_the_rest_go_on(folder, monkeypatch):
    monkeypatch.setattr("tfgan_kit.serving.rest.gateway._MOST_CONNECTIONS", 3)
    with rest_calls.gateway(folder) as rest, contextlib.ExitStack() as open_:
        held = [open_.enter_context(socket.create_connection(("127.0.0.1", rest.port), 5)) for _ in range(3)]
        assert talk(rest.port, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        held.pop().close()
        toy.until(lambda: b"200 OK" in talk(rest.port, b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
