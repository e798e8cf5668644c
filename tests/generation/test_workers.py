"""Shards on Ray: a real cluster of three nodes, lost, slow and full, ends in the bytes of one process."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from tfgan_kit.generation import workers
from tfgan_kit.generation.shards import MANIFEST, ShardPlan, write_shards

import pytest

ROOT = pathlib.Path(__file__).parents[2]
SHARDS, SHARD_SIZE = 30, 200
OF_A_NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
# Found by Python at its start: in a worker, a disk on which no file is larger than 20 KiB.
FULL_DISK = """
import resource
if b"default_worker.py" in open("/proc/self/cmdline", "rb").read():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20 * 2**10, resource.RLIM_INFINITY))
"""


def test_a_node_with_other_versions_is_refused():
    ours = {"python": "3.11.9", "ray": "2.60.0"}
    workers.check_versions(ours, ours, "a-node")
    with pytest.raises(ValueError, match=r"install ray .* on a-node. Received: ray 2.9 there"):
        workers.check_versions(ours, ours | {"ray": "2.9"}, "a-node")


def test_a_worker_that_does_not_see_the_manifest_writes_nothing(make_gan, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "node_name", lambda: "a-node")
    worker = workers.ShardWorker({}, make_gan, str(tmp_path), ShardPlan(num_images=1))
    with pytest.raises(ValueError, match=rf"a-node does not see the {MANIFEST}.*Received: output={tmp_path}"):
        worker.write(0, False)
    assert os.listdir(tmp_path) == []


def test_without_ray_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"pip install tfgan_kit\[ray\]"), workers.cluster("local"):
        pass


@pytest.mark.parametrize("address", ["nowhere", "ray://head:10001", "head:port"])
def test_an_address_is_that_of_a_head(address):
    pytest.importorskip("ray")
    with pytest.raises(ValueError, match=f"HOST:PORT.*Received: ray={address}"), workers.cluster(address):
        pass


def test_a_store_that_other_processes_do_not_see_is_refused():
    with pytest.raises(ValueError, match=r"do not see memory://.*Received: output=memory://x"):
        workers.write_shards(None, None, "memory://x", ShardPlan(num_images=1))


@pytest.mark.thorough
@pytest.mark.parametrize("listens", [False, True], ids=["closed port", "no cluster"])
def test_an_address_without_a_cluster_is_one_sentence_and_soon(listens, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.setattr(workers, "_SECONDS_TO_ANSWER", 1.0)
    taken = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{taken.getsockname()[1]}"
    if not listens:
        taken.close()
    started = time.monotonic()
    with pytest.raises(ValueError, match=f"No cluster answers there.*Received: ray={address}"):
        with workers.cluster(address):
            pass
    taken.close()
    assert time.monotonic() - started < 10


def command(checkpoint, output, address):
    arguments = [f"--ckpt={checkpoint}", f"--output={output}", f"--ray={address}"]
    arguments += [f"--num_images={SHARDS * SHARD_SIZE}", f"--shard_size={SHARD_SIZE}"]
    line = [sys.executable, "-m", "tfgan_kit.generate", *arguments]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def finished(folder):
    return len(list(folder.glob("shard-*.zip")))


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint, beside it `whole/`, the shards of one process."""
    import tfgan_kit as gk

    gan = gk.GAN(gk.networks.DCGANGenerator(32, 1, latent_dim=8, width=16), gk.networks.DCGANDiscriminator(32, 1, 2))
    folder = tmp_path_factory.mktemp("workers")
    gan.save(folder / "tiny.keras")
    write_shards(gan, folder / "whole", SHARDS * SHARD_SIZE, shard_size=SHARD_SIZE)
    return folder / "tiny.keras"


@pytest.fixture
def cluster():
    """A cluster of one node, this process's own; `cluster.add_node(**OF_A_NODE)` adds one."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    quick = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500, "health_check_failure_threshold": 3}
    made = Cluster(initialize_head=True, head_node_args={**OF_A_NODE, "_system_config": quick})
    yield made
    made.shutdown()


def worker_of(node):
    """The process of a node's actor, or None."""
    (raylet,) = [each.process.pid for each in node.all_processes["raylet"]]
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = re.search(r"^PPid:\t(\d+)", (path / "status").read_text(), re.MULTILINE)[1]
            if int(parent) == raylet and b"ShardWorker" in (path / "cmdline").read_bytes():
                return int(path.name)
        except (OSError, TypeError):
            continue
    return None


def slow_down(process, ended):
    """Stops a process four fifths of the time."""
    try:
        while not ended.wait(0.02):
            os.kill(process, signal.SIGSTOP)
            ended.wait(0.08)
            os.kill(process, signal.SIGCONT)
    except ProcessLookupError:
        pass


@pytest.mark.slow
def test_a_lost_a_slow_and_a_joined_node_end_in_the_bytes_of_one_process(checkpoint, cluster, tmp_path):
    slow, lost = cluster.add_node(**OF_A_NODE), cluster.add_node(**OF_A_NODE)
    running, ended = command(checkpoint, tmp_path / "shards", cluster.address), threading.Event()
    wait_for(lambda: (tmp_path / "shards").exists() and worker_of(slow) and worker_of(lost))
    threading.Thread(target=slow_down, args=[worker_of(slow), ended], daemon=True).start()
    wait_for(lambda: finished(tmp_path / "shards") >= 2)
    cluster.remove_node(lost, allow_graceful=False)
    assert finished(tmp_path / "shards") < SHARDS
    cluster.add_node(**OF_A_NODE)
    out, err = running.communicate(timeout=300)
    ended.set()
    assert running.returncode == 0, err
    assert contents(tmp_path / "shards") == contents(checkpoint.parent / "whole")
    lines = [line for line in err.splitlines() if "oneDNN" not in line]
    assert len(lines) == 1 and "was lost" in lines[0], err
    assert len(re.findall("images/s", out)) == 1


@pytest.mark.slow
def test_a_killed_driver_and_a_full_disk_end_in_the_bytes_of_one_process(checkpoint, cluster, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(FULL_DISK)
    cluster.add_node(**OF_A_NODE, env_vars={"PYTHONPATH": str(tmp_path)})
    cluster.add_node(**OF_A_NODE)
    killed = command(checkpoint, tmp_path / "shards", cluster.address)
    wait_for(lambda: finished(tmp_path / "shards") >= 2)
    killed.kill()
    killed.communicate()
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "shards").glob("shard-*.zip")}
    assert 2 <= len(done) < SHARDS
    running = command(checkpoint, tmp_path / "shards", cluster.address)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    assert contents(tmp_path / "shards") == contents(checkpoint.parent / "whole")
    assert {path: path.stat().st_mtime_ns for path in done} == done
    lines = [line for line in err.splitlines() if "oneDNN" not in line]
    assert len(lines) == 1 and "gets no more work" in lines[0] and "File too large" in lines[0], err
