"""What `make test-fast` runs is fast by construction: this file's tests are fast ones, and are failed."""

import socket
import subprocess

import grpc
import numpy as np
import pytest
import tensorflow as tf


def open_a_socket():
    with socket.socket() as opened:
        opened.bind(("localhost", 0))


@pytest.mark.parametrize(
    "do, what",
    [
        (open_a_socket, "opens a socket"),
        (lambda: grpc.insecure_channel("localhost:1"), "opens a socket"),
        (lambda: subprocess.run(["true"], check=True), "starts a process"),
    ],
    ids=["socket", "gRPC", "process"],
)
def test_a_fast_test_is_failed_by(do, what):
    with pytest.raises(pytest.fail.Exception, match=f"{what}: mark it thorough"):
        do()


def test_a_fast_test_is_failed_by_fit(make_gan):
    with pytest.raises(pytest.fail.Exception, match="calls fit: mark it thorough"):
        make_gan().fit(np.full((2, 4, 4, 1), 9, np.uint8), verbose=0)


@pytest.mark.thorough
def test_a_thorough_test_may():
    open_a_socket()
    subprocess.run(["true"], check=True)


def test_a_seed_starts_the_draws_of_stateful_kernels_again():
    """`tests/conftest.py` keeps TensorFlow's kernels where none of them drew."""
    draws = []
    for _ in range(2):
        tf.random.set_seed(0)
        draws.append([tf.random.normal([2]).numpy().tolist(), tf.random.uniform([2], seed=1).numpy().tolist()])
    assert draws[0] == draws[1]
