"""One client and many threads; a client that ends while it is asked."""

import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest

from tests.serving import toy
from tfgan_kit_client import GeneratorClient, ServingError


def test_every_thread_gets_its_own_images(target):
    with GeneratorClient(target, "toy", batch_size=48) as client:  # beyond the limit: all shrink it
        made = toy.at_once(12, lambda k: client.generate(50, seed=k))
        assert client.batch_size == 32
    for seed, images in enumerate(made):
        np.testing.assert_array_equal(images, toy.expected(seed * 2**32 + np.arange(50)))


def test_a_closed_client_says_so(target):
    client = GeneratorClient(target, "toy")
    client.generate(1)
    client.close()
    client.close()
    with pytest.raises(ValueError, match="this client is closed: make another one"):
        client.generate(1)


def test_closing_ends_a_call_that_is_under_way(target):
    client = GeneratorClient(target, "toy")
    client.metadata()
    threading.Timer(0.2, client.close).start()
    start = time.monotonic()
    with pytest.raises(ServingError, match="this client was closed") as caught:
        client.generate(1, signature="slow")
    assert caught.value.code is grpc.StatusCode.CANCELLED
    assert time.monotonic() - start < toy.SECONDS


def test_an_interrupt_ends_a_call_at_once_and_the_client_goes_on(target):
    script = f"""
import signal, time
from tfgan_kit_client import GeneratorClient
with GeneratorClient("{target}", "toy", batch_size=1) as client:
    client.metadata()
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    start = time.monotonic()
    try:
        client.generate(16, signature="slow")
    except KeyboardInterrupt:
        print("stopped", time.monotonic() - start < 0.9, len(client.generate(3)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["stopped", "True", "3"], done.stderr
