"""What is tried again, how often, and for how long; over real sockets."""

import threading
import time

import grpc
import numpy as np
import pytest

from tests.client.servers import Scripted, free_port, serving
from tests.serving import toy
from tfgan_kit_client import GeneratorClient, ServingError

Code = grpc.StatusCode
RETRIED = (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED)
OTHERS = [code for code in Code if code not in (*RETRIED, Code.OK)]


@pytest.mark.parametrize("code", RETRIED)
def test_a_server_that_refuses_twice_is_asked_a_third_time(code):
    handler = Scripted(*[(code, "busy")] * 2)
    with serving(handler) as port, GeneratorClient(f"127.0.0.1:{port}", "toy") as client:
        np.testing.assert_array_equal(client.generate(3), toy.expected(range(3)))
    assert len(handler.times) == 3


@pytest.mark.parametrize("code", OTHERS)
def test_any_other_error_is_said_at_once(code):
    handler = Scripted(*[(code, "no")] * 2)
    with serving(handler) as port, GeneratorClient(f"127.0.0.1:{port}", "toy") as client:
        with pytest.raises(ServingError, match=f"{code.name}: no") as caught:
            client.generate(3)
    assert caught.value.code is code and len(handler.times) == 1


def test_pauses_grow_and_five_tries_are_the_most():
    handler = Scripted(*[(Code.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")] * 20)
    with serving(handler) as port, GeneratorClient(f"127.0.0.1:{port}", "toy") as client:
        with pytest.raises(ServingError, match="too busy, after several tries.*Threadpool"):
            client.generate(1)
    pauses = np.diff(handler.times)
    assert len(pauses) == 4
    # 0.1, 0.2, 0.4, 0.8 s, each with a jitter of 20 %; a busy machine only adds to them.
    assert (pauses > 0.75 * np.array([0.1, 0.2, 0.4, 0.8])).all()
    assert pauses.sum() < 4


def test_the_deadline_bounds_all_tries():
    handler = Scripted(*[(Code.UNAVAILABLE, "gone")] * 20)
    with serving(handler) as port:
        with GeneratorClient(f"127.0.0.1:{port}", "toy", timeout=0.5) as client:
            client.metadata()
            start = time.monotonic()
            with pytest.raises(ServingError, match="within 0.5 s, retries included") as caught:
                client.generate(1)
    assert time.monotonic() - start < 3
    assert caught.value.code is Code.DEADLINE_EXCEEDED and len(handler.times) < 5


def test_a_port_that_opens_later_is_found():
    port, opened = free_port(), threading.Event()

    def open_later():
        time.sleep(0.5)
        with serving(Scripted(), port):
            opened.wait(20)

    thread = threading.Thread(target=open_later)
    thread.start()
    try:
        with GeneratorClient(f"127.0.0.1:{port}", "toy") as client:
            np.testing.assert_array_equal(client.generate(2), toy.expected(range(2)))
    finally:
        opened.set()
        thread.join()


def test_a_server_that_dies_midway_is_named_and_its_successor_answers():
    port = free_port()
    with GeneratorClient(f"127.0.0.1:{port}", "toy", batch_size=1) as client:
        with serving(Scripted(), port):
            images = client.stream(1000)
            given = [next(images) for _ in range(10)]
        # A call that was on its way when the server stopped is cancelled by it.
        sentences = f"no server answers at 127.0.0.1:{port}|127.0.0.1:{port} stopped"
        with pytest.raises(ServingError, match=sentences) as caught:
            given.extend(images)
        assert caught.value.code in (Code.UNAVAILABLE, Code.CANCELLED)
        np.testing.assert_array_equal(given, toy.expected(range(len(given))))
        with serving(Scripted(), port):
            assert client.generate(2).shape == (2, 8, 8, 1)
