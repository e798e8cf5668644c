"""Workers meet before TensorFlow starts, and a wait that is in vain ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

from tfgan_kit.distribution import rendezvous

import pytest

from tests.distribution.conftest import free_ports

# The module alone, without TensorFlow.
MEETING = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("rendezvous", sys.argv[1])
rendezvous = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rendezvous)
print("waits", flush=True)
rendezvous.meet(float(sys.argv[2]))
"""


class Cluster:
    """Three places at free ports of this machine, and processes that wait there."""

    def __init__(self):
        chief, *workers = (f"localhost:{port}" for port in free_ports(3))
        self.addresses = {"chief": [chief], "worker": workers}
        self.processes = []

    def start(self, job, index, seconds=30):
        config = {"cluster": self.addresses, "task": {"type": job, "index": index}}
        line = [sys.executable, "-c", MEETING, rendezvous.__file__, str(seconds)]
        environment = os.environ | {"TF_CONFIG": json.dumps(config)}
        process = subprocess.Popen(line, env=environment, stdout=-1, stderr=-1, text=True)
        self.processes.append(process)
        assert process.stdout.readline() == "waits\n"
        return process


@pytest.fixture
def cluster():
    made = Cluster()
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()


def waits(process):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    return process.returncode is None


def test_all_are_let_go_when_the_last_is_there_whoever_was_lost_before(cluster):
    lost = cluster.start("worker", 0)
    chief = cluster.start("chief", 0)
    time.sleep(0.5)
    lost.kill()
    lost.wait()
    last = cluster.start("worker", 1)
    assert waits(chief) and waits(last)
    again = cluster.start("worker", 0)
    assert [process.wait(timeout=20) for process in (chief, last, again)] == [0, 0, 0]


def test_who_is_missing_is_said_in_one_sentence(cluster):
    chief = cluster.start("chief", 0, seconds=1.5)
    cluster.start("worker", 1)
    _, told = chief.communicate(timeout=20)
    assert told.splitlines()[-1].endswith(
        f"start this one again, and those that are missing. Missing: {cluster.addresses['worker'][0]}"
    )
    _, told = cluster.start("worker", 0, seconds=0.5).communicate(timeout=20)
    assert told.splitlines()[-1].endswith(f"Missing: {cluster.addresses['chief'][0]} (Connection refused)")


@pytest.mark.parametrize("job", ["chief", "worker"])
def test_a_signal_ends_the_wait(cluster, job):
    process = cluster.start(job, 0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == -signal.SIGTERM


def test_who_is_no_worker_is_not_counted_and_not_believed(cluster):
    """As a scanner, or TensorFlow's server of a worker that has not ended yet."""
    with socket.create_server(("localhost", int(cluster.addresses["chief"][0].split(":")[1]))) as stranger:
        worker = cluster.start("worker", 0)
        connection, _ = stranger.accept()
        connection.sendall(b"\0\0\x12\x04\0\0\0\0\0")  # HTTP/2's first frame
        connection.close()
        assert waits(worker)
    chief = cluster.start("chief", 0)
    host, port = rendezvous._split(cluster.addresses["chief"][0])
    for message in (b"GET / HTTP/1.1\n", b"worker 7\n", b"\xff\n", b""):
        with contextlib.suppress(OSError):
            socket.create_connection((host, port)).sendall(message)
    assert waits(chief) and waits(worker)
    cluster.start("worker", 1)
    assert [process.wait(timeout=20) for process in cluster.processes] == [0, 0, 0]
