"""Worker processes over loopback."""

import json
import os
import socket
import subprocess
import sys

import pytest


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def launch():
    """`launch(arguments_of)`: two workers, `python -m *arguments_of(index)`; killed at the end."""
    processes = []

    def start(arguments_of):
        hosts = [f"localhost:{port}" for port in free_ports(2)]
        for index in range(2):
            config = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}}
            environment = {**os.environ, "TF_CONFIG": json.dumps(config), "CUDA_VISIBLE_DEVICES": ""}
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", *arguments_of(index)],
                    env=environment,
                    text=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            )
        return processes

    yield start
    for process in processes:
        process.kill()
        process.wait()
