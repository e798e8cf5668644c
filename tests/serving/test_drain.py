"""A server that is told to stop answers what it has taken, and says so to the rest."""

import contextlib
import socket
import threading
import time

from tfgan_kit.serving import ServerOptions

import grpc
import pytest
from tensorflow_serving.apis import prediction_service_pb2_grpc

from tests.serving import messages, silent, toy


def test_a_stop_under_load_answers_what_was_sent_before_and_fails_no_call_but_with_unavailable(serve):
    server = serve()
    outcomes, stopped = [], threading.Event()

    def ask(k):
        with grpc.insecure_channel(f"localhost:{server.port}") as channel:
            predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
            code = grpc.StatusCode.OK
            while code is grpc.StatusCode.OK and not stopped.is_set():  # a client that was told asks elsewhere
                sent = time.monotonic()
                try:
                    said = predict(messages.predict(k), timeout=10).outputs["images"].int_val[0] - k
                except grpc.RpcError as error:
                    code, said = error.code(), error.details()
                outcomes.append((sent, code, said))

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    toy.until(lambda: len(outcomes) > 30)
    began = time.monotonic()
    server.stop()
    stopped.set()
    for thread in threads:
        thread.join()
    told = (grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")
    assert {outcome[1:] for outcome in outcomes} == {(grpc.StatusCode.OK, 0), told}
    assert {code for sent, code, _ in outcomes if sent < began} == {grpc.StatusCode.OK}


def stopping(server, grace):
    """A thread that stops the server, and what `stop` says."""
    said = []
    thread = threading.Thread(target=lambda: said.append(server.stop(grace)))
    thread.start()
    return thread, said


@contextlib.contextmanager
def slow_call(server):
    """Predict of the server, and a call of it that runs."""
    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        running = predict.future(messages.predict(4, signature="slow"), timeout=10)
        toy.until(lambda: not server.versions.drained(timeout=0))
        yield predict, running


def test_a_stop_waits_for_who_is_in_and_refuses_who_comes(serve):
    server = serve()
    with slow_call(server) as (predict, running):
        thread, said = stopping(server, grace=10)
        thread.join(0.5)  # longer than it waits for calls that are on their way
        with messages.refused(grpc.StatusCode.UNAVAILABLE, "The server is shutting down."):
            predict(messages.predict(1))
        assert running.result().outputs["images"].int_val[0] == 4
    thread.join()
    assert said == [True]


def test_a_stop_says_that_a_call_did_not_end_within_its_grace(serve):
    server = serve()
    with slow_call(server) as (_, running):
        assert server.stop(grace=0.1) is False
        assert running.code() is not grpc.StatusCode.OK


@pytest.fixture
def both(serve):
    """A server with REST, the address of its gRPC, and a socket on which a body never ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = serve(options=ServerOptions(rest_api_port=port))
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST /v1/models/toy:predict HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        slow.settimeout(10)
        yield server, slow


def test_a_slow_body_holds_up_no_stop(both):
    server, slow = both
    began = time.monotonic()
    assert server.stop(grace=10)
    assert time.monotonic() - began < 3
    assert slow.recv(100) == b""  # closed


def test_a_silent_call_holds_up_no_stop(serve):
    server = serve()
    with silent.calls(server, 3):
        began = time.monotonic()
        assert server.stop(grace=10)
        assert time.monotonic() - began < 3
